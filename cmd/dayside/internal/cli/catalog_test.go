package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

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
