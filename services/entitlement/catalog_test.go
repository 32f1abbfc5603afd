package entitlement_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// calendars is schedule, with one calendar.
type calendars struct {
	mu   sync.Mutex
	days []*schedulev1.CalendarEntry
	tag  string
	away bool
}

func (c *calendars) GetCalendar(_ context.Context, r *schedulev1.GetCalendarRequest, _ ...grpc.CallOption,
) (*schedulev1.Calendar, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.away:
		return nil, fault.Unavailable("schedule", context.DeadlineExceeded)
	case r.GetName() != "calendars/au":
		return nil, fault.NotFound(r.GetName())
	}
	return &schedulev1.Calendar{Name: r.GetName(), DisplayName: "AU", Entries: c.days, Etag: c.tag}, nil
}

func (c *calendars) set(tag string, away bool, days ...*schedulev1.CalendarEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tag, c.away, c.days = tag, away, days
}

// counter is a world with plans, offers, grants and calendars. Its services are called as a peer called ana.
type counter struct {
	world
	plans  entitlementv1.CatalogServiceServer
	grants entitlementv1.GrantServiceServer
	days   *calendars
}

// registrar keeps what a service registers.
type registrar map[string]any //nolint:forbidigo // what grpc registers

func (r registrar) RegisterService(d *grpc.ServiceDesc, impl any) { r[d.ServiceName] = impl }

func newCounter(t *testing.T) counter {
	t.Helper()
	w := newWorld(t)
	days := &calendars{}
	w.Service = entitlement.New(entitlement.Config{
		Store: w.etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: w.clock, Calendars: days,
	})
	all := registrar{}
	w.Register(all)
	s := counter{world: w, days: days}
	s.plans, _ = all["dayside.entitlement.v1.CatalogService"].(entitlementv1.CatalogServiceServer)
	s.grants, _ = all["dayside.entitlement.v1.GrantService"].(entitlementv1.GrantServiceServer)
	return s
}

func as(t *testing.T, name string) context.Context {
	return rpc.WithPeer(t.Context(), rpc.NewPeer(name, rpcv1.Role_ROLE_ADMIN))
}

// pass lets the service's clock go on until a condition holds.
func (s counter) pass(t *testing.T, what string, step time.Duration, ok func() bool) {
	t.Helper()
	await.True(t, what, func() bool {
		s.clock.Advance(step)
		return ok()
	})
}

func (s counter) plan(t *testing.T, p *entitlementv1.Plan) {
	t.Helper()
	if _, err := s.plans.UpdatePlan(t.Context(), &entitlementv1.UpdatePlanRequest{Plan: p, AllowMissing: true}); err != nil {
		t.Fatal(err)
	}
}

func business(id string) *entitlementv1.Plan {
	return &entitlementv1.Plan{
		Name: "plans/" + id, DisplayName: id, Hours: &entitlementv1.PlanHours{Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS},
	}
}

func (s counter) timelines(t *testing.T) []*publishedv1.PlanTimeline {
	t.Helper()
	entries, _, err := s.etcd.ListAll(t.Context(), published.PlanTimelinePrefix)
	if err != nil {
		t.Fatal(err)
	}
	var all []*publishedv1.PlanTimeline
	for _, e := range entries {
		p, err := published.PlanTimeline(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func (s counter) basis(t *testing.T, at time.Time) entitlementv1.Basis {
	t.Helper()
	r, err := s.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{
		Line: "lines/gold", Customer: "customers/acme", At: timestamppb.New(at),
	})
	if err != nil {
		return 0
	}
	return r.GetCandidates()[0].GetBasis()
}

func sydney(day, hour int) time.Time { // November 2026: UTC+11
	return time.Date(2026, 11, day, hour-11, 0, 0, 0, time.UTC)
}

// TestHoursOfAPlanAreTheCustomers: nine to five on the customer's own clock, but for days that its calendar closes.
func TestHoursOfAPlanAreTheCustomers(t *testing.T) {
	s := newCounter(t)
	s.line(t, "gold", "")
	s.plan(t, business("gold"))
	acme := customer("acme", "+61255500111", "")
	acme.Calendars = []string{"calendars/au"}
	if _, err := s.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: acme}); err != nil {
		t.Fatal(err)
	}
	s.follow(t)
	monday := 23
	s.pass(t, "the plan's hours", time.Second, func() bool {
		return s.basis(t, sydney(monday, 8)) == entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS
	})
	if got := s.basis(t, sydney(monday, 9)); got != entitlementv1.Basis_BASIS_CONTRACT {
		t.Errorf("at nine in Sydney: %v", got)
	}
	s.days.set("1", false, &schedulev1.CalendarEntry{Date: &date.Date{Year: 2026, Month: 11, Day: 23}})
	aMinuteLater := s.clock.Now().Add(time.Minute) // there the clock stands: however busy the machine is, it was asked by then
	await.True(t, "the day that the calendar closes, within a minute", func() bool {
		if s.clock.Now().Before(aMinuteLater) {
			s.clock.Advance(100 * time.Millisecond)
		}
		return s.basis(t, sydney(monday, 9)) == entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS
	})
	s.days.set("2", true)
	s.clock.Advance(2 * time.Minute)
	if got := s.basis(t, sydney(monday, 9)); got != entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS {
		t.Errorf("with schedule away: %v, want what was known", got)
	}
}

