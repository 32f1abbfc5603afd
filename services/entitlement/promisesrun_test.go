package entitlement_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

func TestPromisesAreSettled(t *testing.T) {
	w := newShop(t)
	p := w.accept(t, verifiedAcme("c1")).GetPromise()
	for _, step := range []struct {
		what entitlementv1.Settlement
		want entitlementv1.PromiseState
	}{
		{entitlementv1.Settlement_SETTLEMENT_CONFIRM, owed}, // it is already: that is noted
		{entitlementv1.Settlement_SETTLEMENT_DISPUTE, disputed},
		{entitlementv1.Settlement_SETTLEMENT_DISPUTE, disputed},
		{entitlementv1.Settlement_SETTLEMENT_UPHOLD, owed},
		{entitlementv1.Settlement_SETTLEMENT_WAIVE, waived},
	} {
		got, err := w.settle(t, p, step.what)
		if err != nil || got.GetState() != step.want || w.ledger.owed(p.GetName()).GetState() != step.want {
			t.Fatalf("%v: %v, %v", step.what, got, err)
		}
	}
	_, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_UPHOLD)
	wantReason(t, "what was waived", err, rpcv1.Reason_REASON_WRONG_STATE)
	_, err = w.promises.SettlePromise(staff(t), &entitlementv1.SettlePromiseRequest{
		Name: p.GetName(), Settlement: entitlementv1.Settlement_SETTLEMENT_WAIVE, Etag: p.GetEtag(),
	})
	wantReason(t, "an old etag", err, rpcv1.Reason_REASON_CONFLICT)
	_, err = w.promises.GetPromise(staff(t), &entitlementv1.GetPromiseRequest{Name: "promises/none"})
	wantReason(t, "none", err, rpcv1.Reason_REASON_NOT_FOUND)
	got, err := w.promises.GetPromise(staff(t), &entitlementv1.GetPromiseRequest{Name: p.GetName()})
	if err != nil || len(got.GetTrail()) != 5 {
		t.Errorf("the trail: %v, %v", got.GetTrail(), err)
	}
}

// TestWhatIsWaivedWasGiven: nobody pays for the grant any more, and it holds for as long as it did.
func TestWhatIsWaivedWasGiven(t *testing.T) {
	w := newShop(t)
	for call, verified := range map[string]bool{"c1": true, "c2": false} {
		r := verifiedAcme(call)
		if !verified {
			r.Verification, r.Customer = entitlementv1.Verification_VERIFICATION_UNSPECIFIED, ""
		}
		p := w.accept(t, r).GetPromise()
		ends := w.grant(t, p.GetGrant()).GetToUnixS()
		p, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_WAIVE)
		if err != nil || p.GetState() != waived {
			t.Fatalf("%v, %v", p, err)
		}
		g := w.grant(t, p.GetGrant())
		if g.GetBasis() != entitlementv1.Basis_BASIS_COMPLIMENTARY || g.GetToUnixS() != ends {
			t.Errorf("verified %v, routing is told %v", verified, g)
		}
	}
	list, err := w.grants.ListGrants(staff(t), &entitlementv1.ListGrantsRequest{})
	if err != nil || len(list.GetGrants()) != 2 {
		t.Fatal(list, err)
	}
	for _, g := range list.GetGrants() {
		if g.GetBasis() != entitlementv1.Basis_BASIS_COMPLIMENTARY || g.GetGrantedBy() != "mary" ||
			!strings.HasSuffix(g.GetReason(), ", waived: why is in promises/"+strings.TrimPrefix(g.GetName(), "grants/")) {
			t.Errorf("listed is %v", g)
		}
	}
}

