package simulation

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// restoreBump is by how much a restored backup is ahead of the one it was made of (etcdutl's --bump-revision).
const restoreBump = 1_000_000_000

// etcd is one etcd, as its clients see it: keys with revisions, transactions, a history that is compacted, watches that are
// told of it, and now and then another truth, since a backup was restored. It is a generation.Store and a keeper.Store.
type etcd struct {
	s *sim
	// away: nobody gets an answer.
	away bool
	// truth is whose history the revisions are of.
	truth    coord.Truth
	keys     map[string]coord.Entry
	revision int64
	// history are the batches after compacted, ascending.
	history   []coord.Batch
	compacted int64
}

// backup is a snapshot of etcd, with whose truth it was, and the world.
type backup struct {
	truth    coord.Truth
	keys     map[string]coord.Entry
	revision int64
	world    *world
}

func newEtcd(s *sim) *etcd {
	return &etcd{s: s, truth: newTruth(s), keys: map[string]coord.Entry{}, revision: 1}
}

func newTruth(s *sim) coord.Truth {
	t := coord.Truth{ClusterID: s.chance.Uint64()}
	binary.BigEndian.PutUint64(t.Epoch[:], s.chance.Uint64())
	return t
}

func unavailable() error { return fault.Unavailable("etcd", errors.New("it is away")) }

// Get is coord.Client's.
func (e *etcd) Get(_ context.Context, key string) (coord.Entry, error) {
	if e.away {
		return coord.Entry{}, unavailable()
	}
	entry, ok := e.keys[key]
	if !ok {
		return coord.Entry{}, fault.NotFound(key)
	}
	return entry, nil
}

// List is coord.Client's.
func (e *etcd) List(ctx context.Context, prefix, after string, limit int) (coord.Page, error) {
	all, revision, err := e.ListAll(ctx, prefix)
	if err != nil {
		return coord.Page{}, err
	}
	all = slices.DeleteFunc(all, func(entry coord.Entry) bool { return entry.Key <= after })
	n := min(limit, len(all))
	return coord.Page{Entries: all[:n], More: n < len(all), Revision: revision}, nil
}

// ListAll is coord.Client's.
func (e *etcd) ListAll(_ context.Context, prefix string) ([]coord.Entry, int64, error) {
	if e.away {
		return nil, 0, unavailable()
	}
	return e.list(func(key string) bool { return strings.HasPrefix(key, prefix) }), e.revision, nil
}

// Keys is coord.Client's; it has the values too.
func (e *etcd) Keys(ctx context.Context, prefix string) ([]coord.Entry, int64, error) {
	return e.ListAll(ctx, prefix)
}

// list is in order of key.
func (e *etcd) list(wanted func(key string) bool) []coord.Entry {
	var all []coord.Entry
	for key, entry := range e.keys {
		if wanted(key) {
			all = append(all, entry)
		}
	}
	slices.SortFunc(all, func(a, b coord.Entry) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// Commit is coord.Client's.
func (e *etcd) Commit(_ context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	if e.away {
		return 0, unavailable()
	}
	for _, c := range conditions {
		if !e.holds(c) {
			return 0, fault.Conflict(c.GetKey())
		}
	}
	if len(writes) == 0 {
		return e.revision, nil
	}
	e.revision++
	b := coord.Batch{Revision: e.revision}
	for _, w := range writes {
		if w.GetDelete() {
			if _, there := e.keys[w.GetKey()]; there {
				delete(e.keys, w.GetKey())
				b.Events = append(b.Events, coord.Event{Key: w.GetKey(), ModRevision: e.revision})
			}
			continue
		}
		created := e.revision
		if before, there := e.keys[w.GetKey()]; there {
			created = before.CreateRevision
		}
		value := append([]byte{}, w.GetValue()...)
		e.keys[w.GetKey()] = coord.Entry{Key: w.GetKey(), Value: value, ModRevision: e.revision, CreateRevision: created}
		b.Events = append(b.Events, coord.Event{Key: w.GetKey(), Value: value, ModRevision: e.revision})
	}
	e.history = append(e.history, b)
	for _, p := range e.s.processes {
		p.follow.told(b)
	}
	return e.revision, nil
}

func (e *etcd) holds(c *rpcv1.Condition) bool {
	if c.GetPrefix() {
		for key, entry := range e.keys {
			if strings.HasPrefix(key, c.GetKey()) && entry.ModRevision > c.GetModRevision() {
				return false
			}
		}
		return true
	}
	entry, there := e.keys[c.GetKey()]
	if c.GetExists() {
		return there
	}
	return entry.ModRevision == c.GetModRevision()
}

// Follow is not etcd's here: processes follow through a link (follow.go).
func (*etcd) Follow(context.Context, coord.Range, func(coord.Batch)) error {
	return fmt.Errorf("simulation: %w", errors.ErrUnsupported)
}

// after are the batches after a revision that is not compacted.
func (e *etcd) after(revision int64) []coord.Batch {
	at, _ := slices.BinarySearchFunc(e.history, revision+1, func(b coord.Batch, r int64) int { return int(b.Revision - r) })
	return e.history[at:]
}

// compact forgets all history up to a revision.
func (e *etcd) compact(revision int64) {
	e.history = slices.Clone(e.after(revision))
	e.compacted = max(e.compacted, revision)
}

// save is a backup as it is taken of a running etcd.
func (e *etcd) save(w *world) *backup {
	return &backup{truth: e.truth, keys: maps.Clone(e.keys), revision: e.revision, world: w}
}

// restore puts a backup in the place of all that is there: the revision is bumped, all before it is compacted, and whose
// truth it is changes. Watches end.
func (e *etcd) restore(b *backup) {
	e.keys, e.revision = maps.Clone(b.keys), b.revision+restoreBump
	e.history, e.compacted = nil, e.revision
	e.truth = newTruth(e.s)
	// A cluster's id follows from the token that the operator gives: the same one again and again, but where that would be the
	// id of the cluster that was backed up. Then the epoch in the backup is another cluster's, and a new one is made.
	if token := uint64(e.s.chance.IntN(3)); token != 0 && token != b.truth.ClusterID {
		e.truth.ClusterID = token
	}
}
