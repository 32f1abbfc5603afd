package entitlement_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// ready runs the service, and waits until it knows what there is.
func (w world) ready(t *testing.T) {
	t.Helper()
	w.follow(t)
	await.True(t, "all that there is", w.Ready)
}

func (w world) remove(t *testing.T, id string) error {
	t.Helper()
	_, err := w.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/" + id})
	return err
}

// together commits a plan, if there is one.
func (w world) together(t *testing.T, r *entitlementv1.PlanCustomersRequest) error {
	t.Helper()
	planned, err := w.PlanCustomers(t.Context(), r)
	if err == nil {
		_, err = w.etcd.Commit(t.Context(), planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites())
	}
	return err
}

// inUse checks that something is kept, and that the answer says for whom.
func inUse(t *testing.T, what string, err error, by ...string) {
	t.Helper()
	wantReason(t, what, err, rpcv1.Reason_REASON_IN_USE)
	for _, name := range by {
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v does not name %s", what, err, name)
		}
	}
}

func calledFor(id string, partners ...string) *entitlementv1.Customer {
	c := account(id, "")
	for _, p := range partners {
		c.Partners = append(c.Partners, &entitlementv1.PartnerAccess{Partner: "customers/" + p})
	}
	return c
}

// TestNobodyLeavesWhomOthersName: neither by itself nor with others, until nobody does; and then at once.
func TestNobodyLeavesWhomOthersName(t *testing.T) {
	w := newWorld(t)
	wantReason(t, "while nobody knows", w.remove(t, "group"), rpcv1.Reason_REASON_NOT_FOUND)
	w.accounts(t, [2]string{"group"}, [2]string{"ops"})
	wantReason(t, "while nobody knows", w.remove(t, "group"), rpcv1.Reason_REASON_VIEW_NOT_READY)
	w.ready(t)
	w.accounts(t, [2]string{"sub", "group"})
	w.create(t, calledFor("client", "ops", "group"))

	inUse(t, "a parent, and a partner", w.remove(t, "group"), "customers/group is used by customers/") // whom is known by now
	await.True(t, "all of them are named", func() bool {
		err := w.remove(t, "group")
		return err != nil && strings.Contains(err.Error(), "is used by customers/client (a partner), customers/sub (its parent)")
	})
	inUse(t, "a partner", w.remove(t, "ops"), "customers/client")
	inUse(t, "a partner, with others", w.together(t, &entitlementv1.PlanCustomersRequest{Delete: []string{"customers/ops", "customers/sub"}}),
		"customers/ops", "customers/client (a partner)")
	inUse(t, "a parent, pruned", w.together(t, &entitlementv1.PlanCustomersRequest{
		Prune: true, Customers: []*entitlementv1.Customer{account("sub", "group")},
	}), "customers/group is used by customers/sub (its parent)")
	stale := &entitlementv1.DeleteCustomerRequest{Name: "customers/group", Etag: "stale"}
	_, err := w.DeleteCustomer(t.Context(), stale)
	wantReason(t, "as it was once", err, rpcv1.Reason_REASON_CONFLICT)
	stays := account("sub", "")
	if err := w.together(t, &entitlementv1.PlanCustomersRequest{
		Customers: []*entitlementv1.Customer{stays}, Delete: []string{"customers/group", "customers/client"},
	}); err != nil {
		t.Errorf("with all who name it: %v", err)
	}
	w.accounts(t, [2]string{"group"}, [2]string{"sub", "group"})
	for _, id := range []string{"sub", "group", "ops"} { // one right after the other: the view may be behind
		if err := w.remove(t, id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// between is a store in which something happens before the next commit that writes, or deletes, under a prefix.
type between struct {
	*coord.Client
	mu      sync.Mutex
	prefix  string
	happens func()
}

func (b *between) next(prefix string, happens func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prefix, b.happens = prefix, happens
}

func (b *between) Commit(ctx context.Context, c []*rpcv1.Condition, w []*rpcv1.Write) (int64, error) {
	b.mu.Lock()
	first := b.happens
	if slices.ContainsFunc(w, func(w *rpcv1.Write) bool { return strings.HasPrefix(w.GetKey(), b.prefix) }) {
		b.happens = nil
	} else {
		first = nil
	}
	b.mu.Unlock()
	if first != nil {
		first()
	}
	return b.Client.Commit(ctx, c, w)
}

// TestWhoIsNamedMeanwhileDoesNotLeave, by whoever it is, nor a plan.
func TestWhoIsNamedMeanwhileDoesNotLeave(t *testing.T) {
	plain := newCounter(t)
	store := &between{Client: plain.etcd}
	slow := counter{world: world{Service: entitlement.New(entitlement.Config{
		Store: store, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: clock.System{},
	}), etcd: plain.etcd}}
	all := registrar{}
	slow.Register(all)
	slow.plans, _ = all["dayside.entitlement.v1.CatalogService"].(entitlementv1.CatalogServiceServer)
	plain.accounts(t, [2]string{"group"}, [2]string{"ops"})
	plain.plan(t, business("gold"))
	plain.plan(t, business("silver"))
	slow.ready(t)

	store.next("entitlement/customers/", func() { plain.accounts(t, [2]string{"sub", "group"}) })
	inUse(t, "a parent", slow.remove(t, "group"), "customers/sub")
	store.next("entitlement/customers/", func() { plain.create(t, calledFor("client", "ops")) })
	inUse(t, "a partner", slow.remove(t, "ops"), "customers/client")

	drop := func(name string) error {
		_, err := slow.plans.DeletePlan(t.Context(), &entitlementv1.DeletePlanRequest{Name: name})
		return err
	}
	store.next("entitlement/plans/", func() { plain.create(t, customer("acme", "+61255500111", "")) })
	inUse(t, "a plan", drop("plans/gold"), "customers/acme")
	store.next("entitlement/plans/", func() { plain.give(t, "customers/acme", "", "plans/silver") })
	inUse(t, "a plan that is granted", drop("plans/silver"), "grants/")

	planned, err := plain.PlanCustomers(t.Context(), &entitlementv1.PlanCustomersRequest{Delete: []string{"customers/sub"}})
	if err != nil {
		t.Fatal(err)
	}
	plain.accounts(t, [2]string{"subsub", "sub"})
	_, err = plain.etcd.Commit(t.Context(), planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites())
	wantReason(t, "with others", err, rpcv1.Reason_REASON_CONFLICT)
}

// give grants access for a day.
func (s counter) give(t *testing.T, customer, number, plan string) *entitlementv1.Grant {
	t.Helper()
	g, err := s.grants.CreateGrant(as(t, "ana"), &entitlementv1.CreateGrantRequest{Grant: &entitlementv1.Grant{
		Customer: customer, Number: number, Plan: plan, Reason: "evaluation", EndTime: timestamppb.New(s.clock.Now().Add(24 * time.Hour)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestAPlanStaysWhileAGrantHasIt: a number's, too; once that has ended nobody misses it.
func TestAPlanStaysWhileAGrantHasIt(t *testing.T) {
	s := newCounter(t)
	s.plan(t, business("gold"))
	wait := func() error {
		_, err := s.plans.DeletePlan(t.Context(), &entitlementv1.DeletePlanRequest{Name: "plans/gold", ValidateOnly: true})
		return err
	}
	wantReason(t, "while nobody knows", wait(), rpcv1.Reason_REASON_VIEW_NOT_READY)
	s.ready(t)
	g := s.give(t, "", "+61255500333", "plans/gold")
	await.True(t, "it is kept", func() bool { return fault.ReasonOf(wait()) == rpcv1.Reason_REASON_IN_USE })
	inUse(t, "by itself", wait(), g.GetName())
	inUse(t, "with others", s.together(t, &entitlementv1.PlanCustomersRequest{Delete: []string{"plans/gold"}}), g.GetName())
	inUse(t, "pruned", s.together(t, &entitlementv1.PlanCustomersRequest{Prune: true}), g.GetName())
	s.clock.Advance(25 * time.Hour)
	if err := s.together(t, &entitlementv1.PlanCustomersRequest{Delete: []string{"plans/gold"}}); err != nil {
		t.Errorf("once the grant has ended: %v", err)
	}
}

// TestAGrantIsMadeOnce: however often, and wherever, it is asked for; and for nothing else. There are only so many.
func TestAGrantIsMadeOnce(t *testing.T) {
	s := newCounter(t)
	s.accounts(t, [2]string{"acme"}, [2]string{"bolt"})
	store := &between{Client: s.etcd}
	all := registrar{}
	entitlement.New(entitlement.Config{
		Store: store, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: s.clock,
	}).Register(all)
	slow, _ := all["dayside.entitlement.v1.GrantService"].(entitlementv1.GrantServiceServer)
	request := func(customer, id string) *entitlementv1.CreateGrantRequest {
		return &entitlementv1.CreateGrantRequest{RequestId: id, Grant: &entitlementv1.Grant{
			Customer: "customers/" + customer, Reason: "evaluation", EndTime: timestamppb.New(s.clock.Now().Add(time.Hour)),
		}}
	}
	store.next("entitlement/grants/", func() {
		if _, err := s.grants.CreateGrant(as(t, "bo"), request("acme", "r1")); err != nil {
			t.Error(err)
		}
	})
	if g, err := slow.CreateGrant(as(t, "ana"), request("acme", "r1")); err != nil || g.GetGrantedBy() != "bo" {
		t.Errorf("asked for at two processes at once: %v, %v", g, err)
	}
	_, err := s.grants.CreateGrant(as(t, "ana"), request("bolt", "r1"))
	wantReason(t, "for another customer", err, rpcv1.Reason_REASON_INVALID_FIELD)
	store.next("entitlement/grants/", func() {
		_, err := s.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete("entitlement/customers/bolt")})
		if err != nil {
			t.Error(err)
		}
	})
	_, err = slow.CreateGrant(as(t, "ana"), request("bolt", "r2"))
	wantReason(t, "for one who left meanwhile", err, rpcv1.Reason_REASON_MISSING_REFERENCE)

	s.ready(t)
	const most = 32
	for range most - 1 {
		s.give(t, "customers/acme", "", "")
	}
	await.True(t, "no more", func() bool {
		r := request("acme", "")
		r.ValidateOnly = true
		_, err := s.grants.CreateGrant(as(t, "ana"), r)
		return fault.ReasonOf(err) == rpcv1.Reason_REASON_LIMIT_EXCEEDED
	})
	s.clock.Advance(2 * time.Hour)
	s.give(t, "customers/acme", "", "") // the first has ended
}

// TestWhatIsACustomersLeavesWithIt: whoever gets its ID later begins with nothing.
func TestWhatIsACustomersLeavesWithIt(t *testing.T) {
	for _, how := range []string{"by itself", "with others"} {
		t.Run(how, func(t *testing.T) {
			s := newCounter(t)
			s.line(t, "gold", "")
			s.accounts(t, [2]string{"acme"})
			value, err := published.Marshal(&publishedv1.Usage{Customer: "acme", GoodwillUnixS: []int64{s.clock.Now().Unix()}})
			if err != nil {
				t.Fatal(err)
			}
			usage := published.UsagePrefix + "c-acme"
			if _, err := s.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(usage, value)}); err != nil {
				t.Fatal(err)
			}
			s.ready(t)
			g := s.give(t, "customers/acme", "", "")
			await.True(t, "it grants", func() bool { return s.basis(t, s.clock.Now()) == entitlementv1.Basis_BASIS_COMPLIMENTARY })

			if how == "by itself" {
				err = s.remove(t, "acme")
			} else {
				err = s.together(t, &entitlementv1.PlanCustomersRequest{Delete: []string{"customers/acme"}})
			}
			if err != nil {
				t.Fatal(err)
			}
			list, err := s.grants.ListGrants(t.Context(), &entitlementv1.ListGrantsRequest{})
			if err != nil || len(list.GetGrants()) != 1 || list.GetGrants()[0].GetName() != g.GetName() ||
				list.GetGrants()[0].GetReason() != "evaluation; revoked: customers/acme was deleted" {
				t.Errorf("what is kept of it: %v, %v", list, err)
			}
			if _, err := s.etcd.Get(t.Context(), usage); fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
				t.Errorf("what was counted: %v", err)
			}
			s.accounts(t, [2]string{"acme"})
			await.True(t, "another customer", func() bool { return s.basis(t, s.clock.Now()) == entitlementv1.Basis_BASIS_NO_CONTRACT })
		})
	}
}

// TestWhoHasYetToConfirmDoesNotLeave: nobody else could say whether it is owed. What is owed is owed without them, too.
func TestWhoHasYetToConfirmDoesNotLeave(t *testing.T) {
	w := newTill(t)
	w.create(t, customer("acme", "+61255500111", ""))
	w.offer(t, "call", nil)
	w.ready(t)
	p := w.accept(t, acme("c1")).GetPromise()
	if p.GetState() != entitlementv1.PromiseState_PROMISE_STATE_PENDING {
		t.Fatalf("it is to be pending: %v", p)
	}
	with := &entitlementv1.PlanCustomersRequest{Delete: []string{"customers/acme"}}
	inUse(t, "by itself", w.remove(t, "acme"), p.GetName()+" (not confirmed yet)")
	inUse(t, "with others", w.together(t, with), p.GetName())
	if _, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_CONFIRM); err != nil {
		t.Fatal(err)
	}
	if err := w.remove(t, "acme"); err != nil {
		t.Errorf("once it is confirmed: %v", err)
	}
	if given := w.grant(t, p.GetGrant()); given.GetToUnixS() > w.clock.Now().Unix() {
		t.Errorf("what it gave lasts: %v", given)
	}
}

// TestNobodyGetsMoreAboveThemThanCount: not by what is put above those above them either.
func TestNobodyGetsMoreAboveThemThanCount(t *testing.T) {
	w := newWorld(t)
	w.ready(t)
	w.accounts(t, [2]string{"top"}, [2]string{"a"}, [2]string{"b", "a"}, [2]string{"c", "b"}, [2]string{"d", "c"}, [2]string{"e", "d"})
	raise := func() error {
		_, err := w.UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{Customer: account("a", "top"), ValidateOnly: true})
		return err
	}
	await.True(t, "the levels below", func() bool { return fault.ReasonOf(raise()) == rpcv1.Reason_REASON_INVALID_FIELD })
	err := w.together(t, &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{account("a", "top")}})
	wantReason(t, "with others", err, rpcv1.Reason_REASON_INVALID_FIELD)
	if err := w.remove(t, "e"); err != nil {
		t.Fatal(err)
	}
	await.True(t, "one level less", func() bool { return raise() == nil })
	if err := w.together(t, &entitlementv1.PlanCustomersRequest{Customers: []*entitlementv1.Customer{account("a", "top")}}); err != nil {
		t.Error(err)
	}
}
