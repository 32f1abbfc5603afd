package names

import (
	"cmp"
	"encoding/binary"
	"sync/atomic"
)

// state is all that a question needs, as it was when it was published: rows from n on do not exist in it, though what is
// shared with later states may lead to them, and a row that died at a later version lives.
type state struct {
	version   uint32
	n         uint32 // rows
	live      int    // rows that did not die
	customers int
	rows      []*rowChunk
	arena     [][]byte // what rows refer to, in chunks that keep their place
	grams     *grams
	// keys are rows by their words without blanks, backs by these from the end; keypads by what a keypad can spell of them,
	// with legal form and without; codes by how they sound, and by their initials.
	keys, backs, keypads, codes sorted
}

const (
	rowsAChunk    = 1024
	minArenaBytes = 1 << 16
)

// row is one way to read one of a customer's names.
type row struct {
	record   uint64 // chunk of the arena << 32 | place in it
	customer uint32 // the customer's first row
	died     atomic.Uint32
	folded   uint16 // bytes
	form     uint16 // which legal form it has; 0 is none
	second   bool   // not the first way to read this name, and without text of its own
	from     script // which it is written in, where it is read in other letters
}

type rowChunk struct {
	rows   [rowsAChunk]row
	traces [rowsAChunk]uint64 // of their grams
}

func (s *state) row(at uint32) *row { return &s.rows[at/rowsAChunk].rows[at%rowsAChunk] }

func (s *state) traceOf(at uint32) uint64 { return s.rows[at/rowsAChunk].traces[at%rowsAChunk] }

// alive says whether the state has the row's customer called so.
func (s *state) alive(at uint32) bool {
	if at >= s.n {
		return false
	}
	died := s.row(at).died.Load()
	return died == 0 || died > s.version
}

// A record is the folded words, the length of the text, the text (of a first reading), the length of the customer's ID, and
// that; the ID is in the record of a customer's first row only.
func (s *state) record(at uint32) (r *row, record []byte) {
	r = s.row(at)
	return r, s.arena[r.record>>32][uint32(r.record):]
}

// folded is the row's words without legal form, blanks between them.
func (s *state) folded(at uint32) []byte {
	r, record := s.record(at)
	return record[:r.folded]
}

// text is the name as it is written.
func (s *state) text(at uint32) []byte {
	for s.row(at).second {
		at--
	}
	text, _ := s.textAndRest(at)
	return text
}

func (s *state) textAndRest(at uint32) (text, rest []byte) {
	r, record := s.record(at)
	n, size := binary.Uvarint(record[r.folded:])
	record = record[int(r.folded)+size:]
	return record[:n], record[n:]
}

// id is that of the row's customer.
func (s *state) id(at uint32) []byte {
	_, rest := s.textAndRest(s.row(at).customer)
	n, size := binary.Uvarint(rest)
	return rest[size : size+int(n)]
}

// customer is what was learned with a first row.
func (s *state) customer(first uint32) Customer {
	c := Customer{ID: string(s.id(first))}
	for at := first; at < s.n && s.row(at).customer == first; at++ {
		if !s.row(at).second {
			c.Names = append(c.Names, string(s.text(at)))
		}
	}
	return c
}

// compareKey orders rows by their words without blanks; a text that begins another comes first.
func compareKey(a, b []byte) int {
	for {
		for len(a) > 0 && a[0] == ' ' {
			a = a[1:]
		}
		for len(b) > 0 && b[0] == ' ' {
			b = b[1:]
		}
		if len(a) == 0 || len(b) == 0 {
			return cmp.Compare(len(a), len(b))
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
}

// keyStart is the first eight bytes of folded words without blanks, which order as they do.
func keyStart(folded []byte) uint64 {
	var start [8]byte
	n := 0
	for _, c := range folded {
		if c != ' ' {
			start[n] = c
			if n++; n == len(start) {
				break
			}
		}
	}
	return binary.BigEndian.Uint64(start[:])
}

// beforeKey is what comes before a key, of rows as their keys are sorted.
func (s *state) beforeKey(folded []byte) before {
	start := keyStart(folded)
	return func(have uint64, row uint32) bool {
		if have != start {
			return have < start
		}
		return compareKey(s.folded(row), folded) < 0
	}
}

// compareBack orders rows by their words without blanks, read from the end.
func compareBack(a, b []byte) int {
	i, j := len(a)-1, len(b)-1
	for {
		for i >= 0 && a[i] == ' ' {
			i--
		}
		for j >= 0 && b[j] == ' ' {
			j--
		}
		if i < 0 || j < 0 {
			return cmp.Compare(i, j)
		}
		if a[i] != b[j] {
			return cmp.Compare(a[i], b[j])
		}
		i, j = i-1, j-1
	}
}

// backStart is the last eight bytes of folded words without blanks, the last one first.
func backStart(folded []byte) (start uint64) {
	n := 0
	for i := len(folded) - 1; i >= 0 && n < 8; i-- {
		if folded[i] != ' ' {
			start = start<<8 | uint64(folded[i])
			n++
		}
	}
	return start << (8 * (8 - n))
}

// beforeBack is beforeKey for what is read from the end.
func (s *state) beforeBack(folded []byte) before {
	start := backStart(folded)
	return func(have uint64, row uint32) bool {
		if have != start {
			return have < start
		}
		return compareBack(s.folded(row), folded) < 0
	}
}

// beginsWith says whether folded words without blanks begin with others, and whether they are the same.
func beginsWith(folded, start []byte) (begins, same bool) {
	i := 0
	for _, c := range start {
		if c == ' ' {
			continue
		}
		for i < len(folded) && folded[i] == ' ' {
			i++
		}
		if i == len(folded) || folded[i] != c {
			return false, false
		}
		i++
	}
	return true, i == len(folded)
}
