package routing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
)

const (
	// promiseSyncTimeout bounds what a caller waits for the disk, where entitlement did not take an acceptance.
	promiseSyncTimeout = 500 * time.Millisecond
	// requestIDBytes of a hash name an acceptance.
	requestIDBytes = 16
)

// accepter is the part of entitlement that records promises.
type accepter interface {
	AcceptOffer(
		ctx context.Context, in *entitlementv1.AcceptOfferRequest, opts ...grpc.CallOption,
	) (*entitlementv1.AcceptOfferResponse, error)
	GetPromise(
		ctx context.Context, in *entitlementv1.GetPromiseRequest, opts ...grpc.CallOption,
	) (*entitlementv1.Promise, error)
}

// PromiseSpool keeps acceptances on this host's disk until entitlement has them; spool.Spool is one.
type PromiseSpool interface {
	// Append takes a copy of an acceptance, which survives the process from then on. It does not block.
	Append(entry []byte) (spool.Mark, error)
	// Sync waits until the acceptance at a mark survives the machine.
	Sync(ctx context.Context, at spool.Mark) error
	// Stats says how many wait.
	Stats() spool.Stats
	// Retry says that deliveries that failed may succeed now.
	Retry()
	// Run delivers until ctx ends.
	Run(ctx context.Context, deliver spool.Deliver) error
}

// promises records that a caller accepted an offer: with entitlement, which commits it before it answers, else on this
// host's disk, from where it is delivered later, once by its request_id. Where neither takes it the caller is helped
// first. No caller waits longer than for any look-up, and for the disk.
type promises struct {
	service accepter
	// spool is nil where this process has no disk to keep acceptances on.
	spool PromiseSpool
	clock clock.Clock
	log   *slog.Logger
	lines lineLimit
	kept  acceptances

	accepted metric.Int64Counter
}

func newPromises(deps Deps) (*promises, error) {
	p := &promises{service: deps.Promises, spool: deps.PromiseSpool, clock: deps.Clock, log: deps.Logger}
	m := deps.MeterProvider.Meter(instrumentation)
	var err error
	if p.accepted, err = m.Int64Counter("dayside.offers.accepted",
		metric.WithDescription("Offers that callers accepted, by what became of that. Alert on HELPED_FIRST.")); err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	for _, fate := range []routingv1.OfferFate{
		routingv1.OfferFate_OFFER_FATE_ACCEPTED, routingv1.OfferFate_OFFER_FATE_PENDING,
		routingv1.OfferFate_OFFER_FATE_SPOOLED, routingv1.OfferFate_OFFER_FATE_HELPED_FIRST,
	} {
		p.accepted.Add(context.Background(), 0, offerFateOption(fate)) // an increase is seen from a value that was there before
	}
	if p.spool == nil {
		return p, nil
	}
	_, err = m.Int64ObservableGauge("dayside.promises.waiting",
		metric.WithDescription("Acceptances that are on this host's disk alone, until entitlement takes them."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(p.spool.Stats().Pending)) //nolint:gosec // never that many
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("routing: metric: %w", err)
	}
	return p, nil
}

func offerFateOption(fate routingv1.OfferFate) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("fate", strings.TrimPrefix(fate.String(), "OFFER_FATE_")))
}

// run delivers what could not be recorded at once, until ctx ends.
func (p *promises) run(ctx context.Context) {
	if p.spool != nil {
		_ = p.spool.Run(ctx, p.deliver) // it ends with ctx alone
	}
}

// heard is told of every batch: that etcd answers, where it is not one from disk.
func (p *promises) heard(b coord.Batch) {
	if p.spool != nil && b.Heard.IsZero() {
		p.spool.Retry()
	}
}

