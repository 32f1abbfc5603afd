package names

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxNameConfidence is the most that a name has which is not the same.
	maxNameConfidence = 0.95
	// spelledConfidence is that of a name whose keys were all pressed: others are spelled with the same.
	spelledConfidence = 0.9
	// minConfidence is the least that is told.
	minConfidence = 0.25
	// minPrefixRunes is how many letters, or keys, a word or a name must begin with to be found by them: whoever presses one
	// key is not read out who the customers are.
	minPrefixRunes = 3
	// maxLookedAt bounds one question, in names: those that share the rarest words are looked at first.
	maxLookedAt = 20_000
	// maxSaidWords bounds what is looked up of what was said.
	maxSaidWords = 16
)

// Find is who is called so, the best first, at most limit; and whether more fit, or may, than are told. Of names that fit
// alike, the one with the same legal form comes first, then the order is that of the alphabet.
func (x *Index) Find(said string, limit int) (found []Match, more bool) {
	best := newTop(limit)
	asked := readings(said)
	left := maxLookedAt
	slots := *x.now.Load()
	for _, s := range slots {
		for _, f := range asked {
			question{slot: s, said: f, best: best}.same()
		}
	}
	// Names that are the same are found whatever the bound; those that are like it, the latest segments first, since large
	// ones would leave nothing for them.
	for _, s := range slices.Backward(slots) {
		for _, f := range asked {
			q := question{slot: s, said: f, weight: f.weight(), best: best, left: &left}
			q.beginsAlike()
			q.sharesWords()
		}
	}
	return best.matches(left < 0)
}

// FindDigits is Find for a name whose letters were pressed on a keypad, all or the first of them, three at least. What no
// key of a letter sends ("*", "#") is passed over.
func (x *Index) FindDigits(digits string, limit int) (found []Match, more bool) {
	digits = strings.NewReplacer("*", "", "#", "").Replace(digits)
	best := newTop(limit)
	left := maxLookedAt
	if digits == "" {
		return nil, false
	}
	for _, s := range slices.Backward(*x.now.Load()) {
		for _, e := range entriesUnder(s.keypads, digits) {
			longer := len(e.text) > len(digits)
			if left--; left < 0 || longer && len(digits) < minPrefixRunes { // those that are not longer come first
				break
			}
			confidence := spelledConfidence
			if longer {
				confidence *= 0.5 + 0.4*ratio(digits, e.text) // the more of it, the better, and never as good as all of it
			}
			best.offer(s, e.name, confidence, Digits, false)
		}
	}
	return best.matches(left < 0)
}

// question is what was said, asked of one segment.
type question struct {
	slot
	said   folded
	weight float64 // of what was said
	best   *top
	left   *int // names that may still be looked at
}

// same offers names that are the same.
func (q question) same() {
	for _, e := range entriesUnder(q.keys, q.said.key) {
		if e.text != q.said.key {
			break
		}
		q.best.offer(q.slot, e.name, 1, Exact, q.names[e.name].full == q.said.full)
	}
}

// beginsAlike offers names of which the beginning was said, whatever the words.
func (q question) beginsAlike() {
	if utf8.RuneCountInString(q.said.key) < minPrefixRunes {
		return
	}
	for _, e := range entriesUnder(q.keys, q.said.key) {
		if *q.left--; *q.left < 0 {
			return
		}
		if e.text != q.said.key {
			q.best.offer(q.slot, e.name, maxNameConfidence*harmonic(1, ratio(q.said.key, e.text)), Begins, false)
		}
	}
}

// hit is a word of the segment that a said word means.
type hit struct {
	said int     // which one
	fits float64 // 1 where it is the same
}

// sharesWords offers names that share words, or the beginnings of words, with what was said.
func (q question) sharesWords() {
	hits, order := q.hits()
	looked := newBits(len(q.names))
	for _, w := range order {
		for _, n := range q.words[w].names {
			if looked.has(n) {
				continue
			}
			if *q.left--; *q.left < 0 {
				return
			}
			looked.set(n)
			q.best.offer(q.slot, n, q.confidence(q.names[n], hits), Words, false)
		}
	}
}

// hits are the words of the segment that were said, and the order in which to look for their names: words that say
// something before those that do not, and the rarest first.
func (q question) hits() (hits map[uint32]hit, order []uint32) {
	hits = map[uint32]hit{}
	for i, said := range q.said.words[:min(len(q.said.words), maxSaidWords)] {
		from, to := q.wordsUnder(said)
		for w := from; w < to; w++ {
			text := q.words[w].text
			fits := 1.0
			if text != said {
				if utf8.RuneCountInString(said) < minPrefixRunes || len(hits) > maxLookedAt {
					break
				}
				fits = (1 + ratio(said, text)) / 2
			}
			have, known := hits[uint32(w)]
			if !known {
				order = append(order, uint32(w))
			}
			if fits > have.fits {
				hits[uint32(w)] = hit{i, fits}
			}
		}
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(weigh(q.words[b].text), weigh(q.words[a].text)),
			cmp.Compare(len(q.words[a].names), len(q.words[b].names)), cmp.Compare(a, b))
	})
	return hits, order
}

// confidence is how much of a name was said, and how much of what was said is of the name, by the weights of their words.
func (q question) confidence(n name, hits map[uint32]hit) float64 {
	ofName, ofSaid := 0.0, 0.0
	var used [maxSaidWords]bool
	for i, w := range n.words {
		h, ok := hits[w]
		if n.otherwise != nil && hits[n.otherwise[i]].fits > h.fits {
			h, ok = hits[n.otherwise[i]], true
		}
		if !ok || used[h.said] {
			continue
		}
		used[h.said] = true
		ofName += h.fits * weigh(q.words[w].text)
		ofSaid += h.fits * weigh(q.said.words[h.said])
	}
	return maxNameConfidence * harmonic(ofName/n.weight, ofSaid/q.weight)
}

// harmonic is the harmonic mean: as low as the lower one is.
func harmonic(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}

func ratio(part, whole string) float64 { return float64(len(part)) / float64(len(whole)) }
