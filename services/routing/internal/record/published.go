package record

import (
	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/published"
)

// entry is a record of entitlement's as a view reads it.
type entry struct {
	key     string
	message proto.Message
}

// entitlements are what a record knows of customers and of the caller's number, as entitlement publishes it.
func entitlements(r *routingv1.DecisionRecord) []entry {
	var all []entry
	for _, c := range r.GetCustomers() {
		all = append(all, entry{published.CustomerPrefix + c.GetId(), customer(c, r.GetCaller())})
		for _, g := range c.GetGrants() {
			all = append(all, grant(g, c.GetId(), 0))
		}
		if len(c.GetUsed())+len(c.GetGoodwillUnixS()) > 0 {
			u := &publishedv1.Usage{Customer: c.GetId(), GoodwillUnixS: c.GetGoodwillUnixS()}
			for _, one := range c.GetUsed() {
				u.Contracts = append(u.Contracts, &publishedv1.ContractUsage{
					Contract: one.GetContract(), FromUnixS: one.GetFromUnixS(), ToUnixS: one.GetToUnixS(), Calls: one.GetCalls(),
				})
			}
			all = append(all, entry{published.UsagePrefix + "c-" + c.GetId(), u})
		}
	}
	if s := r.GetStranger(); s != nil && r.GetCaller() != 0 {
		for _, g := range s.GetGrants() {
			all = append(all, grant(g, "", r.GetCaller()))
		}
		all = append(all, entry{
			published.UsagePrefix + "n-caller", &publishedv1.Usage{Number: r.GetCaller(), GoodwillUnixS: s.GetGoodwillUnixS()},
		})
	}
	return all
}

func grant(g *routingv1.GrantFact, customer string, number uint64) entry {
	return entry{published.GrantPrefix + g.GetId(), &publishedv1.Grant{
		Id: g.GetId(), Customer: customer, Number: number, Basis: g.GetBasis(), Lines: g.GetLines(), Product: g.GetProduct(),
		Plan: g.GetPlan(), FromUnixS: g.GetFromUnixS(), ToUnixS: g.GetToUnixS(),
	}}
}

// customer is a customer as entitlement publishes one.
func customer(c *routingv1.CustomerFact, caller uint64) *publishedv1.Customer {
	p := &publishedv1.Customer{
		Id: c.GetId(), DisplayName: c.GetDisplayName(), HasPin: c.GetHasPin(), HasPhrase: c.GetHasPhrase(),
		Parent: c.GetParent(), SuspendedFromUnixS: c.GetSuspendedFromUnixS(), SuspendedToUnixS: c.GetSuspendedToUnixS(),
		TimeZone: c.GetTimeZone(), Calendars: c.GetCalendars(), Locality: c.GetLocality(), Language: c.GetLanguage(),
	}
	if c.GetHasNumber() {
		p.Numbers = []uint64{caller}
	}
	if c.GetCaseSite() != "" {
		p.OpenCases = []*publishedv1.OpenCase{{Id: "case", Site: c.GetCaseSite()}}
	}
	for _, k := range c.GetContracts() {
		p.Contracts = append(p.Contracts, &publishedv1.Contract{
			Id: k.GetId(), Product: k.GetProduct(), FromUnixS: k.GetFromUnixS(), ToUnixS: k.GetToUnixS(), Plan: k.GetPlan(),
			GraceS: k.GraceS, GraceShifts: k.GetGraceShifts(), OwnOnly: k.GetOwnOnly(),
			SuspendedFromUnixS: k.GetSuspendedFromUnixS(), SuspendedToUnixS: k.GetSuspendedToUnixS(),
		})
	}
	for _, one := range c.GetPartners() {
		p.Partners = append(p.Partners, &publishedv1.PartnerAccess{
			Partner: one.GetPartner(), Product: one.GetProduct(), ToUnixS: one.GetToUnixS(),
		})
	}
	return p
}
