package entitlement_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// till is a process with promises and offers, and what it told the ledger.
type till struct {
	world
	promises entitlementv1.PromiseServiceServer
	catalog  entitlementv1.CatalogServiceServer
	grants   entitlementv1.GrantServiceServer
	ledger   *books
}

// RegisterService takes what the service registers.
func (w *till) RegisterService(_ *grpc.ServiceDesc, impl any) {
	switch s := impl.(type) {
	case entitlementv1.PromiseServiceServer:
		w.promises = s
	case entitlementv1.CatalogServiceServer:
		w.catalog = s
	case entitlementv1.GrantServiceServer:
		w.grants = s
	}
}

// books are a ledger behind a spool.
type books struct {
	mu sync.Mutex
	// away, full and refuses: what goes wrong.
	away, full, refuses bool
	charges             []*ledgerv1.Charge
}

func (b *books) Append(entry []byte) (spool.Mark, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return spool.Mark{}, spool.ErrFull
	}
	record := &ledgerv1.Record{}
	if err := proto.Unmarshal(entry, record); err != nil {
		return spool.Mark{}, err
	}
	b.charges = append(b.charges, record.GetCharge())
	return spool.Mark{}, nil
}

func (*books) Sync(context.Context, spool.Mark) error { return nil }

func (b *books) Delivered(context.Context, spool.Mark) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.away:
		return spool.ErrAway
	case b.refuses:
		return spool.ErrRefused
	}
	return nil
}

// owed is what the ledger makes of a charge: the record with the highest revision.
func (b *books) owed(promise string) *ledgerv1.Charge {
	b.mu.Lock()
	defer b.mu.Unlock()
	var best *ledgerv1.Charge
	for _, c := range b.charges {
		if c.GetPromise() == promise && c.GetRevision() >= best.GetRevision() {
			best = c
		}
	}
	return best
}

func (b *books) set(away, full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away, b.full = away, full
}

func newTill(t *testing.T) *till {
	t.Helper()
	w := &till{world: newWorld(t), ledger: &books{}}
	w.world = w.process(t, w.ledger)
	return w
}

// process is a service of the same cluster, and with the same clock, that tells a ledger; nil: it has no journal.
func (w *till) process(t *testing.T, ledger *books) world {
	t.Helper()
	cfg := entitlement.Config{
		Store: w.etcd, Rules: tzdata.Fixed(zonestest.Embedded(t)), Log: slog.New(slog.DiscardHandler), Clock: w.clock,
	}
	if ledger != nil {
		cfg.Journal = journal.New(ledger, "test", w.clock, cfg.Log)
	}
	s := entitlement.New(cfg)
	s.Register(w)
	return world{s, w.etcd, w.clock}
}

func staff(t *testing.T) context.Context {
	return rpc.WithPeer(t.Context(), rpc.NewPeer("mary", rpcv1.Role_ROLE_SUPERVISOR))
}

func euros(units int64) *money.Money { return &money.Money{CurrencyCode: "EUR", Units: units} }

