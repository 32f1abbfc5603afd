package generation_test

import (
	"context"
	"maps"
	"slices"
	"strings"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// memory is an etcd of maps, for one goroutine: it tells of every transaction, and lets others come in between.
type memory struct {
	keys     map[string]coord.Entry
	revision int64
	maxOps   int
	// before runs before every request, and after once it was done; an error is what the caller hears, and death.
	before, after func() error
	// wrote hears of every transaction.
	wrote func(coord.Batch)
}

func newMemory(maxOps int) *memory {
	none := func() error { return nil }
	return &memory{
		keys: map[string]coord.Entry{}, revision: 1, maxOps: maxOps, before: none, after: none, wrote: func(coord.Batch) {},
	}
}

func (m *memory) Get(_ context.Context, key string) (coord.Entry, error) {
	if err := m.before(); err != nil {
		return coord.Entry{}, err
	}
	e, ok := m.keys[key]
	if !ok {
		return e, fault.NotFound(key)
	}
	return e, nil
}

func (m *memory) List(context.Context, string, string, int) (coord.Page, error) {
	panic("no part of this package lists pages")
}

func (m *memory) Follow(context.Context, coord.Range, func(coord.Batch)) error {
	panic("the tests bring batches themselves")
}

func (m *memory) ListAll(_ context.Context, prefix string) ([]coord.Entry, int64, error) {
	if err := m.before(); err != nil {
		return nil, 0, err
	}
	var out []coord.Entry
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		if strings.HasPrefix(key, prefix) {
			out = append(out, m.keys[key])
		}
	}
	return out, m.revision, nil
}

func (m *memory) Keys(ctx context.Context, prefix string) ([]coord.Entry, int64, error) {
	out, revision, err := m.ListAll(ctx, prefix)
	for i := range out {
		out[i].Value = nil
	}
	return out, revision, err
}

func (m *memory) Commit(_ context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	if err := m.before(); err != nil {
		return 0, err
	}
	if max(len(conditions), len(writes)) > m.maxOps {
		return 0, fault.LimitExceeded("too many operations")
	}
	for _, c := range conditions {
		if !m.holds(c) {
			return 0, fault.Conflict("the configuration")
		}
	}
	m.revision++
	b := coord.Batch{Revision: m.revision}
	for _, w := range writes {
		e := coord.Event{Key: w.GetKey(), ModRevision: m.revision}
		if w.GetDelete() {
			if _, ok := m.keys[e.Key]; !ok {
				continue
			}
			delete(m.keys, e.Key)
		} else {
			e.Value = append([]byte{}, w.GetValue()...)
			m.keys[e.Key] = coord.Entry{Key: e.Key, Value: e.Value, ModRevision: m.revision}
		}
		b.Events = append(b.Events, e)
	}
	m.wrote(b)
	return m.revision, m.after()
}

func (m *memory) holds(c *rpcv1.Condition) bool {
	if c.GetPrefix() {
		for key, e := range m.keys {
			if strings.HasPrefix(key, c.GetKey()) && e.ModRevision > c.GetModRevision() {
				return false
			}
		}
		return true
	}
	e, ok := m.keys[c.GetKey()]
	if c.GetExists() {
		return ok
	}
	return e.ModRevision == c.GetModRevision()
}

// list is the whole state as a follower that begins now is told of it.
func (m *memory) list() coord.Batch {
	b := coord.Batch{Revision: m.revision, Reset: true}
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		e := m.keys[key]
		b.Events = append(b.Events, coord.Event{Key: key, Value: e.Value, ModRevision: e.ModRevision})
	}
	return b
}
