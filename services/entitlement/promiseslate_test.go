package entitlement_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const refused = entitlementv1.PromiseState_PROMISE_STATE_REFUSED

// listed are all promises that stand so.
func (w *till) listed(t *testing.T, state entitlementv1.PromiseState) []*entitlementv1.Promise {
	t.Helper()
	page, err := w.promises.ListPromises(staff(t), &entitlementv1.ListPromisesRequest{State: state})
	if err != nil {
		t.Fatal(err)
	}
	return page.GetPromises()
}

// TestWhatIsSettledForLess: the customer owes less from then on, the ledger hears of it, and what was promised at first stays.
func TestWhatIsSettledForLess(t *testing.T) {
	w := newShop(t)
	p := w.accept(t, verifiedAcme("c1")).GetPromise()
	settle := func(what entitlementv1.Settlement, amount *money.Money) *entitlementv1.Promise {
		t.Helper()
		got, err := w.promises.SettlePromise(staff(t), &entitlementv1.SettlePromiseRequest{
			Name: p.GetName(), Settlement: what, Reason: "met in the middle", Amount: amount,
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	settle(entitlementv1.Settlement_SETTLEMENT_DISPUTE, nil)
	got := settle(entitlementv1.Settlement_SETTLEMENT_UPHOLD, euros(60))
	again := settle(entitlementv1.Settlement_SETTLEMENT_UPHOLD, euros(60))
	if got.GetState() != owed || !proto.Equal(got, again) || len(got.GetTrail()) != 3 || got.GetTrail()[2].GetBy() != "mary" ||
		!proto.Equal(got.GetTrail()[2].GetAmount(), euros(60)) || !proto.Equal(got.GetAcceptance().GetPrice(), euros(90)) {
		t.Errorf("upheld for less: %v", got)
	}
	for _, left := range []int64{60, 40} {
		if left < 60 {
			settle(entitlementv1.Settlement_SETTLEMENT_WAIVE, euros(left))
		}
		if c := w.ledger.owed(p.GetName()); c.GetState() != owed || !proto.Equal(c.GetAmount(), euros(left)) ||
			!proto.Equal(c.GetPromised(), euros(90)) {
			t.Errorf("the charge: %v", c)
		}
	}
	_, err := w.promises.SettlePromise(staff(t), &entitlementv1.SettlePromiseRequest{
		Name: p.GetName(), Settlement: entitlementv1.Settlement_SETTLEMENT_WAIVE, Reason: "more", Amount: euros(60),
	})
	wantReason(t, "more than is owed", err, rpcv1.Reason_REASON_INVALID_FIELD)
	if g := w.grant(t, p.GetGrant()); g.GetBasis() != entitlementv1.Basis_BASIS_PROMISE {
		t.Errorf("granted %v", g)
	}
}

// TestWhatIsWaivedInPartIsFreedAsItWasCounted: the day's amount is neither short nor over once the rest is confirmed.
func TestWhatIsWaivedInPartIsFreedAsItWasCounted(t *testing.T) {
	w := newShop(t)
	p := w.accept(t, acme("c1")).GetPromise()
	if _, err := w.promises.SettlePromise(staff(t), &entitlementv1.SettlePromiseRequest{
		Name: p.GetName(), Settlement: entitlementv1.Settlement_SETTLEMENT_WAIVE, Reason: "a part", Amount: euros(30),
	}); err != nil {
		t.Fatal(err)
	}
	counted := func() string {
		e, err := w.etcd.Get(t.Context(), "entitlement/unverified/20261122/c-acme/EUR")
		if err != nil {
			t.Fatal(err)
		}
		return string(e.Value)
	}
	if got := counted(); got != "9000" {
		t.Errorf("counted %s", got)
	}
	// Who accepts again and is verified now confirms what is left of it.
	got := w.accept(t, verifiedAcme("c2"))
	if got.GetOutcome() != accepted || got.GetPromise().GetName() != p.GetName() || !proto.Equal(got.GetPromise().GetAmount(), euros(30)) {
		t.Errorf("accepted again: %v", got)
	}
	if got := counted(); got != "0" {
		t.Errorf("confirmed, and counted %s", got)
	}
}

// TestWhatIsNotTakenAfterADiskKeptIt is listed for somebody to see, once, gives and counts nothing, and is told the ledger;
// where the customer confirms it, it is owed.
func TestWhatIsNotTakenAfterADiskKeptIt(t *testing.T) {
	w := newShop(t)
	w.offer(t, "call", func(o *entitlementv1.Offer) { o.MaxUnverifiedPerDay = euros(100) })
	w.accept(t, acme("c1"))
	then := timestamppb.New(w.clock.Now())
	w.clock.Advance(5 * time.Hour) // of c1's grant nothing is left
	late := func(call string, change func(*entitlementv1.AcceptOfferRequest)) *entitlementv1.AcceptOfferRequest {
		r := acme(call)
		r.Kept, r.AcceptTime = true, timestamppb.New(then.AsTime().Add(4*time.Hour+30*time.Minute))
		if change != nil {
			change(r)
		}
		return r
	}
	gone := func(r *entitlementv1.AcceptOfferRequest) {
		r.Customer, r.RequestId = "customers/gone", "of one who is gone"
	}
	for what, c := range map[string]struct {
		r    *entitlementv1.AcceptOfferRequest
		want entitlementv1.AcceptOutcome
		why  string
	}{
		"beyond the limit":                        {late("c2", nil), limit, "EUR 100.00 a day"},
		"of a customer who was deleted meanwhile": {late("c3", gone), notOffered, "customers/gone does not exist any more"},
		"of an offer that was deleted": {
			late("c4", func(r *entitlementv1.AcceptOfferRequest) { r.Offer, r.Price = "offers/old", euros(70) }), notOffered,
			"offers/old does not exist any more",
		},
	} {
		for range 2 { // a spool delivers at least once
			got := w.accept(t, c.r)
			p := got.GetPromise()
			if got.GetOutcome() != c.want || !strings.Contains(got.GetDetail(), c.why) || p.GetState() != refused || p.GetGrant() != "" {
				t.Errorf("%s: %v", what, got)
			}
			if charge := w.ledger.owed(p.GetName()); charge.GetState() != refused || charge.GetCallId() != c.r.GetCallId() {
				t.Errorf("%s: the charge: %v", what, charge)
			}
		}
		unkept := proto.CloneOf(c.r)
		unkept.Kept, unkept.RequestId = false, c.r.GetRequestId()+" said now"
		if got, err := w.promises.AcceptOffer(staff(t), unkept); err == nil && got.GetPromise() != nil {
			t.Errorf("%s, and nobody kept it: %v", what, got)
		}
	}
	list := w.listed(t, refused)
	if len(list) != 3 {
		t.Fatalf("listed: %v", list)
	}
	e, err := w.etcd.Get(t.Context(), "entitlement/unverified/20261122/c-acme/EUR")
	if err != nil || string(e.Value) != "9000" {
		t.Errorf("counted %s: %v", e.Value, err)
	}
	for _, p := range list {
		if p.GetRefused() != limit {
			continue
		}
		got, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_CONFIRM)
		if err != nil || got.GetState() != owed || w.ledger.owed(p.GetName()).GetState() != owed {
			t.Errorf("confirmed: %v, %v", got, err)
		}
		if got := w.accept(t, late("c2", nil)); got.GetOutcome() != limit || got.GetPromise().GetState() != owed {
			t.Errorf("told once more: %v", got)
		}
	}
}

// TestARequestIDIsOfOneAcceptance: another one by the same id is refused, and sees nothing of the first.
func TestARequestIDIsOfOneAcceptance(t *testing.T) {
	w := newShop(t)
	w.create(t, customer("globex", "+61255500222", "db"))
	w.offer(t, "day", func(o *entitlementv1.Offer) { o.Kind = entitlementv1.OfferKind_OFFER_KIND_DAY_PASS })
	first := w.accept(t, verifiedAcme("c1")).GetPromise()
	for what, change := range map[string]func(*entitlementv1.AcceptOfferRequest){
		"another customer": func(r *entitlementv1.AcceptOfferRequest) { r.Customer = "customers/globex" },
		"another offer":    func(r *entitlementv1.AcceptOfferRequest) { r.Offer = "offers/day" },
		"a number alone":   func(r *entitlementv1.AcceptOfferRequest) { r.Customer = "" },
	} {
		r := verifiedAcme("c1")
		change(r)
		got, err := w.promises.AcceptOffer(staff(t), r)
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if err != nil && !strings.Contains(err.Error(), "request_id") || got != nil {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	if got := w.accept(t, verifiedAcme("c1")); got.GetPromise().GetName() != first.GetName() || len(w.listed(t, 0)) != 1 {
		t.Errorf("told again: %v", got)
	}
}

// TestAsManyAtOnceAsThereAre are taken, whatever they count together.
func TestAsManyAtOnceAsThereAre(t *testing.T) {
	w := newShop(t)
	const offers, processes = 24, 3
	for i := range offers {
		w.offer(t, fmt.Sprint("offer", i), nil)
	}
	tills := []*till{w}
	for range processes - 1 {
		other := &till{world: w.world}
		other.world = other.process(t, w.ledger)
		tills = append(tills, other)
	}
	var all sync.WaitGroup
	for i := range offers {
		all.Go(func() {
			r := acme(fmt.Sprint("call", i))
			r.Offer = fmt.Sprint("offers/offer", i)
			if got, err := tills[i%processes].promises.AcceptOffer(staff(t), r); err != nil || got.GetOutcome() != pending {
				t.Errorf("%v, %v", got.GetOutcome(), err)
			}
		})
	}
	all.Wait()
	e, err := w.etcd.Get(t.Context(), "entitlement/unverified/20261122/c-acme/EUR")
	if err != nil || string(e.Value) != fmt.Sprint(offers*9000) {
		t.Errorf("counted %s: %v", e.Value, err)
	}
}