// offer is written as an operator does.
func (w *till) offer(t *testing.T, id string, change func(*entitlementv1.Offer)) *entitlementv1.Offer {
	t.Helper()
	o := &entitlementv1.Offer{
		Name: "offers/" + id, DisplayName: "Help now", Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, Price: euros(90),
		Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "One call and calls back.", Version: "2026-07"}},
	}
	if change != nil {
		change(o)
	}
	made, err := w.catalog.UpdateOffer(t.Context(), &entitlementv1.UpdateOfferRequest{
		Offer: o, AllowMissing: true, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (w *till) accept(t *testing.T, r *entitlementv1.AcceptOfferRequest) *entitlementv1.AcceptOfferResponse {
	t.Helper()
	got, err := w.promises.AcceptOffer(staff(t), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// acme rings from its own number.
func acme(call string) *entitlementv1.AcceptOfferRequest {
	return &entitlementv1.AcceptOfferRequest{
		Offer: "offers/call", RequestId: "gw1/" + call + "/2", Customer: "customers/acme", Number: "+61255500111", Line: "lines/gold",
		Gateway: "gw1", CallId: call, How: "pressed 1", TermsVersion: "2026-07", TermsLanguage: "en",
	}
}

func verifiedAcme(call string) *entitlementv1.AcceptOfferRequest {
	r := acme(call)
	r.Verification = entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER
	return r
}

func (w *till) grant(t *testing.T, id string) *publishedv1.Grant {
	t.Helper()
	e, err := w.etcd.Get(t.Context(), published.GrantPrefix+strings.TrimPrefix(id, "grants/"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := published.Grant(e.Value)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (w *till) settle(t *testing.T, p *entitlementv1.Promise, what entitlementv1.Settlement) (*entitlementv1.Promise, error) {
	t.Helper()
	r := &entitlementv1.SettlePromiseRequest{Name: p.GetName(), Settlement: what, Reason: "as agreed with them"}
	if what == entitlementv1.Settlement_SETTLEMENT_CONFIRM {
		r.Verification, r.Reason = entitlementv1.Verification_VERIFICATION_CALL_BACK, ""
	}
	return w.promises.SettlePromise(staff(t), r)
}

const (
	accepted   = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED
	pending    = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING
	limit      = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED
	notOffered = entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED

	owed     = entitlementv1.PromiseState_PROMISE_STATE_OWED
	waiting  = entitlementv1.PromiseState_PROMISE_STATE_PENDING
	disputed = entitlementv1.PromiseState_PROMISE_STATE_DISPUTED
	waived   = entitlementv1.PromiseState_PROMISE_STATE_WAIVED
	lapsed   = entitlementv1.PromiseState_PROMISE_STATE_LAPSED
)

// newShop has a customer, a line, and an offer of 90 EUR for a call.
func newShop(t *testing.T) *till {
	t.Helper()
	w := newTill(t)
	c := customer("acme", "+61255500111", "db")
	c.DisplayName = "Acme Widgets"
	w.create(t, c)
	w.line(t, "gold", "db")
	w.offer(t, "call", nil)
	return w
}

// TestAVerifiedAcceptanceIsOwedAndGrantedAtOnce: promise, grant and what routing is told of it are one commit.
func TestAVerifiedAcceptanceIsOwedAndGrantedAtOnce(t *testing.T) {
	w := newShop(t)
	got := w.accept(t, verifiedAcme("c1"))
	p := got.GetPromise()
	if got.GetOutcome() != accepted || p.GetState() != owed || !proto.Equal(p.GetAmount(), euros(90)) || p.GetLapseTime() != nil {
		t.Fatalf("got %v", got)
	}
	if p.GetTermsText() != "One call and calls back." || p.GetCustomerDisplayName() != "Acme Widgets" ||
		p.GetOfferDisplayName() != "Help now (pay per call)" || p.GetAcceptance().GetTermsVersion() != "2026-07" {
		t.Errorf("what was agreed to: %v", p)
	}
	if e := p.GetTrail(); len(e) != 1 || e[0].GetBy() != "mary" || e[0].GetReason() != "pressed 1" ||
		e[0].GetVerification() != entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER {
		t.Errorf("the trail: %v", e)
	}
	g := w.grant(t, p.GetGrant())
	now := w.clock.Now().Unix()
	if g.GetCustomer() != "acme" || g.GetBasis() != entitlementv1.Basis_BASIS_PROMISE || g.GetNumber() != 0 ||
		g.GetFromUnixS() != now || g.GetToUnixS() != now+4*3600 || g.GetLines()[0] != "gold" || g.GetProduct() != "db" ||
		"promises/"+g.GetPromise() != p.GetName() {
		t.Errorf("granted: %v", g)
	}
	if made, err := w.etcd.Get(t.Context(), published.GrantPrefix+g.GetId()); err != nil {
		t.Error(err)
	} else if source, err := w.etcd.Get(t.Context(), "entitlement/promises/"+g.GetPromise()); err != nil ||
		source.ModRevision != made.ModRevision {
		t.Errorf("promise at %d and grant at %d: %v", source.ModRevision, made.ModRevision, err)
	}
	if c := w.ledger.owed(p.GetName()); c.GetState() != owed || c.GetCustomer() != "customers/acme" || c.GetCallId() != "c1" ||
		!proto.Equal(c.GetAmount(), euros(90)) || c.GetRevision() == 0 {
		t.Errorf("the ledger has %v", c)
	}
	page, err := w.grants.ListGrants(t.Context(), &entitlementv1.ListGrantsRequest{InForce: true})
	if err != nil || len(page.GetGrants()) != 1 || page.GetGrants()[0].GetGrantedBy() != "mary" {
		t.Errorf("listed: %v, %v", page, err)
	}
}

// TestNobodyVerifiedOwesNothing until the customer confirms: the caller is connected all the same.
func TestNobodyVerifiedOwesNothing(t *testing.T) {
	w := newShop(t)
	notTheirs := verifiedAcme("c2")
	notTheirs.Offer, notTheirs.Number = "offers/day", "+61255500999"
	w.offer(t, "day", func(o *entitlementv1.Offer) { o.Kind = entitlementv1.OfferKind_OFFER_KIND_DAY_PASS })
	stranger := verifiedAcme("c3")
	stranger.Customer = ""
	for name, r := range map[string]*entitlementv1.AcceptOfferRequest{
		"nobody vouches": acme("c1"), "an attested number of somebody else": notTheirs, "a number nobody knows": stranger,
	} {
		got := w.accept(t, r)
		p := got.GetPromise()
		if got.GetOutcome() != pending || p.GetState() != waiting ||
			!p.GetLapseTime().AsTime().Equal(w.clock.Now().Add(30*24*time.Hour)) {
			t.Errorf("%s: %v", name, got)
		}
		if g := w.grant(t, p.GetGrant()); g.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE ||
			(g.GetNumber() == 61255500111) != (r.GetCustomer() == "") {
			t.Errorf("%s: granted %v", name, g)
		}
		if c := w.ledger.owed(p.GetName()); c.GetState() == owed {
			t.Errorf("%s: owed: %v", name, c)
		}
		confirmed, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_CONFIRM)
		if err != nil || confirmed.GetState() != owed || len(confirmed.GetTrail()) != 2 || confirmed.GetTrail()[1].GetBy() != "mary" {
			t.Fatalf("%s: confirmed: %v, %v", name, confirmed, err)
		}
		if c := w.ledger.owed(p.GetName()); c.GetState() != owed {
			t.Errorf("%s: confirmed and not owed: %v", name, c)
		}
		if g := w.grant(t, p.GetGrant()); g.GetBasis() != entitlementv1.Basis_BASIS_PROMISE {
			t.Errorf("%s: granted %v", name, g)
		}
	}
}

// TestAnUpgradeThatNobodyConfirmedIsOneOfADay, and of a month once it is confirmed.
func TestAnUpgradeThatNobodyConfirmedIsOneOfADay(t *testing.T) {
	w := newShop(t)
	if _, err := w.catalog.CreatePlan(t.Context(), &entitlementv1.CreatePlanRequest{
		Plan: &entitlementv1.Plan{Name: "plans/platinum", DisplayName: "Platinum"},
	}); err != nil {
		t.Fatal(err)
	}
	w.offer(t, "up", func(o *entitlementv1.Offer) {
		o.Kind, o.Plan = entitlementv1.OfferKind_OFFER_KIND_UPGRADE, "plans/platinum"
	})
	r := acme("c1")
	r.Offer = "offers/up"
	p, began := w.accept(t, r).GetPromise(), w.clock.Now().Unix()
	if g := w.grant(t, p.GetGrant()); g.GetToUnixS() != began+24*3600 || g.GetPlan() != "platinum" || len(g.GetLines()) != 0 {
		t.Errorf("granted %v", g)
	}
	w.clock.Advance(2 * time.Hour)
	p, err := w.settle(t, p, entitlementv1.Settlement_SETTLEMENT_CONFIRM)
	if g := w.grant(t, p.GetGrant()); err != nil || g.GetToUnixS() != began+31*24*3600 || p.GetGrantEndTime().GetSeconds() != g.GetToUnixS() {
		t.Errorf("confirmed, granted %v: %v, %v", g, p, err)
	}
}

// TestADayPassHoldsOnAllLinesThatMakeTheOffer: nobody buys it twice on one day.
func TestADayPassHoldsOnAllLinesThatMakeTheOffer(t *testing.T) {
	w := newShop(t)
	w.offer(t, "day", func(o *entitlementv1.Offer) { o.Kind = entitlementv1.OfferKind_OFFER_KIND_DAY_PASS })
	for id, offers := range map[string][]string{"gold": {"day"}, "gold-de": {"call", "day"}, "other": {"call"}} {
		value, err := published.Marshal(&publishedv1.Line{Id: id, Product: "db", Offers: offers})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(published.LinePrefix+id, value)}); err != nil {
			t.Fatal(err)
		}
	}
	byLetter := verifiedAcme("letter")
	byLetter.Line = ""
	if g := w.grant(t, w.accept(t, byLetter).GetPromise().GetGrant()); fmt.Sprint(g.GetLines()) != "[gold-de other]" {
		t.Errorf("without a line that was called: %v", g)
	}
	r := verifiedAcme("c1")
	r.Offer = "offers/day"
	if g := w.grant(t, w.accept(t, r).GetPromise().GetGrant()); fmt.Sprint(g.GetLines()) != "[gold gold-de]" ||
		g.GetToUnixS()-g.GetFromUnixS() != 24*3600 {
		t.Errorf("granted %v", g)
	}
}

// TestAcceptedTwiceIsPromisedOnce: the same request; another one while the first holds; and many at once at several processes.
func TestAcceptedTwiceIsPromisedOnce(t *testing.T) {
	w := newShop(t)
	first := w.accept(t, acme("c1"))
	w.clock.Advance(time.Hour)
	for name, r := range map[string]*entitlementv1.AcceptOfferRequest{"the same request": acme("c1"), "in another call": acme("c2")} {
		if again := w.accept(t, r); again.GetOutcome() != pending || again.GetPromise().GetName() != first.GetPromise().GetName() {
			t.Errorf("%s: %v", name, again)
		}
	}
	// Whoever accepts it again, and shows who they are, confirms it.
	if again := w.accept(t, verifiedAcme("c3")); again.GetOutcome() != accepted ||
		again.GetPromise().GetName() != first.GetPromise().GetName() || again.GetPromise().GetState() != owed {
		t.Errorf("verified: %v", again)
	}
	w.clock.Advance(4 * time.Hour)
	for _, call := range []string{"c1", "c2", "c3"} { // as they were asked before, however late
		if again := w.accept(t, acme(call)); again.GetPromise().GetName() != first.GetPromise().GetName() {
			t.Errorf("%s, later: %v", call, again)
		}
	}
	if next := w.accept(t, acme("c4")); next.GetPromise().GetName() <= first.GetPromise().GetName() {
		t.Errorf("a call on the next day is another one, and sorts later: %v", next)
	}

	processes := []*till{{world: w.world}, {world: w.world}, {world: w.world}}
	for _, p := range processes {
		p.world = p.process(t, w.ledger)
	}
	names, all := sync.Map{}, sync.WaitGroup{}
	for i := range 12 {
		all.Go(func() {
			r := acme("same")
			r.Customer, r.Number = "", "+61255500777"
			if i%2 == 0 {
				r.RequestId = fmt.Sprint("gw1/other/", i)
			}
			got, err := processes[i%3].promises.AcceptOffer(staff(t), r)
			if err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
				t.Error(err)
			}
			if err == nil {
				names.Store(got.GetPromise().GetName(), true)
			}
		})
	}
	all.Wait()
	count := 0
	names.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Errorf("%d promises of twelve at once", count)
	}
}

// TestHowMuchIsAcceptedUnverifiedInADay is limited by customer and by number; what is confirmed counts no more.
func TestHowMuchIsAcceptedUnverifiedInADay(t *testing.T) {
	w := newShop(t)
	for _, id := range []string{"call", "two", "three", "four"} {
		w.offer(t, id, func(o *entitlementv1.Offer) { o.MaxUnverifiedPerDay = euros(200) })
	}
	try := func(id string, change func(*entitlementv1.AcceptOfferRequest)) *entitlementv1.AcceptOfferResponse {
		r := acme("call-of-" + id)
		r.Offer = "offers/" + id
		if change != nil {
			change(r)
		}
		return w.accept(t, r)
	}
	first := try("call", nil)
	if got := try("two", nil); first.GetOutcome() != pending || got.GetOutcome() != pending {
		t.Fatalf("180 of 200: %v, %v", first, got)
	}
	got := try("three", nil)
	if got.GetOutcome() != limit || got.GetPromise() != nil || !strings.Contains(got.GetDetail(), "EUR 200.00") ||
		!strings.Contains(got.GetDetail(), "EUR 180.00") {
		t.Errorf("270 of 200: %v", got)
	}
	if got := try("call", nil); got.GetOutcome() != pending || got.GetPromise().GetName() != first.GetPromise().GetName() {
		t.Errorf("what stands already is answered: %v", got)
	}
	if got := try("three", func(r *entitlementv1.AcceptOfferRequest) {
		r.Verification = entitlementv1.Verification_VERIFICATION_PIN
	}); got.GetOutcome() != accepted {
		t.Errorf("verified callers have no limit: %v", got)
	}
	if got := try("four", func(r *entitlementv1.AcceptOfferRequest) { r.Customer, r.Number = "", "+61255500777" }); got.GetOutcome() != pending {
		t.Errorf("a number nobody knows has an amount of its own: %v", got)
	}
	if _, err := w.settle(t, first.GetPromise(), entitlementv1.Settlement_SETTLEMENT_CONFIRM); err != nil {
		t.Fatal(err)
	}
	if got := try("four", func(r *entitlementv1.AcceptOfferRequest) { r.RequestId = "after the confirmation" }); got.GetOutcome() != pending {
		t.Errorf("90 were confirmed: %v", got)
	}
	w.clock.Advance(24 * time.Hour)
	for _, id := range []string{"call", "two"} {
		if got := try(id, func(r *entitlementv1.AcceptOfferRequest) { r.RequestId = "next day " + id }); got.GetOutcome() != pending {
			t.Errorf("the next day: %v", got)
		}
	}
	w.offer(t, "none", func(o *entitlementv1.Offer) { o.MaxUnverifiedPerDay = euros(0) })
	if got := try("none", nil); got.GetOutcome() != limit {
		t.Errorf("a limit of 0: %v", got)
	}
}

// TestWhatIsNotOffered is an outcome, and nothing is written of it.
func TestWhatIsNotOffered(t *testing.T) {
	w := newShop(t)
	w.offer(t, "gone", func(o *entitlementv1.Offer) { o.Withdrawn = true })
	for _, c := range []struct {
		name   string
		change func(*entitlementv1.AcceptOfferRequest)
	}{
		{"withdrawn", func(r *entitlementv1.AcceptOfferRequest) { r.Offer = "offers/gone" }},
		{"gone", func(r *entitlementv1.AcceptOfferRequest) { r.Offer = "offers/never-was" }},
		{"other terms", func(r *entitlementv1.AcceptOfferRequest) { r.TermsVersion = "2025-01" }},
		{"another currency", func(r *entitlementv1.AcceptOfferRequest) { r.Price = &money.Money{CurrencyCode: "USD", Units: 90} }},
		{"nobody", func(r *entitlementv1.AcceptOfferRequest) { r.Customer, r.Number = "", "" }},
	} {
		r := verifiedAcme("c-" + c.name)
		c.change(r)
		if got := w.accept(t, r); got.GetOutcome() != notOffered || got.GetDetail() == "" || got.GetPromise() != nil {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for name, change := range map[string]func(*entitlementv1.AcceptOfferRequest){
		"a card's number":      func(r *entitlementv1.AcceptOfferRequest) { r.How = "card 4111 1111 1111 1111" },
		"a number that is not": func(r *entitlementv1.AcceptOfferRequest) { r.Number = "0255500111" },
		"too many decimals": func(r *entitlementv1.AcceptOfferRequest) {
			r.Price = &money.Money{CurrencyCode: "EUR", Units: 1, Nanos: 1}
		},
	} {
		r := verifiedAcme("x-" + name)
		change(r)
		_, err := w.promises.AcceptOffer(staff(t), r)
		wantReason(t, name, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if strings.Contains(err.Error(), "4111") || strings.Contains(err.Error(), "0255500111") {
			t.Error(err)
		}
	}
	r := verifiedAcme("of-nobody")
	r.Customer = "customers/nobody"
	_, err := w.promises.AcceptOffer(staff(t), r)
	wantReason(t, "no such customer", err, rpcv1.Reason_REASON_MISSING_REFERENCE)
	for _, prefix := range []string{"entitlement/promise", "entitlement/grants/", "entitlement/unverified/", "entitlement/charges"} {
		if left, _, err := w.etcd.ListAll(t.Context(), prefix); err != nil || len(left) != 0 {
			t.Errorf("written: %v, %v", left, err)
		}
	}
}
