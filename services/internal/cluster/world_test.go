package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/cluster"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// memory is an etcd of maps, for a synctest bubble: what a process writes others hear at once.
type memory struct {
	mu       sync.Mutex
	revision int64
	truth    coord.Truth
	entries  map[string]coord.Entry
	followed map[chan coord.Batch]string // prefix
	// away makes it silent: requests fail, followers hear nothing.
	away atomic.Bool
	// denied is a prefix that may not be written.
	denied string
}

func newMemory() *memory {
	return &memory{revision: 1, entries: map[string]coord.Entry{}, followed: map[chan coord.Batch]string{}}
}

func (m *memory) answers() error {
	if m.away.Load() {
		return fault.Unavailable("etcd", errors.New("it is away"))
	}
	return nil
}

func (m *memory) Get(_ context.Context, key string) (coord.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answers(); err != nil {
		return coord.Entry{}, err
	}
	e, ok := m.entries[key]
	if !ok {
		return e, fault.NotFound(key)
	}
	return e, nil
}

func (m *memory) ListAll(_ context.Context, prefix string) ([]coord.Entry, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.under(prefix), m.revision, m.answers()
}

func (m *memory) Keys(ctx context.Context, prefix string) ([]coord.Entry, int64, error) {
	return m.ListAll(ctx, prefix)
}

func (m *memory) List(ctx context.Context, prefix, _ string, _ int) (coord.Page, error) {
	entries, revision, err := m.ListAll(ctx, prefix)
	return coord.Page{Entries: entries, Revision: revision}, err
}

func (m *memory) under(prefix string) []coord.Entry {
	var all []coord.Entry
	for _, key := range slices.Sorted(maps.Keys(m.entries)) {
		if strings.HasPrefix(key, prefix) {
			all = append(all, m.entries[key])
		}
	}
	return all
}

func (m *memory) Commit(_ context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answers(); err != nil {
		return 0, err
	}
	for _, c := range conditions {
		if !c.GetPrefix() && m.entries[c.GetKey()].ModRevision != c.GetModRevision() {
			return 0, fault.Conflict("it")
		}
		for _, e := range m.under(c.GetKey()) {
			if c.GetPrefix() && e.ModRevision > c.GetModRevision() {
				return 0, fault.Conflict("it")
			}
		}
	}
	for _, w := range writes {
		if m.denied != "" && strings.HasPrefix(w.GetKey(), m.denied) {
			return 0, fault.Unavailable("etcd", errors.New("permission denied"))
		}
	}
	m.revision++
	for _, w := range writes {
		value := w.GetValue()
		if w.GetDelete() {
			value = nil
			delete(m.entries, w.GetKey())
		} else {
			m.entries[w.GetKey()] = coord.Entry{Key: w.GetKey(), Value: value, ModRevision: m.revision}
		}
		for ch, prefix := range m.followed {
			if strings.HasPrefix(w.GetKey(), prefix) {
				ch <- coord.Batch{Revision: m.revision, Events: []coord.Event{{Key: w.GetKey(), Value: value, ModRevision: m.revision}}}
			}
		}
	}
	return m.revision, nil
}

func (m *memory) put(key string, value []byte) {
	_, _ = m.Commit(context.Background(), nil, []*rpcv1.Write{coord.Put(key, value)})
}

func (m *memory) remove(key string) {
	_, _ = m.Commit(context.Background(), nil, []*rpcv1.Write{coord.Delete(key)})
}

func (m *memory) Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error {
	ch := make(chan coord.Batch, 10000)
	m.mu.Lock()
	b := m.listed(r.From)
	m.followed[ch] = r.From
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.followed, ch)
		m.mu.Unlock()
	}()
	for ctx.Err() == nil {
		if !m.away.Load() {
			apply(b)
		}
		select {
		case <-ctx.Done():
		case b = <-ch:
		case <-time.After(time.Second):
			b = coord.Batch{Revision: b.Revision}
		}
	}
	return ctx.Err()
}

func (m *memory) listed(prefix string) coord.Batch {
	b := coord.Batch{Revision: m.revision, Reset: true, Truth: m.truth}
	for _, e := range m.under(prefix) {
		b.Events = append(b.Events, coord.Event{Key: e.Key, Value: e.Value, ModRevision: e.ModRevision})
	}
	return b
}

