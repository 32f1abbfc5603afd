package names

import (
	"bytes"
	"cmp"
	"slices"
)

// top keeps the best names of a question, one a customer: one more than are told, to know that there are more.
type top struct {
	*state
	limit int
	best  []scored // the best first
}

type scored struct {
	row, customer uint32
	confidence    float64
	why           Why
	sameForm      bool
}

func newTop(s *state, limit int) *top {
	return &top{state: s, limit: limit, best: make([]scored, 0, limit+2)}
}

// offer takes a name that is good enough.
func (t *top) offer(row uint32, confidence float64, why Why, sameForm bool) {
	full := len(t.best) > t.limit
	if confidence < minConfidence || full && confidence < t.best[t.limit].confidence || !t.alive(row) {
		return
	}
	c := scored{row, t.row(row).customer, confidence, why, sameForm}
	if have := slices.IndexFunc(t.best, func(o scored) bool { return o.customer == c.customer }); have >= 0 {
		if t.compare(c, t.best[have]) >= 0 {
			return
		}
		t.best = slices.Delete(t.best, have, have+1)
	} else if full {
		if t.compare(c, t.best[t.limit]) >= 0 {
			return
		}
		t.best = t.best[:t.limit]
	}
	to, _ := slices.BinarySearchFunc(t.best, c, t.compare)
	t.best = slices.Insert(t.best, to, c)
}

// has says whether somebody is found with a confidence, or more.
func (t *top) has(confidence float64) bool {
	return len(t.best) > 0 && t.best[0].confidence >= confidence
}

// compare orders the better one first.
func (t *top) compare(a, b scored) int {
	if a.confidence != b.confidence {
		return cmp.Compare(b.confidence, a.confidence)
	}
	if a.sameForm != b.sameForm {
		if a.sameForm {
			return -1
		}
		return 1
	}
	return cmp.Or(bytes.Compare(t.text(a.row), t.text(b.row)), bytes.Compare(t.id(a.row), t.id(b.row)),
		cmp.Compare(a.why, b.why))
}

func (t *top) matches(cut bool) (found []Match, more bool) {
	for _, c := range t.best[:min(len(t.best), t.limit)] {
		found = append(found, Match{string(t.id(c.row)), string(t.text(c.row)), c.confidence, c.why})
	}
	return found, cut || len(t.best) > t.limit
}
