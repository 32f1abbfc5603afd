package names_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

// recall is how often a right name was first, and among the first five; of names that are the same but for their legal
// form each is right. Strictly, only that very name is.
type recall struct {
	at1, at5, strictAt1, strictAt5 float64
	surely, surelyRight            int      // first with a confidence of 0.9 or more, and right
	missed                         []string // for whoever wants to know why
}

// alike are the names that are the same as one but for legal form, as the index itself says.
func alike(x *names.Index, name string) map[string]bool {
	out := map[string]bool{name: true}
	found, _ := x.Find(name, 100)
	for _, m := range found {
		if m.Confidence == 1 {
			out[m.Name] = true
		}
	}
	return out
}

// measure asks each question. Names that are the same as what was said, which are not the right ones, are no answers to it:
// so a name of a company is looked for by another of its names as if nobody were called that.
func measure(x *names.Index, asked []query) (r recall) {
	for _, q := range asked {
		found, _ := x.Find(q.said, 16)
		found = slices.DeleteFunc(found, func(m names.Match) bool { return m.Confidence == 1 && !slices.Contains(q.right, m.Name) })
		place := func(right func(names.Match) bool) int {
			if i := slices.IndexFunc(found, right); i >= 0 {
				return i
			}
			return len(found) + 5
		}
		strict := place(func(m names.Match) bool { return slices.Contains(q.right, m.Name) })
		loose := strict
		if strict > 0 {
			right := map[string]bool{}
			for _, r := range q.right {
				maps.Copy(right, alike(x, r))
			}
			loose = place(func(m names.Match) bool { return right[m.Name] })
		}
		for _, c := range []struct {
			hit bool
			n   *float64
		}{{loose < 1, &r.at1}, {loose < 5, &r.at5}, {strict < 1, &r.strictAt1}, {strict < 5, &r.strictAt5}} {
			if c.hit {
				*c.n += 100 / float64(len(asked))
			}
		}
		if len(found) > 0 && found[0].Confidence >= 0.9 {
			r.surely++
			if loose == 0 {
				r.surelyRight++
			}
		}
		if loose > 0 {
			r.missed = append(r.missed, q.said+" -> "+strings.Join(q.right, "; ")+describe(found))
		}
	}
	return r
}

func describe(found []names.Match) string {
	var b strings.Builder
	for _, m := range found[:min(3, len(found))] {
		b.WriteString(" | " + m.Name)
	}
	return b.String()
}
