package names

import (
	"encoding/binary"
	"sync/atomic"
)

// A gram is three letters in a row of a word as it sounds, its ends counting as a blank. Those of Latin letters and digits
// have numbers of their own, others share the rest.
const (
	gramLetters = 37 // a to z, 0 to 9, and the blank
	latinGrams  = gramLetters * gramLetters * gramLetters
	maxGrams    = 1 << 17
	gramsAPage  = 256
)

// grams lead to rows. One goroutine writes, others read meanwhile: what was written after their state began are rows that
// it does not have, and behind those it has.
type grams [maxGrams / gramsAPage]atomic.Pointer[gramPage]

type gramPage [gramsAPage]atomic.Pointer[posting]

// posting is the rows of a gram, ascending, each as the distance from the one before in a varint. It does not change, but
// for what is written behind its bytes.
type posting struct {
	bytes []byte
	n     uint32
	last  uint32
}

func (g *grams) get(gram uint32) *posting {
	p := g[gram/gramsAPage].Load()
	if p == nil {
		return nil
	}
	return p[gram%gramsAPage].Load()
}

func (g *grams) set(gram uint32, p *posting) {
	page := g[gram/gramsAPage].Load()
	if page == nil {
		page = &gramPage{}
		g[gram/gramsAPage].Store(page)
	}
	page[gram%gramsAPage].Store(p)
}

// add appends a row, which is behind all others.
func (g *grams) add(gram, row uint32) {
	p := g.get(gram)
	if p == nil {
		g.set(gram, &posting{binary.AppendUvarint(nil, uint64(row)), 1, row})
		return
	}
	g.set(gram, &posting{binary.AppendUvarint(p.bytes, uint64(row-p.last)), p.n + 1, row})
}

// sizes measures postings, so that many rows can be learned at once without room to spare.
type sizes struct {
	bytes, n, last [maxGrams]uint32
}

func (s *sizes) add(gram, row uint32) {
	distance := row - s.last[gram]
	for s.bytes[gram]++; distance >= 0x80; distance >>= 7 {
		s.bytes[gram]++
	}
	s.n[gram]++
	s.last[gram] = row
}

// room makes a place for the bytes of each gram.
func (s *sizes) room() [][]byte {
	out := make([][]byte, maxGrams)
	for gram, n := range s.bytes {
		if n > 0 {
			out[gram] = make([]byte, 0, n)
		}
	}
	return out
}

// appendGrams appends a word's grams, which may repeat.
func appendGrams(out []uint32, sound []byte) []uint32 {
	latin := true
	for _, c := range sound {
		latin = latin && c < 0x80
	}
	if !latin {
		return appendOtherGrams(out, []rune(string(sound)))
	}
	a, b := uint32(0), uint32(0)
	for i, c := range sound {
		l := gramLetter(c)
		if i > 0 {
			out = append(out, (a*gramLetters+b)*gramLetters+l)
		}
		a, b = b, l
	}
	return append(out, (a*gramLetters+b)*gramLetters)
}

func gramLetter(c byte) uint32 {
	switch {
	case c >= 'a' && c <= 'z':
		return uint32(c-'a') + 1
	case c >= '0' && c <= '9':
		return uint32(c-'0') + 27
	}
	return 0
}

func appendOtherGrams(out []uint32, word []rune) []uint32 {
	a, b := rune(0), rune(0)
	for i, r := range append(word, 0) {
		if i > 0 {
			h := (uint32(a)*0x9e3779b1+uint32(b))*0x85ebca6b + uint32(r)
			h = (h ^ h>>15) * 0xc2b2ae35
			out = append(out, latinGrams+(h>>7)%(maxGrams-latinGrams))
		}
		a, b = b, r
	}
	return out
}

// traceOf has a bit for each gram, which others may share: names that share grams have most bits in common.
func traceOf(grams []uint32) (trace uint64) {
	for _, g := range grams {
		trace |= 1 << (g * 0x9e3779b1 >> 26)
	}
	return trace
}