// TestTimelinesAreSharedExtendedAndRemoved: one for all customers of a zone, 400 days ahead of today, none that nobody uses.
func TestTimelinesAreSharedExtendedAndRemoved(t *testing.T) {
	s := newCounter(t)
	s.plan(t, business("gold"))
	same := business("silver") // the same hours by another name
	s.plan(t, same)
	for _, id := range []string{"a", "b"} {
		if _, err := s.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: customer(id, "+61255500111", "")}); err != nil {
			t.Fatal(err)
		}
	}
	s.follow(t)
	s.pass(t, "one timeline", time.Second, func() bool { return len(s.timelines(t)) == 1 })
	until := s.timelines(t)[0].GetTimeline().GetToUnixS()
	if ahead := time.Unix(until, 0).Sub(s.clock.Now()); ahead < 400*24*time.Hour {
		t.Errorf("it knows %v ahead", ahead)
	}
	s.pass(t, "it grows with the days", 12*time.Hour, func() bool {
		list := s.timelines(t)
		return len(list) == 1 && list[0].GetTimeline().GetToUnixS() > until
	})
	for _, id := range []string{"a", "b"} {
		if _, err := s.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/" + id}); err != nil {
			t.Fatal(err)
		}
	}
	s.pass(t, "nobody uses it", 12*time.Hour, func() bool { return len(s.timelines(t)) == 0 })
}

func TestWhatIsReferredToExistsAndIsNotDeleted(t *testing.T) {
	s := newCounter(t)
	s.line(t, "gold", "")
	upgrade := &entitlementv1.Offer{
		Name: "offers/more", DisplayName: "More", Kind: entitlementv1.OfferKind_OFFER_KIND_UPGRADE, Plan: "plans/gold",
		Price: &money.Money{CurrencyCode: "EUR", Units: 90}, Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "Terms.", Version: "1"}},
	}
	_, err := s.plans.CreateOffer(t.Context(), &entitlementv1.CreateOfferRequest{Offer: upgrade})
	wantReason(t, "an offer of no plan", err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	s.ready(t)
	s.plan(t, business("gold"))
	if _, err = s.plans.CreateOffer(t.Context(), &entitlementv1.CreateOfferRequest{Offer: upgrade}); err != nil {
		t.Fatal(err)
	}
	_, err = s.plans.DeletePlan(t.Context(), &entitlementv1.DeletePlanRequest{Name: "plans/gold"})
	wantReason(t, "a plan that is offered", err, rpcv1.Reason_REASON_IN_USE)
	value, err := published.Marshal(&publishedv1.Line{Id: "gold", Offers: []string{"more"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.LinePrefix+"gold", value)}); err != nil {
		t.Fatal(err)
	}
	_, err = s.plans.DeleteOffer(t.Context(), &entitlementv1.DeleteOfferRequest{Name: "offers/more"})
	wantReason(t, "an offer that a line makes", err, rpcv1.Reason_REASON_IN_USE)
	s.line(t, "gold", "")
	if _, err = s.plans.DeleteOffer(t.Context(), &entitlementv1.DeleteOfferRequest{Name: "offers/more"}); err != nil {
		t.Error(err)
	}
	if _, err := s.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: customer("acme", "+61255500111", "")}); err != nil {
		t.Fatal(err)
	}
	await.True(t, "a plan that a contract has is kept", func() bool {
		_, err := s.plans.DeletePlan(t.Context(), &entitlementv1.DeletePlanRequest{Name: "plans/gold", ValidateOnly: true})
		return fault.ReasonOf(err) == rpcv1.Reason_REASON_IN_USE
	})
	_, err = s.plans.CreateOffer(t.Context(), &entitlementv1.CreateOfferRequest{Offer: &entitlementv1.Offer{
		Name: "offers/odd", DisplayName: "Odd", Kind: entitlementv1.OfferKind_OFFER_KIND_DAY_PASS, Terms: upgrade.GetTerms(),
		Price: &money.Money{CurrencyCode: "JPY", Units: 90, Nanos: 500_000_000},
	}})
	wantReason(t, "a price with too many decimals", err, rpcv1.Reason_REASON_INVALID_FIELD)
}

