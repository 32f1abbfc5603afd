// Package externals finds customers by what other systems call them, for bulk import: an index of the sources, kept current by
// Apply. It reads of each source nothing but that field, and forgets nothing until the next list: what it finds may have
// had the id once, so that whoever asks looks at the source. It knows no names of people or companies; package view does.
package externals

import (
	"hash/maphash"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/daysidehq/dayside/services/internal/coord"
)

// Numbers of the fields on the way to an external id: rpc.v1.Stored.resource, Customer.external_ids, ExternalId.
const (
	storedResource      = 1
	customerExternalIDs = 16
	externalSystem      = 1
	externalID          = 2
)

// Index is safe for concurrent use; one goroutine applies.
type Index struct {
	prefix string
	seed   maphash.Seed

	mu       sync.RWMutex
	revision int64
	first    map[uint64]uint32 // 1 + the place in entries
	entries  []entry
	moved    chan struct{} // closed when the revision moves
}

// entry is a customer that has, or had, an external id; next is 1 + the place of another one, 0 of none.
type entry struct {
	id   string
	next uint32
}

// New is an index of the customers whose sources are under the prefix; it has heard of nothing yet.
func New(prefix string) *Index {
	return &Index{prefix: prefix, seed: maphash.MakeSeed(), first: map[uint64]uint32{}, moved: make(chan struct{})}
}

// Apply takes over a batch of events under the prefix.
func (x *Index) Apply(b coord.Batch) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.Reset {
		x.first, x.entries = map[uint64]uint32{}, nil
	}
	for _, e := range b.Events {
		if id, ok := strings.CutPrefix(e.Key, x.prefix); ok && e.Value != nil {
			x.learn(id, e.Value)
		}
	}
	if b.Revision != x.revision {
		x.revision = b.Revision
		close(x.moved)
		x.moved = make(chan struct{})
	}
}

func (x *Index) learn(id string, source []byte) {
	each(source, storedResource, func(customer []byte) {
		each(customer, customerExternalIDs, func(external []byte) {
			var system, value []byte
			each(external, externalSystem, func(b []byte) { system = b })
			each(external, externalID, func(b []byte) { value = b })
			x.add(x.hash(string(system), string(value)), id)
		})
	})
}

func (x *Index) add(hash uint64, id string) {
	for at := x.first[hash]; at != 0; at = x.entries[at-1].next {
		if x.entries[at-1].id == id {
			return
		}
	}
	x.entries = append(x.entries, entry{id, x.first[hash]})
	x.first[hash] = uint32(len(x.entries)) //nolint:gosec // four thousand million customers are more than etcd holds
}

func (x *Index) hash(system, id string) uint64 {
	var h maphash.Hash
	h.SetSeed(x.seed)
	_, _ = h.WriteString(system)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(id)
	return h.Sum64()
}

// each visits the values of one length-delimited field of a message, as far as it can be read.
func each(message []byte, number protowire.Number, visit func([]byte)) {
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		if num == number && typ == protowire.BytesType {
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return
			}
			visit(value)
			message = message[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(num, typ, message); n < 0 {
			return
		}
		message = message[n:]
	}
}

// Find is the ids of customers that have, or had, an external id, or one of the same hash.
func (x *Index) Find(system, id string) (ids []string) {
	hash := x.hash(system, id)
	x.mu.RLock()
	defer x.mu.RUnlock()
	for at := x.first[hash]; at != 0; at = x.entries[at-1].next {
		ids = append(ids, x.entries[at-1].id)
	}
	return ids
}

// Reached says whether the index is as far as a revision, and, where it is not, when to ask again.
func (x *Index) Reached(revision int64) (bool, <-chan struct{}) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.revision != 0 && x.revision >= revision, x.moved
}
