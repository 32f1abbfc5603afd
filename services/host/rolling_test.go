package host

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// house is processes on one etcd.
type house struct{ etcd string }

func newHouse(t *testing.T) house {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return house{srv.Endpoint()}
}

func (h house) config(t *testing.T, instance string, services ...string) Config {
	cfg := DefaultConfig()
	cfg.Services, cfg.Instance, cfg.DataDir = services, instance, t.TempDir()
	cfg.GRPCListen, cfg.HTTPListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.EtcdEndpoints, cfg.ZoneinfoDir, cfg.Version = []string{h.etcd}, "", "v2"
	cfg.Logger = slog.New(slog.DiscardHandler)
	return cfg
}

// run is a ready process; stop ends it, at the end of the test at the latest.
func run(t *testing.T, cfg Config) (process *Host, stop func()) {
	t.Helper()
	p, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := await.Receive(t, cfg.Instance+" to stop", done); err != nil {
				t.Errorf("%s stopped with %v", cfg.Instance, err)
			}
		})
	}
	t.Cleanup(stop)
	await.Receive(t, cfg.Instance+" to be ready", p.Ready())
	return p, stop
}

const rung = "+61255500100"

// oneLineOneSite is a line whose callers are always told where to go.
func oneLineOneSite() *routingv1.ApplyConfigurationRequest {
	target := func(uri string) *schedulev1.Target {
		return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: uri}}
	}
	return &routingv1.ApplyConfigurationRequest{
		Sites: []*schedulev1.Site{{
			Name: "sites/dublin", DisplayName: "Dublin", TimeZone: "Europe/Dublin",
			Targets: []*schedulev1.Target{target("sip:support@dublin.example.com")},
		}},
		Lines: []*routingv1.Line{{
			Name: "lines/gold", DisplayName: "Gold", Sites: []*routingv1.LineSite{{Site: "sites/dublin"}},
			Number: &phone_number.PhoneNumber{Kind: &phone_number.PhoneNumber_E164Number{E164Number: rung}},
			LastResort: &routingv1.LastResort{
				Kind: routingv1.LastResort_KIND_PERSON, Target: target("sip:somebody@example.com"),
			},
		}},
	}
}

