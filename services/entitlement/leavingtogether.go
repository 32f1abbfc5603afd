package entitlement

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

// leaveTogether is what is written besides, and must hold, for the plans and customers to leave that a set of changes
// deletes; IN_USE where something that stays names one of them.
func (s *Service) leaveTogether(ctx context.Context, t together) (collection.Effect, error) {
	_, plans := collection.Outcome(t.plans.Plan)
	_, customers := collection.Outcome(t.customers.Plan)
	if len(plans)+len(customers) == 0 {
		return collection.Effect{}, nil
	}
	for _, customer := range slices.Sorted(maps.Keys(customers)) {
		if err := s.unlessPending(ctx, customer); err != nil {
			return collection.Effect{}, err
		}
	}
	users, out, err := s.usersTogether(ctx, t, plans, customers)
	if err != nil {
		return out, err
	}
	entries, revision, err := s.cfg.Store.ListAll(ctx, published.GrantPrefix)
	if err != nil {
		return out, err
	}
	out.Conditions = append(out.Conditions, coord.NothingNewUnder(published.GrantPrefix, revision))
	nowUnixS, ending := s.cfg.Clock.Now().Unix(), map[string][]*publishedv1.Grant{}
	for _, e := range entries {
		g, err := published.Grant(e.Value)
		if err != nil {
			return out, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		switch customer, plan := customerNames+g.GetCustomer(), planNames+g.GetPlan(); {
		case customers[customer]:
			ending[customer] = append(ending[customer], g)
		case plans[plan] && nowUnixS < g.GetToUnixS():
			users[plan] = append(users[plan], grantNames+g.GetId())
		}
	}
	if names := slices.Sorted(maps.Keys(users)); len(names) > 0 {
		return out, fault.InUse(names[0], some(users[names[0]])...)
	}
	for _, customer := range slices.Sorted(maps.Keys(ending)) {
		ended, err := s.endGrants(ctx, customer, ending[customer])
		if err != nil {
			return out, err
		}
		out.Conditions = append(out.Conditions, ended.Conditions...)
		out.Writes = append(out.Writes, ended.Writes...)
	}
	return out, nil
}

// usersTogether are the customers that name plans and customers which leave, by the name of those, and the condition under
// which there are no others.
func (s *Service) usersTogether(ctx context.Context, t together, plans, customers map[string]bool,
) (users map[string][]string, none collection.Effect, err error) {
	users = map[string][]string{}
	if !t.allCustomers() {
		seen, _, err := s.catalog.seen()
		if err != nil {
			return nil, none, err
		}
		none.Conditions = append(none.Conditions, coord.NothingNewUnder(sourcePrefix, seen))
		for name := range plans {
			on, err := s.contractsBy(ctx, strings.TrimPrefix(name, planNames))
			if err != nil {
				return nil, none, err
			}
			if len(on) > 0 {
				users[name] = on
			}
		}
		return users, none, nil
	}
	none.Conditions = append(none.Conditions, coord.NothingNewUnder(sourcePrefix, t.customersRevision))
	for _, c := range t.customers.Result {
		for _, name := range namesOfKin(c) {
			if customers[name] {
				users[name] = append(users[name], kinOf(c, name))
			}
		}
		for _, k := range c.GetContracts() {
			if name := planNames + k.GetPlan(); plans[name] {
				users[name] = append(users[name], c.GetName())
			}
		}
	}
	return users, none, nil
}

// namesOfKin are those of a customer's parent and partners.
func namesOfKin(c *entitlementv1.Customer) (names []string) {
	if c.GetParent() != "" {
		names = append(names, c.GetParent())
	}
	for _, p := range c.GetPartners() {
		names = append(names, p.GetPartner())
	}
	return names
}
