package view

import "github.com/daysidehq/dayside/services/routing/internal/rendezvous"

// cowShards: a change copies a two hundred and fifty-sixth of what there is.
const cowShards = 256

// hashed is a key that spreads over shards.
type hashed interface {
	comparable
	hash() uint64
}

// cow is a map in shards that successive views share; each is copied when it is first written to.
type cow[K hashed, V any] struct{ shards [cowShards]map[K]V }

func (m *cow[K, V]) get(k K) V { return m.shards[k.hash()>>56][k] }

// cowBuilder is the next state of a cow.
type cowBuilder[K hashed, V any] struct {
	next *cow[K, V]
	own  *[cowShards]bool // nil until something changes
}

func buildCow[K hashed, V any](from *cow[K, V]) cowBuilder[K, V] { return cowBuilder[K, V]{next: from} }

func (b *cowBuilder[K, V]) shard(k K) map[K]V {
	if b.own == nil {
		next := *b.next
		b.next, b.own = &next, &[cowShards]bool{}
	}
	i := k.hash() >> 56
	if !b.own[i] {
		b.next.shards[i], b.own[i] = cloneMap(b.next.shards[i]), true
	}
	return b.next.shards[i]
}

func (b *cowBuilder[K, V]) set(k K, v V) { b.shard(k)[k] = v }
func (b *cowBuilder[K, V]) drop(k K)     { delete(b.shard(k), k) }

// recordID is the last part of a key.
type recordID string

func (id recordID) hash() uint64 { return rendezvous.Of(string(id)) }
