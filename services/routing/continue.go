package routing

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// ContinueCall goes on with a call from its continuation. What cannot be trusted is no error: the call gets its whole
// ladder, and nothing follows that.
func (c *calls) ContinueCall(
	ctx context.Context, r *routingv1.ContinueCallRequest,
) (*routingv1.ContinueCallResponse, error) {
	v := c.current.Load()
	if v == nil {
		return nil, notReady()
	}
	s := c.borrow()
	defer c.giveBack(s)
	s.told = decision{
		d: &s.decision, view: v, gateway: r.GetGateway().GetGatewayId(), at: c.clock.Now(), attempts: r.GetAttempts(),
		call: decide.Call{
			ID: r.GetCallId(), Dialled: signalled(r.GetDialledNumber()), Caller: signalled(r.GetCaller().GetNumber()),
			Attested: r.GetCaller().GetAttestation() == routingv1.Attestation_ATTESTATION_A,
			Gateway:  decide.CapabilitiesOf(r.GetGateway().GetCapabilities()),
		},
	}
	t := &s.told
	if r.GetRecording().GetUri() != "" {
		t.recording = r.GetRecording()
	}
	opened := c.open(ctx, t, r.GetContinuation())
	if t.call.Untrusted() {
		t.call.State, t.step = c.safe(t, opened.State, r.GetAttempts()), flow.SafeStep
		t.call.Gateway = t.call.Gateway.Silent()
		t.decide()
		if t.recording != nil {
			c.messageLeft(ctx, t) // somebody must hear of it, whatever its call is worth
		}
		return c.continued(ctx, t), nil
	}
	ctx, end := c.signals.join(ctx, opened.State.GetTraceparent())
	defer end()
	t.step = int(opened.Step) + 1
	if r.GetCaller().GetNumber() == "" { // it is who called at the first step
		t.call.Caller, t.call.Attested = phone.Number(opened.State.GetCaller()), opened.State.GetAttested()
	}
	c.advance(ctx, t, opened.State, r)
	t.decide()
	if taken := t.call.State.GetMessageTaken() && !opened.State.GetMessageTaken(); taken && !c.messageLeft(ctx, t) {
		flow.MessageLost(t.call.State)
		t.decide()
	}
	return c.continued(ctx, t), nil
}

// continued is the answer to a later step.
func (c *calls) continued(ctx context.Context, t *decision) *routingv1.ContinueCallResponse {
	return &routingv1.ContinueCallResponse{Route: c.answer(ctx, t).GetRoute(), Durability: t.kept}
}

// messageLeft makes sure that somebody will hear of a message, and says whether that is certain.
func (c *calls) messageLeft(ctx context.Context, t *decision) bool {
	began := c.clock.Now()
	defer func() { t.waited += c.clock.Now().Sub(began) }()
	t.kept = c.hooks.alerts.messageLeft(ctx, t)
	return t.kept != routingv1.Durability_DURABILITY_UNSPECIFIED
}

// safe is the state of a call that is to have its last step; was is what its continuation held, nil where it could not be
// read.
func (*calls) safe(
	t *decision, was *routingv1.ContinuationState, attempts []*routingv1.Attempt,
) *routingv1.ContinuationState {
	line := t.view.LineByID(was.GetLine())
	if was == nil {
		line, _ = t.view.LineDialled(t.call.Dialled, t.at.Unix())
	}
	if line == nil {
		return flow.Safe(was, nil)
	}
	var known []*routingv1.Attempt
	for _, one := range triedOf(line, attempts) {
		known = append(known, one.attempt)
	}
	return flow.Safe(was, known)
}

// open opens a continuation, and notes what became of it. Nothing is in what is opened where it could not be.
func (c *calls) open(ctx context.Context, t *decision, token []byte) continuation.Opened {
	opened, err := t.view.Ring().Open(continuation.Of{Gateway: t.gateway, CallID: t.call.ID}, token, t.at)
	switch {
	case err != nil:
		t.call.Fate = fateOf(err)
	case opened.Step >= flow.MaxSteps:
		t.call.Fate = routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS
	case c.seen.before(token):
		t.call.Fate = routingv1.ContinuationFate_CONTINUATION_FATE_READ_AGAIN
	default:
		t.call.Fate = routingv1.ContinuationFate_CONTINUATION_FATE_READ
	}
	c.signals.opened(ctx, t, err)
	return opened
}

// fateOf is what a refused continuation was worth.
func fateOf(err error) routingv1.ContinuationFate {
	var refusal *continuation.Refusal
	if errors.As(err, &refusal) {
		switch refusal.Why() {
		case continuation.None:
			return routingv1.ContinuationFate_CONTINUATION_FATE_MISSING
		case continuation.Expired:
			return routingv1.ContinuationFate_CONTINUATION_FATE_EXPIRED
		case continuation.Unreadable, continuation.UnknownKey, continuation.Forged:
		}
	}
	return routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS
}

// advance brings the outcome of the step before into the state of the call, after the look-up that it needs.
func (c *calls) advance(
	ctx context.Context, t *decision, was *routingv1.ContinuationState, r *routingv1.ContinueCallRequest,
) {
	outcome := flow.Outcome{Input: r.GetInput(), Recording: r.GetRecording()}
	if was.GetAsked() == routingv1.PromptKind_PROMPT_KIND_WHICH {
		outcome.Choices = flow.ChoicesOf(t.view, was.GetOffered())
	}
	line := t.view.LineByID(was.GetLine())
	if line != nil {
		tried := triedOf(line, r.GetAttempts())
		for _, one := range tried {
			outcome.Attempts = append(outcome.Attempts, one.attempt)
		}
		if t.call.Fate == routingv1.ContinuationFate_CONTINUATION_FATE_READ {
			c.hooks.attempted(t.gateway, tried)
		}
		if to := decide.MenuLine(t.view, line, t.call.Gateway); to != nil {
			outcome.MenuLine = to.ID
		}
	}
	if was.GetAsked() == routingv1.PromptKind_PROMPT_KIND_OFFER {
		if a, ok := c.promises.stood(ctx, t, was); ok {
			t.call.State = flow.Stood(was, a)
			return
		}
	}
	state, need := flow.Advance(was, outcome)
	c.lookUp(ctx, t, state, need)
	t.call.State = state
}

