package view

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"strings"
	"sync/atomic"
)

// records are values by ID: as many as a million, in strings of some thousand bytes each. So they take little more than
// their own bytes, the garbage collector has nothing to look at, and a change writes behind one of 4,096 strings. Views
// share all others.
type records struct {
	// prefix is what names have before the ID.
	prefix string
	// seed is of the hash of IDs: whoever chooses IDs cannot choose that they meet in one place.
	seed   maphash.Seed
	count  int
	shards [numShards]*recordShard
}

func newRecords(prefix string) *records { return &records{prefix: prefix, seed: maphash.MakeSeed()} }

// recordShard is a part of them; immutable, but for who continues it.
type recordShard struct {
	// text is records one behind the other: each the lengths of value and name, the value, the name. Where a value begins is
	// known without looking, and that in few of the lines of a processor's cache: a look-up waits for all of it at once.
	text string
	// at is where the record of a slot begins, plus one; 0 where the slot is free. A record keeps its slot.
	at []uint32
	// index is a hash table with linear probing from IDs to slots, each plus one; as many places as a power of two. The bits
	// above those of a slot are some of the ID's hash, so that other IDs' records are seldom read: each is a cache miss.
	index []uint32
	// dead is how many bytes of text are of records that were replaced.
	dead int
	// room is what text is the beginning of. The first state that follows this one writes behind it, which nobody sees who
	// knows the text alone; any other one copies.
	room      *strings.Builder
	continued atomic.Bool
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
	// lengths is what those of a record take: 4 bytes the value's, 2 the name's, little endian.
	lengths = 6
	// aligned: a record begins at a multiple of so many bytes.
	aligned = 32
	// maxName bounds a name.
	maxName = 1<<16 - 1
	// maxShardBytes bounds a shard's text.
	maxShardBytes = 1 << 31
	// spare: a text that has no room gets that part of itself; wasted: of dead bytes and room more than that part of a text
	// is given back.
	spare  = 8
	wasted = 4
)

// ref names a record of a view: its shard, and its slot there. It is worth nothing in another view.
type ref uint32

func (r ref) shard() uint32 { return uint32(r) >> slotBits }
func (r ref) slot() uint32  { return uint32(r) & (1<<slotBits - 1) }

// tagOf are the bits of an ID's hash that stand in the index; its home there is of others, and so is its shard.
func tagOf(hash uint64) uint32 { return uint32(hash>>slotBits) &^ slotMask } //nolint:gosec // those bits

func (r *records) hash(id string) uint64 { return maphash.String(r.seed, id) }

// isNamed says whether a name is the ID's.
func (r *records) isNamed(name, id string) bool {
	return len(name) == len(r.prefix)+len(id) && name[len(r.prefix):] == id
}

// recordAt is the name and the value of the record that begins there.
func recordAt(text string, at uint32) (name, value string) {
	s := text[at:]
	value = s[lengths:][:unpack32(s)]
	return s[lengths+len(value):][:int(s[4])|int(s[5])<<8], value
}

// at is the name and the value of a record.
func (r *records) at(which ref) (name, value string) {
	s := r.shards[which.shard()]
	return recordAt(s.text, s.at[which.slot()]-1)
}

// find is where the record of an ID is.
func (r *records) find(id string) (which ref, ok bool) {
	if r.count == 0 {
		return 0, false
	}
	hash := r.hash(id)
	s := r.shards[hash>>(64-shardBits)]
	if s == nil {
		return 0, false
	}
	for i := int(hash) & (len(s.index) - 1); s.index[i] != 0; i = (i + 1) & (len(s.index) - 1) {
		if s.index[i]&^slotMask != tagOf(hash) {
			continue
		}
		slot := s.index[i]&slotMask - 1
		if name, _ := recordAt(s.text, s.at[slot]-1); r.isNamed(name, id) {
			return ref(hash>>(64-shardBits)<<slotBits | uint64(slot)), true
		}
	}
	return 0, false
}

