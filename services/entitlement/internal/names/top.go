package names

import (
	"cmp"
	"slices"
	"strings"
)

// top keeps the best names of a question, one a customer: one more than are told, to know that there are more.
type top struct {
	limit int
	best  []scored // the best first
}

type scored struct {
	Match
	sameForm bool
}

func newTop(limit int) *top { return &top{limit: limit, best: make([]scored, 0, limit+1)} }

// offer takes a name that is good enough.
func (t *top) offer(s slot, at uint32, confidence float64, why Why, sameForm bool) {
	n := s.names[at]
	if confidence < minConfidence || s.dead.has(n.customer) {
		return
	}
	full := len(t.best) > t.limit
	if full && confidence < t.best[t.limit].Confidence {
		return
	}
	c := scored{Match{s.customers[n.customer].ID, n.text, confidence, why}, sameForm}
	if have := slices.IndexFunc(t.best, func(o scored) bool { return o.ID == c.ID }); have >= 0 {
		if compare(c, t.best[have]) >= 0 {
			return
		}
		t.best = slices.Delete(t.best, have, have+1)
	} else if full {
		if compare(c, t.best[t.limit]) >= 0 {
			return
		}
		t.best = t.best[:t.limit]
	}
	to, _ := slices.BinarySearchFunc(t.best, c, compare)
	t.best = slices.Insert(t.best, to, c)
}

// compare orders the better one first.
func compare(a, b scored) int {
	form := 0
	if a.sameForm != b.sameForm {
		form = 1
		if a.sameForm {
			form = -1
		}
	}
	return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), form, strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
}

func (t *top) matches(cut bool) (found []Match, more bool) {
	for _, c := range t.best[:min(len(t.best), t.limit)] {
		found = append(found, c.Match)
	}
	return found, cut || len(t.best) > t.limit
}
