// Package cluster is a process's place among the others: it says every two seconds that it lives and how it is, knows who
// else does, lets itself be found and steps back from that while its clock is wrong, and keeps to the schema that the
// cluster writes. ClusterService (dayside.rpc.v1) tells all of it.
//
// It decides nothing about calls, and nothing waits for it: a process that etcd does not answer goes on with what it knew.
// Whose clock is wrong is judged in skew.
package cluster

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

const (
	// heartbeatEvery is how often a process says that it lives; by up to a quarter more or less, so that many do not do so at
	// the same moment.
	heartbeatEvery = 2 * time.Second
	// membersEvery is how often etcd's members are asked how they are.
	membersEvery = 30 * time.Second
	// maxProcesses bounds how many others are remembered.
	maxProcesses = 1000
	// maxAnnounced bounds the services of theirs.
	maxAnnounced = 5 * maxProcesses
)

// Where it is all kept.
const (
	clusterPrefix   = "cluster/"
	epochKey        = "cluster/epoch"  // rpcv1.ClusterEpoch
	schemaKey       = "cluster/schema" // rpcv1.ClusterSchema
	processesPrefix = "status/processes/"
	discoveryPrefix = "discovery/"
	// statusPrefix is where routing processes said how far they are before there were heartbeats, and still do.
	statusPrefix = "status/routing/"
)

// Store is the part of coord.Client that is needed, with its contracts.
type Store interface {
	Get(ctx context.Context, key string) (coord.Entry, error)
	List(ctx context.Context, prefix, after string, limit int) (coord.Page, error)
	Keys(ctx context.Context, prefix string) ([]coord.Entry, int64, error)
	ListAll(ctx context.Context, prefix string) ([]coord.Entry, int64, error)
	Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error)
	Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error
	Hold(ctx context.Context, key string, value func() []byte, changed <-chan struct{}) error
	Announce(ctx context.Context, service, instance, addr string) error
	Members(ctx context.Context) ([]*rpcv1.EtcdMember, uint64, error)
}

// View is how far a process's view of the configuration is; the zero value where it has none.
type View struct {
	Revision int64
	// Heard is when etcd was last heard.
	Heard    time.Time
	FromDisk bool
}

// Config is what the process says of itself.
type Config struct {
	// Instance is its name in the cluster, Services what it holds, Address where its gRPC API is reached.
	Instance string
	Services []string
	Address  string
	// Region it runs in; empty: it is not told.
	Region string
	// Release is its version, MaxSchema the newest schema that it can read and write.
	Release   string
	MaxSchema int32
}

// Deps is what it needs of the process. All of it is required but View.
type Deps struct {
	Store         Store
	Clock         clock.Clock
	Log           *slog.Logger
	MeterProvider metric.MeterProvider
	// View tells of the view of a routing process; nil where it is none.
	View func() View
}

// Service implements ClusterService. Its errors are faults.
type Service struct {
	rpcv1.UnimplementedClusterServiceServer
	cfg    Config
	store  Store
	clock  clock.Clock
	log    *slog.Logger
	view   func() View
	began  time.Time
	schema *Schema
	// changed is signalled where a heartbeat should go out before its time.
	changed chan struct{}

	mu       sync.Mutex
	known    known
	place    place
	sequence int64
	members  membership
}

// New is the service; Run makes it live.
func New(cfg Config, deps Deps) (*Service, error) {
	if cfg.Instance == "" || deps.Store == nil || deps.Clock == nil || deps.Log == nil || deps.MeterProvider == nil {
		return nil, errors.New("cluster: a dependency is missing")
	}
	s := &Service{
		cfg: cfg, store: deps.Store, clock: deps.Clock, log: deps.Log, view: deps.View, began: deps.Clock.Now(),
		schema: newSchema(cfg), changed: make(chan struct{}, 1), place: newPlace(),
	}
	s.known = newKnown(cfg.Instance, s.began)
	return s, s.observe(deps.MeterProvider)
}

// Register adds the service to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) { rpcv1.RegisterClusterServiceServer(r, s) }

// Schema is what may be written.
func (s *Service) Schema() *Schema { return s.schema }

// Run keeps the process's place until ctx ends; it returns only ctx's error.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { _ = s.store.Hold(ctx, processesPrefix+s.cfg.Instance, s.heartbeat, s.changed) })
	for _, prefix := range []string{clusterPrefix, processesPrefix, discoveryPrefix} {
		running.Go(func() {
			_ = s.store.Follow(ctx, coord.Prefix(prefix), func(b coord.Batch) { s.apply(ctx, prefix, b) })
		})
	}
	running.Go(func() { s.askMembers(ctx) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.clock.After(heartbeatEvery*3/4 + rand.N(heartbeatEvery/2)): //nolint:gosec // jitter, not a secret
			s.judge(ctx)
			s.nudge()
		}
	}
	return ctx.Err()
}

// nudge sends a heartbeat.
func (s *Service) nudge() {
	select {
	case s.changed <- struct{}{}:
	default: // one is due already
	}
}

// heartbeat is what the process says of itself now.
func (s *Service) heartbeat() []byte {
	s.mu.Lock()
	s.sequence++
	s.mu.Unlock()
	value, err := proto.Marshal(s.self())
	if err != nil {
		s.log.Error("this process's heartbeat cannot be written", "error", err.Error()) // a name that is no text
	}
	return value
}

// self is this process as it is now.
func (s *Service) self() *rpcv1.Heartbeat {
	now := s.clock.Now()
	s.mu.Lock()
	h := &rpcv1.Heartbeat{
		Instance: s.cfg.Instance, Services: s.cfg.Services, Address: s.cfg.Address, Region: s.cfg.Region,
		Release: s.cfg.Release, MaxSchema: s.cfg.MaxSchema, WallUnixUs: now.UnixMicro(), Sequence: s.sequence,
		StartUnixUs: s.began.UnixMicro(), SteppedBack: s.place.anyBack(),
	}
	if j := s.place.judgement; j.Majority {
		h.ClockAheadUs = j.Ahead.Microseconds()
	}
	s.mu.Unlock()
	if s.view != nil {
		if v := s.view(); !v.Heard.IsZero() {
			h.ViewRevision, h.ViewHeardUnixUs, h.ViewFromDisk = v.Revision, v.Heard.UnixMicro(), v.FromDisk
		}
	}
	return h
}

// apply takes up what was heard of one of the ranges.
func (s *Service) apply(ctx context.Context, prefix string, b coord.Batch) {
	now := s.clock.Now()
	s.mu.Lock()
	another := s.known.apply(prefix, b, now)
	schema := s.known.schema
	s.mu.Unlock()
	switch {
	case another:
		s.schema.follow(ctx, s.log, max(schema, firstSchema))
	case prefix == clusterPrefix:
		s.schema.learn(ctx, s.log, schema)
	}
}