// get is the value of an ID; empty where there is none.
func (r *records) get(id string) (value string) {
	if which, ok := r.find(id); ok {
		_, value = r.at(which)
	}
	return value
}

// recordsBuilder is the next state of records; each shard is continued, or copied, when it is first written to.
type recordsBuilder struct {
	next  *records
	edits map[uint32]*shardEdit // nil until something changes
	// expected is how many bytes will come of each shard; nil where nobody said.
	expected *[numShards]int
	// listed are the records that a list has said; nil where there is no list. A list begins with what was known before, most
	// of which it says again, and ends by dropping what it did not say: so it takes no second memory.
	listed *marks
}

// expect says that a value will be put: where all are known before the first, no shard grows by being copied.
func (b *recordsBuilder) expect(id string, bytes int) {
	if b.next.count > 0 {
		return // most of them are there
	}
	if b.expected == nil {
		b.expected = &[numShards]int{}
	}
	b.expected[b.next.hash(id)>>(64-shardBits)] += sizeOf(len(b.next.prefix)+len(id), bytes)
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
		b.next, b.edits = &next, map[uint32]*shardEdit{}
	}
	if e := b.edits[i]; e != nil {
		return e
	}
	e := editOf(b.next.shards[i])
	if b.expected != nil {
		e.text.Grow(min(b.expected[i]+b.expected[i]/spare, maxShardBytes)) // so that the first changes copy nothing
	}
	b.edits[i] = e
	return e
}

// editOf continues a shard, or copies it where it has been continued already; nil is an empty one.
func editOf(s *recordShard) *shardEdit {
	if s == nil {
		return &shardEdit{text: &strings.Builder{}, index: make([]uint32, minIndex)}
	}
	e := &shardEdit{
		text: s.room, at: append([]uint32(nil), s.at...), index: append([]uint32(nil), s.index...), dead: s.dead,
	}
	for slot, at := range e.at {
		if at == 0 {
			e.free = append(e.free, uint32(slot)) //nolint:gosec // below maxSlots
		}
	}
	e.used = len(e.at) - len(e.free)
	if !s.continued.CompareAndSwap(false, true) {
		e.text = &strings.Builder{}
		e.text.Grow(len(s.text) + len(s.text)/spare)
		e.text.WriteString(s.text)
	}
	return e
}

// named is the name of a slot's record.
func (e *shardEdit) named(slot uint32) string {
	name, _ := recordAt(e.text.String(), e.at[slot]-1)
	return name
}

// place is where in the index an ID stands, or would.
func (b *recordsBuilder) place(e *shardEdit, id string, hash uint64) int {
	i := int(hash) & (len(e.index) - 1)
	for e.index[i] != 0 {
		if e.index[i]&^slotMask == tagOf(hash) && b.next.isNamed(e.named(e.index[i]&slotMask-1), id) {
			return i
		}
		i = (i + 1) & (len(e.index) - 1)
	}
	return i
}

// get is the value of an ID as it stands by now, and where.
func (b *recordsBuilder) get(id string) (value string, which ref, ok bool) {
	hash := b.next.hash(id)
	shard := uint32(hash >> (64 - shardBits))
	e := b.edits[shard]
	if e == nil {
		which, ok = b.next.find(id)
		if ok {
			_, value = b.next.at(which)
		}
		return value, which, ok
	}
	slot := e.index[b.place(e, id, hash)] & slotMask
	if slot == 0 {
		return "", 0, false
	}
	_, value = recordAt(e.text.String(), e.at[slot-1]-1)
	return value, ref(shard<<slotBits | (slot - 1)), true
}

// at is the name and the value of a record as it stands by now.
func (b *recordsBuilder) at(which ref) (name, value string) {
	if e := b.edits[which.shard()]; e != nil {
		return recordAt(e.text.String(), e.at[which.slot()]-1)
	}
	return b.next.at(which)
}