// restore has it tell another truth from now on, in which keys stand as they stood in a backup.
func (m *memory) restore(keys map[string][]byte) {
	m.mu.Lock()
	m.truth.ClusterID++
	m.revision += 1_000_000
	m.entries = map[string]coord.Entry{}
	for key, value := range keys {
		m.entries[key] = coord.Entry{Key: key, Value: value, ModRevision: m.revision}
	}
	m.mu.Unlock()
	m.listAnew()
}

// listAnew is what followers hear after a compaction, or a restore.
func (m *memory) listAnew() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ch, prefix := range m.followed {
		ch <- m.listed(prefix)
	}
}

func (m *memory) Hold(ctx context.Context, key string, value func() []byte, changed <-chan struct{}) error {
	defer m.remove(key)
	for ctx.Err() == nil {
		if !m.away.Load() {
			m.put(key, value())
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return ctx.Err()
}

func (m *memory) Announce(ctx context.Context, service, instance, addr string) error {
	key := "discovery/" + service + "/" + instance
	m.put(key, fmt.Appendf(nil, `{"Op":0,"Addr":%q,"Metadata":null}`, addr))
	<-ctx.Done()
	m.remove(key)
	return ctx.Err()
}

func (m *memory) Members(context.Context) ([]*rpcv1.EtcdMember, uint64, error) {
	return []*rpcv1.EtcdMember{{Name: "a", Leader: true}}, 0x1234, m.answers()
}

// announced are the instances that are found.
func (m *memory) announced(service string) string {
	entries, _, _ := m.ListAll(context.Background(), "discovery/"+service+"/")
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(e.Key, "discovery/"+service+"/"))
	}
	return strings.Join(names, " ")
}

// shifting is a clock that can be set wrong.
type shifting struct{ by atomic.Int64 }

func (s *shifting) Now() time.Time                         { return clock.System{}.Now().Add(time.Duration(s.by.Load())) }
func (s *shifting) After(d time.Duration) <-chan time.Time { return clock.System{}.After(d) }

// process is one of the cluster.
type process struct {
	*cluster.Service
	clock *shifting
	log   *buffer
	kill  func() // as kill -9 and a lease that ends
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// says counts the lines that say something.
func (b *buffer) says(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), what)
}

// start is a process that lets its services be found.
func (m *memory) start(t *testing.T, instance string, ahead time.Duration, services ...string) *process {
	t.Helper()
	p := &process{clock: &shifting{}, log: &buffer{}}
	p.clock.by.Store(int64(ahead))
	p.Service = m.service(t, cluster.Config{
		Instance: instance, Services: services, Address: instance + ".example:7400", Region: "eu-" + instance, Release: "v2", MaxSchema: 2,
	}, p.clock, p.log)
	ctx, kill := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx) })
	for _, s := range services {
		running.Go(func() { _ = p.Announce(ctx, s) })
	}
	p.kill = func() { kill(); running.Wait() }
	t.Cleanup(p.kill)
	return p
}

func (m *memory) service(t *testing.T, cfg cluster.Config, clk clock.Clock, log *buffer) *cluster.Service {
	t.Helper()
	s, err := cluster.New(cfg, cluster.Deps{
		Store: m, Clock: clk, Log: slog.New(slog.NewTextHandler(log, nil)), MeterProvider: noop.NewMeterProvider(),
		View: func() cluster.View { return cluster.View{Revision: 7, Heard: clk.Now().Add(-3 * time.Second)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T, m *memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newMemory()) })
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (p *process) cluster(t *testing.T) *rpcv1.Cluster {
	t.Helper()
	c, err := p.GetCluster(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// of is a process as another one tells of it.
func of(t *testing.T, c *rpcv1.Cluster, instance string) *rpcv1.Process {
	t.Helper()
	for _, p := range c.GetProcesses() {
		if p.GetHeartbeat().GetInstance() == instance {
			return p
		}
	}
	t.Fatalf("%s is not among %v", instance, c.GetProcesses())
	return nil
}

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
