package routing

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// calls implements RoutingService. The first step of a call waits for nothing: no lock, no other service, no disk.
type calls struct {
	routingv1.UnimplementedRoutingServiceServer
	current *view.Current
	clock   clock.Clock
	signals *signals
	hooks   hooks
	// customers is asked by later steps, of what a caller typed or said.
	customers lookUps
	// promises records what callers accept.
	promises *promises
	seen     seenTokens
	// steps are used again: a decision holds the states of all sites of a line.
	steps sync.Pool
}

// step is the memory of one step of a call.
type step struct {
	decision decide.Decision
	told     decision
}

// notReadyRetry is about as long as listing a view takes.
const notReadyRetry = 250 * time.Millisecond

func notReady() error {
	return &fault.Fault{
		Reason: rpcv1.Reason_REASON_VIEW_NOT_READY, RetryAfter: notReadyRetry,
		Message: "this routing process has not yet read the configuration; try again, another process first",
	}
}

// RouteCall answers a new call with its first step.
func (c *calls) RouteCall(ctx context.Context, r *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
	v := c.current.Load()
	if v == nil {
		return nil, notReady()
	}
	s := c.borrow()
	defer c.giveBack(s)
	s.told = decision{
		d: &s.decision, view: v, gateway: r.GetGateway().GetGatewayId(), at: c.clock.Now(), step: 1,
		call: decide.Call{
			ID: r.GetCallId(), Dialled: signalled(r.GetDialledNumber()), Caller: signalled(r.GetCaller().GetNumber()),
			Attested: r.GetCaller().GetAttestation() == routingv1.Attestation_ATTESTATION_A,
			Gateway:  decide.CapabilitiesOf(r.GetGateway().GetCapabilities()),
		},
	}
	s.told.decide()
	return c.answer(ctx, &s.told), nil
}

// decide decides the step. Where nothing can be sealed, for there is no key yet, nothing is asked or recorded.
func (t *decision) decide() {
	if !t.call.Gateway.Redirects() && t.view.Ring().Sealing(t.at.Unix()) == 0 {
		t.call.Gateway = t.call.Gateway.Silent()
	}
	decide.Decide(t.d, t.view, t.call, t.at, decide.MaxSites)
}

// answer writes the answer to a step that was decided, seals what follows it, and tells of it.
func (c *calls) answer(ctx context.Context, t *decision) *routingv1.RouteCallResponse {
	token := c.seal(ctx, t)
	response := render.Route(t.d, t.view, t.call.ID, t.at, false)
	route := response.GetRoute()
	route.Continuation, route.StepNumber = token, int32(t.step)
	if t.d.Briefs() {
		route.BriefToken = c.hooks.briefs.token(t)
	}
	t.route, t.numberRevealed = route, t.d.Revealed() != nil
	t.took = c.clock.Now().Sub(t.at) - t.waited
	c.signals.decided(ctx, t)
	c.hooks.decided(ctx, t)
	return response
}

// seal is the continuation of a step; nil where nothing follows it. Should a step that must be followed by another one not
// be sealed, the call gets its ladder at once instead.
func (c *calls) seal(ctx context.Context, t *decision) []byte {
	life, follows := flow.Follows(t.d)
	if !follows {
		return nil
	}
	of := continuation.Of{Gateway: t.gateway, CallID: t.call.ID}
	state := flow.Next(t.d, t.at, traceparent(ctx))
	token, err := t.view.Ring().Seal(of, uint16(t.step), state, t.at, life)
	if err == nil {
		return token
	}
	if !errors.Is(err, continuation.ErrNoKey) {
		c.signals.unsealed(ctx, t, err)
	}
	if t.d.Step != routingv1.StepKind_STEP_KIND_FORWARD {
		t.call.Gateway = t.call.Gateway.Silent()
		decide.Decide(t.d, t.view, t.call, t.at, decide.MaxSites)
	}
	return nil
}

func (c *calls) borrow() *step {
	if s, ok := c.steps.Get().(*step); ok {
		return s
	}
	return new(step)
}

// giveBack takes the memory of a step back. What the decision points to of a view goes with the next call.
func (c *calls) giveBack(s *step) {
	s.told = decision{}
	c.steps.Put(s)
}

// signalled reads a number as a network says it; 0 where it is none.
func signalled(text string) phone.Number {
	n, _ := phone.ParseSignalled(text)
	return n
}

// ExplainRoute decides as a dry run, and explains every site of the line.
func (c *calls) ExplainRoute(_ context.Context, r *routingv1.ExplainRouteRequest) (*routingv1.ExplainRouteResponse, error) {
	v := c.current.Load()
	if v == nil {
		return nil, notReady()
	}
	call, at, err := c.dryRun(r)
	if err != nil {
		return nil, err
	}
	if call.LineID != "" && v.LineByID(call.LineID) == nil {
		return nil, fault.NotFound(r.GetLine())
	}
	var d decide.Decision
	decide.Decide(&d, v, call, at, math.MaxInt)
	route := render.Route(&d, v, call.ID, at, true).GetRoute()
	// The view's age is that of today's view, whatever instant was asked about.
	route.GetExplanation().ViewAge = render.Age(v, c.clock.Now())
	return &routingv1.ExplainRouteResponse{Route: route}, nil
}

// explainCallID breaks ties where a dry run names no call.
const explainCallID = "explain"

func (c *calls) dryRun(r *routingv1.ExplainRouteRequest) (decide.Call, time.Time, error) {
	var broken fault.Violations
	id, _ := strings.CutPrefix(r.GetLine(), lineNames)
	call := decide.Call{
		ID: r.GetCallId(), LineID: id, Dialled: signalled(r.GetDialledNumber()),
		Caller:   signalled(r.GetCaller().GetNumber()),
		Attested: r.GetCaller().GetAttestation() == routingv1.Attestation_ATTESTATION_A,
		Gateway:  decide.CapabilitiesOf(r.GetGateway().GetCapabilities()),
	}
	if call.ID == "" {
		call.ID = explainCallID
	}
	switch {
	case id == "" && r.GetDialledNumber() == "":
		broken.Add("line", "", "either line or dialled_number is required")
	case id != "" && r.GetDialledNumber() != "":
		broken.Add("line", r.GetLine(), "must be left out where dialled_number is given")
	}
	at := c.clock.Now()
	if r.GetAt() != nil {
		if err := r.GetAt().CheckValid(); err != nil {
			broken.Add("at", "", "must be a timestamp from year 1 to 9999")
		}
		at = r.GetAt().AsTime()
	}
	return call, at, broken.Err()
}

// ReportCall takes a gateway's report of a call.
func (c *calls) ReportCall(ctx context.Context, r *routingv1.ReportCallRequest) (*routingv1.ReportCallResponse, error) {
	if c.hooks.reporter == nil {
		return nil, &fault.Fault{
			Reason:  rpcv1.Reason_REASON_BACKEND_UNAVAILABLE,
			Message: "this process has no disk to keep reports on; tell another one, and do not count this as a failure of the call",
		}
	}
	v := c.current.Load()
	if v == nil {
		return nil, notReady()
	}
	response, err := c.hooks.reporter.reportCall(ctx, v, r)
	if err == nil {
		c.attemptsReported(v, r)
	}
	return response, err
}

// ConnectGateway carries a gateway's stream.
func (c *calls) ConnectGateway(
	stream grpc.BidiStreamingServer[routingv1.ConnectGatewayRequest, routingv1.ConnectGatewayResponse],
) error {
	return c.hooks.connector.connectGateway(stream)
}
