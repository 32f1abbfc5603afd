package timeline

import (
	"iter"
	"math"
	"math/bits"
)

// Period is a stretch [FromUnixS, ToUnixS) over which the same timelines are open.
type Period struct {
	FromUnixS, ToUnixS int64
	// Open holds the indexes of the open timelines, ascending; empty in a gap. It is valid until the next period only.
	Open []int
}

// Gap says that nothing is open.
func (p Period) Gap() bool { return len(p.Open) == 0 }

// Known is the range over which every one of the timelines is known; empty (from >= to) where there is none such.
func Known(ts []*Timeline) (fromUnixS, toUnixS int64) {
	if len(ts) == 0 {
		return 0, 0
	}
	fromUnixS, toUnixS = math.MinInt64, math.MaxInt64
	for _, t := range ts {
		from, to := t.Horizon()
		fromUnixS, toUnixS = max(fromUnixS, from), min(toUnixS, to)
	}
	return fromUnixS, toUnixS
}

// Cover yields the periods of [fromUnixS, toUnixS), in order and without a hole between them. Outside its horizon a
// timeline counts as closed: keep within Known to be told the truth.
func Cover(ts []*Timeline, fromUnixS, toUnixS int64) iter.Seq[Period] {
	return func(yield func(Period) bool) {
		if fromUnixS >= toUnixS {
			return
		}
		set := newIndexSet(len(ts))
		p := Period{FromUnixS: fromUnixS}
		for _, e := range changes(ts, fromUnixS, toUnixS) {
			if e.atUnixS > p.FromUnixS {
				p.ToUnixS, p.Open = e.atUnixS, set.list(p.Open[:0])
				if !yield(p) {
					return
				}
				p.FromUnixS = e.atUnixS
			}
			set.flip(e.index)
		}
		p.ToUnixS, p.Open = toUnixS, set.list(p.Open[:0])
		yield(p)
	}
}

// change is a timeline opening or closing.
type change struct {
	atUnixS int64
	index   int
}

// changes are all changes of state in [from, to), ascending. What is open at from opens there.
func changes(ts []*Timeline, from, to int64) []change {
	n := 0
	for _, t := range ts {
		n += 2 * t.countWithin(from, to)
	}
	list := make([]change, 0, n)
	runs := make([]int, 0, len(ts)) // where the changes of each timeline end
	for i, t := range ts {
		for iv := range t.Within(from, to) {
			list = append(list, change{iv.OpenUnixS, i})
			if iv.CloseUnixS < to {
				list = append(list, change{iv.CloseUnixS, i})
			}
		}
		runs = append(runs, len(list))
	}
	return mergeRuns(list, runs)
}

// mergeRuns puts ascending runs, which end at the given indexes, in one order, and keeps the order of runs among equals.
// Neighbours are merged until one is left, which takes a third of the time that sorting does.
func mergeRuns(list []change, ends []int) []change {
	spare := make([]change, len(list))
	for len(ends) > 1 {
		from, left := 0, ends[:0]
		for i := 0; i < len(ends); i += 2 {
			to := ends[min(i+1, len(ends)-1)]
			merge(spare[from:to], list[from:ends[i]], list[ends[i]:to])
			from, left = to, append(left, to)
		}
		list, spare, ends = spare, list, left
	}
	return list
}

// merge fills into from two ascending lists.
func merge(into, a, b []change) {
	for i := range into {
		if len(b) == 0 || len(a) > 0 && a[0].atUnixS <= b[0].atUnixS {
			into[i], a = a[0], a[1:]
		} else {
			into[i], b = b[0], b[1:]
		}
	}
}

// countWithin is how many intervals meet [from, to), or one more.
func (t *Timeline) countWithin(from, to int64) int {
	if t == nil || from >= t.toS || to <= t.fromS {
		return 0
	}
	first, last := t.At(max(from, t.fromS)).span, uint32(len(t.spans))
	if to < t.toS {
		last = min(t.At(to).span+1, last)
	}
	return int(last - first)
}

// indexSet is a set of small integers.
type indexSet []uint64

func newIndexSet(n int) indexSet { return make(indexSet, (n+63)/64) }

func (s indexSet) flip(i int) { s[i/64] ^= 1 << (i % 64) }

// list appends the members, ascending.
func (s indexSet) list(into []int) []int {
	for w, word := range s {
		for word != 0 {
			into = append(into, w*64+bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
	return into
}
