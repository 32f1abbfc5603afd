package routing

import (
	"context"
	"time"

	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// decision is one step of a call, as answered. Whoever is told of it may read it until the call that told of it returns, and
// keeps none of it: d is used again for the next call.
type decision struct {
	d    *decide.Decision
	view *view.View
	// call is what was decided on: with the state that the outcome of the step before was already brought into, and with what
	// the gateway can carry out in this call.
	call    decide.Call
	gateway string
	at      time.Time
	// step of the call, from 1.
	step int
	// attempts and recording are what came in with the step.
	attempts  []*routingv1.Attempt
	recording *routingv1.Recording
	// kept is where the recording is kept.
	kept routingv1.Durability
	// numberRevealed: a hidden number was told to the caller.
	numberRevealed bool
	// route is the answer.
	route *routingv1.Route
	// took is how long it took, without what others were waited for.
	took, waited time.Duration
}

// recorder keeps a record of each decision. It is on the path of a ringing phone: it waits for nothing, and fails for
// nobody. The trace is the one in ctx.
type recorder interface {
	decided(ctx context.Context, c *decision)
}

// reporter takes the reports of gateways, as RoutingService.ReportCall says.
type reporter interface {
	reportCall(ctx context.Context, v *view.View, r *routingv1.ReportCallRequest) (*routingv1.ReportCallResponse, error)
}

// alerter tells somebody of calls that went badly.
type alerter interface {
	// decided looks at a decision. It waits for nothing.
	decided(ctx context.Context, c *decision)
	// messageLeft makes sure that somebody will hear of a message, and says where that is kept; UNSPECIFIED where it cannot be
	// relied on. It waits a second at most. c is the decision that the call stands at: its line, its caller; made before the
	// message is known to be kept.
	messageLeft(ctx context.Context, c *decision) routingv1.Durability
}

// attempted is a try at a target that the line knows.
type attempted struct {
	target  *routingv1.RouteTarget
	attempt *routingv1.Attempt
}

// live is told how attempts ended. It waits for nothing.
type live interface {
	attempted(gateway string, tried []attempted)
}

// connector carries the streams of gateways, as RoutingService.ConnectGateway says.
type connector interface {
	connectGateway(
		stream grpc.BidiStreamingServer[routingv1.ConnectGatewayRequest, routingv1.ConnectGatewayResponse],
	) error
}

// briefer makes the token by which the answering person asks for a call's brief; empty where there is none to be had. It is
// asked for gateways that can hand it on only.
type briefer interface {
	token(c *decision) string
}

// hooks are those beside the path of a call. recorder and reporter are nil where this process has no disk to keep records
// on; the others never are.
type hooks struct {
	recorder  recorder
	reporter  reporter
	alerts    alerter
	live      live
	connector connector
	briefs    briefer
}

func (h *hooks) decided(ctx context.Context, c *decision) {
	if h.recorder != nil {
		h.recorder.decided(ctx, c)
	}
	h.alerts.decided(ctx, c)
}

func (h *hooks) attempted(gateway string, tried []attempted) {
	if len(tried) > 0 {
		h.live.attempted(gateway, tried)
	}
}
