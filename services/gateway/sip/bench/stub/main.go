// Command stub serves the SIP gateway with a router that always answers the same four targets: what a redirect costs
// without a decision. The gateway's own benchmarks use it where no Dayside runs yet.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	_ "net/http/pprof" //nolint:gosec // loopback, and a benchmark's
	"os"
	"os/signal"
	"strconv"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/gateway/sip"
	"github.com/daysidehq/dayside/services/internal/clock"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:5060", "UDP and TCP address")
	pprof := flag.String("pprof", "", "serve profiles on this loopback address")
	sample := flag.Float64("sample", 0.01, "ratio of traced calls")
	inProcess := flag.Bool("in-process", true, "call the router where the packet was read")
	flag.Parse()
	if *pprof != "" {
		go func() { _ = http.ListenAndServe(*pprof, nil) }() //nolint:gosec // see above
	}
	if err := run(*listen, *sample, *inProcess); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(listen string, sample float64, inProcess bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	g, err := sip.New(
		sip.Config{GatewayID: "stub", ListenUDP: listen, ListenTCP: listen, RouterInProcess: inProcess},
		newRouter(),
		sip.Deps{
			Clock: clock.System{}, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
			MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
			TracerProvider: sdktrace.NewTracerProvider(
				sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sample)))),
		})
	if err != nil {
		return err
	}
	return g.Run(ctx)
}

type router struct{ route *routingv1.Route }

func newRouter() *router {
	f := &routingv1.Forward{}
	for i, site := range []string{"dublin", "bengaluru", "sydney"} {
		f.Targets = append(f.Targets, &routingv1.RouteTarget{
			TargetId: strconv.Itoa(i), Site: "sites/" + site,
			Target: &schedulev1.Target{
				Address: &schedulev1.Target_SipUri{SipUri: "sip:support@" + site + ".example.com"},
			},
		})
	}
	f.Targets = append(f.Targets, &routingv1.RouteTarget{
		TargetId: "3", LastResort: true,
		Target: &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: "+13035550100"},
		}}},
	})
	return &router{&routingv1.Route{Line: "lines/stub", Step: &routingv1.Route_Forward{Forward: f}}}
}

// RouteCall answers the same route, in a response of its own as a real one does.
func (r *router) RouteCall(context.Context, *routingv1.RouteCallRequest, ...grpc.CallOption) (
	*routingv1.RouteCallResponse, error,
) {
	return &routingv1.RouteCallResponse{Route: r.route}, nil
}
