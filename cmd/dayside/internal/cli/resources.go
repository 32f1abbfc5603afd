package cli

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	pageSize = 500
	// maxPages bounds what a list brings here, whatever the server says of further pages.
	maxPages = 200
)

// get reads one resource.
func (c *api) get(ctx context.Context, collection, name string) (proto.Message, error) {
	switch collection {
	case collectionCalendars:
		return c.calendars.GetCalendar(ctx, &schedulev1.GetCalendarRequest{Name: name})
	case collectionPeople:
		return c.rotas.GetPerson(ctx, &schedulev1.GetPersonRequest{Name: name})
	case collectionRotas:
		return c.rotas.GetRota(ctx, &schedulev1.GetRotaRequest{Name: name})
	case collectionSites:
		return c.sites.GetSite(ctx, &schedulev1.GetSiteRequest{Name: name})
	case collectionPlans:
		return c.catalog.GetPlan(ctx, &entitlementv1.GetPlanRequest{Name: name})
	case collectionOffers:
		return c.catalog.GetOffer(ctx, &entitlementv1.GetOfferRequest{Name: name})
	case collectionCustomers:
		return c.customers.GetCustomer(ctx, &entitlementv1.GetCustomerRequest{Name: name})
	default:
		return c.lines.GetLine(ctx, &routingv1.GetLineRequest{Name: name})
	}
}

// remove deletes one resource.
func (c *api) remove(ctx context.Context, collection, name string) error {
	var err error
	switch collection {
	case collectionCalendars:
		_, err = c.calendars.DeleteCalendar(ctx, &schedulev1.DeleteCalendarRequest{Name: name})
	case collectionPeople:
		_, err = c.rotas.DeletePerson(ctx, &schedulev1.DeletePersonRequest{Name: name})
	case collectionRotas:
		_, err = c.rotas.DeleteRota(ctx, &schedulev1.DeleteRotaRequest{Name: name})
	case collectionSites:
		_, err = c.sites.DeleteSite(ctx, &schedulev1.DeleteSiteRequest{Name: name})
	case collectionPlans:
		_, err = c.catalog.DeletePlan(ctx, &entitlementv1.DeletePlanRequest{Name: name})
	case collectionOffers:
		_, err = c.catalog.DeleteOffer(ctx, &entitlementv1.DeleteOfferRequest{Name: name})
	case collectionCustomers:
		_, err = c.customers.DeleteCustomer(ctx, &entitlementv1.DeleteCustomerRequest{Name: name})
	default:
		_, err = c.lines.DeleteLine(ctx, &routingv1.DeleteLineRequest{Name: name})
	}
	return err
}

// pages gathers all pages of a list.
func pages[T any](ctx context.Context, page func(ctx context.Context, token string) ([]T, string, error)) ([]T, error) {
	var all []T
	token := ""
	for range maxPages {
		items, next, err := page(ctx, token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		token = next
	}
	return nil, fmt.Errorf("the list goes on after %d resources", maxPages*pageSize)
}

func (c *api) listCalendars(ctx context.Context) ([]*schedulev1.Calendar, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*schedulev1.Calendar, string, error) {
		r, err := c.calendars.ListCalendars(ctx, &schedulev1.ListCalendarsRequest{PageSize: pageSize, PageToken: token})
		return r.GetCalendars(), r.GetNextPageToken(), err
	})
}

func (c *api) listPeople(ctx context.Context) ([]*schedulev1.Person, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*schedulev1.Person, string, error) {
		r, err := c.rotas.ListPeople(ctx, &schedulev1.ListPeopleRequest{PageSize: pageSize, PageToken: token})
		return r.GetPeople(), r.GetNextPageToken(), err
	})
}

func (c *api) listRotas(ctx context.Context) ([]*schedulev1.Rota, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*schedulev1.Rota, string, error) {
		r, err := c.rotas.ListRotas(ctx, &schedulev1.ListRotasRequest{PageSize: pageSize, PageToken: token})
		return r.GetRotas(), r.GetNextPageToken(), err
	})
}

