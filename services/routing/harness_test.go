package routing_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	goldNumber = phone.Number(61255500100)
	acmeNumber = phone.Number(13035550100)
	// canary is goldNumber as it would show if it leaked.
	canary = "61255500100"
)

// house is a routing service on a real etcd, behind the chain of interceptors that it has in production, with the owners
// of sites and customers beside it as fakes that plan as those do.
type house struct {
	etcd          *coord.Client
	clock         *clock.Manual
	service       *routing.Service
	routing       routingv1.RoutingServiceClient
	lines         routingv1.LineServiceClient
	configuration routingv1.ConfigurationServiceClient
	drains        routingv1.DrainServiceClient
	inForce       routingv1.InForceServiceClient
	alerts        routingv1.AlertServiceClient
	conn          *grpc.ClientConn
	chain         *rpc.Chain
	endpoint      string // of etcd
	schedule      *fakeSchedule
	entitlement   *fakeEntitlement
	spans         *tracetest.SpanRecorder
	tracer        trace.Tracer
	metrics       *sdkmetric.ManualReader
	log           *logBuffer
	audit         *auditLog
	// roles of the peer; all of them where empty.
	roles []rpcv1.Role
	// beforeCommit, where set, runs once between a plan and its commit: that is where races are.
	beforeCommit func()
	// follow, where set before run, stands in for etcd's watch.
	follow func(ctx context.Context, apply func(coord.Batch)) error
	// leaseless, set before gateways come, has their keys held without leases.
	leaseless bool
	// stopEtcd takes etcd away.
	stopEtcd func()
}

// racing is the store as the service has it.
type racing struct {
	*coord.Client
	h *house
}

func (r racing) Follow(ctx context.Context, keys coord.Range, apply func(coord.Batch)) error {
	if r.h.follow != nil {
		return r.h.follow(ctx, apply)
	}
	return r.Client.Follow(ctx, keys, apply)
}

func (r racing) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	if len(writes) > 0 && strings.HasPrefix(writes[0].GetKey(), continuation.Prefix) {
		return r.Client.Commit(ctx, conditions, writes) // the keeper's, at its own time
	}
	if f := r.h.beforeCommit; f != nil {
		r.h.beforeCommit = nil
		f()
	}
	return r.Client.Commit(ctx, conditions, writes)
}

// HoldEvery holds keys that stay as long as the service says, where no leases are wanted: to renew a thousand of them is all
// that a small machine can do.
func (r racing) HoldEvery(ctx context.Context, interval func() time.Duration, key string, value func() []byte,
	changed <-chan struct{},
) error {
	if !r.h.leaseless {
		return r.Client.HoldEvery(ctx, interval, key, value, changed)
	}
	defer r.bring(ctx, coord.Delete(key))
	for {
		r.bring(ctx, coord.Put(key, value()))
		if !heard(ctx, r.h.clock.After(interval())) || !heard(ctx, changed) {
			return ctx.Err()
		}
	}
}

// bring writes until etcd has it.
func (r racing) bring(ctx context.Context, w *rpcv1.Write) {
	for tries := 0; tries < 20 || ctx.Err() == nil; tries++ {
		if _, err := r.Client.Commit(context.WithoutCancel(ctx), nil, []*rpcv1.Write{w}); err == nil {
			return
		}
	}
}

// heard waits for a channel; false where ctx ended.
func heard[T any](ctx context.Context, ch <-chan T) bool {
	select {
	case <-ch:
		return true
	case <-ctx.Done():
		return false
	}
}

// logBuffer is what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// build makes a house without running its service. Spans are kept, unless told otherwise.
func build(t testing.TB, spans ...sdktrace.TracerProviderOption) *house {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(srv.Close)
	t.Cleanup(stop)
	etcd, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	h := &house{
		audit: &auditLog{},
		etcd:  etcd, clock: clock.NewManual(viewtest.At(4)), spans: tracetest.NewSpanRecorder(),
		metrics: sdkmetric.NewManualReader(), log: &logBuffer{}, stopEtcd: stop,
	}
	h.schedule = newFakeSchedule(etcd, h.clock)
	h.entitlement = &fakeEntitlement{customers: collection.New(etcd, h.clock, "customers", "entitlement/customers/",
		collection.Owner[*entitlementv1.Customer](customerOwner{}))}
	if len(spans) == 0 {
		spans = append(spans, sdktrace.WithSpanProcessor(h.spans))
	}
	tp := sdktrace.NewTracerProvider(spans...)
	h.tracer = tp.Tracer("test")
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(h.metrics))
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.service, err = routing.New(routing.Config{}, routing.Deps{
		Store: racing{etcd, h}, Instance: "test-1", Clock: h.clock, Logger: log, TracerProvider: tp, MeterProvider: mp,
		Schedule: h.schedule, Entitlement: h.entitlement,
	})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := rpc.NewChain(rpc.Deps{Clock: h.clock, Logger: log, TracerProvider: tp, MeterProvider: mp, Auditor: h.audit})
	if err != nil {
		t.Fatal(err)
	}
	h.chain, h.endpoint = chain, srv.Endpoint()
	h.serve(t, chain)
	return h
}

