package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

const (
	// chaosTry bounds one try of a request, and chaosPatience all tries together.
	chaosTry, chaosPatience = time.Second, 8 * time.Second
	// stallTick is how often it is looked whether the machine stands still, stallLeast what counts.
	stallTick, stallLeast = 50 * time.Millisecond, 150 * time.Millisecond
)

// recorder writes the history of a run.
type recorder struct {
	*history.Writer
	begin time.Time
}

func (r *recorder) now() time.Duration { return clock.System{}.Now().Sub(r.begin) }

// pause waits; false where the run is over before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-clock.System{}.After(d):
		return true
	}
}

// chaosLoad is everybody who uses the cluster while it is tried.
type chaosLoad struct {
	c   *chaosCluster
	rec *recorder
	// byName are connections to each process, of a gateway and of an administrator.
	gateway, admin map[string]*grpc.ClientConn
	wg             sync.WaitGroup
	mu             sync.Mutex
	// ids are the calls whose end is looked for in the ledger.
	ids []string
}

func newChaosLoad(t testing.TB, c *chaosCluster, rec *recorder) *chaosLoad {
	t.Helper()
	l := &chaosLoad{c: c, rec: rec, gateway: map[string]*grpc.ClientConn{}, admin: map[string]*grpc.ClientConn{}}
	gateway, admin := c.certificate(t, rpcv1.Role_ROLE_GATEWAY, "pbx", ""), c.certificate(t, rpcv1.Role_ROLE_ADMIN, "ops", "")
	for _, p := range c.daysides() {
		l.gateway[p.name], l.admin[p.name] = c.conn(t, gateway, p), c.conn(t, admin, p)
	}
	return l
}

// start begins the load; it ends with ctx, and wg says when.
func (l *chaosLoad) start(ctx context.Context, t testing.TB, callers int) {
	t.Helper()
	for i := range callers {
		l.wg.Go(func() { l.caller(ctx, i) })
	}
	for _, p := range l.c.holding(host.Routing) {
		l.wg.Go(func() { l.probe(ctx, p) })
	}
	for _, p := range l.c.holding(host.SIP) {
		l.wg.Go(func() { l.phone(ctx, p) })
	}
	c := l.newClient(t)
	for i := range clientCallers {
		l.wg.Go(func() { l.clientCaller(ctx, c, i) })
	}
	l.wg.Go(func() { l.watchMachine(ctx) })
}

// watchMachine notes when the machine itself stands still.
func (l *chaosLoad) watchMachine(ctx context.Context) {
	last := l.rec.now()
	for pause(ctx, stallTick) {
		now := l.rec.now()
		if now-last > stallTick+stallLeast {
			l.rec.Add(history.Event{Stall: &history.Stall{Begin: last, End: now}})
		}
		last = now
	}
}

// remember asks for the end of a call to be looked for in the ledger.
func (l *chaosLoad) remember(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, id)
}

func pbx() *routingv1.GatewayInfo {
	return &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}}
}

// caller is a gateway with one call after the other: it rings, is busy at the first target, goes on, and is reported.
func (l *chaosLoad) caller(ctx context.Context, number int) {
	who := &routingv1.Caller{Number: exampleCaller}
	for n := 0; pause(ctx, 100*time.Millisecond+rand.N(100*time.Millisecond)); n++ {
		id := fmt.Sprintf("c-%d-%d", number, n)
		var route *routingv1.Route
		l.ask(id, history.Route, number+n, func(ctx context.Context, c routingv1.RoutingServiceClient, h *history.Call) error {
			r, err := c.RouteCall(ctx, &routingv1.RouteCallRequest{
				CallId: id, DialledNumber: exampleHiddenNumber, Caller: who, Gateway: pbx(),
			})
			route = r.GetRoute()
			told(h, route)
			return err
		})
		if route == nil {
			continue
		}
		l.remember(id)
		// Who is busy is not rung again: so of a last resort alone nothing is left but the end.
		if n%3 == 0 && len(route.GetContinuation()) > 0 && len(route.GetForward().GetTargets()) > 1 {
			first := route.GetForward().GetTargets()[0]
			request := &routingv1.ContinueCallRequest{
				CallId: id, Continuation: route.GetContinuation(), Gateway: pbx(), DialledNumber: exampleHiddenNumber, Caller: who,
				Attempts: []*routingv1.Attempt{{TargetId: first.GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_BUSY}},
			}
			l.ask(id, history.Continue, number+n+1, func(ctx context.Context, c routingv1.RoutingServiceClient, h *history.Call) error {
				r, err := c.ContinueCall(ctx, request)
				if r.GetRoute() != nil {
					route = r.GetRoute()
				}
				told(h, r.GetRoute())
				return err
			})
		}
		l.report(id, number+n+2, route)
	}
}

