package view

import (
	"slices"

	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

// numberTable is a hash table from numbers to customers, with linear probing (Knuth, The Art of Computer Programming 3,
// 6.4, algorithms L and R). With a million customers every dependent read of memory is a cache miss, some 100 ns each, on
// the path of a ringing phone; Go's map makes several. It holds no pointer, so that the garbage collector passes it over.
//
// A table is written to by its builder only, before it is shared.
type numberTable struct {
	slots []numberSlot // as many as a power of two, or none
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

// hashNumber spreads numbers over all bits, whatever blocks and strides they come in.
func hashNumber(n phone.Number) uint64 { return rendezvous.Mix(uint64(n)) }

// home is where a number would stand; the highest bits have chosen its shard.
func (t *numberTable) home(n phone.Number) int { return int(hashNumber(n)) & (len(t.slots) - 1) }

// find is where the number stands, or the free place where it would; the table has one.
func (t *numberTable) find(n phone.Number) int {
	i := t.home(n)
	for t.slots[i].number != n && t.slots[i].number != 0 {
		i = (i + 1) & (len(t.slots) - 1)
	}
	return i
}

// get is a number's customer; false where it is not in the table.
func (t *numberTable) get(n phone.Number) (customer ref, ok bool) {
	if t == nil || len(t.slots) == 0 || n == 0 {
		return 0, false
	}
	s := t.slots[t.find(n)]
	return s.customer, s.number != 0
}

// put sets a number's customer.
func (t *numberTable) put(n phone.Number, customer ref) {
	if _, ok := t.get(n); !ok {
		t.used++
		t.grow()
	}
	t.slots[t.find(n)] = numberSlot{n, customer}
}

// grow keeps three eighths free: beyond that, probing gets long.
func (t *numberTable) grow() {
	if t.used*8 <= len(t.slots)*5 {
		return
	}
	old := t.slots
	t.slots = make([]numberSlot, max(2*len(old), minSlots))
	for _, s := range old {
		if s.number != 0 {
			t.slots[t.find(s.number)] = s
		}
	}
}

// remove takes a number out, and closes the gap so that what was pushed along is still found.
func (t *numberTable) remove(n phone.Number) {
	if _, ok := t.get(n); !ok {
		return
	}
	t.used--
	i, mask := t.find(n), len(t.slots)-1
	for j := (i + 1) & mask; t.slots[j].number != 0; j = (j + 1) & mask {
		// What stands at j may move to i unless its home lies cyclically in (i, j].
		if home := t.home(t.slots[j].number); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = numberSlot{}
}

// clone is a copy to write to; a nil table is an empty one.
func (t *numberTable) clone() *numberTable {
	if t == nil {
		return &numberTable{}
	}
	return &numberTable{slices.Clone(t.slots), t.used}
}
