package routing

import (
	"context"
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
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// calls implements RoutingService. A call waits for nothing: no lock, no other service, no disk.
type calls struct {
	routingv1.UnimplementedRoutingServiceServer
	current *view.Current
	clock   clock.Clock
	signals *signals
	hooks   hooks
	// decisions are used again: one holds the states of all sites of a line.
	decisions sync.Pool
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
	now := c.clock.Now()
	call := decide.Call{
		ID: r.GetCallId(), Dialled: signalled(r.GetDialledNumber()), Caller: signalled(r.GetCaller().GetNumber()),
		Attested: r.GetCaller().GetAttestation() == routingv1.Attestation_ATTESTATION_A,
		Gateway:  decide.CapabilitiesOf(r.GetGateway().GetCapabilities()),
	}
	d := c.borrow()
	defer c.decisions.Put(d)
	decide.Decide(d, v, call, now, decide.MaxSites)
	response := render.Route(d, v, call.ID, now, false)
	told := decision{
		d: d, view: v, call: call, gateway: r.GetGateway().GetGatewayId(), at: now, step: 1, route: response.GetRoute(),
	}
	c.signals.decided(ctx, &told)
	c.hooks.decided(ctx, &told)
	return response, nil
}

func (c *calls) borrow() *decide.Decision {
	if d, ok := c.decisions.Get().(*decide.Decision); ok {
		return d
	}
	return new(decide.Decision)
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

// ContinueCall is part of the protocol only: every route of this release holds the whole ladder.
func (c *calls) ContinueCall(context.Context, *routingv1.ContinueCallRequest) (*routingv1.ContinueCallResponse, error) {
	return nil, fault.NotInThisRelease("ContinueCall is not in this release: a route holds the whole ladder in one forward " +
		"step, ends with the line's last resort, and has an empty continuation; nothing follows it")
}

// ReportCall takes a gateway's report of a call.
func (c *calls) ReportCall(ctx context.Context, r *routingv1.ReportCallRequest) (*routingv1.ReportCallResponse, error) {
	if c.hooks.reporter == nil {
		return nil, fault.NotInThisRelease("ReportCall is not in this release: the ledger that keeps reports is not part of " +
			"it; a gateway need not report, and must not count this as a failure of the call")
	}
	v := c.current.Load()
	if v == nil {
		return nil, notReady()
	}
	return c.hooks.reporter.reportCall(ctx, v, r)
}

// ConnectGateway carries a gateway's stream.
func (c *calls) ConnectGateway(
	stream grpc.BidiStreamingServer[routingv1.ConnectGatewayRequest, routingv1.ConnectGatewayResponse],
) error {
	if c.hooks.connector == nil {
		return fault.NotInThisRelease("ConnectGateway is not in this release: gateways are given no tasks, and sites are " +
			"ordered by their hours alone; RouteCall works without the stream")
	}
	return c.hooks.connector.connectGateway(stream)
}
