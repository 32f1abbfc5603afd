package view

import (
	"encoding/binary"
	"strings"

	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

// records are values by ID: as many as a million, as they came, in strings of some thousand bytes each. So they take little
// more than their own bytes, the garbage collector has nothing to look at, and a change copies one of 4,096 shards. Views
// share all others.
type records struct {
	count  int
	shards [numShards]*recordShard
}

// recordShard is a part of them; immutable.
type recordShard struct {
	// text is records one behind the other: each the length of the name, the name, the length of the value, the value.
	text string
	// at is where the record of a slot begins, plus one; 0 where the slot is free. A record keeps its slot.
	at []uint32
	// index is a hash table with linear probing from IDs to slots, each plus one; as many places as a power of two. The bits
	// above those of a slot are some of the ID's hash, so that other IDs' records are seldom read: each is a cache miss.
	index []uint32
	// dead is how many bytes of text are of records that were replaced.
	dead int
}

// shardBits: 4,096 shards of a million records hold some 250 each, so that a change copies microseconds' worth, and the
// table of shards itself is small beside them.
const (
	shardBits = 12
	numShards = 1 << shardBits
	slotBits  = 32 - shardBits
	slotMask  = 1<<slotBits - 1
	// maxSlots bounds a shard; several of a ref is none of its slots.
	maxSlots = slotMask - 1
	// minIndex is the smallest index.
	minIndex = 4
	// maxLengths is what the lengths of a record take at most, of a value below 2 MiB.
	maxLengths = 4
	// maxShardBytes bounds a shard's text.
	maxShardBytes = 1 << 31
)

// ref names a record of a view: its shard, and its slot there. It is worth nothing in another view.
type ref uint32

func (r ref) shard() uint32 { return uint32(r) >> slotBits }
func (r ref) slot() uint32  { return uint32(r) & (1<<slotBits - 1) }

// tagOf are the bits of an ID's hash that stand in the index; its home there is of others, and so is its shard.
func tagOf(hash uint64) uint32 { return uint32(hash>>slotBits) &^ slotMask } //nolint:gosec // those bits

func idHash(id string) uint64 { return rendezvous.Of(id) }

// recordAt is the name and the value of the record that begins there.
func recordAt(text string, at uint32) (name, value string) {
	w := wire{s: text[at:]}
	name = w.bytes()
	return name, w.bytes()
}

// at is the name and the value of a record.
func (r *records) at(which ref) (name, value string) {
	s := r.shards[which.shard()]
	return recordAt(s.text, s.at[which.slot()]-1)
}

// find is where the record of an ID is; prefix is what names have before it.
func (r *records) find(prefix, id string) (which ref, ok bool) {
	hash := idHash(id)
	s := r.shards[hash>>(64-shardBits)]
	if s == nil {
		return 0, false
	}
	for i := int(hash) & (len(s.index) - 1); s.index[i] != 0; i = (i + 1) & (len(s.index) - 1) {
		if s.index[i]&^slotMask != tagOf(hash) {
			continue
		}
		slot := s.index[i]&slotMask - 1
		w := wire{s: s.text[s.at[slot]-1:]}
		if isNamed(w.bytes(), prefix, id) {
			return ref(hash>>(64-shardBits)<<slotBits | uint64(slot)), true
		}
	}
	return 0, false
}

func isNamed(name, prefix, id string) bool {
	return len(name) == len(prefix)+len(id) && name[len(prefix):] == id
}

// recordsBuilder is the next state of records; each shard is copied when it is first written to.
type recordsBuilder struct {
	prefix string
	next   *records
	edits  *[numShards]*shardEdit // nil until something changes
	dirty  []uint32
	// expected is how many bytes will come of each shard; nil where nobody said.
	expected *[numShards]int
}

// expect says that a value will be put: where all are known before the first, no shard grows by being copied.
func (b *recordsBuilder) expect(id string, bytes int) {
	if b.expected == nil {
		b.expected = &[numShards]int{}
	}
	b.expected[idHash(id)>>(64-shardBits)] += len(b.prefix) + len(id) + bytes + maxLengths
}

// shardEdit is a shard that is written to. text holds dead bytes, too: of records that were replaced. It only grows, so that
// it becomes the shard's without being copied.
type shardEdit struct {
	text  *strings.Builder
	at    []uint32
	index []uint32
	used  int
	dead  int
	free  []uint32
}

func (b *recordsBuilder) changed() bool { return b.edits != nil }

func (b *recordsBuilder) edit(i uint32) *shardEdit {
	if b.edits == nil {
		next := *b.next
		b.next, b.edits = &next, &[numShards]*shardEdit{}
	}
	if e := b.edits[i]; e != nil {
		return e
	}
	e := &shardEdit{text: &strings.Builder{}, index: make([]uint32, minIndex)}
	if s := b.next.shards[i]; s != nil {
		e.text.Grow(len(s.text) + len(s.text)/16)
		e.text.WriteString(s.text)
		e.at, e.index = append([]uint32(nil), s.at...), append([]uint32(nil), s.index...)
		for slot, at := range e.at {
			if at == 0 {
				e.free = append(e.free, uint32(slot)) //nolint:gosec // below maxSlots
			}
		}
		e.used, e.dead = len(e.at)-len(e.free), s.dead
	}
	if b.expected != nil {
		e.text.Grow(min(b.expected[i], maxShardBytes))
	}
	b.edits[i] = e
	b.dirty = append(b.dirty, i)
	return e
}

// named is the name of a slot's record.
func (e *shardEdit) named(slot uint32) string {
	name, _ := recordAt(e.text.String(), e.at[slot]-1)
	return name
}

// place is where in the index an ID stands, or would.
func (e *shardEdit) place(prefix, id string, hash uint64) int {
	i := int(hash) & (len(e.index) - 1)
	for e.index[i] != 0 {
		if e.index[i]&^slotMask == tagOf(hash) && isNamed(e.named(e.index[i]&slotMask-1), prefix, id) {
			return i
		}
		i = (i + 1) & (len(e.index) - 1)
	}
	return i
}

// get is the value of an ID as it stands by now, and where.
func (b *recordsBuilder) get(id string) (value string, which ref, ok bool) {
	hash := idHash(id)
	shard := uint32(hash >> (64 - shardBits))
	if b.edits == nil || b.edits[shard] == nil {
		which, ok = b.next.find(b.prefix, id)
		if ok {
			_, value = b.next.at(which)
		}
		return value, which, ok
	}
	e := b.edits[shard]
	slot := e.index[e.place(b.prefix, id, hash)] & slotMask
	if slot == 0 {
		return "", 0, false
	}
	_, value = recordAt(e.text.String(), e.at[slot-1]-1)
	return value, ref(shard<<slotBits | (slot - 1)), true
}

// name is that of a record as it stands by now.
func (b *recordsBuilder) name(which ref) string {
	if b.edits != nil && b.edits[which.shard()] != nil {
		return b.edits[which.shard()].named(which.slot())
	}
	name, _ := b.next.at(which)
	return name
}

// each tells of every record of a shard as it stands by now.
func (b *recordsBuilder) each(shard uint32, tell func(which ref, name string)) {
	var text string
	var slots []uint32
	if b.edits != nil && b.edits[shard] != nil {
		text, slots = b.edits[shard].text.String(), b.edits[shard].at
	} else if s := b.next.shards[shard]; s != nil {
		text, slots = s.text, s.at
	}
	for slot, at := range slots {
		if at != 0 {
			name, _ := recordAt(text, at-1)
			tell(ref(shard<<slotBits|uint32(slot)), name) //nolint:gosec // below maxSlots
		}
	}
}

// put sets an ID's value; false where there is no room for more.
func (b *recordsBuilder) put(id string, value []byte) (which ref, ok bool) {
	hash := idHash(id)
	shard := uint32(hash >> (64 - shardBits))
	e := b.edit(shard)
	i := e.place(b.prefix, id, hash)
	slot := e.index[i] & slotMask
	if slot == 0 {
		if len(e.free) == 0 && len(e.at) >= maxSlots || e.text.Len() > maxShardBytes {
			return 0, false
		}
		if slot = e.take(); e.grow(b.prefix) {
			i = e.place(b.prefix, id, hash)
		}
		e.index[i] = slot | tagOf(hash)
		b.next.count++
	} else {
		e.bury(slot - 1)
	}
	e.at[slot-1] = uint32(e.text.Len()) + 1 //nolint:gosec // about maxShardBytes at most
	e.length(len(b.prefix) + len(id))
	e.text.WriteString(b.prefix)
	e.text.WriteString(id)
	e.length(len(value))
	e.text.Write(value)
	return ref(shard<<slotBits | (slot - 1)), true
}

// length writes one.
func (e *shardEdit) length(n int) {
	var room [binary.MaxVarintLen64]byte
	e.text.Write(room[:binary.PutUvarint(room[:], uint64(n))]) //nolint:gosec // never negative
}

// take is a free slot, plus one.
func (e *shardEdit) take() uint32 {
	e.used++
	if n := len(e.free); n > 0 {
		slot := e.free[n-1]
		e.free = e.free[:n-1]
		return slot + 1
	}
	e.at = append(e.at, 0)
	return uint32(len(e.at)) //nolint:gosec // below maxSlots
}

// bury counts the bytes of a slot's record as dead.
func (e *shardEdit) bury(slot uint32) { e.dead += len(e.whole(slot)) }

// whole is all of a slot's record, lengths too.
func (e *shardEdit) whole(slot uint32) string {
	from := e.text.String()[e.at[slot]-1:]
	w := wire{s: from}
	w.bytes()
	w.bytes()
	return from[:len(from)-len(w.s)]
}

// grow keeps three eighths of the index free; true where it became another one.
func (e *shardEdit) grow(prefix string) bool {
	if e.used*8 <= len(e.index)*5 {
		return false
	}
	old := e.index
	e.index = make([]uint32, 2*len(old))
	for _, entry := range old {
		if entry != 0 {
			e.index[e.home(prefix, entry)] = entry
		}
	}
	return true
}

// home is the first free place of the index for one of its entries.
func (e *shardEdit) home(prefix string, entry uint32) int {
	i := int(idHash(e.named(entry&slotMask - 1)[len(prefix):])) & (len(e.index) - 1)
	for e.index[i] != 0 {
		i = (i + 1) & (len(e.index) - 1)
	}
	return i
}

// remove takes an ID out.
func (b *recordsBuilder) remove(id string) {
	hash := idHash(id)
	e := b.edit(uint32(hash >> (64 - shardBits)))
	i := e.place(b.prefix, id, hash)
	slot := e.index[i] & slotMask
	if slot == 0 {
		return
	}
	e.bury(slot - 1)
	mask := len(e.index) - 1
	e.index[i] = 0
	for j := (i + 1) & mask; e.index[j] != 0; j = (j + 1) & mask { // what was pushed along is put in again
		moved := e.index[j]
		e.index[j] = 0
		e.index[e.home(b.prefix, moved)] = moved
	}
	e.at[slot-1] = 0
	e.free = append(e.free, slot-1)
	e.used--
	b.next.count--
}

// finish is the next state.
func (b *recordsBuilder) finish() *records {
	for _, i := range b.dirty {
		e := b.edits[i]
		b.edits[i] = nil
		if e.used == 0 {
			b.next.shards[i] = nil
			continue
		}
		if e.dead+e.text.Cap()-e.text.Len() > e.text.Len()/4 {
			e.compact()
		}
		b.next.shards[i] = &recordShard{e.text.String(), e.at, e.index, e.dead}
	}
	return b.next
}

// compact leaves out the dead bytes, and room for more.
func (e *shardEdit) compact() {
	text := &strings.Builder{}
	text.Grow(e.text.Len() - e.dead)
	for slot, at := range e.at {
		if at != 0 {
			record := e.whole(uint32(slot))     //nolint:gosec // below maxSlots
			e.at[slot] = uint32(text.Len()) + 1 //nolint:gosec // smaller than it was
			text.WriteString(record)
		}
	}
	e.text, e.dead = text, 0
}