// serve puts the service behind a server on an in-memory listener.
func (h *house) serve(t testing.TB, chain *rpc.Chain) {
	t.Helper()
	asRoles := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if len(h.roles) > 0 {
			ctx = rpc.WithPeer(ctx, rpc.NewPeer("test", h.roles...))
		}
		return next(ctx, req)
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(asRoles, chain.Unary), grpc.StreamInterceptor(chain.Stream))
	h.service.Register(server)
	h.service.Register(rpc.NewInProcess(chain, rpc.Local())) // tells the chain the roles of the methods
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	var err error
	h.conn, err = grpc.NewClient("passthrough:house", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.conn.Close() })
	h.routing = routingv1.NewRoutingServiceClient(h.conn)
	h.lines = routingv1.NewLineServiceClient(h.conn)
	h.configuration = routingv1.NewConfigurationServiceClient(h.conn)
	h.drains = routingv1.NewDrainServiceClient(h.conn)
	h.inForce = routingv1.NewInForceServiceClient(h.conn)
	h.alerts = routingv1.NewAlertServiceClient(h.conn)
}

// open is a house whose service runs and is ready.
func open(t testing.TB) *house {
	t.Helper()
	h := build(t)
	h.run(t)
	return h
}

func (h *house) run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	await.True(t, "the view is listed", h.service.Ready)
}

// put writes records as their owners would.
func (h *house) put(t testing.TB, records ...viewtest.Record) int64 {
	t.Helper()
	var writes []*rpcv1.Write
	for _, r := range records {
		writes = append(writes, coord.Put(r.Key, r.Value))
	}
	revision, err := h.etcd.Commit(t.Context(), nil, writes)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// applied waits until the view holds what was committed at that revision.
func (h *house) applied(t testing.TB, revision int64) {
	t.Helper()
	await.True(t, "the view has the revision", func() bool {
		r, err := h.routing.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "probe", DialledNumber: "+10005550000"})
		return err == nil && r.GetRoute().GetExplanation().GetViewRevision() >= revision
	})
}

// wantReason checks the reason of an error as a client gets it.
func wantReason(t testing.TB, err error, want rpcv1.Reason) {
	t.Helper()
	if got := fault.ReasonOf(rpc.Fault(err)); got != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("the hidden number is in the error: %v", err)
	}
}

type fakeEntitlement struct {
	entitlementv1.EntitlementServiceClient
	customers *collection.Collection[*entitlementv1.Customer]
	asked     int
	people    people
}

func (f *fakeEntitlement) PlanCustomers(ctx context.Context, r *entitlementv1.PlanCustomersRequest, _ ...grpc.CallOption) (
	*entitlementv1.PlanCustomersResponse, error,
) {
	f.asked++
	var doomed, offers []string
	for _, name := range r.GetDelete() {
		if id, ok := strings.CutPrefix(name, "offers/"); ok {
			offers = append(offers, id)
		} else {
			doomed = append(doomed, name)
		}
	}
	p, err := f.customers.Plan(ctx, r.GetCustomers(), doomed, r.GetPrune(), func(id string) []string {
		return []string{"pub/entitlement/customers/" + id}
	})
	if err != nil {
		return nil, rpc.Status(err).Err()
	}
	return &entitlementv1.PlanCustomersResponse{Plan: offered(p.Plan, r.GetOffers(), offers)}, nil
}

// offered adds offers that are written, and some that go, to a plan.
func offered(plan *rpcv1.Plan, written []*entitlementv1.Offer, deleted []string) *rpcv1.Plan {
	for _, o := range written {
		id := strings.TrimPrefix(o.GetName(), "offers/")
		value, _ := published.Marshal(&publishedv1.Offer{Id: id, Offer: o})
		plan.Writes = append(plan.Writes, coord.Put(published.OfferPrefix+id, value))
		plan.Changes = append(plan.Changes, &rpcv1.Change{Name: o.GetName(), Kind: rpcv1.Change_KIND_CREATE})
	}
	for _, id := range deleted {
		plan.Writes = append(plan.Writes, coord.Delete(published.OfferPrefix+id))
		plan.Changes = append(plan.Changes, &rpcv1.Change{Name: "offers/" + id, Kind: rpcv1.Change_KIND_DELETE})
	}
	return plan
}

type customerOwner struct{}

func (customerOwner) Compile(_ context.Context, c *entitlementv1.Customer) (collection.Effect, error) {
	if c.GetTimeZone() == "Local" {
		return collection.Effect{}, fault.Invalid(fault.Violation{Field: "time_zone", Value: "Local", Rule: "is no zone"})
	}
	p := &publishedv1.Customer{Id: strings.TrimPrefix(c.GetName(), "customers/"), DisplayName: c.GetDisplayName()}
	for _, n := range c.GetPhoneNumbers() {
		number, _ := phone.Parse(n.GetE164Number())
		p.Numbers = append(p.Numbers, uint64(number))
	}
	r := viewtest.CustomerRecord(p)
	return collection.Effect{Writes: []*rpcv1.Write{coord.Put(r.Key, r.Value)}}, nil
}

func (customerOwner) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

// Resources as a person would write them.

func site(id string) *schedulev1.Site {
	return &schedulev1.Site{
		Name: "sites/" + id, DisplayName: id, TimeZone: "Europe/Dublin",
		Targets: []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:support@" + id + ".example.com"}}},
	}
}

func customer(id string, n phone.Number) *entitlementv1.Customer {
	return &entitlementv1.Customer{
		Name: "customers/" + id, DisplayName: id,
		PhoneNumbers: []*phone_number.PhoneNumber{viewtest.Number(n)},
	}
}

func line(id string, n phone.Number, sites ...string) *routingv1.Line {
	return viewtest.Line(id, n, sites...)
}
