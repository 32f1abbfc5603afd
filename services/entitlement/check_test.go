package entitlement_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// TestAPartnerCallsForItsOwnCustomersOnly, not for those of a partner that is a customer itself; and until that ends.
func TestAPartnerCallsForItsOwnCustomersOnly(t *testing.T) {
	s := newCounter(t)
	s.line(t, "gold", "")
	ops, reseller, acme := customer("ops", "+61255500222", ""), customer("reseller", "+61255500333", ""), customer("acme", "+61255500111", "")
	ops.Contracts, reseller.Contracts = nil, nil
	reseller.Partners = []*entitlementv1.PartnerAccess{{Partner: "customers/ops"}}
	acme.Partners = []*entitlementv1.PartnerAccess{
		{Partner: "customers/reseller", EndDate: &date.Date{Year: 2026, Month: 11, Day: 30}},
		{Partner: "customers/reseller", Product: "other", EndDate: &date.Date{Year: 2026, Month: 11, Day: 25}},
	}
	for _, c := range []*entitlementv1.Customer{ops, reseller, acme} {
		s.create(t, c)
	}
	s.ready(t)
	var got []*entitlementv1.CustomerEntitlement
	await.True(t, "the reseller calls for acme", func() bool {
		var err error
		got, err = s.check(t, "lines/gold", "+61255500333")
		return err == nil && len(got) == 1 && got[0].GetEntitled() && got[0].GetVia() == "customers/acme"
	})
	if until := time.Date(2026, 11, 30, 13, 0, 0, 0, time.UTC); !got[0].GetValidUntil().AsTime().Equal(until) {
		t.Errorf("acme lets it until %v, not %v", until, got[0].GetValidUntil().AsTime())
	}
	later, err := s.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{
		Line: "lines/gold", Customer: "customers/reseller", At: got[0].GetValidUntil(),
	})
	if notes := later.GetCandidates()[0].GetNotes(); err != nil || later.GetCandidates()[0].GetEntitled() || len(notes) != 1 ||
		notes[0] != "customers/acme let it call as its partner until 2026-11-30" {
		t.Errorf("once it has ended: %v, %v", later, err)
	}
	got, err = s.check(t, "lines/gold", "+61255500222")
	if err != nil || len(got) != 1 || got[0].GetEntitled() || got[0].GetVia() != "customers/reseller" {
		t.Errorf("who calls for the reseller has what acme bought: %v, %v", got, err)
	}
}

// TestWhatANumberWasGivenIsItsWhoeverHasIt: several customers, one, or none.
func TestWhatANumberWasGivenIsItsWhoeverHasIt(t *testing.T) {
	s := newCounter(t)
	s.line(t, "gold", "")
	s.ready(t)
	const from = "+61255500444"
	g := s.give(t, "", from, "")
	ask := func() (*entitlementv1.CheckEntitlementResponse, error) {
		return s.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{Line: "lines/gold", Number: number(from)})
	}
	granted := func(candidates int) func() bool {
		return func() bool {
			r, err := ask()
			return err == nil && len(r.GetCandidates()) == candidates && r.GetOutcome() == entitlementv1.Outcome_OUTCOME_GRANTED &&
				(r.GetGrant() == g.GetName() || candidates == 1 && r.GetCandidates()[0].GetGrant() == g.GetName())
		}
	}
	await.True(t, "nobody has the number", granted(0))
	for i, id := range []string{"acme", "bolt"} {
		c := customer(id, from, "")
		c.Contracts = nil
		s.create(t, c)
		await.True(t, "one more has it", granted(i+1))
	}
}