// name is that of a record as it stands by now.
func (b *recordsBuilder) name(which ref) string {
	name, _ := b.at(which)
	return name
}

// each tells of every record of a shard as it stands by now.
func (b *recordsBuilder) each(shard uint32, tell func(which ref, name, value string)) {
	var text string
	var slots []uint32
	if e := b.edits[shard]; e != nil {
		text, slots = e.text.String(), e.at
	} else if s := b.next.shards[shard]; s != nil {
		text, slots = s.text, s.at
	}
	for slot, at := range slots {
		if at != 0 {
			name, value := recordAt(text, at-1)
			tell(ref(shard<<slotBits|uint32(slot)), name, value) //nolint:gosec // below maxSlots
		}
	}
}

// put sets an ID's value; false where there is no room for more.
func (b *recordsBuilder) put(id string, value []byte) (which ref, ok bool) {
	hash := b.next.hash(id)
	shard := uint32(hash >> (64 - shardBits))
	e := b.edit(shard)
	if len(b.next.prefix)+len(id) > maxName || e.text.Len()+len(value) > maxShardBytes {
		return 0, false
	}
	i := b.place(e, id, hash)
	slot := e.index[i] & slotMask
	if slot == 0 {
		if len(e.free) == 0 && len(e.at) >= maxSlots {
			return 0, false
		}
		slot = e.take()
		if e.used*8 > len(e.index)*5 { // three eighths stay free
			b.reindex(e, 2*len(e.index))
			i = b.place(e, id, hash)
		}
		e.index[i] = slot | tagOf(hash)
		b.next.count++
	} else {
		e.bury(slot - 1)
	}
	e.write(slot-1, b.next.prefix, id, value)
	return ref(shard<<slotBits | (slot - 1)), true
}

// sizeOf is what a record takes.
func sizeOf(name, value int) int { return (lengths + name + value + aligned - 1) / aligned * aligned }

// write writes a slot's record, whose old one is buried.
func (e *shardEdit) write(slot uint32, prefix, id string, value []byte) {
	e.at[slot] = 0
	need := sizeOf(len(prefix)+len(id), len(value))
	if e.text.Cap()-e.text.Len() < need {
		e.compact(need)
	}
	e.at[slot] = uint32(e.text.Len()) + 1 //nolint:gosec // about maxShardBytes at most
	var head [lengths]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(value)))           //nolint:gosec // maxShardBytes at most
	binary.LittleEndian.PutUint16(head[4:], uint16(len(prefix)+len(id))) //nolint:gosec // maxName at most
	e.text.Write(head[:])
	e.text.Write(value)
	e.text.WriteString(prefix)
	e.text.WriteString(id)
	e.text.WriteString(padding[:need-lengths-len(value)-len(prefix)-len(id)])
}

// padding is behind a record.
const padding = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

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

// whole is all of a slot's record.
func (e *shardEdit) whole(slot uint32) string {
	text, at := e.text.String(), e.at[slot]-1
	name, value := recordAt(text, at)
	return text[at:][:sizeOf(len(name), len(value))]
}

// reindex makes the index one of another size.
func (b *recordsBuilder) reindex(e *shardEdit, places int) {
	e.index = make([]uint32, places)
	for slot, at := range e.at {
		if at != 0 {
			hash := b.hashOf(e, uint32(slot))                    //nolint:gosec // below maxSlots
			e.index[e.home(hash)] = uint32(slot+1) | tagOf(hash) //nolint:gosec // see above
		}
	}
}

// hashOf is the hash of a slot's ID.
func (b *recordsBuilder) hashOf(e *shardEdit, slot uint32) uint64 {
	return b.next.hash(e.named(slot)[len(b.next.prefix):])
}

// home is the first free place of the index for a hash.
func (e *shardEdit) home(hash uint64) int {
	i := int(hash) & (len(e.index) - 1)
	for e.index[i] != 0 {
		i = (i + 1) & (len(e.index) - 1)
	}
	return i
}