// own is the connection by which processes ask each other.
func own(t *testing.T, of *Host) grpc.ClientConnInterface {
	t.Helper()
	conn, err := of.conn(Routing)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// stranger is one that finds processes and watches their health likewise, and tries nothing twice.
func stranger(t *testing.T, of *Host) grpc.ClientConnInterface {
	t.Helper()
	conn, err := grpc.NewClient(of.etcd.Target(Routing), grpc.WithResolvers(of.etcd.Resolver()), grpc.WithDisableRetry(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(
			`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// caller is gateways that ring all the time.
type caller struct {
	mu       sync.Mutex
	failures []string
	placed   atomic.Int64
	waited   atomic.Int64
}

// ring places calls until ctx ends, each one as soon as the one before is answered, but at most 500 a second.
func (c *caller) ring(ctx context.Context, conn grpc.ClientConnInterface, name string) {
	client := routingv1.NewRoutingServiceClient(rpc.As(conn, rpc.NewPeer("pbx", rpcv1.Role_ROLE_GATEWAY)))
	for i := 0; ctx.Err() == nil; i++ {
		r, err := client.RouteCall(context.WithoutCancel(ctx), &routingv1.RouteCallRequest{
			CallId: fmt.Sprintf("%s-%d", name, i), DialledNumber: rung,
		})
		c.placed.Add(1)
		if err != nil || r.GetRoute().GetForward() == nil {
			c.mu.Lock()
			c.failures = append(c.failures, fmt.Sprintf("%s-%d: %v, %v", name, i, r.GetRoute(), err))
			c.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-clock.System{}.After(2 * time.Millisecond):
		}
	}
}

// wait asks what takes longer to answer than a process lingers, and is not asked twice: one such is always under way.
func (c *caller) wait(ctx context.Context, conn grpc.ClientConnInterface) {
	client := routingv1.NewInForceServiceClient(rpc.As(conn, rpc.NewPeer("operator", rpcv1.Role_ROLE_ADMIN)))
	for ctx.Err() == nil {
		_, err := client.AwaitInForce(context.WithoutCancel(ctx), &routingv1.AwaitInForceRequest{
			Revision: math.MaxInt64, Timeout: durationpb.New(900 * time.Millisecond),
		})
		c.waited.Add(1)
		if err != nil {
			c.mu.Lock()
			c.failures = append(c.failures, err.Error())
			c.mu.Unlock()
		}
	}
}

func (c *caller) more(t *testing.T, n int64) {
	t.Helper()
	want := c.placed.Load() + n
	await.True(t, fmt.Sprintf("%d more calls", n), func() bool { return c.placed.Load() >= want })
}

// TestARollingRestartFailsNoCall: processes that stop say so, and are asked no longer before they go.
func TestARollingRestartFailsNoCall(t *testing.T) {
	h := newHouse(t)
	base := h.config(t, "base", Schedule, Entitlement)
	control, _ := run(t, base)
	names := []string{"routing-1", "routing-2", "routing-3"}
	stops := map[string]func(){}
	for _, name := range names {
		_, stops[name] = run(t, h.config(t, name, Routing))
	}
	if _, err := routingv1.NewConfigurationServiceClient(control.Conn()).ApplyConfiguration(t.Context(), oneLineOneSite()); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the configuration to be in force everywhere", func() bool {
		a, err := routingv1.NewInForceServiceClient(control.Conn()).AwaitInForce(t.Context(), &routingv1.AwaitInForceRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return int(a.GetInForce()) == len(names) && len(a.GetProcesses()) == len(names)
	})
	c := &caller{}
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	var ringing sync.WaitGroup
	for name, conn := range map[string]grpc.ClientConnInterface{"process": own(t, control), "gateway": stranger(t, control)} {
		for i := range 2 {
			ringing.Go(func() { c.ring(ctx, conn, fmt.Sprintf("%s-%d", name, i)) })
		}
		ringing.Go(func() { c.wait(ctx, conn) })
	}
	c.more(t, 100)
	for range 2 {
		for _, name := range names {
			stops[name]()
			c.more(t, 50)
			_, stops[name] = run(t, h.config(t, name, Routing))
			c.more(t, 50)
		}
	}
	hangUp()
	ringing.Wait()
	t.Logf("%d calls and %d slow requests over 6 restarts", c.placed.Load(), c.waited.Load())
	if len(c.failures) > 0 {
		t.Errorf("%d of %d calls failed, such as %s", len(c.failures), c.placed.Load(), c.failures[0])
	}
}

// TestAStopIsSeen in the process's health, by all names, and at /readyz, while it still answers.
func TestAStopIsSeen(t *testing.T) {
	h := newHouse(t)
	run(t, h.config(t, "base", Schedule, Entitlement))
	cfg := h.config(t, "routing-1", Routing)
	seen := make(chan time.Time)
	cfg.StopLinger = maxStopLinger
	cfg.Clock = lingering{seen: seen}
	p, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	await.Receive(t, "it to be ready", p.Ready())
	conn, err := grpc.NewClient(p.Addresses().GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	status := func(name string) healthv1.HealthCheckResponse_ServingStatus {
		r, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: name})
		if err != nil {
			t.Errorf("health of %q: %v", name, err)
		}
		return r.GetStatus()
	}
	for _, name := range []string{"", "dayside.routing.v1.RoutingService", "dayside.routing.v1.LineService"} {
		if got := status(name); got != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("before the stop %q is %v", name, got)
		}
	}
	cancel()
	await.True(t, "it to say that it stops", func() bool { return status("") == healthv1.HealthCheckResponse_NOT_SERVING })
	if got := status("dayside.routing.v1.RoutingService"); got != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while it stops its routing is %v", got)
	}
	if got := strings.Join(p.waiting(), " "); got != "stopping" {
		t.Errorf("/readyz waits for %s", got)
	}
	if _, err := routingv1.NewRoutingServiceClient(conn).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "late", DialledNumber: rung,
	}); err != nil {
		t.Errorf("who has not noticed is told %v", err)
	}
	close(seen)
	if err := await.Receive(t, "it to stop", done); err != nil {
		t.Error(err)
	}
}

// lingering is a clock on which a process lingers until all has been seen.
type lingering struct {
	clock.System
	seen <-chan time.Time
}

func (l lingering) After(d time.Duration) <-chan time.Time {
	if d == maxStopLinger {
		return l.seen
	}
	return l.System.After(d)
}

// TestASkewedProcessIsFoundNoLongerAndAnswers, and comes first nowhere.
func TestASkewedProcessIsFoundNoLongerAndAnswers(t *testing.T) {
	h := newHouse(t)
	control, _ := run(t, h.config(t, "base", Schedule, Entitlement))
	for _, name := range []string{"routing-1", "routing-2"} {
		run(t, h.config(t, name, Routing))
	}
	cfg := h.config(t, "routing-3", Routing)
	cfg.Clock = Skewed(-time.Minute)
	skewed, _ := run(t, cfg)
	cluster := rpcv1.NewClusterServiceClient(control.Conn())
	endpoints := func() string {
		r, err := cluster.ListEndpoints(t.Context(), &rpcv1.ListEndpointsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range r.GetEndpoints() {
			names = append(names, e.GetInstance())
		}
		return strings.Join(names, " ")
	}
	await.True(t, "it to step back", func() bool { return endpoints() == "routing-1 routing-2" })
	told, err := cluster.GetCluster(t.Context(), &rpcv1.GetClusterRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range told.GetProcesses() {
		ahead, is := p.GetClockAhead().AsDuration(), p.GetHeartbeat().GetInstance() == "routing-3"
		if (ahead < -40*time.Second) != is || p.GetHeartbeat().GetSteppedBack() && !is {
			t.Errorf("told is %v", p)
		}
	}
	if _, err := routingv1.NewRoutingServiceClient(skewed.Conn()).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "1", DialledNumber: rung,
	}); err != nil {
		t.Errorf("asked all the same it says %v", err)
	}
}

// TestAProcessThatCannotWriteTheSchemaDoesNotStart says so in one line.
func TestAProcessThatCannotWriteTheSchemaDoesNotStart(t *testing.T) {
	h := newHouse(t)
	run(t, h.config(t, "base", Schedule, Entitlement, Routing)) // a new cluster, so it writes the newest
	cfg := h.config(t, "older", Routing)
	cfg.MaxSchema, cfg.Version = 1, "v1"
	_, err := New(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "writes schema 2") || !strings.Contains(err.Error(), "(v1)") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("it says %v", err)
	}
}