// TestAPendingPromiseLapses in its time, once, whichever processes are there; and is owed by nobody then.
func TestAPendingPromiseLapses(t *testing.T) {
	w := newShop(t)
	w.offer(t, "call", func(o *entitlementv1.Offer) { o.ConfirmWithin = durationpb.New(48 * time.Hour) })
	p := w.accept(t, acme("c1")).GetPromise()
	w.clock.Advance(48 * time.Hour)
	get := func() *entitlementv1.Promise {
		got, err := w.promises.GetPromise(staff(t), &entitlementv1.GetPromiseRequest{Name: p.GetName()})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := get(); got.GetState() != lapsed || got.GetEtag() != p.GetEtag() {
		t.Errorf("before anybody wrote it down: %v", got)
	}
	_, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_CONFIRM)
	wantReason(t, "too late", err, rpcv1.Reason_REASON_WRONG_STATE)
	w.follow(t)
	other := &books{}
	w.process(t, other).follow(t)
	await.True(t, "the lapse is written", func() bool { return get().GetEtag() != p.GetEtag() })
	await.True(t, "the ledger hears of it", func() bool {
		return (w.ledger.owed(p.GetName()).GetState() == lapsed || other.owed(p.GetName()).GetState() == lapsed) && len(w.untold(t)) == 0
	})
	if got := get(); len(got.GetTrail()) != 2 || !got.GetTrail()[1].GetTime().AsTime().Equal(p.GetLapseTime().AsTime()) {
		t.Errorf("the trail: %v", got.GetTrail())
	}
	if left, _, err := w.etcd.ListAll(t.Context(), "entitlement/promises-pending/"); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestAPromiseThatCannotBeReadHoldsUpNoOther: neither from lapsing, nor the ledger from hearing of it.
func TestAPromiseThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	w := newShop(t)
	w.ledger.set(false, true) // told in the next round
	p := w.accept(t, acme("c1")).GetPromise()
	writes := []*rpcv1.Write{coord.Put("entitlement/promises-pending/20200101T000000-bad-000", nil)}
	for i := range 120 {
		id := fmt.Sprintf("bad-%03d", i)
		writes = append(writes, coord.Put("entitlement/promises/"+id, []byte{0xff}), coord.Put("entitlement/charges-untold/0-"+id, nil),
			coord.Put("entitlement/promises/0-"+id, []byte{0xff}))
		if len(writes) > 100 {
			if _, err := w.etcd.Commit(t.Context(), nil, writes); err != nil {
				t.Fatal(err)
			}
			writes = nil
		}
	}
	if _, err := w.etcd.Commit(t.Context(), nil, writes); err != nil {
		t.Fatal(err)
	}
	w.ledger.set(false, false)
	w.clock.Advance(31 * 24 * time.Hour)
	w.follow(t)
	await.True(t, "it lapses, and the ledger hears of it", func() bool {
		w.clock.Advance(time.Minute)
		return w.ledger.owed(p.GetName()).GetState() == lapsed
	})
}