func (l *chaosLoad) report(id string, first int, route *routingv1.Route) {
	targets := route.GetForward().GetTargets()
	if len(targets) == 0 {
		return
	}
	at := func(s int64) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: route.GetExplanation().GetDecidedAt().GetSeconds() + s}
	}
	request := &routingv1.ReportCallRequest{
		CallId: id, Gateway: pbx(), Continuation: route.GetContinuation(), StartTime: at(0), AnswerTime: at(2), EndTime: at(3),
		Attempts: []*routingv1.Attempt{{
			TargetId: targets[0].GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_ANSWERED, StartTime: at(1), EndTime: at(2),
		}},
	}
	l.ask(id, history.Report, first, func(ctx context.Context, c routingv1.RoutingServiceClient, h *history.Call) error {
		r, err := c.ReportCall(ctx, request)
		if err == nil {
			h.Reported = acknowledged(r.GetDurability())
		}
		return err
	})
}

// sameLife is the life of a process where that is still the same; else it is not known which one answered.
func sameLife(p *chaosProcess, life int) int {
	if int(p.life.Load()) != life {
		return 0
	}
	return life
}

func acknowledged(d routingv1.Durability) string {
	return strings.TrimPrefix(d.String(), "DURABILITY_")
}

// told notes a route.
func told(h *history.Call, route *routingv1.Route) {
	if route == nil {
		return
	}
	h.StepNumber, h.Follows = route.GetStepNumber(), len(route.GetContinuation()) > 0
	h.Revision, h.Age = route.GetExplanation().GetViewRevision(), route.GetExplanation().GetViewAge().AsDuration()
	switch route.GetStep().(type) {
	case *routingv1.Route_Forward:
		h.Step = "forward"
	case *routingv1.Route_Prompt:
		h.Step = "prompt"
	case *routingv1.Route_Record:
		h.Step = "record"
	case *routingv1.Route_End:
		h.Step = "end"
	default:
		h.Step = "nothing"
	}
	for _, t := range route.GetForward().GetTargets() {
		h.Targets = append(h.Targets, history.Target{Site: t.GetSite(), LastResort: t.GetLastResort()})
	}
}

// ask asks one process that routes after the other until one answers, as a gateway with several endpoints does.
func (l *chaosLoad) ask(
	id string, asked history.Asked, first int,
	request func(context.Context, routingv1.RoutingServiceClient, *history.Call) error,
) {
	routers := l.c.holding(host.Routing)
	h := &history.Call{ID: id, Asked: asked, Over: "grpc", Begin: l.rec.now()}
	err := context.DeadlineExceeded
	for n := first; err != nil && l.rec.now()-h.Begin < chaosPatience; n++ {
		p := routers[n%len(routers)]
		h.Tries, h.Life = append(h.Tries, p.name), int(p.life.Load())
		ctx, cancel := context.WithTimeout(context.Background(), chaosTry)
		err = request(ctx, routingv1.NewRoutingServiceClient(l.gateway[p.name]), h)
		cancel()
		h.Life = sameLife(p, h.Life)
		if err != nil {
			_ = pause(context.Background(), 20*time.Millisecond)
		}
	}
	if h.End = l.rec.now(); err != nil {
		h.Error = err.Error()
	}
	l.rec.Add(history.Event{Call: h})
}

// probe asks one process all the time, so that it shows how far it is.
func (l *chaosLoad) probe(ctx context.Context, p *chaosProcess) {
	client := routingv1.NewRoutingServiceClient(l.gateway[p.name])
	for n := 0; pause(ctx, 50*time.Millisecond); n++ {
		h := &history.Call{
			ID: fmt.Sprintf("p-%s-%d", p.name, n), Asked: history.Probe, Over: "grpc", Tries: []string{p.name}, Life: int(p.life.Load()),
		}
		h.Begin = l.rec.now()
		one, cancel := context.WithTimeout(ctx, 5*time.Second)
		r, err := client.RouteCall(one, &routingv1.RouteCallRequest{
			CallId: h.ID, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
		})
		cancel()
		if h.End = l.rec.now(); err != nil {
			if status.Code(err) != codes.DeadlineExceeded {
				_ = pause(ctx, 100*time.Millisecond)
			}
			continue // whoever does not answer a probe is judged by the calls
		}
		h.Life = sameLife(p, h.Life)
		told(h, r.GetRoute())
		l.rec.Add(history.Event{Call: h})
	}
}
