package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

func (f *fake) ListPlans(_ context.Context, r *entitlementv1.ListPlansRequest) (*entitlementv1.ListPlansResponse, error) {
	items, next := page(f.set.Plans, r.GetPageToken())
	return &entitlementv1.ListPlansResponse{Plans: items, NextPageToken: next}, f.err
}

func (f *fake) ListOffers(_ context.Context, r *entitlementv1.ListOffersRequest) (*entitlementv1.ListOffersResponse, error) {
	items, next := page(f.set.Offers, r.GetPageToken())
	return &entitlementv1.ListOffersResponse{Offers: items, NextPageToken: next}, f.err
}

func (f *fake) GetPlan(_ context.Context, r *entitlementv1.GetPlanRequest) (*entitlementv1.Plan, error) {
	return find(f.set.Plans, r.GetName())
}

func (f *fake) GetOffer(_ context.Context, r *entitlementv1.GetOfferRequest) (*entitlementv1.Offer, error) {
	return find(f.set.Offers, r.GetName())
}

func (f *fake) DeletePlan(_ context.Context, r *entitlementv1.DeletePlanRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, f.err
}

func (f *fake) DeleteOffer(_ context.Context, r *entitlementv1.DeleteOfferRequest) (*emptypb.Empty, error) {
	f.asked = r
	return &emptypb.Empty{}, f.err
}

func (f *fake) CheckEntitlement(_ context.Context, r *entitlementv1.CheckEntitlementRequest,
) (*entitlementv1.CheckEntitlementResponse, error) {
	f.asked = r
	if strings.HasSuffix(r.GetNumber().GetE164Number(), "02") {
		ended := []*entitlementv1.Remedy{{Text: "renew contract C1"}}
		return &entitlementv1.CheckEntitlementResponse{
			Outcome: entitlementv1.Outcome_OUTCOME_HELPED_FIRST, TreatmentText: "is connected at once",
			Remedies: []*entitlementv1.Remedy{{Text: "say who is calling"}}, Candidates: []*entitlementv1.CustomerEntitlement{
				{Customer: "customers/acme", Remedies: ended}, {Customer: "customers/ops", Via: "customers/bolt", Remedies: ended},
				{Customer: "customers/cork", Entitled: true},
			},
		}, f.err
	}
	if r.GetNumber() != nil {
		return &entitlementv1.CheckEntitlementResponse{
			Outcome: entitlementv1.Outcome_OUTCOME_GRANTED, Grant: "grants/g-1", ValidUntil: &timestamppb.Timestamp{Seconds: 1796000000},
		}, f.err
	}
	return &entitlementv1.CheckEntitlementResponse{Candidates: []*entitlementv1.CustomerEntitlement{{
		Customer: "customers/acme", DisplayName: "Acme", Basis: entitlementv1.Basis_BASIS_ALLOWANCE_USED,
		Outcome: entitlementv1.Outcome_OUTCOME_OFFERED, Contract: &entitlementv1.Contract{ContractId: "C1", Plan: "gold"},
		Via: "customers/group", AllowanceCalls: 2, UsedCalls: 2, ValidUntil: &timestamppb.Timestamp{Seconds: 1796000000},
		Remedies: []*entitlementv1.Remedy{{Text: "accept one call for EUR 90.00"}}, Notes: []string{"plan gold limits nothing"},
	}}}, f.err
}

func (f *fake) CreateGrant(_ context.Context, r *entitlementv1.CreateGrantRequest) (*entitlementv1.Grant, error) {
	f.asked = r
	g := proto.CloneOf(r.GetGrant())
	g.Name, g.GrantedBy = "grants/g-1", "ana"
	return g, f.err
}

