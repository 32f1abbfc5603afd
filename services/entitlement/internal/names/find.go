package names

import (
	"bytes"
	"iter"
	"math/bits"
	"slices"
	"unicode/utf8"
)

const (
	// maxNameConfidence is the most that a name has which is not the same.
	maxNameConfidence = 0.95
	// minConfidence is the least that is told.
	minConfidence = 0.25
	// inOtherLetters is what a likeness is worth between what is written in different scripts: who is as like in the same one
	// comes first.
	inOtherLetters = 0.9
	// minPrefixRunes is how many letters, or keys, a word or a name must begin with to be found by them: whoever presses one
	// key is not read out who the customers are.
	minPrefixRunes = 3
	// maxSame, maxBeginning and maxSounding bound one question, in names: those that are the same, begin so, or sound the
	// same or have the same initials.
	maxSame      = 20_000
	maxBeginning = 500
	maxSounding  = 200
	// maxNear is how many names before and behind are looked at in each order.
	maxNear = 50
	// maxOpenedRows is how many names the rarest grams of a question may lead to together, maxProbedRows how many are looked
	// through besides for more that those share; maxTracedRows of those that share most are compared by all their grams, and
	// maxRanked of these word by word and letter by letter.
	maxOpenedRows = 10_000
	maxProbedRows = 25_000
	maxTracedRows = 1200
	maxRanked     = 100
)

// Find is who is called so, the best first, at most limit; and whether more fit, or may, than are told. Of names that fit
// alike, the one with the same legal form comes first, then the order is that of the alphabet.
func (x *Index) Find(said string, limit int) (found []Match, more bool) {
	s := x.now.Load()
	room, ok := x.scratch.Get().(*scratch)
	if !ok {
		room = &scratch{}
	}
	defer x.scratch.Put(room)
	q := question{state: s, scratch: room, best: newTop(s, limit)}
	for _, f := range readings(said) {
		q.said.set(f)
		q.same()
		q.beginsAlike()
		q.hasCode()
		if f.from == 0 || !q.best.has(surelyMeant) { // somebody of its own script is meant
			q.isNear()
			q.sharesGrams()
		}
	}
	return q.best.matches(q.cut)
}

// question is what was said, asked of a state.
type question struct {
	*state
	*scratch
	best *top
	cut  bool // some that may fit were not looked at
}

// scratch is room for a question.
type scratch struct {
	said    said
	name    compared
	points  []uint8  // of rows, by what they share with what was said; 0 but while a question is asked
	touched []uint32 // those that have any
	traced  []uint32
	ranked  []uint32
	levels  []uint16
	counts  [maxLevel]int
	lists   []list
}

// offer takes a name that is so much like what was said in one reading of each.
func (q *question) offer(row uint32, confidence float64, why Why) {
	sameForm := (why == Exact || why == Words || why == Typing || why == Sound) && q.row(row).form == q.said.form
	switch crosses := q.crosses(row); {
	case q.ownScript(row):
		return
	case crosses && why == Exact:
		confidence, why = maxNameConfidence*inOtherLetters, Script
	case crosses:
		confidence *= inOtherLetters
	}
	q.best.offer(row, confidence, why, sameForm)
}

// crosses says whether a row and what was said are written in different scripts, and read in the same one.
func (q *question) crosses(row uint32) bool { return q.said.from != q.row(row).from }

// ownScript says whether a row and what was said are both read in other letters than the script that they share: they are
// compared in that.
func (q *question) ownScript(row uint32) bool {
	return q.said.from != 0 && q.said.from == q.row(row).from
}

// same offers names that are the same.
func (q *question) same() {
	left := maxSame
	for _, row := range q.keys.from(q.beforeKey(q.said.folded)) {
		if row >= q.n {
			continue
		}
		if _, same := beginsWith(q.folded(row), q.said.folded); !same {
			return
		}
		if left--; left < 0 {
			q.cut = true
			return
		}
		q.offer(row, 1, Exact)
	}
}

// beginsAlike offers names of which the beginning was said, whatever the words.
func (q *question) beginsAlike() {
	letters := q.said.whole.text
	if len(letters) < minPrefixRunes {
		return
	}
	left := maxBeginning
	for _, row := range q.keys.from(q.beforeKey(q.said.folded)) {
		if row >= q.n {
			continue
		}
		folded := q.folded(row)
		begins, same := beginsWith(folded, q.said.folded)
		if !begins {
			return
		}
		if left--; left < 0 {
			q.cut = true
			return
		}
		if !same {
			n := utf8.RuneCount(folded) - bytes.Count(folded, []byte(" "))
			q.offer(row, maxNameConfidence*harmonic(1, float64(len(letters))/float64(n)), Begins)
		}
	}
}

// hasCode offers names that sound the same, and those that have the same initials or are the initials.
func (q *question) hasCode() {
	for i, code := range q.said.codes {
		left := maxSounding
		for have, row := range q.codes.from(func(key uint64, _ uint32) bool { return key < code }) {
			if have != code {
				break
			}
			if !q.alive(row) {
				continue
			}
			if left--; left < 0 {
				q.cut = true
				break
			}
			if i == 0 {
				q.rank(row)
			} else {
				q.offer(row, initialsConfidence, Initials)
			}
		}
	}
	for _, initials := range q.said.initials {
		folded, left := []byte(initials), maxSounding
		for _, row := range q.keys.from(q.beforeKey(folded)) {
			if row >= q.n {
				continue
			}
			if _, same := beginsWith(q.folded(row), folded); !same {
				break
			}
			if left--; left < 0 {
				q.cut = true
				break
			}
			q.offer(row, initialsConfidence, Initials)
		}
	}
}

