package names

import (
	"cmp"
	"iter"
	"slices"
	"sort"
)

// sorted is rows in order of a key; equal keys are in an order that whoever fills it gives. It is a list of blocks that
// never change: an insertion copies one of them, and readers of an earlier list go on in it.
type sorted struct {
	blocks []*block // none is empty
	n      int
}

type block struct {
	keys []uint64
	rows []uint32
}

type entry struct {
	key uint64
	row uint32
}

const (
	// maxBlockEntries is when a block is split; blocks are made with roomyBlockEntries.
	maxBlockEntries   = 512
	roomyBlockEntries = 384
)

// newSorted takes over entries, in order by then.
func newSorted(entries []entry, tie func(a, b uint32) int) sorted {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return tie(a.row, b.row)
	})
	s := sorted{n: len(entries), blocks: make([]*block, 0, len(entries)/roomyBlockEntries+1)}
	for some := range slices.Chunk(entries, roomyBlockEntries) {
		b := &block{keys: make([]uint64, len(some)), rows: make([]uint32, len(some))}
		for i, e := range some {
			b.keys[i], b.rows[i] = e.key, e.row
		}
		s.blocks = append(s.blocks, b)
	}
	return s
}

// before says whether an entry comes before what is sought.
type before func(key uint64, row uint32) bool

// from are the entries from the first that is not before what is sought.
func (s sorted) from(b before) iter.Seq2[uint64, uint32] {
	return func(yield func(uint64, uint32) bool) {
		at, i := s.place(b)
		for ; at < len(s.blocks); at, i = at+1, 0 {
			for ; i < len(s.blocks[at].keys); i++ {
				if !yield(s.blocks[at].keys[i], s.blocks[at].rows[i]) {
					return
				}
			}
		}
	}
}

// around are the rows of so many entries behind the place where what is sought would be, and as many before it, each the
// nearest first.
func (s sorted) around(b before, n int) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		left := n
		for _, row := range s.from(b) {
			if left--; left < 0 {
				break
			}
			if !yield(row) {
				return
			}
		}
		if len(s.blocks) == 0 {
			return
		}
		at, i := s.place(b)
		for range n {
			for i--; i < 0; {
				if at--; at < 0 {
					return
				}
				i = len(s.blocks[at].rows) - 1
			}
			if !yield(s.blocks[at].rows[i]) {
				return
			}
		}
	}
}

// place is the block and the place in it of the first entry that is not before; the end of a block is the next one's start.
func (s sorted) place(b before) (at, i int) {
	at = sort.Search(len(s.blocks), func(i int) bool { return !b(s.blocks[i].keys[0], s.blocks[i].rows[0]) }) - 1
	if at < 0 {
		return 0, 0
	}
	have := s.blocks[at]
	return at, sort.Search(len(have.keys), func(i int) bool { return !b(have.keys[i], have.rows[i]) })
}

// insert puts an entry before the first that is not before it. The list of blocks is the caller's own.
func (s *sorted) insert(e entry, b before) {
	s.n++
	if len(s.blocks) == 0 {
		s.blocks = append(s.blocks, &block{keys: []uint64{e.key}, rows: []uint32{e.row}})
		return
	}
	at, i := s.place(b)
	have := s.blocks[at]
	longer := &block{keys: inserted(have.keys, i, e.key), rows: inserted(have.rows, i, e.row)}
	s.blocks[at] = longer
	if n := len(longer.keys); n > maxBlockEntries {
		second := &block{keys: slices.Clone(longer.keys[n/2:]), rows: slices.Clone(longer.rows[n/2:])}
		s.blocks[at] = &block{keys: slices.Clone(longer.keys[:n/2]), rows: slices.Clone(longer.rows[:n/2])}
		s.blocks = slices.Insert(s.blocks, at+1, second)
	}
}

func inserted[T any](list []T, at int, v T) []T {
	out := make([]T, len(list)+1)
	copy(out, list[:at])
	out[at] = v
	copy(out[at+1:], list[at:])
	return out
}