func (c *api) listSites(ctx context.Context) ([]*schedulev1.Site, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*schedulev1.Site, string, error) {
		r, err := c.sites.ListSites(ctx, &schedulev1.ListSitesRequest{PageSize: pageSize, PageToken: token})
		return r.GetSites(), r.GetNextPageToken(), err
	})
}

func (c *api) listPlans(ctx context.Context) ([]*entitlementv1.Plan, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*entitlementv1.Plan, string, error) {
		r, err := c.catalog.ListPlans(ctx, &entitlementv1.ListPlansRequest{PageSize: pageSize, PageToken: token})
		return r.GetPlans(), r.GetNextPageToken(), err
	})
}

func (c *api) listOffers(ctx context.Context) ([]*entitlementv1.Offer, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*entitlementv1.Offer, string, error) {
		r, err := c.catalog.ListOffers(ctx, &entitlementv1.ListOffersRequest{PageSize: pageSize, PageToken: token})
		return r.GetOffers(), r.GetNextPageToken(), err
	})
}

func (c *api) listCustomers(ctx context.Context) ([]*entitlementv1.Customer, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*entitlementv1.Customer, string, error) {
		r, err := c.customers.ListCustomers(ctx, &entitlementv1.ListCustomersRequest{PageSize: pageSize, PageToken: token})
		return r.GetCustomers(), r.GetNextPageToken(), err
	})
}

func (c *api) listLines(ctx context.Context) ([]*routingv1.Line, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*routingv1.Line, string, error) {
		r, err := c.lines.ListLines(ctx, &routingv1.ListLinesRequest{PageSize: pageSize, PageToken: token})
		return r.GetLines(), r.GetNextPageToken(), err
	})
}

// linesToName are all lines without hidden numbers, of which nothing is kept in the audit.
func (c *api) linesToName(ctx context.Context) ([]*routingv1.Line, error) {
	return pages(ctx, func(ctx context.Context, token string) ([]*routingv1.Line, string, error) {
		r, err := c.lines.ListLines(ctx, &routingv1.ListLinesRequest{PageSize: pageSize, PageToken: token, LeaveOutHidden: true})
		return r.GetLines(), r.GetNextPageToken(), err
	})
}

// list reads a whole collection, as the API's list message and as resources.
func (c *api) list(ctx context.Context, collection string) (proto.Message, []proto.Message, error) {
	switch collection {
	case collectionCalendars:
		l, err := c.listCalendars(ctx)
		return &schedulev1.ListCalendarsResponse{Calendars: l}, messages(l), err
	case collectionPeople:
		l, err := c.listPeople(ctx)
		return &schedulev1.ListPeopleResponse{People: l}, messages(l), err
	case collectionRotas:
		l, err := c.listRotas(ctx)
		return &schedulev1.ListRotasResponse{Rotas: l}, messages(l), err
	case collectionSites:
		l, err := c.listSites(ctx)
		return &schedulev1.ListSitesResponse{Sites: l}, messages(l), err
	case collectionPlans:
		l, err := c.listPlans(ctx)
		return &entitlementv1.ListPlansResponse{Plans: l}, messages(l), err
	case collectionOffers:
		l, err := c.listOffers(ctx)
		return &entitlementv1.ListOffersResponse{Offers: l}, messages(l), err
	case collectionCustomers:
		l, err := c.listCustomers(ctx)
		return &entitlementv1.ListCustomersResponse{Customers: l}, messages(l), err
	default:
		l, err := c.listLines(ctx)
		return &routingv1.ListLinesResponse{Lines: l}, messages(l), err
	}
}

func messages[T proto.Message](list []T) []proto.Message {
	return slices.Collect(func(yield func(proto.Message) bool) {
		for _, m := range list {
			if !yield(m) {
				return
			}
		}
	})
}
