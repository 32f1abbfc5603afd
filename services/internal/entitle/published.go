package entitle

import (
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
)

// PartyOf is what a published customer holds, without its grants and what it used; the contracts are appended to buf.
func PartyOf(c *publishedv1.Customer, buf []Contract) Party {
	for _, p := range c.GetContracts() {
		buf = append(buf, ContractOf(p))
	}
	return Party{
		CustomerID: c.GetId(), Contracts: buf, Suspended: span(c.GetSuspendedFromUnixS(), c.GetSuspendedToUnixS()),
		TimeZone: c.GetTimeZone(), CalendarIDs: c.GetCalendars(),
	}
}

// ContractOf is a published contract.
func ContractOf(c *publishedv1.Contract) Contract {
	grace := int32(PlanGrace)
	if c.GraceS != nil {
		grace = max(c.GetGraceS(), 0)
	}
	return Contract{
		ID: c.GetId(), FromUnixS: c.GetFromUnixS(), ToUnixS: c.GetToUnixS(), PlanID: c.GetPlan(), Product: c.GetProduct(),
		GraceS: grace, Shifts: GraceShifts(c.GetGraceShifts()), OwnOnly: c.GetOwnOnly(),
		Suspended: span(c.GetSuspendedFromUnixS(), c.GetSuspendedToUnixS()),
	}
}

// GrantOf is a published grant.
func GrantOf(g *publishedv1.Grant) Grant {
	return Grant{
		ID: g.GetId(), PlanID: g.GetPlan(), Basis: g.GetBasis(), LineIDs: g.GetLines(), Product: g.GetProduct(),
		FromUnixS: g.GetFromUnixS(), ToUnixS: g.GetToUnixS(),
	}
}

// UsesOf is what was counted of contracts.
func UsesOf(u *publishedv1.Usage) []Use {
	list := make([]Use, 0, len(u.GetContracts()))
	for _, c := range u.GetContracts() {
		list = append(list, Use{
			ContractID: c.GetContract(), FromUnixS: c.GetFromUnixS(), ToUnixS: c.GetToUnixS(), Calls: c.GetCalls(),
		})
	}
	return list
}

// PlanOf is a published plan.
func PlanOf(p *publishedv1.Plan) *Plan {
	return &Plan{
		ID: p.GetId(), DisplayName: p.GetDisplayName(), HoursID: p.GetHoursId(), Severities: p.GetSeverities(),
		Products: p.GetProducts(), LineIDs: p.GetLines(), AllowanceCalls: p.GetAllowanceCalls(),
		Period: p.GetAllowancePeriod(), GraceS: p.GetGraceS(),
	}
}

// span is nil where both ends are 0.
func span(fromUnixS, toUnixS int64) *Span {
	if fromUnixS == 0 && toUnixS == 0 {
		return nil
	}
	return &Span{FromUnixS: fromUnixS, ToUnixS: toUnixS}
}
