// Package routing is the service that owns lines and decides where calls go. It keeps a view of all that a decision needs
// in memory (internal/view), decides on it purely (internal/decide), and answers gateways without waiting for anybody; it
// also puts configuration of all services in force as a whole.
//
// It is the sole writer of lines and drains. It compiles no hours and judges no contract's dates: it reads what schedule and
// entitlement publish.
package routing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/frugal"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/kept"
	"github.com/daysidehq/dayside/services/routing/internal/keeper"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// Store is the part of etcd that the service needs; coord.Client is one.
type Store interface {
	generation.Store
	Hold(ctx context.Context, key string, value func() []byte, changed <-chan struct{}) error
	liveStore
	presenceStore
}

// Config is what an operator can set; nothing yet.
type Config struct{}

// Deps is what the service needs of its process. All of it is required but Schema, Promises, Journal, AlertSpool,
// PromiseSpool and Copy.
type Deps struct {
	Store Store
	// Instance is the process's name in the cluster.
	Instance       string
	Clock          clock.Clock
	Logger         *slog.Logger
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Schedule and Entitlement plan their parts of a configuration; Entitlement is asked who a caller is, too, as this service.
	Schedule    schedulev1.PlanServiceClient
	Entitlement entitlementv1.EntitlementServiceClient
	// Promises records what callers accept, as this service; nil: acceptances stay in PromiseSpool.
	Promises entitlementv1.PromiseServiceClient
	// Schema says what may be written; nil: resources are written in the first one.
	Schema collection.Schema
	// Journal takes the records of calls; nil keeps none, and then ReportCall is not served.
	Journal *journal.Journal
	// AlertSpool keeps alerts that etcd does not take; without one they are in memory, and no message is said to be taken then.
	AlertSpool AlertSpool
	// PromiseSpool keeps acceptances that entitlement does not take; without one such a caller is helped first.
	PromiseSpool PromiseSpool
	// Copy keeps the view on this host's disk, for a start while etcd is away; nil: it is not kept.
	Copy *kept.Copy
}

func (d *Deps) complete() bool {
	return d.Store != nil && d.Instance != "" && d.Clock != nil && d.Logger != nil &&
		d.TracerProvider != nil && d.MeterProvider != nil && d.Schedule != nil && d.Entitlement != nil
}

// Service implements RoutingService, LineService, ConfigurationService, DrainService and InForceService of
// dayside.routing.v1. Its errors are faults.
type Service struct {
	store   generation.Store
	clock   clock.Clock
	log     *slog.Logger
	current view.Current
	signals *signals
	// copy is nil where none is kept.
	copy     *kept.Copy
	fromDisk atomic.Bool
	// truth is whose the view is. Only apply touches it, which is called by one goroutine.
	truth coord.Truth

	calls         *calls
	lines         *lineServer
	configuration *configuration
	drains        *drainServer
	inForce       *inForce
	keeper        *keeper.Keeper
	minute        *liveState
	live          *liveServer
	tables        *tableServer
	gathered      gatherer
	alerts        *alerts
	promises      *promises
	briefs        *briefs
	settling      sync.WaitGroup
}

