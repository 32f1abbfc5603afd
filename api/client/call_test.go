package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

	"github.com/daysidehq/dayside/api/client"
)

func TestCallsAreSpreadOverTheProcesses(t *testing.T) {
	a, b := start(t), start(t)
	c := open(t, patient(config(a, b)))
	ready(t, c, 2)
	for i := range 20 {
		route, err := c.RouteCall(t.Context(), call(fmt.Sprint(i)))
		if err != nil || route.Source != client.SourceRouting || route.GetCallId() != fmt.Sprint(i) {
			t.Fatalf("%v, %v", route, err)
		}
	}
	if a.asked.Load() != 10 || b.asked.Load() != 10 {
		t.Errorf("%d and %d calls", a.asked.Load(), b.asked.Load())
	}
}

func TestAProcessThatFailsCostsNoCall(t *testing.T) {
	for name, answer := range map[string]func(context.Context) error{
		"unavailable": func(context.Context) error { return status.Error(codes.Unavailable, "no view yet") },
		"a defect":    func(context.Context) error { return status.Error(codes.Internal, "a defect") },
		"too busy":    func(context.Context) error { return status.Error(codes.ResourceExhausted, "a limit") },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := start(t), start(t)
			a.answer = answer
			c := open(t, patient(config(a, b)))
			ready(t, c, 2)
			for i := range 10 {
				if route, err := c.RouteCall(t.Context(), call(fmt.Sprint(i))); err != nil || route.Endpoint != b.addr {
					t.Fatalf("%v, %v", route, err)
				}
			}
			if c.Stats().Retries != 5 {
				t.Errorf("%d retries", c.Stats().Retries)
			}
		})
	}
}

func TestAWrongRequestIsTriedOnce(t *testing.T) {
	a, b := start(t), start(t)
	wrong := func(context.Context) error { return status.Error(codes.InvalidArgument, "call_id: is required") }
	a.answer, b.answer = wrong, wrong
	c := open(t, patient(config(a, b)))
	ready(t, c, 2)
	if _, err := c.RouteCall(t.Context(), call("")); status.Code(err) != codes.InvalidArgument || a.asked.Load()+b.asked.Load() != 1 {
		t.Errorf("%v after %d tries", err, a.asked.Load()+b.asked.Load())
	}
}