func (w *till) untold(t *testing.T) []coord.Entry {
	t.Helper()
	left, _, err := w.etcd.ListAll(t.Context(), "entitlement/charges-untold/")
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestTheLedgerHearsOfEveryCharge: of one whose process had no disk, or no room, and died then, by the next process.
func TestTheLedgerHearsOfEveryCharge(t *testing.T) {
	w := newShop(t)
	w.ledger.set(true, true)
	p := w.accept(t, verifiedAcme("c1")).GetPromise()
	if w.ledger.owed(p.GetName()) != nil || len(w.untold(t)) != 1 {
		t.Fatalf("noted: %v", w.untold(t))
	}
	w.clock.Advance(2 * time.Minute)
	next := &books{away: true}
	w.process(t, next).follow(t)
	await.True(t, "another process tells it", func() bool { return next.owed(p.GetName()).GetState() == owed })
	if len(w.untold(t)) != 1 {
		t.Error("told to nobody who has it")
	}
	next.set(false, false)
	await.True(t, "the ledger has it", func() bool { w.clock.Advance(time.Minute); return len(w.untold(t)) == 0 })
}

// TestAChargeThatTheLedgerRefusesIsSentAgain: one of an older release takes none, until it is replaced.
func TestAChargeThatTheLedgerRefusesIsSentAgain(t *testing.T) {
	w := newShop(t)
	w.ledger.refuses = true
	p := w.accept(t, verifiedAcme("c1")).GetPromise()
	w.follow(t)
	sent := func() int {
		w.ledger.mu.Lock()
		defer w.ledger.mu.Unlock()
		return len(w.ledger.charges)
	}
	await.True(t, "sent again after an hour", func() bool { w.clock.Advance(time.Minute); return sent() > 1 })
	if since := w.clock.Now().Sub(p.GetCreateTime().AsTime()); since < time.Hour || len(w.untold(t)) != 1 {
		t.Errorf("sent again after %v; %d are marked", since, len(w.untold(t)))
	}
	w.ledger.mu.Lock()
	w.ledger.refuses = false
	w.ledger.mu.Unlock()
	await.True(t, "the ledger has it", func() bool { w.clock.Advance(time.Minute); return len(w.untold(t)) == 0 })
}

// TestPromisesAreListed, by customer and by state, in pages.
func TestPromisesAreListed(t *testing.T) {
	w := newShop(t)
	w.create(t, customer("initech", "+61255500222", "db"))
	for i := range 6 {
		r := acme(fmt.Sprint("call", i))
		if i%2 == 1 {
			r.Customer, r.Number = "customers/initech", "+61255500222"
		}
		if i >= 4 {
			r.Verification = entitlementv1.Verification_VERIFICATION_PIN
		}
		w.accept(t, r)
		w.clock.Advance(5 * time.Hour)
	}
	for _, c := range []struct {
		request *entitlementv1.ListPromisesRequest
		want    int
	}{
		{&entitlementv1.ListPromisesRequest{}, 6},
		{&entitlementv1.ListPromisesRequest{PageSize: 1}, 6},
		{&entitlementv1.ListPromisesRequest{PageSize: 4, Customer: "customers/acme"}, 3},
		{&entitlementv1.ListPromisesRequest{PageSize: 1, State: waiting}, 4},
		{&entitlementv1.ListPromisesRequest{PageSize: 1, State: owed, Customer: "customers/initech"}, 1},
		{&entitlementv1.ListPromisesRequest{State: waived}, 0},
		{&entitlementv1.ListPromisesRequest{Customer: "customers/nobody"}, 0},
	} {
		request, got, last := c.request, 0, ""
		for {
			page, err := w.promises.ListPromises(staff(t), request)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.GetPromises() {
				if p.GetName() <= last {
					t.Errorf("%s after %s", p.GetName(), last)
				}
				last = p.GetName()
				got++
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				break
			}
		}
		if got != c.want {
			t.Errorf("%v: %d", request, got)
		}
	}
	_, err := w.promises.ListPromises(staff(t), &entitlementv1.ListPromisesRequest{PageToken: "xx"})
	wantReason(t, "no page", err, rpcv1.Reason_REASON_INVALID_FIELD)
}

// TestWhoSeesWhat: as in calls, numbers, persons and recordings are for supervisors; others see that there are some. No number
// stands in a key.
func TestWhoSeesWhat(t *testing.T) {
	w := newShop(t)
	r := acme("c1")
	r.Customer, r.RecordingUri, r.Person = "", "https://rec.example/1", "Jane"
	p := w.accept(t, r).GetPromise()
	for role, want := range map[rpcv1.Role]string{
		rpcv1.Role_ROLE_SUPERVISOR: "+61255500111 Jane https://rec.example/1", rpcv1.Role_ROLE_SITE: "+61…11 (hidden) (hidden)",
		rpcv1.Role_ROLE_AUDITOR: "+61…11 (hidden) (hidden)",
	} {
		got, err := w.promises.GetPromise(rpc.WithPeer(t.Context(), rpc.NewPeer("x", role)), &entitlementv1.GetPromiseRequest{Name: p.GetName()})
		a := got.GetAcceptance()
		if shown := strings.Join([]string{a.GetNumber(), a.GetPerson(), a.GetRecordingUri()}, " "); err != nil || shown != want {
			t.Errorf("%v sees %q, %v", role, shown, err)
		}
	}
	entries, _, err := w.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Key, "55500111") {
			t.Errorf("key %s", e.Key)
		}
	}
}