// accept records an acceptance in a call, before its caller is connected.
func (p *promises) accept(
	ctx context.Context, t *decision, state *routingv1.ContinuationState, need flow.Need,
) flow.Acceptance {
	r := p.request(t, state, need)
	a := flow.Acceptance{
		Offer: need.Offer,
		// Of a number that nobody knows entitlement takes nothing for verified: it could bind no customer.
		Verified: r.GetCustomer() != "" && r.GetVerification() != entitlementv1.Verification_VERIFICATION_UNSPECIFIED,
	}
	a.Fate, a.PromiseID, a.OurFault = p.record(ctx, r)
	p.accepted.Add(ctx, 1, offerFateOption(a.Fate))
	if a.Fate != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST {
		p.kept.add(r.GetRequestId(), a)
	}
	return a
}

// request is what entitlement is told. Told again of the same step it is the same acceptance.
func (p *promises) request(
	t *decision, state *routingv1.ContinuationState, need flow.Need,
) *entitlementv1.AcceptOfferRequest {
	call := t.call
	call.State = state
	r := &entitlementv1.AcceptOfferRequest{
		Offer: "offers/" + need.Offer.GetOffer(), RequestId: acceptanceID(t.gateway, t.call.ID, t.step),
		Number: numberText(call.Caller), Verification: decide.Verification(t.view, call),
		Line: lineNames + state.GetLine(), Gateway: t.gateway, CallId: t.call.ID,
		TermsLanguage: need.Offer.GetTermsLanguage(), TermsVersion: need.Offer.GetTermsVersion(),
		Price: need.Offer.GetPrice(), AcceptTime: timestamppb.New(t.at), RecordingUri: t.recording.GetUri(), How: need.How,
	}
	if state.GetCustomer() != "" {
		r.Customer = customerNames + state.GetCustomer()
	}
	return r
}

// acceptanceID names an acceptance for ever: by gateway, call and step.
func acceptanceID(gateway, callID string, step int) string {
	h := sha256.New()
	for _, part := range []string{gateway, callID, strconv.Itoa(step)} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return "call-" + hex.EncodeToString(h.Sum(nil)[:requestIDBytes])
}

func numberText(n phone.Number) string {
	if n == 0 {
		return ""
	}
	return n.String()
}

// record brings an acceptance to entitlement, else to the disk. Where neither takes it, ourFault says whether that is for
// any other reason than that the caller accepted too much already.
func (p *promises) record(
	ctx context.Context, r *entitlementv1.AcceptOfferRequest,
) (fate routingv1.OfferFate, id string, ourFault bool) {
	err := errNoPromises
	if p.service != nil {
		var answer *entitlementv1.AcceptOfferResponse
		// A gateway that hangs up meanwhile takes back nothing: what becomes of it is heard, and recorded.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookUpTimeout)
		answer, err = p.service.AcceptOffer(asking, r)
		cancel()
		if err == nil {
			return p.outcome(ctx, r, answer)
		}
	}
	if ctx.Err() != nil { // the gateway asks no more: nobody may owe for a call that was not connected
		return routingv1.OfferFate_OFFER_FATE_HELPED_FIRST, "", true
	}
	if !refusedForGood(err) {
		if unkept := p.keep(ctx, r); unkept == nil {
			p.tell(ctx, slog.LevelError, "an acceptance is on this host's disk alone, until entitlement takes it", r, err)
			return routingv1.OfferFate_OFFER_FATE_SPOOLED, "", false
		} else {
			err = errors.Join(err, unkept)
		}
	}
	p.tell(ctx, slog.LevelError, "an acceptance could not be recorded: the caller is helped first", r, err)
	return routingv1.OfferFate_OFFER_FATE_HELPED_FIRST, "", true
}

var (
	errNoPromises     = errors.New("this process has nobody to tell of acceptances")
	errNoPromiseSpool = errors.New("acceptances cannot be kept on disk")
)

