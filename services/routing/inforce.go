package routing

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// statusPrefix and an instance is where each routing process says how far it is, under its lease: a
	// routingv1.RoutingProcess. No view follows it.
	statusPrefix = "status/routing/"
	// markKey is within what views follow. Writing it has every process say how far it is, since changes that concern no
	// view pass them by.
	markKey = "routing/mark"
	// defaultAwaitTimeout is taken where a request says none.
	defaultAwaitTimeout = 5 * time.Second
	// maxAwaiting bounds the requests that wait at the same time: each one is a watch.
	maxAwaiting = 64
)

// inForce implements InForceService, and says how far this process is.
type inForce struct {
	routingv1.UnimplementedInForceServiceServer
	store    Store
	instance string
	applied  atomic.Int64
	changed  chan struct{} // holds one
	awaiting atomic.Int32
}

func newInForce(store Store, instance string) *inForce {
	return &inForce{store: store, instance: instance, changed: make(chan struct{}, 1)}
}

// note is told of every batch once it is in force. Batches without events bring nothing in force; were they told, the
// telling itself would bring the next one. Live state is no change that anybody waits for, and there is much of it: it is
// told with whatever comes next.
func (f *inForce) note(b coord.Batch) {
	if !b.Reset && len(b.Events) == 0 {
		return
	}
	f.applied.Store(b.Revision)
	if !b.Reset && liveAlone(b.Events) {
		return
	}
	select {
	case f.changed <- struct{}{}:
	default: // not yet told of the one before
	}
}

// hold says how far this process is until ctx ends.
func (f *inForce) hold(ctx context.Context) {
	_ = f.store.Hold(ctx, statusPrefix+f.instance, func() []byte {
		value, err := proto.Marshal(&routingv1.RoutingProcess{Instance: f.instance, Revision: f.applied.Load()})
		if err != nil {
			return nil // it cannot fail; and a process without a value is one that is missing
		}
		return value
	}, f.changed)
}

// AwaitInForce waits until every routing process has a change in force, or the time is over.
func (f *inForce) AwaitInForce(ctx context.Context, r *routingv1.AwaitInForceRequest) (
	*routingv1.AwaitInForceResponse, error,
) {
	defer f.awaiting.Add(-1)
	if f.awaiting.Add(1) > maxAwaiting {
		return nil, fault.LimitExceeded(fmt.Sprintf("%d requests wait here already; ask another process", maxAwaiting))
	}
	entries, _, err := f.store.ListAll(ctx, statusPrefix)
	if err != nil {
		return nil, err
	}
	s := states{revision: r.GetRevision(), own: f.instance}
	s.list(entries)
	if s.revision > 0 && s.complete() {
		return s.answer(), nil
	}
	mark, err := f.store.Commit(ctx, nil, []*rpcv1.Write{coord.Put(markKey, nil)})
	if err != nil {
		return nil, err
	}
	if s.revision == 0 {
		s.revision = mark
	}
	timeout := defaultAwaitTimeout
	if r.GetTimeout() != nil {
		timeout = r.GetTimeout().AsDuration()
	}
	return f.await(ctx, timeout, &s)
}

// await follows how far the processes are.
func (f *inForce) await(ctx context.Context, timeout time.Duration, s *states) (
	*routingv1.AwaitInForceResponse, error,
) {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// It returns when the time is over, or all that is waited for has come.
	_ = f.store.Follow(waiting, coord.Prefix(statusPrefix), func(b coord.Batch) {
		s.apply(b)
		if s.complete() {
			cancel()
		}
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return s.answer(), nil
}

// states is how far processes are, as they say.
type states struct {
	revision int64  // asked about
	own      string // a process that is certainly there
	at       map[string]int64
}

func (s *states) list(entries []coord.Entry) {
	s.at = map[string]int64{}
	for _, e := range entries {
		s.put(e.Key, e.Value)
	}
}

func (s *states) apply(b coord.Batch) {
	if b.Reset {
		s.at = map[string]int64{}
	}
	for _, e := range b.Events {
		if e.Value == nil {
			delete(s.at, strings.TrimPrefix(e.Key, statusPrefix))
			continue
		}
		s.put(e.Key, e.Value)
	}
}

// put takes what cannot be read for a process that says nothing: it is missing.
func (s *states) put(key string, value []byte) {
	var p routingv1.RoutingProcess
	if proto.Unmarshal(value, &p) != nil {
		p.Reset()
	}
	s.at[strings.TrimPrefix(key, statusPrefix)] = p.GetRevision()
}

func (s *states) complete() bool {
	if _, ok := s.at[s.own]; !ok {
		return false
	}
	for _, revision := range s.at {
		if revision < s.revision {
			return false
		}
	}
	return true
}

func (s *states) answer() *routingv1.AwaitInForceResponse {
	a := &routingv1.AwaitInForceResponse{Revision: s.revision}
	if _, ok := s.at[s.own]; !ok {
		s.at[s.own] = 0 // its lease was lost; it is there all the same
	}
	for _, instance := range slices.Sorted(maps.Keys(s.at)) {
		p := &routingv1.RoutingProcess{
			Instance: instance, Revision: s.at[instance], InForce: s.at[instance] >= s.revision,
		}
		if p.GetInForce() {
			a.InForce++
		}
		a.Processes = append(a.Processes, p)
	}
	return a
}
