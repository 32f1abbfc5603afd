package view

import (
	"hash/maphash"
	"slices"

	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

// numbers leads from numbers to customers, in shards that successive views share.
type numbers struct {
	// seed is of the hash of numbers: whoever chooses numbers cannot choose that they meet in one place.
	seed   uint64
	shards [numShards]*numberTable
}

func newNumbers() *numbers { return &numbers{seed: maphash.String(maphash.MakeSeed(), "numbers")} }

// hash spreads numbers over all bits, whatever blocks and strides they come in. The highest choose the shard, the lowest the
// place in it.
func (x *numbers) hash(n phone.Number) uint64 { return rendezvous.Mix(uint64(n) ^ x.seed) }

// get is a number's customer; false where it has none.
func (x *numbers) get(n phone.Number) (customer ref, ok bool) {
	hash := x.hash(n)
	if t := x.shards[hash>>(64-shardBits)]; t != nil && n != 0 {
		s := t.slots[t.find(n, hash)]
		return s.customer, s.number != 0
	}
	return 0, false
}

// numbersBuilder is the next state of numbers; each shard is copied when it is first written to.
type numbersBuilder struct {
	next *numbers
	own  map[uint32]bool // nil until something changes
}

// put sets a number's customer.
func (b *numbersBuilder) put(n phone.Number, customer ref) {
	t, hash := b.edit(n)
	t.put(b.next, n, hash, customer)
}

// remove takes a number out.
func (b *numbersBuilder) remove(n phone.Number) {
	t, hash := b.edit(n)
	t.remove(b.next, n, hash)
}

func (b *numbersBuilder) edit(n phone.Number) (*numberTable, uint64) {
	if b.own == nil {
		next := *b.next
		b.next, b.own = &next, map[uint32]bool{}
	}
	hash := b.next.hash(n)
	i := uint32(hash >> (64 - shardBits))
	if !b.own[i] {
		b.next.shards[i], b.own[i] = b.next.shards[i].clone(), true
	}
	return b.next.shards[i], hash
}

// finish is the next state. Of what is gone, no memory stays behind.
func (b *numbersBuilder) finish() *numbers {
	for i := range b.own {
		if t := b.next.shards[i]; t.used == 0 {
			b.next.shards[i] = nil
		} else if len(t.slots) > minSlots && t.used*8 < len(t.slots) {
			t.resize(b.next, len(t.slots)/4)
		}
	}
	return b.next
}

// numberTable is a hash table from numbers to customers, with linear probing (Knuth, The Art of Computer Programming 3,
// 6.4, algorithms L and R). With a million customers every dependent read of memory is a cache miss, some 100 ns each, on
// the path of a ringing phone; Go's map makes several. It holds no pointer, so that the garbage collector passes it over.
//
// A table is written to by its builder only, before it is shared.
type numberTable struct {
	slots []numberSlot // as many as a power of two
	used  int
}

// numberSlot is free where number is 0.
type numberSlot struct {
	number phone.Number
	// customer is several where more than one has the number.
	customer ref
}

// several is no record's.
const several = ref(1<<32 - 1)

// minSlots is the smallest table.
const minSlots = 8

// find is where the number stands, or the free place where it would; the table has one.
func (t *numberTable) find(n phone.Number, hash uint64) int {
	i := int(hash) & (len(t.slots) - 1)
	for t.slots[i].number != n && t.slots[i].number != 0 {
		i = (i + 1) & (len(t.slots) - 1)
	}
	return i
}

func (t *numberTable) put(x *numbers, n phone.Number, hash uint64, customer ref) {
	if t.slots[t.find(n, hash)].number == 0 {
		if t.used++; t.used*8 > len(t.slots)*5 { // three eighths stay free: beyond that, probing gets long
			t.resize(x, 2*len(t.slots))
		}
	}
	t.slots[t.find(n, hash)] = numberSlot{n, customer}
}

func (t *numberTable) resize(x *numbers, slots int) {
	old := t.slots
	t.slots = make([]numberSlot, slots)
	for _, s := range old {
		if s.number != 0 {
			t.slots[t.find(s.number, x.hash(s.number))] = s
		}
	}
}

// remove takes a number out, and closes the gap so that what was pushed along is still found.
func (t *numberTable) remove(x *numbers, n phone.Number, hash uint64) {
	i, mask := t.find(n, hash), len(t.slots)-1
	if t.slots[i].number == 0 {
		return
	}
	t.used--
	for j := (i + 1) & mask; t.slots[j].number != 0; j = (j + 1) & mask {
		// What stands at j may move to i unless its home lies cyclically in (i, j].
		if home := int(x.hash(t.slots[j].number)) & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = numberSlot{}
}

// clone is a copy to write to; a nil table is an empty one.
func (t *numberTable) clone() *numberTable {
	if t == nil {
		return &numberTable{slots: make([]numberSlot, minSlots)}
	}
	return &numberTable{slices.Clone(t.slots), t.used}
}