// outcome is what entitlement made of an acceptance. That an offer changed while it was made is no doing of the caller's.
func (p *promises) outcome(
	ctx context.Context, r *entitlementv1.AcceptOfferRequest, answer *entitlementv1.AcceptOfferResponse,
) (fate routingv1.OfferFate, id string, ourFault bool) {
	id, _ = strings.CutPrefix(answer.GetPromise().GetName(), "promises/")
	switch answer.GetOutcome() {
	case entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_ACCEPTED:
		return routingv1.OfferFate_OFFER_FATE_ACCEPTED, id, false
	case entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_PENDING:
		return routingv1.OfferFate_OFFER_FATE_PENDING, id, false
	case entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED,
		entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_NOT_OFFERED,
		entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_UNSPECIFIED:
	}
	p.tell(ctx, slog.LevelWarn, "an acceptance is not taken: "+answer.GetOutcome().String(), r, nil)
	return routingv1.OfferFate_OFFER_FATE_HELPED_FIRST, "", answer.GetOutcome() !=
		entitlementv1.AcceptOutcome_ACCEPT_OUTCOME_LIMIT_REACHED
}

// keep leaves an acceptance in the spool, and waits until it survives the machine.
func (p *promises) keep(ctx context.Context, r *entitlementv1.AcceptOfferRequest) error {
	if p.spool == nil {
		return errNoPromiseSpool
	}
	entry, err := proto.Marshal(&routingv1.KeptAcceptance{Request: r})
	if err != nil {
		return err
	}
	at, err := p.spool.Append(entry)
	if err != nil {
		return err
	}
	syncing, cancel := context.WithTimeout(context.WithoutCancel(ctx), promiseSyncTimeout)
	defer cancel()
	return p.spool.Sync(syncing, at)
}

// deliver brings acceptances of the spool to entitlement, each once by its request_id, however often it is told of one. What
// entitlement does not take now it records as refused, for people to see: the caller was connected.
// One that entitlement stumbles over, as where a record of etcd cannot be read, keeps none behind it waiting: they are
// told again with it, which changes nothing.
func (p *promises) deliver(ctx context.Context, entries [][]byte) error {
	if p.service == nil {
		return errNoPromises
	}
	var stumbled error
	for i, entry := range entries {
		var kept routingv1.KeptAcceptance
		if err := proto.Unmarshal(entry, &kept); err != nil {
			return fmt.Errorf("%w: entry %d: %w", spool.ErrRefused, i, err)
		}
		if kept.GetRequest() == nil {
			return fmt.Errorf("%w: entry %d holds no request", spool.ErrRefused, i)
		}
		kept.Request.Kept = true
		asking, cancel := context.WithTimeout(ctx, deliverTimeout)
		answer, err := p.service.AcceptOffer(asking, kept.GetRequest())
		cancel()
		switch {
		case err == nil:
			_, _, _ = p.outcome(ctx, kept.GetRequest(), answer)
		case refusedForGood(err):
			return fmt.Errorf("%w: %w", spool.ErrRefused, err)
		case fault.ReasonOf(rpc.Fault(err)) == rpcv1.Reason_REASON_INTERNAL:
			stumbled = err
		default:
			return err
		}
	}
	return stumbled
}

// deliverTimeout bounds one try of a delivery: nobody waits for it.
const deliverTimeout = 5 * time.Second

// refusedForGood says whether it is in vain to tell entitlement again. A role that this process lacks can be given.
func refusedForGood(err error) bool {
	switch fault.ReasonOf(rpc.Fault(err)) { //nolint:exhaustive // after all others it may take it
	case rpcv1.Reason_REASON_INVALID_FIELD, rpcv1.Reason_REASON_NOT_FOUND, rpcv1.Reason_REASON_MISSING_REFERENCE,
		rpcv1.Reason_REASON_ALREADY_EXISTS, rpcv1.Reason_REASON_WRONG_STATE:
		return true
	}
	return false
}

// tell logs what becomes of an acceptance, without who accepted it.
func (p *promises) tell(
	ctx context.Context, level slog.Level, message string, r *entitlementv1.AcceptOfferRequest, err error,
) {
	ok, dropped := p.lines.allow(p.clock.Now())
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("offer", r.GetOffer()), slog.String("request_id", r.GetRequestId()), slog.String("line", r.GetLine()),
		slog.String("gateway", r.GetGateway()), slog.String("call_id", r.GetCallId()), slog.Int("lines_dropped", dropped),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	p.log.LogAttrs(ctx, level, message, attrs...)
}