// New is the service. Calls are answered once Run has listed the state of the cluster.
func New(_ Config, deps Deps) (*Service, error) {
	if !deps.complete() {
		return nil, errors.New("routing: a dependency is missing")
	}
	// A configuration may be more than one transaction, and what comes in force by a generation is seen whole.
	store := generation.Through(deps.Store, deps.Clock)
	s := &Service{store: store, clock: deps.Clock, log: deps.Logger, copy: deps.Copy}
	var err error
	s.signals, err = newSignals(deps, &s.current)
	if err != nil {
		return nil, err
	}
	if err = observeCopy(deps.MeterProvider.Meter(instrumentation), deps.Copy, s.ViewState); err != nil {
		return nil, err
	}
	if s.alerts, err = newAlerts(store, deps); err != nil {
		return nil, err
	}
	if s.promises, err = newPromises(deps); err != nil {
		return nil, err
	}
	if s.minute, err = newLiveState(deps, &s.current); err != nil {
		return nil, err
	}
	s.live = newLiveServer(deps, &s.current, s.minute)
	s.tables = &tableServer{current: &s.current, clock: deps.Clock}
	// What stands beside the path of a call plugs in here.
	s.briefs = &briefs{current: &s.current, clock: deps.Clock, log: deps.Logger}
	beside := hooks{alerts: s.alerts, live: s.minute, connector: s.minute, briefs: s.briefs}
	if deps.Journal != nil {
		beside.recorder = newRecords(deps.Journal, deps.Clock)
		beside.reporter = &reports{journal: deps.Journal, clock: deps.Clock}
	}
	s.calls = &calls{current: &s.current, clock: deps.Clock, signals: s.signals, hooks: beside, customers: deps.Entitlement,
		promises: s.promises}
	s.lines = newLineServer(store, deps, &s.current)
	s.configuration = &configuration{
		store: store, clock: deps.Clock, current: &s.current, schedule: deps.Schedule, entitlement: deps.Entitlement,
		schema: deps.Schema,
	}
	s.drains = newDrainServer(store, deps)
	s.inForce = newInForce(deps.Store, deps.Instance)
	s.keeper = keeper.New(deps.Store, deps.Clock, deps.Logger)
	return s, nil
}

// Register adds the services to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	routingv1.RegisterRoutingServiceServer(r, s.calls)
	routingv1.RegisterLineServiceServer(r, s.lines)
	routingv1.RegisterConfigurationServiceServer(r, s.configuration)
	routingv1.RegisterDrainServiceServer(r, s.drains)
	routingv1.RegisterInForceServiceServer(r, s.inForce)
	routingv1.RegisterLiveServiceServer(r, s.live)
	routingv1.RegisterRouteTableServiceServer(r, s.tables)
	routingv1.RegisterAlertServiceServer(r, s.alerts)
	routingv1.RegisterReplayServiceServer(r, replay{})
	routingv1.RegisterBriefServiceServer(r, s.briefs)
}

// Run keeps the view current until ctx ends; it returns only ctx's error. While etcd is away the view stays as it is, and
// calls go on being answered.
func (s *Service) Run(ctx context.Context) error {
	var holding sync.WaitGroup
	defer holding.Wait()
	defer s.settling.Wait()
	holding.Go(func() { s.inForce.hold(ctx) })
	holding.Go(func() { _ = s.keeper.Run(ctx) }) // it ends with ctx alone
	holding.Go(func() { s.minute.run(ctx) })
	holding.Go(func() { s.alerts.run(ctx) })
	holding.Go(func() { s.promises.run(ctx) })
	return s.follow(ctx)
}

// Ready says whether calls can be answered.
func (s *Service) Ready() bool { return s.current.Load() != nil }

// apply makes the view of a batch the current one, whole, and at once but for live state.
func (s *Service) apply(ctx context.Context, b coord.Batch) {
	b, now := s.gathered.take(b, s.clock.Now())
	if !now {
		return
	}
	before := s.current.Load()
	next := view.Next(before)
	switch {
	case b.Reset && b.Truth != s.truth:
		next, s.truth = view.AnewElsewhere(before), b.Truth // of the truth before, nothing stands in for what cannot be read
	case b.Reset:
		next = view.Anew(before)
	}
	if b.Reset && frugal.IsLarge(len(b.Events)) {
		defer s.settle(ctx)
		defer frugal.List()()
		expect(next, b)
	}
	for _, e := range b.Events {
		if e.Value == nil {
			next.Delete(e.Key)
			continue
		}
		next.Put(e.Key, e.Value)
	}
	v, problems := next.View(b.Revision, s.heard(b))
	if b.Reset {
		s.fromDisk.Store(!b.Heard.IsZero())
	}
	s.current.Store(v)
	s.inForce.note(b)
	if b.Reset || len(b.Events) > 0 {
		s.tables.changed.ring()
	}
	s.alerts.heard(b)
	s.promises.heard(b)
	s.signals.applied(ctx, b, before, v, problems)
}

// heard is when etcd said what a batch says.
func (s *Service) heard(b coord.Batch) time.Time {
	if b.Heard.IsZero() {
		return s.clock.Now()
	}
	return b.Heard
}