// isNear offers names that have the longest beginnings, or ends, in common with what was said: a typing error leaves one
// of them whole.
func (q *question) isNear() {
	said := q.said.folded
	if q.said.misspelled {
		said = []byte(string(q.said.bare.text))
	}
	for _, rows := range []iter.Seq[uint32]{
		q.keys.around(q.beforeKey(said), maxNear), q.backs.around(q.beforeBack(said), maxNear),
	} {
		for row := range rows {
			if q.alive(row) && q.said.near(string(q.folded(row))) {
				q.rank(row)
			}
		}
	}
}

// list is a gram's postings, and the points they give.
type list struct {
	*posting
	points uint8
}

// sharesGrams offers the names that share most with what was said, by its rarest grams.
func (q *question) sharesGrams() {
	q.lists = q.lists[:0]
	for _, g := range q.said.grams {
		if p := q.grams.get(g); p != nil {
			// The rarer it is, the more it is worth: one more for a quarter of the names.
			q.lists = append(q.lists, list{p, uint8(1 + max(0, bits.Len32(q.n)-bits.Len32(p.n))/2)})
		}
	}
	slices.SortStableFunc(q.lists, func(a, b list) int { return int(a.n) - int(b.n) })
	if len(q.points) < int(q.n) {
		q.points = make([]uint8, int(q.n)+int(q.n)/8)
	}
	open, probe := maxOpenedRows, maxProbedRows
	for i, l := range q.lists {
		switch n := int(l.n); {
		case n <= open || i == 0:
			q.open(l, open)
			open -= n
		case n <= probe:
			q.cut = true
			q.probe(l)
			open, probe = 0, probe-n
		default:
			q.cut = true
		}
	}
	q.rankTouched()
}

// open gives points to the names of a list, at most so many.
func (q *question) open(l list, most int) {
	row, b := uint32(0), l.bytes
	for range min(int(l.n), most) {
		distance, size := uvarint32(b)
		b = b[size:]
		if row += distance; row >= q.state.n {
			break
		}
		if q.points[row] == 0 {
			q.touched = append(q.touched, row)
		}
		q.points[row] = plus(q.points[row], l.points)
	}
	q.cut = q.cut || int(l.n) > most
}

// plus is a sum, or the most there can be.
func plus(a, b uint8) uint8 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 255
}

// probe gives points to the names of a list that have some.
func (q *question) probe(l list) {
	row, b, points := uint32(0), l.bytes, q.points[:q.state.n]
	for range l.n {
		distance, size := uvarint32(b)
		b = b[size:]
		if row += distance; int(row) >= len(points) {
			break
		}
		if p := points[row]; p != 0 {
			points[row] = plus(p, l.points)
		}
	}
}

func uvarint32(b []byte) (v uint32, size int) {
	if b[0] < 0x80 {
		return uint32(b[0]), 1
	}
	for {
		c := b[size]
		v |= uint32(c&0x7f) << (7 * size)
		size++
		if c < 0x80 {
			return v, size
		}
	}
}

// rankTouched compares the names with the most points, and forgets points.
func (q *question) rankTouched() {
	q.traced = q.highest(q.traced[:0], q.touched, maxTracedRows, func(row uint32) int { return int(q.points[row]) })
	trace := traceOf(q.said.grams)
	size := bits.OnesCount64(trace)
	q.ranked = q.highest(q.ranked[:0], q.traced, maxRanked, func(row uint32) int {
		have := q.traceOf(row)
		apart := bits.OnesCount64(have) - size
		if apart < 0 {
			apart = -apart
		}
		return 8*int(q.points[row]) + 12*bits.OnesCount64(trace&have) - 4*min(apart, 40) + 160
	})
	for _, row := range q.touched {
		q.points[row] = 0
	}
	q.touched = q.touched[:0]
	for _, row := range q.ranked {
		if q.alive(row) {
			q.rank(row)
		}
	}
}

// maxLevel is the most that a level counts.
const maxLevel = 1 << 12

// highest appends those rows that have the highest levels, about so many.
func (q *question) highest(out, rows []uint32, most int, level func(row uint32) int) []uint32 {
	if len(rows) <= most {
		return append(out, rows...)
	}
	counts := &q.counts
	*counts = [maxLevel]int{}
	q.levels = q.levels[:0]
	for _, row := range rows {
		l := uint16(min(maxLevel-1, max(0, level(row))))
		q.levels = append(q.levels, l)
		counts[l]++
	}
	least, left := maxLevel, most
	for least > 0 && counts[least-1] <= left {
		least--
		left -= counts[least]
	}
	for i, row := range rows {
		switch l := int(q.levels[i]); {
		case l >= least:
			out = append(out, row)
		case l == least-1 && left > 0:
			left--
			out = append(out, row)
		}
	}
	return out
}
