package record

import (
	"slices"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// customers writes down what a decision knew of customers.
type customers struct {
	facts [maxCustomers]routingv1.CustomerFact
	n     int
}

// known writes which customers the decision could know: those who have the number, whom the caller named or was
// offered, whom a partner may call for, and the parents of those who were asked about.
func (m *Maker) known(of *Of) {
	m.customers.n = 0
	if of.Decision.Line == nil {
		return
	}
	st := of.Call.State
	if c := of.Decision.Customer(); c != nil && of.Decision.Partner == nil && st.GetCustomer() == "" && st.GetPartner() == "" {
		m.add(of, c, true) // the only one who has the number: it need not be looked up again
	} else if of.Call.Caller != 0 {
		holders := of.View.CustomersByNumber(of.Call.Caller)
		for i := range min(holders.Len(), maxHolders) {
			m.add(of, holders.At(i), true)
		}
	}
	m.addID(of, st.GetCustomer())
	m.addID(of, st.GetPartner())
	for _, id := range st.GetOffered()[:min(len(st.GetOffered()), maxSpoken)] {
		m.addID(of, id)
	}
	for _, c := range of.Decision.Clients() {
		m.add(of, c, false)
	}
	asked := of.Decision.Asked()
	for i := range asked {
		m.addID(of, asked[i].CustomerID)
	}
	m.stranger(of)
}

func (m *Maker) addID(of *Of, id string) {
	if id == "" || m.has(id) {
		return
	}
	if c := of.View.Customer(id); c != nil {
		m.add(of, c, false)
	}
}

func (m *Maker) has(id string) bool {
	for i := range m.customers.facts[:m.customers.n] {
		if m.customers.facts[i].GetId() == id {
			return true
		}
	}
	return false
}

func (m *Maker) add(of *Of, c *view.Customer, hasNumber bool) {
	id := c.ID()
	if m.customers.n == len(m.customers.facts) || m.has(id) {
		return
	}
	f := &m.customers.facts[m.customers.n]
	m.customers.n++
	*f = routingv1.CustomerFact{
		Id: id, DisplayName: c.DisplayName, CaseSite: c.CaseSite(), HasPin: c.HasPIN, HasPhrase: c.HasPhrase,
		HasNumber: hasNumber, Parent: c.ParentID, TimeZone: c.TimeZone, Calendars: c.CalendarIDs,
		Locality: c.Locality, Language: c.LanguageTag,
		Contracts: f.Contracts[:0], Partners: f.Partners[:0], Grants: f.Grants[:0], Used: f.Used[:0],
	}
	f.SuspendedFromUnixS, f.SuspendedToUnixS = ends(c.Suspended)
	for i := range c.Contracts {
		k := &c.Contracts[i]
		f.Contracts = oneMore(f.Contracts)
		fact := f.Contracts[i]
		*fact = routingv1.ContractFact{
			Id: k.ID, Product: k.Product, FromUnixS: k.FromUnixS, ToUnixS: k.ToUnixS, Plan: k.PlanID, OwnOnly: k.OwnOnly,
			GraceShifts: uint64(k.Shifts),
		}
		if k.GraceS != entitle.PlanGrace {
			fact.GraceS = &k.GraceS
		}
		fact.SuspendedFromUnixS, fact.SuspendedToUnixS = ends(k.Suspended)
	}
	for _, p := range c.Partners {
		if p.ID == of.Call.State.GetPartner() || isAmong(of.Decision.Clients(), id) {
			f.Partners = append(f.Partners, &routingv1.PartnerFact{Partner: p.ID, Product: p.Product, ToUnixS: p.ToUnixS})
		}
	}
	asked := of.Decision.Asked()
	if i := slices.IndexFunc(asked, func(p entitle.Party) bool { return p.CustomerID == id }); i >= 0 {
		f.Grants = grants(f.Grants, asked[i].Grants, of)
		f.Used = uses(f.Used, asked[i].Used, of)
	}
	if of.Decision.Line.Goodwill != nil && of.Decision.Customer() != nil && of.Decision.Customer().Name == c.Name {
		f.GoodwillUnixS = of.View.Goodwill(id)
	}
	m.record.Customers = append(m.record.Customers, f)
}

func isAmong(list []*view.Customer, id string) bool {
	return slices.ContainsFunc(list, func(c *view.Customer) bool { return c.ID() == id })
}

// stranger writes what was known of the number itself, where no one customer has it.
func (m *Maker) stranger(of *Of) {
	var known routingv1.StrangerFact
	asked := of.Decision.Asked()
	for i := range asked {
		if asked[i].CustomerID == "" && len(known.Grants) == 0 {
			known.Grants = grants(nil, asked[i].Grants, of)
		}
	}
	if of.Decision.Line.Goodwill != nil && of.Decision.Customer() == nil {
		known.GoodwillUnixS = of.View.NumberGoodwill(of.Call.Caller)
	}
	if len(known.GetGrants())+len(known.GetGoodwillUnixS()) > 0 {
		m.record.Stranger = &routingv1.StrangerFact{Grants: known.GetGrants(), GoodwillUnixS: known.GetGoodwillUnixS()}
	}
}

func ends(s *entitle.Span) (fromUnixS, toUnixS int64) {
	if s == nil {
		return 0, 0
	}
	return s.FromUnixS, s.ToUnixS
}

// since is the first instant that a decision asks about.
func since(of *Of) int64 {
	now := of.At.Unix()
	if began := of.Call.State.GetBeganUnixMs() / 1000; began > 0 {
		return min(began, now)
	}
	return now
}

// grants are those that are not over, and of them as many as a record holds.
func grants(list []*routingv1.GrantFact, all []entitle.Grant, of *Of) []*routingv1.GrantFact {
	from := since(of)
	for i := range all {
		if g := &all[i]; g.ToUnixS > from {
			list = append(list, &routingv1.GrantFact{
				Id: g.ID, Basis: g.Basis, Lines: g.LineIDs, Product: g.Product, Plan: g.PlanID,
				FromUnixS: g.FromUnixS, ToUnixS: g.ToUnixS,
			})
		}
	}
	return list
}

func uses(list []*routingv1.UseFact, all []entitle.Use, of *Of) []*routingv1.UseFact {
	from := since(of)
	for i := range all {
		if u := &all[i]; u.ToUnixS > from {
			list = append(list, &routingv1.UseFact{
				Contract: u.ContractID, FromUnixS: u.FromUnixS, ToUnixS: u.ToUnixS, Calls: u.Calls,
			})
		}
	}
	return list
}

// oneMore is a list with one message more: the one that stands behind its end, to be used again, else a new one.
func oneMore(list []*routingv1.ContractFact) []*routingv1.ContractFact {
	if n := len(list); n < cap(list) {
		if old := list[:n+1][n]; old != nil {
			return list[:n+1]
		}
	}
	return append(list, &routingv1.ContractFact{})
}