// silent holds a request until the process, or the caller, gives up.
func silent(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestASilentProcessCostsAHedgeAndIsThenAskedLast(t *testing.T) {
	a, b := start(t), start(t)
	a.answer = silent
	cfg := patient(config(a, b))
	cfg.Limits.HedgeAfter = 400 * time.Millisecond // the other one answers sooner
	c := open(t, cfg)
	ready(t, c, 2)
	a.health.SetServingStatus("", healthv1.HealthCheckResponse_SERVING) // its health says nothing of it
	for i := range 200 {
		if route, err := c.RouteCall(t.Context(), call(fmt.Sprint(i))); err != nil || route.Endpoint != b.addr {
			t.Fatalf("%v, %v", route, err)
		}
	}
	if s := c.Stats(); s.Hedges == 0 || s.Hedges > 10 || s.Retries != 0 {
		t.Errorf("%+v", s)
	}
}

func TestHedgesAreBounded(t *testing.T) {
	a, b := start(t), start(t)
	slow := func(ctx context.Context) error {
		select {
		case <-time.After(30 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	a.answer, b.answer = slow, slow
	cfg := patient(config(a, b))
	cfg.Limits.HedgeAfter, cfg.Limits.MaxHedges = 5*time.Millisecond, 3
	c := open(t, cfg)
	ready(t, c, 2)
	const calls = 60
	for i := range calls {
		if _, err := c.RouteCall(t.Context(), call(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Hedges < 3 || s.Hedges > 3+calls/10 {
		t.Errorf("%d hedges of %d calls, with a burst of 3 and a tenth of the calls", s.Hedges, calls)
	}
}

func TestAProcessThatStopsServingIsAskedLast(t *testing.T) {
	a, b := start(t), start(t)
	c := open(t, patient(config(a, b)))
	ready(t, c, 2)
	a.health.Shutdown()
	ready(t, c, 1)
	before := a.asked.Load()
	for i := range 10 {
		if route, err := c.RouteCall(t.Context(), call(fmt.Sprint(i))); err != nil || route.Endpoint != b.addr {
			t.Fatalf("%v, %v", route, err)
		}
	}
	if a.asked.Load() != before {
		t.Error("it was asked while it was stopping")
	}
}

func TestStepsAndReportsGoToAnotherProcess(t *testing.T) {
	a, b := start(t), start(t)
	gone := status.Error(codes.Unavailable, "stopping")
	a.answer = func(context.Context) error { return gone }
	a.reporting = func(*routingv1.ReportCallRequest) error { return gone }
	c := open(t, patient(config(a, b)))
	ready(t, c, 2)
	for i := range 4 {
		id := fmt.Sprint(i)
		route, err := c.ContinueCall(t.Context(), &routingv1.ContinueCallRequest{CallId: id, Continuation: []byte("next")})
		if err != nil || route.Endpoint != b.addr {
			t.Fatalf("%v, %v", route, err)
		}
		kept, err := c.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: id})
		if err != nil || kept.Durability != routingv1.Durability_DURABILITY_COMMITTED || kept.Queued {
			t.Fatalf("%v, %v", kept, err)
		}
	}
	if got := b.reported(); len(got) != 4 || b.continued.Load() != 4 {
		t.Errorf("reports %v, %d steps", got, b.continued.Load())
	}
}

// Whoever hands a message in learns where it is kept, and with nobody to ask that it is not.
func TestAGatewayLearnsWhereAMessageIsKept(t *testing.T) {
	a := start(t)
	c := open(t, patient(config(a)))
	ready(t, c, 1)
	message := &routingv1.ContinueCallRequest{CallId: "a", DialledNumber: hidden, Continuation: []byte("next"), Recording: &routingv1.Recording{Uri: "u"}}
	route, err := c.ContinueCall(t.Context(), message)
	if err != nil || route.Message != routingv1.Durability_DURABILITY_SPOOLED || route.Endpoint != a.addr {
		t.Errorf("%v, %v", route, err)
	}
	if route, err = c.ContinueCall(t.Context(), &routingv1.ContinueCallRequest{CallId: "b"}); err != nil || route.Message != 0 {
		t.Errorf("without a message: %v, %v", route, err)
	}
	a.answer = func(context.Context) error { return status.Error(codes.Unavailable, "stopping") }
	if route, err = c.ContinueCall(t.Context(), message); err == nil && route.Message != 0 {
		t.Errorf("with nobody to ask: %v", route)
	}
}

// A gateway that has just begun may know of nobody for a moment: its first caller waits for that, as for a slow process.
func TestTheFirstCallWaitsForWhoIsFound(t *testing.T) {
	p := start(t)
	cfg := patient(config())
	asked := make(chan struct{})
	cfg.Discover = func(ctx context.Context, found func([]client.Endpoint)) {
		<-asked
		<-time.After(50 * time.Millisecond)
		found([]client.Endpoint{{Address: p.addr}})
		<-ctx.Done()
	}
	c := open(t, cfg)
	close(asked)
	if route, err := c.RouteCall(t.Context(), call("a")); err != nil || route.Endpoint != p.addr {
		t.Errorf("%+v, %v", route, err)
	}
}

func TestWithoutProcessAndTableTheErrorSaysSo(t *testing.T) {
	c := open(t, client.Config{Endpoints: []string{"127.0.0.1:1"}, GatewayID: "sbc-1"})
	_, err := c.RouteCall(t.Context(), call("a"))
	if !errors.Is(err, client.ErrNoTable) || status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), hidden[1:]) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrongWithAConfigurationIsNamed(t *testing.T) {
	for want, cfg := range map[string]client.Config{
		"Endpoints":        {GatewayID: "a"},
		"this machine":     {GatewayID: "a", Endpoints: []string{"192.0.2.1:7400"}},
		"host:port":        {GatewayID: "a", Endpoints: []string{"127.0.0.1"}},
		"GatewayID":        {Endpoints: []string{"127.0.0.1:1"}, GatewayID: "A"},
		"Limits.MaxTries":  {Endpoints: []string{"127.0.0.1:1"}, GatewayID: "a", Limits: client.Limits{MaxTries: -1}},
		"lines/ID":         {Endpoints: []string{"127.0.0.1:1"}, GatewayID: "a", Lines: []string{"gold"}},
		"without blanks":   {Endpoints: []string{"127.0.0.1:1"}, GatewayID: "a", Token: "a b"},
		"must be at most ": {Endpoints: make([]string, 101), GatewayID: "a"},
	} {
		if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A client may be closed while calls are under way: they fail, or the table answers, and nothing of theirs outlasts it.
func TestACloseUnderCalls(t *testing.T) {
	p, other := start(t), start(t)
	p.set(func() { p.answer = silent })
	other.set(func() { other.answer = silent })
	for range 20 {
		cfg := config(p, other)
		cfg.Limits = client.Limits{HedgeAfter: time.Millisecond, TryTimeout: 3 * time.Millisecond, CallTimeout: 20 * time.Millisecond}
		c := open(t, cfg)
		ready(t, c, 2)
		var calls sync.WaitGroup
		for n := range 8 {
			calls.Go(func() { _, _ = c.RouteCall(t.Context(), call(fmt.Sprint(n))) })
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		calls.Wait()
	}
}

// A process that is cut off from etcd does not know of drains: of those of one region it is asked last, and before any that an
// ocean lies between.
func TestAProcessWithAnOldViewIsAskedBehindItsNeighbours(t *testing.T) {
	old, fresh, far := start(t), start(t), start(t)
	old.set(func() { old.age = time.Hour })
	cfg := patient(config())
	cfg.Region = "emea"
	cfg.Discover = func(ctx context.Context, found func([]client.Endpoint)) {
		found([]client.Endpoint{{Address: old.addr, Region: "emea"}, {Address: fresh.addr, Region: "emea"}, {Address: far.addr, Region: "apac"}})
		<-ctx.Done()
	}
	c := open(t, cfg)
	ready(t, c, 3)
	ask := func(n int) {
		for i := range n {
			if _, err := c.RouteCall(t.Context(), call(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(20)
	if n := old.asked.Load(); n == 0 || n > 2 || far.asked.Load() > 0 {
		t.Errorf("the old one was asked %d times of 20, the far one %d times", n, far.asked.Load())
	}
	fresh.server.Stop()
	eventually(t, "the fresh one to be gone", func() bool { return c.Stats().EndpointsReady == 2 })
	before := old.asked.Load()
	ask(10)
	if n := old.asked.Load() - before; n != 10 || far.asked.Load() > 0 {
		t.Errorf("it is the only one of its region, and was asked %d times of 10, the far one %d times", n, far.asked.Load())
	}
}