func TestParentsAndPartners(t *testing.T) {
	s := newCounter(t)
	s.line(t, "gold", "")
	write := func(id, parent string, partners ...string) error {
		c := &entitlementv1.Customer{Name: "customers/" + id, DisplayName: id, Parent: parent}
		for _, p := range partners {
			c.Partners = append(c.Partners, &entitlementv1.PartnerAccess{Partner: p})
		}
		_, err := s.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: c, AllowMissing: true})
		return err
	}
	wantReason(t, "no such parent", write("a", "customers/none"), rpcv1.Reason_REASON_MISSING_REFERENCE)
	wantReason(t, "no such partner", write("a", "", "customers/none"), rpcv1.Reason_REASON_MISSING_REFERENCE)
	for _, c := range [][2]string{{"a", ""}, {"b", "customers/a"}, {"c", "customers/b"}, {"d", "customers/c"}, {"e", "customers/d"}} {
		if err := write(c[0], c[1]); err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, "a circle", write("a", "customers/e"), rpcv1.Reason_REASON_INVALID_FIELD)
	wantReason(t, "a fifth level above", write("f", "customers/e"), rpcv1.Reason_REASON_INVALID_FIELD)
	_, err := s.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{
		{Name: "customers/x", DisplayName: "x", Parent: "customers/y"}, {Name: "customers/y", DisplayName: "y"},
	}})
	if err != nil {
		t.Errorf("written together: %v", err)
	}
	_, err = s.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{
		{Name: "customers/x", DisplayName: "x", Parent: "customers/y"}, {Name: "customers/y", DisplayName: "y", Parent: "customers/x"},
	}})
	wantReason(t, "a circle written together", err, rpcv1.Reason_REASON_INVALID_FIELD)

	// The integrator calls for acme, which has a contract.
	acme, ops := customer("acme", "+61255500111", ""), customer("ops", "+61255500222", "")
	ops.Contracts = nil
	acme.Partners = []*entitlementv1.PartnerAccess{{Partner: "customers/ops"}}
	for _, c := range []*entitlementv1.Customer{ops, acme} {
		if _, err := s.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: c}); err != nil {
			t.Fatal(err)
		}
	}
	s.follow(t)
	await.True(t, "a partner is entitled by whom it calls for", func() bool {
		got, err := s.check(t, "lines/gold", "+61255500222")
		return err == nil && len(got) == 1 && got[0].GetEntitled() && got[0].GetCustomer() == "customers/ops" && got[0].GetVia() == "customers/acme"
	})
}

func TestComplimentaryAccess(t *testing.T) {
	s := newCounter(t)
	s.line(t, "gold", "")
	if _, err := s.CreateCustomer(t.Context(), &entitlementv1.CreateCustomerRequest{Customer: &entitlementv1.Customer{
		Name: "customers/acme", DisplayName: "Acme",
	}}); err != nil {
		t.Fatal(err)
	}
	s.follow(t)
	grant := &entitlementv1.Grant{
		Customer: "customers/acme", Lines: []string{"lines/gold"}, Reason: "evaluation", EndTime: timestamppb.New(s.clock.Now().Add(48 * time.Hour)),
	}
	request := &entitlementv1.CreateGrantRequest{Grant: grant, RequestId: "0001"}
	given, err := s.grants.CreateGrant(as(t, "ana"), request)
	if err != nil || given.GetGrantedBy() != "ana" || given.GetBasis() != entitlementv1.Basis_BASIS_COMPLIMENTARY {
		t.Fatalf("%v, %v", given, err)
	}
	again, err := s.grants.CreateGrant(as(t, "bo"), request)
	if err != nil || again.GetName() != given.GetName() || again.GetGrantedBy() != "ana" {
		t.Errorf("asked again: %v, %v", again, err)
	}
	await.True(t, "it grants", func() bool { return s.basis(t, s.clock.Now()) == entitlementv1.Basis_BASIS_COMPLIMENTARY })
	for what, g := range map[string]*entitlementv1.Grant{
		"a card's number":   {Customer: "customers/acme", Reason: "paid by 4111/1111/1111/1111", EndTime: grant.GetEndTime()},
		"no reason":         {Customer: "customers/acme", EndTime: grant.GetEndTime()},
		"nobody":            {Reason: "x", EndTime: grant.GetEndTime()},
		"both":              {Customer: "customers/acme", Number: "+61255500111", Reason: "x", EndTime: grant.GetEndTime()},
		"no end":            {Customer: "customers/acme", Reason: "x"},
		"an end that is by": {Customer: "customers/acme", Reason: "x", EndTime: timestamppb.New(s.clock.Now().Add(-time.Hour))},
	} {
		_, err := s.grants.CreateGrant(as(t, "ana"), &entitlementv1.CreateGrantRequest{Grant: g})
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	_, err = s.grants.CreateGrant(as(t, "ana"), &entitlementv1.CreateGrantRequest{Grant: &entitlementv1.Grant{
		Customer: "customers/nobody", Reason: "x", EndTime: grant.GetEndTime(),
	}})
	wantReason(t, "a customer who is not there", err, rpcv1.Reason_REASON_MISSING_REFERENCE)

	stranger, err := s.grants.CreateGrant(as(t, "ana"), &entitlementv1.CreateGrantRequest{Grant: &entitlementv1.Grant{
		Number: "+61255500333", Reason: "x", EndTime: grant.GetEndTime(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	await.True(t, "a number that nobody knows has it", func() bool {
		r, err := s.CheckEntitlement(t.Context(), &entitlementv1.CheckEntitlementRequest{Line: "lines/gold", Number: number("+61255500333")})
		return err == nil && len(r.GetCandidates()) == 0 && r.GetOutcome() == entitlementv1.Outcome_OUTCOME_GRANTED
	})
	_, err = s.grants.RevokeGrant(as(t, "bo"), &entitlementv1.RevokeGrantRequest{
		Name: stranger.GetName(), Reason: "4111 1111 1111 1111 was declined",
	})
	wantReason(t, "a card's number", err, rpcv1.Reason_REASON_INVALID_FIELD)
	revoked, err := s.grants.RevokeGrant(as(t, "bo"), &entitlementv1.RevokeGrantRequest{Name: stranger.GetName(), Reason: "mistake"})
	if err != nil || revoked.GetRevokedBy() != "bo" || revoked.GetReason() != "x; revoked: mistake" {
		t.Errorf("%v, %v", revoked, err)
	}
	list, err := s.grants.ListGrants(t.Context(), &entitlementv1.ListGrantsRequest{InForce: true})
	if err != nil || len(list.GetGrants()) != 1 || list.GetGrants()[0].GetName() != given.GetName() {
		t.Errorf("in force: %v, %v", list, err)
	}
	s.pass(t, "long after, both are gone", 100*24*time.Hour, func() bool {
		list, err := s.grants.ListGrants(t.Context(), &entitlementv1.ListGrantsRequest{})
		return err == nil && len(list.GetGrants()) == 0
	})
}
