package bench

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/gateway/sip"
	"github.com/daysidehq/dayside/services/internal/clock"
)

type router struct{}

func (router) RouteCall(context.Context, *routingv1.RouteCallRequest, ...grpc.CallOption) (
	*routingv1.RouteCallResponse, error,
) {
	return &routingv1.RouteCallResponse{Route: &routingv1.Route{Step: &routingv1.Route_Forward{Forward: &routingv1.Forward{
		Targets: []*routingv1.RouteTarget{{Target: &schedulev1.Target{
			Address: &schedulev1.Target_SipUri{SipUri: "sip:support@dublin.example.com"},
		}}},
	}}}}, nil
}

// A small run goes through every part, and its figures are there.
func TestRun(t *testing.T) {
	g, err := sip.New(sip.Config{GatewayID: "bench", ListenUDP: "127.0.0.1:0", RouterInProcess: true}, router{}, sip.Deps{
		Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), MeterProvider: metricnoop.NewMeterProvider(),
		TracerProvider: tracenoop.NewTracerProvider(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	udp, _ := g.Addrs()
	r, err := Run(ctx, Target{Addr: udp.String(), PID: os.Getpid(), Number: "+61255501234"}, Options{
		Rate: 500, Seconds: 1, FixedRate: 500, FixedSeconds: 1, Rounds: 1, FloodRates: []int{1000}, FloodSeconds: 1,
	})
	if errors.Is(err, ErrAbsent) {
		if os.Getenv("DAYSIDE_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("SKIP: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Long.Redirected != 500 || r.Long.Failed != 0 || r.Long.MaxRSSBytes == 0 || r.FixedFailed != 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Recording) != 1 || r.Recording[0] <= 0 || r.Records < 500 {
		t.Errorf("CPU of a Kamailio with %d records: %v", r.Records, r.Recording)
	}
	if len(r.Dayside) != 1 || len(r.Kamailio) != 1 || r.Dayside[0] <= 0 || r.Kamailio[0] <= 0 {
		t.Errorf("CPU %v, Kamailio's %v", r.Dayside, r.Kamailio)
	}
	if f := r.Floods[0]; f.Sent < 900 || f.Redirected+f.Shed < f.Sent*9/10 {
		t.Errorf("%+v", f)
	}
}

func TestProblems(t *testing.T) {
	good := Report{
		Long: Load{Rate: 15_000, MaxRSSBytes: 50 << 20}, Dayside: []float64{20, 30, 25}, Kamailio: []float64{30, 40, 35},
		Floods: []Flood{{PerSecond: 40_000}, {PerSecond: 30_000}},
	}
	if p := good.Problems(true); len(p) != 0 {
		t.Error(p)
	}
	bad := Report{
		Long: Load{Failed: 1, Shed: 2, MaxRSSBytes: 151 << 20, GrowthBytes: 20 << 20}, Dayside: []float64{50},
		Kamailio: []float64{40}, FixedFailed: 3, FloodRSSBytes: 200 << 20,
		Floods: []Flood{{PerSecond: 40_000}, {PerSecond: 10_000}},
	}
	if p := bad.Problems(true); len(p) != 8 {
		t.Errorf("%d problems: %q", len(p), p)
	}
	if p := bad.Problems(false); len(p) != 6 {
		t.Errorf("%d problems: %q", len(p), p)
	}
}

func TestGrowth(t *testing.T) {
	if highest, grew := growth([]int64{1, 5, 3, 7}); highest != 7 || grew != 2 {
		t.Errorf("%d, %d", highest, grew)
	}
	if highest, grew := growth(nil); highest != 0 || grew != 0 {
		t.Errorf("%d, %d", highest, grew)
	}
}