// remove takes an ID out.
func (b *recordsBuilder) remove(id string) {
	if _, _, ok := b.get(id); !ok {
		return // nothing is copied for what is not there
	}
	hash := b.next.hash(id)
	shard := uint32(hash >> (64 - shardBits))
	e := b.edit(shard)
	i := b.place(e, id, hash)
	slot := e.index[i] & slotMask
	b.listed.unmark(ref(shard<<slotBits | (slot - 1)))
	e.bury(slot - 1)
	mask := len(e.index) - 1
	e.index[i] = 0
	for j := (i + 1) & mask; e.index[j] != 0; j = (j + 1) & mask { // what was pushed along is put in again
		moved := e.index[j]
		e.index[j] = 0
		e.index[e.home(b.hashOf(e, moved&slotMask-1))] = moved
	}
	e.at[slot-1] = 0
	e.free = append(e.free, slot-1)
	e.used--
	b.next.count--
}

// finish is the next state.
func (b *recordsBuilder) finish() *records {
	for i, e := range b.edits {
		b.next.shards[i] = b.finished(e)
	}
	b.edits = nil
	return b.next
}

// finished is the shard that was written to; nil where nothing is left of it. Of what is gone, no memory stays behind.
func (b *recordsBuilder) finished(e *shardEdit) *recordShard {
	if e.used == 0 {
		return nil
	}
	for e.at[len(e.at)-1] == 0 {
		e.at = e.at[:len(e.at)-1]
	}
	if len(e.index) > minIndex && e.used*8 < len(e.index) {
		b.reindex(e, max(minIndex, 1<<bits.Len(uint(e.used*8/5)))) //nolint:gosec // a count
	}
	if e.dead+e.text.Cap()-e.text.Len() > e.text.Len()/wasted {
		e.compact(0)
	}
	return &recordShard{text: e.text.String(), at: e.at, index: e.index, dead: e.dead, room: e.text}
}

// compact leaves out the dead bytes. Where there is need of so many more, there is room for them, and for some to come.
func (e *shardEdit) compact(need int) {
	live := e.text.Len() - e.dead
	text := &strings.Builder{}
	if need > 0 {
		live += need + (live+need)/spare
	}
	text.Grow(live)
	for slot, at := range e.at {
		if at != 0 {
			record := e.whole(uint32(slot))     //nolint:gosec // below maxSlots
			e.at[slot] = uint32(text.Len()) + 1 //nolint:gosec // smaller than it was
			text.WriteString(record)
		}
	}
	e.text, e.dead = text, 0
}

// marks are a set of records, by where they are.
type marks [numShards][]uint64

func (m *marks) mark(which ref) {
	if m == nil {
		return
	}
	set := &m[which.shard()]
	at := int(which.slot() / 64)
	for len(*set) <= at {
		*set = append(*set, 0)
	}
	(*set)[at] |= 1 << (which.slot() % 64)
}

func (m *marks) has(which ref) bool {
	set, at := m[which.shard()], int(which.slot()/64)
	return at < len(set) && set[at]&(1<<(which.slot()%64)) != 0
}

// unmark forgets a record: its place may become another's.
func (m *marks) unmark(which ref) {
	if m != nil && m.has(which) {
		m[which.shard()][which.slot()/64] &^= 1 << (which.slot() % 64)
	}
}

// list begins a list.
func (b *recordsBuilder) list() { b.listed = &marks{} }

// unlisted are the IDs of what a list did not say; none where there is no list.
func (b *recordsBuilder) unlisted() (ids []string) {
	if b.listed == nil {
		return nil
	}
	for i := range uint32(numShards) {
		b.each(i, func(which ref, name, _ string) {
			if !b.listed.has(which) {
				ids = append(ids, name[len(b.next.prefix):])
			}
		})
	}
	return ids
}
