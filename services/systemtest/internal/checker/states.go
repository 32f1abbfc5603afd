package checker

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// never is the revision at which something is certain that may not come.
const never = math.MaxInt64

// knowledge is which revisions there must have been at an instant.
type knowledge struct {
	// acked are revisions of changes, and seen those of answers too, each with the highest one up to its instant.
	acked, seen []mark
	// begun are revisions of changes by their beginning, each with the lowest one from there on.
	begun []mark
}

type mark struct {
	at       time.Duration
	revision int64
}

func newKnowledge(changes []*history.Change, calls []*history.Call) knowledge {
	var k knowledge
	for _, c := range changes {
		if c.Outcome == history.Done && c.Revision > 0 {
			k.seen = append(k.seen, mark{c.End, c.Revision})
			if !c.Read { // a reading finds what came to be before it began
				k.begun = append(k.begun, mark{c.Begin, c.Revision})
			}
		}
	}
	for _, c := range calls {
		if routed(c) {
			k.seen = append(k.seen, mark{c.End, c.Revision})
		}
	}
	sortMarks(k.seen)
	for i := 1; i < len(k.seen); i++ {
		k.seen[i].revision = max(k.seen[i].revision, k.seen[i-1].revision)
	}
	sortMarks(k.begun)
	for i := len(k.begun) - 2; i >= 0; i-- {
		k.begun[i].revision = min(k.begun[i].revision, k.begun[i+1].revision)
	}
	for _, c := range changes {
		if c.Outcome == history.Done && !c.Read {
			// Where the revision was not told, it is at least the one after those known before.
			k.acked = append(k.acked, mark{c.End, cmp.Or(c.Revision, k.before(c.Begin)+1)})
		}
	}
	sortMarks(k.acked)
	for i := 1; i < len(k.acked); i++ {
		k.acked[i].revision = max(k.acked[i].revision, k.acked[i-1].revision)
	}
	return k
}

func sortMarks(m []mark) {
	slices.SortStableFunc(m, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
}

// last is the revision of the last mark at or before t; 0 where there is none.
func last(m []mark, t time.Duration) int64 {
	i, _ := slices.BinarySearchFunc(m, t, func(a mark, t time.Duration) int {
		if a.at <= t {
			return -1
		}
		return 1
	})
	if i == 0 {
		return 0
	}
	return m[i-1].revision
}

// before is the highest revision that is known to have been at t.
func (k knowledge) before(t time.Duration) int64 { return last(k.seen, t) }

// committed is a revision that every change acknowledged by t is at or below.
func (k knowledge) committed(t time.Duration) int64 { return last(k.acked, t) }

// after is a revision that came to be after t.
func (k knowledge) after(t time.Duration) int64 {
	for _, m := range k.begun { // begun holds at most some thousands
		if m.at >= t {
			return m.revision
		}
	}
	return never
}

// toggle is one switch with its changes.
type toggle struct {
	name, site string
	drain      bool
	changes    []placed
}

// placed is a change with the revisions between which it came to be: below from it is not there, from certain on it is. One
// in doubt is never certain.
type placed struct {
	on            bool
	from, certain int64
	begin         time.Duration
}

// toggles places the changes, which are in order of their beginning.
func toggles(changes []*history.Change, k knowledge) []*toggle {
	byName := map[string]*toggle{}
	var list []*toggle
	for _, c := range changes {
		t := byName[c.Switch]
		if t == nil {
			t = &toggle{name: c.Switch, site: c.Site, drain: c.Drain}
			byName[c.Switch] = t
			list = append(list, t)
		}
		p := placed{on: c.On, from: k.before(c.Begin) + 1, certain: never, begin: c.Begin}
		if c.Outcome == history.Done {
			if c.Revision > 0 {
				p.from, p.certain = c.Revision, c.Revision
			} else {
				p.certain = k.after(c.End)
			}
		}
		t.changes = append(t.changes, p)
	}
	return list
}

// maybe is what a switch may have been.
type maybe struct{ off, on bool }

// at is what the switch can have been at a revision. It is off at first.
func (t *toggle) at(revision int64) maybe {
	m := maybe{off: true}
	for _, c := range t.changes {
		switch {
		case revision < c.from:
		case revision >= c.certain:
			m = maybe{off: !c.on, on: c.on}
		default:
			m = maybe{off: m.off || !c.on, on: m.on || c.on}
		}
	}
	return m
}

// world is what can have been at one revision, by site.
type world struct {
	// open says whether the site can have been open and undrained, shut whether it can have been not, and drained whether it
	// must have been drained.
	open, shut, drained map[string]bool
}

// worldAt is the world at a revision; kept for the next answer, since most are of the same few.
func (r *run) worldAt(revision int64) world {
	if r.edges == nil {
		r.edges = r.revisions(0, never)
	}
	i, found := slices.BinarySearch(r.edges, revision)
	if !found {
		i--
	}
	at := r.edges[max(0, i)]
	if w, ok := r.worlds[at]; ok {
		return w
	}
	w := r.makeWorld(at)
	r.worlds[at] = w
	return w
}

func (r *run) makeWorld(revision int64) world {
	w := world{open: map[string]bool{}, shut: map[string]bool{}, drained: map[string]bool{}}
	for _, s := range r.about.Sites {
		w.open[s] = true
	}
	for _, t := range r.switches {
		m := t.at(revision)
		if !m.off {
			w.open[t.site] = false
			w.drained[t.site] = w.drained[t.site] || t.drain
		}
		if m.on {
			w.shut[t.site] = true
		}
	}
	return w
}

// revisions are those at which something can have changed within [low, high], low included: one world for each.
func (r *run) revisions(low, high int64) []int64 {
	list := []int64{low}
	for _, t := range r.switches {
		for _, c := range t.changes {
			for _, at := range []int64{c.from, c.certain} {
				if at > low && at <= high {
					list = append(list, at)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
