package client_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"

	"github.com/daysidehq/dayside/api/client"
)

const (
	hidden  = "+61255500100"
	unknown = "+61255500199"
)

// process is a routing process that answers as a test wants.
type process struct {
	routingv1.UnimplementedRoutingServiceServer
	routingv1.UnimplementedRouteTableServiceServer
	rpcv1.UnimplementedClusterServiceServer

	addr   string
	server *grpc.Server
	health *health.Server
	door   *door
	// asked counts RouteCalls, continued ContinueCalls.
	asked, continued atomic.Int64

	mu sync.Mutex
	// answer is what RouteCall does; nil: a route to this process.
	answer func(ctx context.Context) error
	// reporting is what ReportCall does; nil: COMMITTED.
	reporting func(*routingv1.ReportCallRequest) error
	reports   []*routingv1.ReportCallRequest
	// age is its view's.
	age time.Duration
	// tables are told on WatchRoutes, and again whenever they change.
	tables  []*routingv1.WatchRoutesResponse
	changed chan struct{}
	// endpoints are told of; nil: UNIMPLEMENTED.
	endpoints []*rpcv1.RoutingEndpoint
}

// door is an address of loopback that a process keeps while it is away: nobody else must take it meanwhile.
type door struct {
	net.Listener

	mu     sync.Mutex
	inside *inside // nil: whoever comes is sent away
}

// inside is who is let in, to one server.
type inside struct {
	*door
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (d *door) stand() {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		in := d.inside
		d.mu.Unlock()
		if in == nil {
			_ = conn.Close()
			continue
		}
		select {
		case in.conns <- conn:
		case <-in.closed:
			_ = conn.Close()
		}
	}
}

func (d *door) open() *inside {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside = &inside{door: d, conns: make(chan net.Conn), closed: make(chan struct{})}
	return d.inside
}

// Accept is net.Listener's.
func (i *inside) Accept() (net.Conn, error) {
	select {
	case conn := <-i.conns:
		return conn, nil
	case <-i.closed:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener's; the door stays.
func (i *inside) Close() error {
	i.once.Do(func() { close(i.closed) })
	return nil
}

// start is a process on loopback until the test ends.
func start(t testing.TB) *process {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &process{changed: make(chan struct{}), addr: l.Addr().String(), door: &door{Listener: l}}
	go p.door.stand()
	p.serve(t)
	return p
}

// serve begins to serve, or does so again.
func (p *process) serve(t testing.TB) {
	t.Helper()
	p.server, p.health = grpc.NewServer(), health.NewServer()
	routingv1.RegisterRoutingServiceServer(p.server, p)
	routingv1.RegisterRouteTableServiceServer(p.server, p)
	rpcv1.RegisterClusterServiceServer(p.server, p)
	healthv1.RegisterHealthServer(p.server, p.health)
	server, in := p.server, p.door.open()
	go func() { _ = server.Serve(in) }()
	t.Cleanup(server.Stop)
}

func (p *process) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// RouteCall answers with a route that names this process.
func (p *process) RouteCall(ctx context.Context, r *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
	p.asked.Add(1)
	p.mu.Lock()
	answer, age := p.answer, p.age
	p.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return nil, err
		}
	}
	return &routingv1.RouteCallResponse{Route: &routingv1.Route{
		CallId: r.GetCallId(), Line: "lines/gold", Step: forward(p.addr), StepNumber: 1, Continuation: []byte("next"),
		Explanation: &routingv1.Explanation{ViewAge: durationpb.New(age)},
	}}, nil
}

// ContinueCall answers as RouteCall does.
func (p *process) ContinueCall(ctx context.Context, r *routingv1.ContinueCallRequest) (*routingv1.ContinueCallResponse, error) {
	p.continued.Add(1)
	resp, err := p.RouteCall(ctx, &routingv1.RouteCallRequest{CallId: r.GetCallId()})
	answer := &routingv1.ContinueCallResponse{Route: resp.GetRoute()}
	if r.GetRecording() != nil {
		answer.Durability = routingv1.Durability_DURABILITY_SPOOLED
	}
	return answer, err
}

