package entitlement_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

type world struct {
	*entitlement.Service
	etcd  *coord.Client
	clock *clock.Manual
}

func newWorld(t *testing.T) world {
	t.Helper()
	return process(newEtcd(t), tzdata.Fixed(zonestest.Embedded(t)))
}

// process is one with a service.
func process(etcd *coord.Client, rules *tzdata.Current) world {
	clk := clock.NewManual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	return world{entitlement.New(entitlement.Config{
		Store: etcd, Rules: rules, Log: slog.New(slog.DiscardHandler), Clock: clk,
	}), etcd, clk}
}

// follow runs the service until the test ends.
func (w world) follow(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func number(s string) *phone_number.PhoneNumber {
	return &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: s}}
}

func customer(id, from string, product string) *entitlementv1.Customer {
	return &entitlementv1.Customer{
		Name: "customers/" + id, DisplayName: id, TimeZone: "Australia/Sydney",
		PhoneNumbers: []*phone_number.PhoneNumber{number(from)},
		Contracts: []*entitlementv1.Contract{{
			ContractId: "c1", Plan: "gold", Product: product,
			StartDate: &date.Date{Year: 2026, Month: 1, Day: 1}, EndDate: &date.Date{Year: 2026, Month: 12, Day: 31},
		}},
	}
}

func (w world) line(t *testing.T, id, product string) {
	t.Helper()
	value, err := published.Marshal(&publishedv1.Line{Id: id, Product: product})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.LinePrefix+id, value)}); err != nil {
		t.Fatal(err)
	}
}

func (w world) check(t *testing.T, line, from string) ([]*entitlementv1.CustomerEntitlement, error) {
	t.Helper()
	r, err := w.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{Line: line, Number: number(from)})
	return r.GetCandidates(), err
}

func wantReason(t *testing.T, what string, err error, want rpcv1.Reason) {
	t.Helper()
	if fault.ReasonOf(err) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestCheckEntitlementFollowsWhatIsWritten(t *testing.T) {
	w := newWorld(t)
	_, err := w.check(t, "lines/gold", "+61255500111")
	wantReason(t, "before the view is listed", err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	w.follow(t)
	await.True(t, "the first list", w.Ready)
	_, err = w.check(t, "lines/gold", "+61255500111")
	wantReason(t, "no such line", err, rpcv1.Reason_REASON_NOT_FOUND)

	w.line(t, "gold", "db")
	made, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: customer("acme", "+61255500111", "db")})
	if err != nil {
		t.Fatal(err)
	}
	var got []*entitlementv1.CustomerEntitlement
	await.True(t, "the new customer", func() bool {
		got, err = w.check(t, "lines/gold", "+61255500111")
		return err == nil && len(got) == 1
	})
	// 2026-12-31 ends in Sydney at 13:00 UTC.
	if !got[0].GetEntitled() || got[0].GetBasis() != entitlementv1.Basis_BASIS_CONTRACT ||
		!got[0].GetValidUntil().AsTime().Equal(time.Date(2026, 12, 31, 13, 0, 0, 0, time.UTC)) ||
		got[0].GetContract().GetEndDate().GetDay() != 31 {
		t.Errorf("got %v", got)
	}
	if got, err := w.check(t, "lines/gold", "+61255500999"); err != nil || len(got) != 0 {
		t.Errorf("a number nobody has: %v, %v", got, err)
	}
	_, err = w.check(t, "lines/gold", "0255500111")
	wantReason(t, "not E.164", err, rpcv1.Reason_REASON_INVALID_FIELD)

	later, err := w.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{
		Line: "lines/gold", Number: number("+61255500111"), At: timestamppb.New(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)),
	})
	if err != nil || later.GetCandidates()[0].GetBasis() != entitlementv1.Basis_BASIS_CONTRACT_ENDED {
		t.Errorf("next year: %v, %v", later, err)
	}

	// The published record follows an update and a deletion, and a shared number has several candidates.
	made.PhoneNumbers = append(made.PhoneNumbers, number("+61255500222"))
	if _, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: made}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateCustomer(t.Context(),
		&entitlementv1.CreateCustomerRequest{Customer: customer("initech", "+61255500222", "web")}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "two candidates", func() bool {
		got, err = w.check(t, "lines/gold", "+61255500222")
		return err == nil && len(got) == 2
	})
	if got[0].GetCustomer() != "customers/acme" || got[1].GetBasis() != entitlementv1.Basis_BASIS_OTHER_PRODUCT {
		t.Errorf("got %v", got)
	}
	if _, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the deletion", func() bool {
		got, err = w.check(t, "lines/gold", "+61255500111")
		return err == nil && len(got) == 0
	})
}

func TestABrokenCustomerIsNotWritten(t *testing.T) {
	w := newWorld(t)
	c := customer("acme", "+61255500111", "db")
	c.Contracts[0].StartDate.Month = 13
	_, err := w.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: c})
	wantReason(t, "a month 13", err, rpcv1.Reason_REASON_INVALID_FIELD)
	_, err = w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{c}})
	wantReason(t, "a month 13, planned", err, rpcv1.Reason_REASON_INVALID_FIELD)
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil || len(entries) != 0 {
		t.Errorf("something was written: %v, %v", entries, err)
	}
}

func TestPlanHoldsSourceAndRecord(t *testing.T) {
	w := newWorld(t)
	list := []*entitlementv1.Customer{customer("acme", "+61255500111", "db"), customer("initech", "+61255500222", "web")}
	planned, err := w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: list})
	if err != nil {
		t.Fatal(err)
	}
	plan := planned.GetPlan()
	if _, err := w.etcd.Commit(t.Context(), plan.GetConditions(), plan.GetWrites()); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"entitlement/customers/acme", published.CustomerPrefix + "initech"} {
		if _, err := w.etcd.Get(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	page, err := w.ListCustomers(t.Context(), &entitlementv1.ListCustomersRequest{PageSize: 1})
	if err != nil || len(page.GetCustomers()) != 1 || page.GetNextPageToken() == "" {
		t.Errorf("a page: %v, %v", page, err)
	}
	planned, err = w.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: list[:1], Prune: true})
	if err != nil {
		t.Fatal(err)
	}
	plan = planned.GetPlan()
	if _, err := w.etcd.Commit(t.Context(), plan.GetConditions(), plan.GetWrites()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Get(t.Context(), published.CustomerPrefix+"initech"); err == nil {
		t.Error("the pruned customer is still published")
	}
	if _, err := w.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Error(err)
	}
}