// triedOf are the attempts at targets of the line. A gateway's word about others counts for nothing.
func triedOf(l *view.Line, attempts []*routingv1.Attempt) []attempted {
	var tried []attempted
	for _, a := range attempts {
		if target := l.Target(a.GetTargetId()); target != nil {
			tried = append(tried, attempted{target, a})
		}
	}
	return tried
}

// attemptsReported tells of attempts that no step before has brought: those behind the last continuation. Without one the
// line is not known, and what a gateway calls its targets is anybody's guess. Once somebody has answered no step follows:
// what could not be reached before must not be known only when that talk is over.
func (c *calls) attemptsReported(v *view.View, r *routingv1.ReportCallRequest) {
	of := continuation.Of{Gateway: r.GetGateway().GetGatewayId(), CallID: r.GetCallId()}
	opened, err := v.Ring().Open(of, r.GetContinuation(), c.clock.Now())
	settled := r.GetEndTime() != nil || r.GetAnswerTime() != nil
	if err != nil || !settled || c.seen.before(append([]byte("report"), r.GetContinuation()...)) {
		return
	}
	line, told := v.LineByID(opened.State.GetLine()), int(opened.State.GetRung())
	if line == nil {
		return
	}
	if tried := triedOf(line, r.GetAttempts()); told < len(tried) {
		c.hooks.attempted(of.Gateway, tried[told:])
	}
}

// maxSeenTokens bounds the memory of continuations that were read: minutes' worth.
const maxSeenTokens = 8192

// seenTokens remembers which tokens were read, the latest of them: a step that is told twice is answered twice, and what
// was done for it is not done again. The zero value remembers none.
type seenTokens struct {
	mu     sync.Mutex
	seed   maphash.Seed
	hashes map[uint64]struct{}
	order  []uint64
	next   int
}

// before says whether a token was read before, and remembers it.
func (s *seenTokens) before(token []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hashes == nil {
		s.seed, s.hashes = maphash.MakeSeed(), make(map[uint64]struct{}, maxSeenTokens)
	}
	h := maphash.Bytes(s.seed, token)
	if _, again := s.hashes[h]; again {
		return true
	}
	s.hashes[h] = struct{}{}
	if len(s.order) < maxSeenTokens {
		s.order = append(s.order, h)
		return false
	}
	delete(s.hashes, s.order[s.next])
	s.order[s.next] = h
	s.next = (s.next + 1) % maxSeenTokens
	return false
}

const traceparentHeader = "traceparent"

// traceparent is the trace of a request as a header has it; empty where it has none.
func traceparent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	header := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, header)
	return header[traceparentHeader]
}

// join makes a later step part of the trace of its call, where its request is not: with a span of its own there, which
// refers to that of the request.
func (s *signals) join(ctx context.Context, callTrace string) (context.Context, func()) {
	request := trace.SpanContextFromContext(ctx)
	joined := propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparentHeader: callTrace})
	call := trace.SpanContextFromContext(joined)
	if callTrace == "" || !call.IsValid() || call.TraceID() == request.TraceID() {
		return ctx, func() {}
	}
	ctx, span := s.tracer.Start(joined, routingv1.RoutingService_ContinueCall_FullMethodName[1:],
		trace.WithSpanKind(trace.SpanKindServer), trace.WithLinks(trace.Link{SpanContext: request}))
	return ctx, func() { span.End() }
}

// fateName is what became of a continuation in one word.
func fateName(fate routingv1.ContinuationFate) string {
	return strings.TrimPrefix(fate.String(), "CONTINUATION_FATE_")
}

func fateOptions() map[routingv1.ContinuationFate]metric.MeasurementOption {
	options := map[routingv1.ContinuationFate]metric.MeasurementOption{}
	for n := range routingv1.ContinuationFate_name {
		fate := routingv1.ContinuationFate(n)
		options[fate] = metric.WithAttributeSet(attribute.NewSet(attribute.String("fate", fateName(fate))))
	}
	return options
}

// opened tells what became of a continuation. Why one was refused is for operators: whoever handed it in is told no more
// than that.
func (s *signals) opened(ctx context.Context, t *decision, err error) {
	s.tokens.Add(ctx, 1, s.fates[t.call.Fate])
	if !t.call.Untrusted() {
		return
	}
	ok, dropped := s.refusals.allow(t.at)
	if !ok {
		return
	}
	why := fateName(t.call.Fate)
	if refusal := new(continuation.Refusal); errors.As(err, &refusal) {
		why = refusal.Why().String()
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "a continuation cannot be trusted: the call gets its whole ladder, and nothing follows",
		slog.String("call_id", t.call.ID), slog.String("gateway", t.gateway), slog.String("why", why),
		slog.Int("lines_dropped", dropped))
}

// unsealed tells of a continuation that could not be made.
func (s *signals) unsealed(ctx context.Context, t *decision, err error) {
	s.log.LogAttrs(ctx, slog.LevelError, "a continuation cannot be sealed: nothing follows this step of the call",
		slog.String("call_id", t.call.ID), slog.String("gateway", t.gateway), slog.Any("error", err))
}