// ReportCall keeps the report.
func (p *process) ReportCall(_ context.Context, r *routingv1.ReportCallRequest) (*routingv1.ReportCallResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reporting != nil {
		if err := p.reporting(r); err != nil {
			return nil, err
		}
	}
	p.reports = append(p.reports, r)
	return &routingv1.ReportCallResponse{Durability: routingv1.Durability_DURABILITY_COMMITTED}, nil
}

// reported are the ids of calls that were reported, in order.
func (p *process) reported() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, r := range p.reports {
		ids = append(ids, r.GetCallId())
	}
	return ids
}

// WatchRoutes tells the tables, whole, whenever they change.
func (p *process) WatchRoutes(_ *routingv1.WatchRoutesRequest,
	stream grpc.ServerStreamingServer[routingv1.WatchRoutesResponse],
) error {
	for {
		p.mu.Lock()
		tables, changed := p.tables, p.changed
		p.mu.Unlock()
		if len(tables) == 0 {
			return status.Error(codes.Unavailable, "no view yet")
		}
		for _, r := range tables {
			if err := stream.Send(r); err != nil {
				return err
			}
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-changed:
		}
	}
}

// ListEndpoints tells of others.
func (p *process) ListEndpoints(context.Context, *rpcv1.ListEndpointsRequest) (*rpcv1.ListEndpointsResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.endpoints == nil {
		return nil, status.Error(codes.Unimplemented, "an older release")
	}
	return &rpcv1.ListEndpointsResponse{Endpoints: p.endpoints}, nil
}

func sipTarget(id, uri string) *routingv1.RouteTarget {
	return &routingv1.RouteTarget{
		TargetId: id, Target: &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: uri}},
	}
}

func forward(uris ...string) *routingv1.Route_Forward {
	f := &routingv1.Forward{}
	for i, uri := range uris {
		f.Targets = append(f.Targets, sipTarget(fmt.Sprint("t", i+1), uri))
	}
	f.GetTargets()[len(f.GetTargets())-1].LastResort = true
	return &routingv1.Route_Forward{Forward: f}
}

// tableOf forwards a number to a first target from each hour on, for an hour; then to the last resort.
func tableOf(line, dialled string, from time.Time, firsts ...string) *routingv1.RouteTable {
	t := &routingv1.RouteTable{Line: line, DialledNumber: dialled}
	for i, first := range firsts {
		at := from.Add(time.Duration(i) * time.Hour)
		t.Spans = append(t.Spans, &routingv1.RouteSpan{
			StartTime: timestamppb.New(at), EndTime: timestamppb.New(at.Add(time.Hour)),
			Targets: forward(first, "sip:last@resort.example").Forward.GetTargets(),
		})
	}
	return t
}

// config is that of a gateway that knows some processes.
func config(ps ...*process) client.Config {
	cfg := client.Config{GatewayID: "sbc-1", Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}}
	for _, p := range ps {
		cfg.Endpoints = append(cfg.Endpoints, p.addr)
	}
	return cfg
}

// patient has a client wait for a machine that is slow: tests of who is asked are not of how long that takes.
func patient(cfg client.Config) client.Config {
	cfg.Limits = client.Limits{
		HedgeAfter: time.Minute, TryTimeout: 2 * time.Minute, CallTimeout: 4 * time.Minute,
		StepTimeout: 2 * time.Minute, ReportTimeout: 2 * time.Minute,
	}
	return cfg
}

// open is a client until the test ends.
func open(t testing.TB, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ready waits until so many processes serve.
func ready(t testing.TB, c *client.Client, n int) {
	t.Helper()
	eventually(t, strconv.Itoa(n)+" processes to be connected", func() bool { return c.Stats().EndpointsReady == n })
}

// eventually waits for a condition. This package imports nothing of the services, their waiting included.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func call(id string) *routingv1.RouteCallRequest {
	return &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: hidden, Caller: &routingv1.Caller{Number: "+13035550101"},
	}
}
