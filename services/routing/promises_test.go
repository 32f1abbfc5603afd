package routing_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	endedNumber = phone.Number(13035550101)
	endedANI    = "+13035550101"
)

// ledgerOfPromises is entitlement as a routing process sees it: each request_id is one promise.
type ledgerOfPromises struct {
	entitlementv1.PromiseServiceClient
	mu      sync.Mutex
	asked   []*entitlementv1.AcceptOfferRequest
	stuck   bool
	err     error
	outcome entitlementv1.AcceptOutcome
	// stumbles is the ID of a call over whose acceptances it stumbles.
	stumbles string
	// hangUp is what the gateway does while it commits, which takes as long as it may; nothing where it is nil.
	hangUp context.CancelFunc
}

func (l *ledgerOfPromises) be(stuck bool, err error, outcome entitlementv1.AcceptOutcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stuck, l.err, l.outcome = stuck, err, outcome
}

func (l *ledgerOfPromises) AcceptOffer(
	ctx context.Context, r *entitlementv1.AcceptOfferRequest, _ ...grpc.CallOption,
) (*entitlementv1.AcceptOfferResponse, error) {
	l.mu.Lock()
	stuck, err, outcome, hangUp := l.stuck, l.err, l.outcome, l.hangUp
	if err == nil && l.stumbles != "" && r.GetCallId() == l.stumbles {
		err = rpc.Status(fault.Internal(errors.New("a record cannot be read"))).Err()
	}
	if !stuck && err == nil {
		l.asked = append(l.asked, proto.CloneOf(r))
	}
	l.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if err != nil {
		return nil, err
	}
	if hangUp != nil {
		hangUp()
		<-ctx.Done()
		if errors.Is(ctx.Err(), context.Canceled) { // committed, and nobody hears of it
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	answer := &entitlementv1.AcceptOfferResponse{Outcome: outcome}
	if outcome <= entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING {
		answer.Promise = &entitlementv1.Promise{Name: "promises/p-" + r.GetRequestId()}
	}
	return answer, nil
}

func (l *ledgerOfPromises) GetPromise(
	_ context.Context, r *entitlementv1.GetPromiseRequest, _ ...grpc.CallOption,
) (*entitlementv1.Promise, error) {
	for _, a := range l.all() {
		if strings.HasSuffix(r.GetName(), "-"+published.PromiseMark(a.GetRequestId())) {
			return &entitlementv1.Promise{Name: r.GetName(), Acceptance: a}, nil
		}
	}
	return nil, rpc.Status(fault.NotFound(r.GetName())).Err()
}

func (l *ledgerOfPromises) all() []*entitlementv1.AcceptOfferRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

// shop is a routing process that has somebody to tell of acceptances, and a disk where dir is given.
type shop struct {
	*house
	routing  routingv1.RoutingServiceClient
	promises *ledgerOfPromises
	log      *logBuffer
	records  *notebook
}

// notebook holds records of decisions.
type notebook struct {
	mu        sync.Mutex
	decisions []*routingv1.DecisionRecord
}

func (b *notebook) Append(entry []byte) (spool.Mark, error) {
	r := &ledgerv1.Record{}
	if err := proto.Unmarshal(entry, r); err != nil {
		return spool.Mark{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.GetDecision() != nil {
		b.decisions = append(b.decisions, r.GetDecision())
	}
	return spool.Mark{}, nil
}

func (*notebook) Sync(context.Context, spool.Mark) error { return nil }

func (*notebook) Delivered(context.Context, spool.Mark) error { return nil }

// last is the last decision of a call.
func (b *notebook) last(callID string) (last *routingv1.DecisionRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.decisions {
		if d.GetCallId() == callID {
			last = d
		}
	}
	return last
}

func openShop(t *testing.T, dir string) *shop {
	t.Helper()
	h := staffed(t)
	offering := viewtest.Offering(line("shop", goldNumber+5, "sydney"), "once", "day")
	ended := viewtest.Customer("ended", []phone.Number{endedNumber}, viewtest.Contract("", -100, -50))
	h.applied(t, h.put(t, viewtest.LineRecord(offering), viewtest.OfferRecord(viewtest.Offer("once")),
		viewtest.OfferRecord(viewtest.Offer("day")), viewtest.CustomerRecord(ended)))
	s := &shop{
		house: h, promises: &ledgerOfPromises{outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING}, log: &logBuffer{},
		records: &notebook{},
	}
	s.routing = h.beside(t, func(d *routing.Deps) {
		d.Promises, d.Logger = s.promises, slog.New(slog.NewTextHandler(s.log, nil))
		d.Journal = journal.New(s.records, "test", h.clock, d.Logger)
		if dir != "" {
			d.PromiseSpool = openSpool(t, dir)
		}
	})
	await.True(t, "the shop is open", func() bool {
		return step(s.customer("probe", endedANI).begins(t)) == "prompt OFFER"
	})
	return s
}

// unhurried is a spool whose disk is waited for, however busy this machine is.
type unhurried struct{ *spool.Spool }

func (u unhurried) Sync(ctx context.Context, at spool.Mark) error {
	return u.Spool.Sync(context.WithoutCancel(ctx), at)
}

func openSpool(t *testing.T, dir string) unhurried {
	t.Helper()
	s, err := spool.Open(spool.Config{
		Dir: dir, SegmentBytes: 32 << 10, MaxBytes: 1 << 20, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return unhurried{s}
}

func (s *shop) customer(id, from string) *gateway {
	g := s.gateway(id, (goldNumber + 5).String(), from)
	g.routing = s.routing
	return g
}

const connected = "lines/shop sydney.1 last-resort"

func TestAnAcceptedOfferIsCommittedBeforeTheCallerIsConnected(t *testing.T) {
	s := openShop(t, "")
	g := s.customer("1", endedANI)
	prompt := g.begins(t)
	const text = "This call is not covered by a contract. It costs EUR 100.00. Payment within 30 days. " +
		"To accept, press 1. This call is not covered by a contract. It costs EUR 100.00. Payment within 30 days. " +
		"To accept, press 2. Otherwise, press 0, or just wait."
	if e := prompt.GetExplanation(); prompt.GetPrompt().GetText() != text || prompt.GetPrompt().GetMaxDigits() != 1 ||
		!slices.Equal(e.GetOffers(), []string{"offers/once", "offers/day"}) || e.GetOffer() != routingv1.OfferFate_OFFER_FATE_MADE ||
		e.GetBasis() != entitlementv1.Basis_BASIS_CONTRACT_ENDED {
		t.Fatalf("%v", prompt)
	}
	token := prompt.GetContinuation()
	route := g.goesOn(t, typed("2"))
	e := route.GetExplanation()
	if step(route) != connected || e.GetOffer() != routingv1.OfferFate_OFFER_FATE_PENDING ||
		e.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE || !slices.Equal(e.GetOffers(), []string{"offers/day"}) ||
		e.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		t.Errorf("%s, %v", step(route), e)
	}
	r := s.promises.all()[0]
	if r.GetOffer() != "offers/day" || r.GetCustomer() != "customers/ended" || r.GetNumber() != endedANI ||
		r.GetLine() != "lines/shop" || r.GetGateway() != "media-1" || r.GetCallId() != "1" || r.GetHow() != "pressed 2" ||
		money.String(r.GetPrice()) != "EUR 100.00" || r.GetTermsLanguage() != "en" || r.GetTermsVersion() != "1" ||
		r.GetVerification() != 0 || !r.GetAcceptTime().AsTime().Equal(s.clock.Now()) {
		t.Errorf("%v", r)
	}
	if e.GetPromise() != "promises/p-"+r.GetRequestId() {
		t.Error(e.GetPromise())
	}
	accepted := s.records.last("1").GetState().GetAccepted()
	// A gateway that heard no answer asks again: the same acceptance, whatever its caller says to that.
	for _, input := range []string{"2", "1", "9", "0", ""} {
		again := typed(input)
		again.Continuation = token
		if got := g.goesOn(t, again); step(got) != connected || !proto.Equal(promised(got), promised(route)) ||
			!proto.Equal(s.records.last("1").GetState().GetAccepted(), accepted) {
			t.Errorf("%q: %s, %v", input, step(got), got.GetExplanation())
		}
	}
	// The call goes on as one of somebody who is entitled, whatever is tried.
	if e := g.goesOn(t, tried("sydney.1=BUSY")).GetExplanation(); e.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED ||
		e.GetOffer() != routingv1.OfferFate_OFFER_FATE_PENDING {
		t.Errorf("%v", e)
	}
	if strings.Contains(s.log.String(), endedANI[1:]) {
		t.Errorf("the number is in the log: %s", s.log)
	}
}

// promised is what a step says of an offer.
func promised(r *routingv1.Route) *routingv1.Explanation {
	e := r.GetExplanation()
	return &routingv1.Explanation{Offer: e.GetOffer(), Offers: e.GetOffers(), Promise: e.GetPromise(), Basis: e.GetBasis()}
}

// What was promised stands, at whichever process the gateway asks again, and whatever its caller says to that.
func TestAnAnswerThatWasLostIsGivenAgainByAnotherProcess(t *testing.T) {
	s := openShop(t, "")
	g := s.customer("1", endedANI)
	token := g.begins(t).GetContinuation()
	g.goesOn(t, typed("2"))
	other, records := &ledgerOfPromises{outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING}, &notebook{}
	g.routing = s.beside(t, func(d *routing.Deps) {
		d.Promises, d.Journal = other, journal.New(records, "test", s.clock, slog.New(slog.DiscardHandler))
	})
	id := "20250101-000000-" + published.PromiseMark(s.promises.all()[0].GetRequestId())
	gives := viewtest.Grant(id, "ended", entitlementv1.Basis_BASIS_PENDING_PROMISE, -1, 24)
	s.put(t, viewtest.GrantRecord(gives))
	probe := s.customer("probe", endedANI)
	probe.routing = g.routing
	await.True(t, "the promise is in force there", func() bool { return step(probe.begins(t)) == connected })
	for _, told := range []struct {
		input string
		known bool
	}{{"9", false}, {"9", true}, {"1", true}} {
		if told.known {
			other.mu.Lock()
			other.asked = s.promises.all()
			other.mu.Unlock()
		}
		again := typed(told.input)
		again.Continuation = token
		e := g.goesOn(t, again).GetExplanation()
		if e.GetOffer() != routingv1.OfferFate_OFFER_FATE_PENDING || e.GetPromise() != "promises/"+id ||
			e.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE || e.GetFollowUp() {
			t.Errorf("%v: %v", told, e)
		}
		if was := records.last("1").GetState().GetAccepted().GetOffer(); was != map[bool]string{true: "day"}[told.known] {
			t.Errorf("%v: accepted %q", told, was)
		}
	}
}

// A gateway that hangs up while an acceptance is committed takes nothing back: the record says what stands.
func TestAnAcceptanceIsRecordedThoughTheGatewayIsGone(t *testing.T) {
	t.Parallel() // it waits for as long as an acceptance may take

	s := openShop(t, "")
	g := s.customer("1", endedANI)
	g.begins(t)
	ctx, hangUp := context.WithCancel(t.Context())
	s.promises.mu.Lock()
	s.promises.hangUp = hangUp
	s.promises.mu.Unlock()
	_, _ = g.routing.ContinueCall(ctx, &routingv1.ContinueCallRequest{
		CallId: g.id, DialledNumber: g.to, Gateway: g.info(), Caller: g.caller(),
		Continuation: g.last.GetContinuation(), Input: &routingv1.Input{Digits: "1"},
	}) // it may hear of it, or not
	await.True(t, "the step is recorded", func() bool { return s.records.last("1").GetStep() == 2 })
	if d := s.records.last("1"); d.GetOffer() != routingv1.OfferFate_OFFER_FATE_PENDING || d.GetPromise() == "" {
		t.Errorf("%v, %q", d.GetOffer(), d.GetPromise())
	}
}

func TestWhoeverIsVerifiedOwes(t *testing.T) {
	s := openShop(t, "")
	s.promises.be(false, nil, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED)
	g := s.customer("1", endedANI)
	g.attested = true
	g.begins(t)
	if e := g.goesOn(t, typed("1")).GetExplanation(); e.GetBasis() != entitlementv1.Basis_BASIS_PROMISE ||
		s.promises.all()[0].GetVerification() != entitlementv1.Verification_VERIFICATION_ATTESTED_NUMBER {
		t.Errorf("%v", e)
	}
	stranger := s.customer("2", strangerANI)
	stranger.begins(t)
	stranger.from, stranger.to = "", "" // a later request need not say them again
	stranger.goesOn(t, typed("1"))
	if r := s.promises.all()[1]; r.GetCustomer() != "" || r.GetNumber() != strangerANI || r.GetVerification() != 0 {
		t.Errorf("%v", r)
	}
}

func TestWhatCannotBeRecordedIsHelpedFirst(t *testing.T) {
	s := openShop(t, t.TempDir())
	limit, gone := entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED
	refused := rpc.Status(fault.Invalid(fault.Violation{Field: "price", Rule: "is not the one that was said"})).Err()
	for what, c := range map[string]struct {
		err     error
		outcome entitlementv1.AcceptOutcome
		ours    bool
	}{"beyond the limit": {nil, limit, false}, "withdrawn": {nil, gone, true}, "refused for good": {refused, 0, true}} {
		s.promises.be(false, c.err, c.outcome)
		g := s.customer(what, endedANI)
		g.begins(t)
		route := g.goesOn(t, typed("1"))
		e := route.GetExplanation()
		if step(route) != connected || e.GetOffer() != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST || !e.GetFollowUp() ||
			e.GetBasis() != entitlementv1.Basis_BASIS_CONTRACT_ENDED || e.GetPromise() != "" {
			t.Errorf("%s: %s, %v", what, step(route), e)
		}
		// Only what the caller did themselves counts as goodwill, whatever is rung behind it.
		g.goesOn(t, tried("sydney.1=BUSY"))
		if d := s.records.last(what); d.GetStep() != 3 || d.GetState().GetOurFault() != c.ours {
			t.Errorf("%s: our fault, %v", what, d)
		}
	}
	declining := s.customer("no", endedANI)
	declining.begins(t)
	if e := declining.goesOn(t, typed("9")).GetExplanation(); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_DECLINED ||
		!e.GetFollowUp() {
		t.Errorf("%v", e)
	}
}

// With entitlement away an acceptance is on disk before its caller is connected, survives the process, and is delivered
// later, once, with the time at which it was made.
func TestAnAcceptanceSurvives(t *testing.T) {
	t.Parallel() // it waits until it is tried again

	dir := t.TempDir()
	s := openShop(t, dir)
	for what, away := range map[string]func(){
		"entitlement does not answer": func() { s.promises.be(true, nil, 0) },
		"etcd is away":                func() { s.promises.be(false, status.Error(codes.Unavailable, "etcd"), 0) },
		"entitlement is of an earlier release": func() {
			s.promises.be(false, rpc.Status(fault.NotInThisRelease("no promises")).Err(), 0)
		},
	} {
		away()
		g := s.customer(what, endedANI)
		g.begins(t)
		route := g.goesOn(t, typed("1"))
		if e := route.GetExplanation(); step(route) != connected || e.GetOffer() != routingv1.OfferFate_OFFER_FATE_SPOOLED ||
			e.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE || e.GetPromise() != "" {
			t.Errorf("%s: %s, %v", what, step(route), e)
		}
	}
	// An attested number that nobody knows makes sure of nobody: what it accepted will be pending.
	stranger := s.customer("a stranger", strangerANI)
	stranger.attested = true
	stranger.begins(t)
	if e := stranger.goesOn(t, typed("1")).GetExplanation(); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_SPOOLED ||
		e.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE {
		t.Errorf("%v on %v", e.GetOffer(), e.GetBasis())
	}
	accepted := s.clock.Now()
	// A process that is started on what a killed one left delivers it.
	left, next := await.Copy(t, dir), &ledgerOfPromises{outcome: entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING}
	s.beside(t, func(d *routing.Deps) { d.Promises, d.PromiseSpool = next, openSpool(t, left) })
	await.True(t, "they are delivered by the next process", func() bool { return len(requestIDs(next.all())) == 4 })
	s.promises.be(false, nil, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING)
	await.True(t, "they are delivered", func() bool { return len(requestIDs(s.promises.all())) == 4 })
	for _, r := range s.promises.all() {
		if !r.GetKept() || !r.GetAcceptTime().AsTime().Equal(accepted) || r.GetNumber() == endedANI && r.GetCustomer() != "customers/ended" {
			t.Errorf("%v", r)
		}
	}
}

// One acceptance over which entitlement stumbles keeps none behind it waiting, nor does a role that is given late lose any.
func TestAnAcceptanceThatStumblesHoldsUpNoOther(t *testing.T) {
	s := openShop(t, t.TempDir())
	s.promises.be(false, rpc.Status(&fault.Fault{Reason: rpcv1.Reason_REASON_ROLE_REQUIRED}).Err(), 0)
	for _, id := range []string{"first", "second", "third"} {
		g := s.customer(id, endedANI)
		g.begins(t)
		if e := g.goesOn(t, typed("1")).GetExplanation(); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_SPOOLED {
			t.Fatalf("%s: %v", id, e.GetOffer())
		}
	}
	s.promises.mu.Lock()
	s.promises.stumbles = "first"
	s.promises.mu.Unlock()
	s.promises.be(false, nil, entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING)
	await.True(t, "the others are delivered", func() bool { return len(requestIDs(s.promises.all())) == 2 })
	s.promises.mu.Lock()
	s.promises.stumbles = ""
	s.promises.mu.Unlock()
	await.True(t, "all are delivered", func() bool { return len(requestIDs(s.promises.all())) == 3 })
}

func requestIDs(all []*entitlementv1.AcceptOfferRequest) map[string]bool {
	ids := map[string]bool{}
	for _, r := range all {
		ids[r.GetRequestId()] = true
	}
	return ids
}

// Without a disk, with nobody to be asked, the caller is helped first.
func TestWithoutADiskTheCallerIsHelpedFirst(t *testing.T) {
	s := openShop(t, "")
	s.promises.be(false, status.Error(codes.Unavailable, "etcd"), 0)
	g := s.customer("1", endedANI)
	g.begins(t)
	if e := g.goesOn(t, typed("1")).GetExplanation(); e.GetOffer() != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST || !e.GetFollowUp() {
		t.Errorf("%v", e)
	}
	if !strings.Contains(s.log.String(), "helped first") || !s.records.last("1").GetState().GetOurFault() {
		t.Error("nobody hears of it")
	}
}