func TestCheckSaysOnWhatBasisAndWhatWouldChangeIt(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "check", "acme", "gold", "--severity", "p3"); code != 0 {
		t.Fatal(term.err.String())
	}
	for _, want := range []string{
		"offered", "allowance used", "contract C1 gold of customers/group", "2 of 2", "What would change it:", "accept one call for EUR 90.00",
		"Note: plan gold limits nothing.",
	} {
		if !strings.Contains(term.out.String(), want) {
			t.Errorf("no %q in\n%s", want, term.out.String())
		}
	}
	if !strings.Contains(term.out.String(), "  changes 2026-11-30") {
		t.Errorf("what is not granted looks as if it were until then:\n%s", term.out.String())
	}
	want := &entitlementv1.CheckEntitlementRequest{
		Customer: "customers/acme", Line: "lines/gold", Severity: entitlementv1.Severity_SEVERITY_P3,
	}
	if !proto.Equal(f.asked, want) {
		t.Errorf("asked %v", f.asked)
	}
	if code := term.run(t.Context(), "check", "+13035550101", "gold"); code != 0 {
		t.Error(term.err.String())
	}
	if said := "No customer has the number: granted by grants/g-1 until 2026-11-30 "; !strings.Contains(term.out.String(), said) {
		t.Errorf("no %q in\n%s", said, term.out.String())
	}
	if code := term.run(t.Context(), "check", "+13035550102", "gold"); code != 0 {
		t.Error(term.err.String())
	}
	if said := "Several customers can be meant; as long as nobody knows which: helped first.\n" +
		"On this line such a caller is connected at once.\nWhat would change it:\n  - say who is calling\nWhat would change it for customers/acme:\n  - renew contract C1\n" +
		"What would change it for customers/ops, by customers/bolt:\n  - renew contract C1\n"; !strings.HasSuffix(term.out.String(), said) {
		t.Errorf("no %q in\n%s", said, term.out.String())
	}
	term.run(t.Context(), "check", "+13035550101", "gold")
	if r, _ := f.asked.(*entitlementv1.CheckEntitlementRequest); r.GetNumber().GetE164Number() != "+13035550101" || r.GetCustomer() != "" {
		t.Errorf("asked %v", f.asked)
	}
}

func TestAGrantEndsAndSaysWhy(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	both := []string{"grant", "create", "acme", "--reason", "x", "--for", "3d", "--until", "2026-12-31"}
	if code := term.run(t.Context(), both...); code != 2 || !strings.Contains(term.err.String(), "--until and --for are both given") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	for _, args := range [][]string{
		{"grant", "create", "acme", "--for", "4h"}, {"grant", "create", "acme", "--reason", "x"},
		{"grant", "create", "+12", "--for", "4h", "--reason", "x"},
	} {
		if code := term.run(t.Context(), args...); code != 2 || f.asked != nil {
			t.Errorf("%v: exit %d, asked %v", args, code, f.asked)
		}
	}
	code := term.run(t.Context(), "grant", "create", "+13035550199", "--for", "4h", "--reason", "signing", "--lines", "gold",
		"--product", "aurora", "--plan", "days")
	asked, _ := f.asked.(*entitlementv1.CreateGrantRequest)
	if code != 0 || asked.GetGrant().GetNumber() != "+13035550199" || asked.GetGrant().GetEndTime() == nil || asked.GetRequestId() == "" {
		t.Fatalf("exit %d, asked %v, %s", code, f.asked, term.err.String())
	}
	if out := term.out.String(); strings.Contains(out, "3035550199") || !strings.Contains(out, "signing") || !strings.Contains(out, "ana") ||
		!strings.Contains(out, "product aurora, plan days") {
		t.Errorf("shown: %s", out)
	}
}

const catalogFile = `
kind: Plan
id: days
display_name: Days
hours: BUSINESS
severities: [P1, P2]
allowance: 10 a MONTH
`

// TestPlansAndOffersAreResourcesLikeOthers: applied, listed, shown, deleted.
func TestPlansAndOffersAreResourcesLikeOthers(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	term.in.Reset(catalogFile)
	if code := term.run(t.Context(), "apply", "-f", "-"); code != 0 {
		t.Fatal(term.err.String())
	}
	asked, _ := f.asked.(*routingv1.ApplyConfigurationRequest)
	if len(asked.GetPlans()) != 1 || asked.GetPlans()[0].GetAllowance().GetCalls() != 10 {
		t.Fatalf("asked %v", f.asked)
	}
	f.set.Plans = asked.GetPlans()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"list", "plans"}, "mon-fri 09:00-17:00"},
		{[]string{"get", "plan", "days"}, "10 a month"},
		{[]string{"get", "plans/days", "-o", "yaml"}, "allowance: 10 a MONTH"},
	} {
		if code := term.run(t.Context(), c.args...); code != 0 || !strings.Contains(term.out.String(), c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, code, term.out.String(), term.err.String())
		}
	}
	for name, want := range map[string]proto.Message{
		"plans/days": &entitlementv1.DeletePlanRequest{Name: "plans/days"}, "offer/once": &entitlementv1.DeleteOfferRequest{Name: "offers/once"},
	} {
		if code := term.run(t.Context(), "delete", name); code != 0 || !proto.Equal(f.asked, want) {
			t.Errorf("delete %s: exit %d, asked %v, %s", name, code, f.asked, term.err.String())
		}
	}
}