// TestWhoGaveUpTriesAgain: nothing half is left of an acceptance whose time was over.
func TestWhoGaveUpTriesAgain(t *testing.T) {
	w := newShop(t)
	ctx, cancel := context.WithCancel(staff(t))
	cancel()
	_, err := w.promises.AcceptOffer(ctx, verifiedAcme("c1"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := w.accept(t, verifiedAcme("c1")); got.GetOutcome() != accepted {
		t.Errorf("tried again: %v", got)
	}
}

// TestWhatWasSaidIsWhatIsOwed: of a price that has changed since; and what was kept on a disk is of when it was accepted.
func TestWhatWasSaidIsWhatIsOwed(t *testing.T) {
	w := newShop(t)
	then := w.clock.Now()
	w.clock.Advance(3 * time.Hour)
	w.offer(t, "call", func(o *entitlementv1.Offer) { o.Price, o.Withdrawn = euros(120), true })
	r := verifiedAcme("c1")
	r.Price, r.AcceptTime = euros(90), timestamppb.New(then)
	p := w.accept(t, r).GetPromise()
	if !proto.Equal(p.GetAmount(), euros(90)) || p.GetState() != waiting || !strings.Contains(p.GetTrail()[0].GetReason(), "EUR 120.00") ||
		!strings.Contains(p.GetTrail()[0].GetReason(), "withdrawn before") || !strings.Contains(p.GetTrail()[0].GetReason(), "3h0m0s later") {
		t.Errorf("got %v", p)
	}
	if g := w.grant(t, p.GetGrant()); g.GetFromUnixS() != then.Unix() || g.GetToUnixS() != then.Unix()+4*3600 {
		t.Errorf("granted %v", g)
	}
	if !strings.HasPrefix(p.GetName(), "promises/20261122-090000-") {
		t.Errorf("named by when it was accepted: %s", p.GetName())
	}
	// Another one of two hours before, which was on a disk of another process, is of the same time: promised once.
	before := verifiedAcme("c0")
	before.AcceptTime = timestamppb.New(then.Add(-2 * time.Hour))
	if got := w.accept(t, before); got.GetPromise().GetName() != p.GetName() {
		t.Errorf("of the same time: %v", got)
	}
	// One of the day before is not, and is not what the next caller is told of.
	w.offer(t, "call", nil)
	before.RequestId, before.AcceptTime = "of the day before", timestamppb.New(then.Add(-24*time.Hour))
	if got := w.accept(t, before); got.GetPromise().GetName() >= p.GetName() {
		t.Errorf("of the day before: %v", got)
	}
	if got := w.accept(t, acme("c9")); got.GetPromise().GetName() != p.GetName() {
		t.Errorf("the next: %v", got)
	}
	future := acme("c2")
	future.Customer, future.Number, future.AcceptTime = "", "+61255500888", timestamppb.New(w.clock.Now().Add(time.Hour))
	future.Offer = "offers/other"
	w.offer(t, "other", nil)
	if p := w.accept(t, future).GetPromise(); p.GetAcceptance().GetAcceptTime().AsTime().After(w.clock.Now()) {
		t.Errorf("from the future: %v", p)
	}
}

// TestManyAtOnceDoNotGetBeyondTheLimit: what is counted is what was promised, whatever several processes do at once.
func TestManyAtOnceDoNotGetBeyondTheLimit(t *testing.T) {
	w := newShop(t)
	const offers = 6
	for i := range offers {
		w.offer(t, fmt.Sprint("offer", i), func(o *entitlementv1.Offer) { o.MaxUnverifiedPerDay = euros(200) })
	}
	other := &till{world: w.world}
	other.world = other.process(t, w.ledger)
	var all sync.WaitGroup
	for i := range offers * 2 {
		all.Go(func() {
			r := acme(fmt.Sprint("call", i))
			r.Offer = fmt.Sprint("offers/offer", i%offers)
			_, err := []*till{w, other}[i%2].promises.AcceptOffer(staff(t), r)
			if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := w.promises.ListPromises(staff(t), &entitlementv1.ListPromisesRequest{Customer: "customers/acme"})
	if err != nil || len(page.GetPromises()) != 2 {
		t.Errorf("%d promises of 90 within 200: %v", len(page.GetPromises()), err)
	}
	e, err := w.etcd.Get(t.Context(), "entitlement/unverified/20261122/c-acme/EUR")
	if err != nil || string(e.Value) != "18000" {
		t.Errorf("counted %s: %v", e.Value, err)
	}
	// Of days long ago nothing is kept.
	w.clock.Advance(50 * 24 * time.Hour)
	w.follow(t)
	await.True(t, "the day is forgotten", func() bool {
		left, _, err := w.etcd.ListAll(t.Context(), "entitlement/unverified/")
		return err == nil && len(left) == 0
	})
}
