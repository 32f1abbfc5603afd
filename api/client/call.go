package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// Source is where a route comes from.
type Source int

const (
	// SourceRouting is a routing process that decided this call.
	SourceRouting Source = iota + 1
	// SourceTable is the gateway's own, since nobody could be asked: what routing said before of a caller nobody knows.
	SourceTable
)

// String is "routing" or "table".
func (s Source) String() string {
	switch s {
	case SourceRouting:
		return "routing"
	case SourceTable:
		return "table"
	}
	return fmt.Sprintf("Source(%d)", int(s))
}

// Route is what to do with a call. Read it, and never change it: it may be shared.
type Route struct {
	*routingv1.Route
	// Source says who answered.
	Source Source
	// Age is how long ago the configuration that it follows from was known to be in force.
	Age time.Duration
	// Stale: the table ended before now; the answer is the last that is known.
	Stale bool
	// Endpoint is the process that answered; empty where none did.
	Endpoint string
	// Message is where the recording is kept that ContinueCall handed in: COMMITTED, or SPOOLED on the disk of Endpoint. Where
	// it is UNSPECIFIED nobody keeps it, and the step does not say that it was taken: keep the recording.
	Message routingv1.Durability
}

// errNoStep is an answer that says nothing.
var errNoStep = errors.New("client: the answer holds no step")

// RouteCall answers a new call with its first step: from routing, or, where nobody answers in time, from the table. Gateway
// is filled in where it is empty. It is safe to repeat.
//
// Errors: a gRPC status where the request is wrong (INVALID_ARGUMENT) or ctx was cancelled; where nobody answered and the
// table does not know, one that is ErrNoTable or ErrUnknownNumber, and holds what the processes said. A deadline of ctx that
// passes is no error where the table knows.
func (c *Client) RouteCall(ctx context.Context, r *routingv1.RouteCallRequest) (*Route, error) {
	in := proto.CloneOf(r) // a try that came too late may still read it when r is somebody else's
	if in.GetGateway() == nil {
		in.Gateway = c.info
	}
	known := c.table.Load().has(in.GetDialledNumber(), c.clock.Now())
	order, reached := c.endpoints.order()
	p := plan{
		one: c.limits.TryTimeout, whole: c.limits.CallTimeout, hedge: c.limits.HedgeAfter, tries: c.limits.MaxTries,
		spare: known,
	}
	if known && !reached {
		// Somebody may be back at once; where that was tried for the call before, this one need not wait.
		p.whole, p.once = min(p.whole, c.limits.UnreachedTimeout), c.cutOff.Load()
	}
	resp, at, err := try(ctx, c, p, order, func(ctx context.Context, cc grpc.ClientConnInterface) (
		*routingv1.RouteCallResponse, error,
	) {
		resp, err := routingv1.NewRoutingServiceClient(cc).RouteCall(ctx, in)
		return resp, orNoStep(resp.GetRoute(), err)
	})
	if err == nil {
		return c.routed(resp.GetRoute(), at), nil
	}
	return c.alone(ctx, err, func(t *table) (*Route, error) {
		return t.route(in.GetCallId(), in.GetDialledNumber(), c.clock.Now())
	})
}

func orNoStep(route *routingv1.Route, err error) error {
	if err == nil && route.GetStep() == nil {
		return errNoStep
	}
	return err
}

func (c *Client) routed(route *routingv1.Route, at string) *Route {
	c.count.routed.Add(1)
	if c.cutOff.Load() && c.cutOff.CompareAndSwap(true, false) {
		c.log.Info("routing answers this gateway again", "address", at)
	}
	age := route.GetExplanation().GetViewAge().AsDuration()
	c.endpoints.saw(at, age)
	return &Route{Route: route, Source: SourceRouting, Age: age, Endpoint: at}
}

// alone answers from the table, where routing's error is not about the request itself.
func (c *Client) alone(ctx context.Context, asked error, answer func(*table) (*Route, error)) (*Route, error) {
	if final(asked) || errors.Is(ctx.Err(), context.Canceled) {
		c.count.refused.Add(1)
		return nil, asked
	}
	route, err := answer(c.table.Load())
	if err != nil {
		c.count.unanswered.Add(1)
		return nil, fmt.Errorf("client: %w (%w)", err, asked)
	}
	c.count.fromTable.Add(1)
	if !c.cutOff.Load() && c.cutOff.CompareAndSwap(false, true) {
		reason, _, _ := strings.Cut(status.Convert(asked).Message(), "\n") // errors that are joined come a line each
		c.log.Error("routing does not answer this gateway; its own table does", "age", route.Age.Round(time.Second).String(),
			"stale", route.Stale, "reason", reason)
	}
	return route, nil
}

// ContinueCall hands back what a step brought, and answers with the next one. Any process can answer, and a step told twice
// is answered twice, so it is tried again, one process after the other; never two at once, for it may check a PIN. Where
// nobody answers and the table knows dialled_number, the rest of the ladder comes from there: one last step, without a
// continuation.
//
// Errors as of RouteCall.
func (c *Client) ContinueCall(ctx context.Context, r *routingv1.ContinueCallRequest) (*Route, error) {
	in := proto.CloneOf(r)
	if in.GetGateway() == nil {
		in.Gateway = c.info
	}
	order, reached := c.endpoints.order()
	p := plan{
		one: c.limits.StepTimeout, whole: 2 * c.limits.StepTimeout, tries: c.limits.MaxTries,
		spare: c.table.Load().has(in.GetDialledNumber(), c.clock.Now()),
	}
	if p.spare && !reached { // its caller hears nothing meanwhile
		p.whole, p.once = min(p.whole, c.limits.CallTimeout), c.cutOff.Load()
	}
	resp, at, err := try(ctx, c, p, order, func(ctx context.Context, cc grpc.ClientConnInterface) (
		*routingv1.ContinueCallResponse, error,
	) {
		resp, err := routingv1.NewRoutingServiceClient(cc).ContinueCall(ctx, in)
		return resp, orNoStep(resp.GetRoute(), err)
	})
	if err == nil {
		route := c.routed(resp.GetRoute(), at)
		route.Message = resp.GetDurability()
		return route, nil
	}
	return c.alone(ctx, err, func(t *table) (*Route, error) { return t.proceed(in, c.clock.Now()) })
}
