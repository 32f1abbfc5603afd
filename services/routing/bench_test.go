package routing_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// direct takes the service's implementation as it is registered, without a server around it.
type direct struct {
	routing routingv1.RoutingServiceServer
}

func (d *direct) RegisterService(_ *grpc.ServiceDesc, impl any) {
	if r, ok := impl.(routingv1.RoutingServiceServer); ok {
		d.routing = r
	}
}

// BenchmarkRouteCall is what the method itself costs: decision, rendering and metrics, within a request that is traced or
// not; what a request costs beside an echo is measured by the system tests.
func BenchmarkRouteCall(b *testing.B) {
	for _, sites := range []int{4, 32} {
		for _, traced := range []bool{false, true} {
			b.Run(fmt.Sprintf("sites=%d/traced=%v", sites, traced), func(b *testing.B) { benchRouteCall(b, sites, traced) })
		}
	}
}

func benchRouteCall(b *testing.B, sites int, traced bool) {
	h := build(b, sdktrace.WithSpanProcessor(discard{}))
	h.run(b)
	w := followTheSun()
	w.Sites, w.Lines = nil, w.Lines[:1]
	w.Lines[0].Sites = nil
	for i := range sites {
		id := fmt.Sprintf("site-%02d", i)
		w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Daily(float64(i%12), float64(i%12)+8, 20)...))
		w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + id})
	}
	h.applied(b, h.put(b, w.Records()...))
	var d direct
	h.service.Register(&d)
	ctx := rpc.WithPeer(b.Context(), rpc.Local())
	request := call("+61255500100", "+13035550100")
	b.ReportAllocs()
	for b.Loop() {
		ctx, span := ctx, trace.Span(nil)
		if traced {
			ctx, span = h.tracer.Start(ctx, "request")
		}
		if _, err := d.routing.RouteCall(ctx, request); err != nil {
			b.Fatal(err)
		}
		if traced {
			span.End()
		}
	}
}

// BenchmarkTwoSteps is what a call costs whose first site is busy, by a gateway that dials itself: two decisions, with what
// is sealed and opened between them.
func BenchmarkTwoSteps(b *testing.B) {
	h := build(b, sdktrace.WithSpanProcessor(discard{}))
	h.run(b)
	h.applied(b, h.put(b, followTheSun().Records()...))
	await.True(b, "there is a key", func() bool {
		return len(h.gateway("probe", "+61255500100", acmeANI).begins(b).GetContinuation()) > 0
	})
	var d direct
	h.service.Register(&d)
	ctx := rpc.WithPeer(b.Context(), rpc.Local())
	first := call("+61255500100", acmeANI)
	first.Gateway.Capabilities = everyCapability()
	second := tried("bengaluru.1=BUSY")
	second.CallId, second.DialledNumber, second.Caller, second.Gateway = first.CallId, first.DialledNumber, first.Caller,
		first.Gateway
	b.ReportAllocs()
	for b.Loop() {
		r, err := d.routing.RouteCall(ctx, first)
		if err != nil {
			b.Fatal(err)
		}
		second.Continuation = r.GetRoute().GetContinuation()
		next, err := d.routing.ContinueCall(ctx, second)
		if err != nil || len(next.GetRoute().GetForward().GetTargets()) != 2 {
			b.Fatal(next, err)
		}
	}
}

// BenchmarkChangeInForce is the time from the end of a commit to the first decision made with it, on one machine.
func BenchmarkChangeInForce(b *testing.B) {
	h := open(b)
	w := followTheSun()
	h.applied(b, h.put(b, w.Records()...))
	var d direct
	h.service.Register(&d)
	var took []time.Duration
	for b.Loop() {
		revision := h.put(b, viewtest.SiteRecord(w.Sites[0]))
		began := clock.System{}.Now()
		for {
			resp, err := d.routing.RouteCall(b.Context(), call("+61255500199", ""))
			if err != nil {
				b.Fatal(err)
			}
			if resp.GetRoute().GetExplanation().GetViewRevision() >= revision {
				break
			}
			runtime.Gosched()
		}
		took = append(took, clock.System{}.Now().Sub(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// discard keeps no span.
type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }
