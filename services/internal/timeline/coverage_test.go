package timeline_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/timeline"
)

func collect(ts []*timeline.Timeline, from, to int64) []timeline.Period {
	var all []timeline.Period
	for p := range timeline.Cover(ts, from, to) {
		p.Open = slices.Clone(p.Open)
		all = append(all, p)
	}
	return all
}

func TestCover(t *testing.T) {
	a := must(t, spec([2]float64{1, 5}, [2]float64{10, 12}))
	b := must(t, spec([2]float64{4, 8}, [2]float64{12, 14}))
	at := func(h int64) int64 { return base + h*hour }
	got := collect([]*timeline.Timeline{a, b}, at(2), at(13))
	want := []timeline.Period{
		{FromUnixS: at(2), ToUnixS: at(4), Open: []int{0}},
		{FromUnixS: at(4), ToUnixS: at(5), Open: []int{0, 1}},
		{FromUnixS: at(5), ToUnixS: at(8), Open: []int{1}},
		{FromUnixS: at(8), ToUnixS: at(10), Open: []int{}},
		{FromUnixS: at(10), ToUnixS: at(12), Open: []int{0}},
		{FromUnixS: at(12), ToUnixS: at(13), Open: []int{1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := collect(nil, at(0), at(1)); len(got) != 1 || !got[0].Gap() {
		t.Errorf("no timelines: %v, want one gap", got)
	}
	if got := collect([]*timeline.Timeline{a}, at(3), at(3)); got != nil {
		t.Errorf("an empty range has periods: %v", got)
	}
}

func TestKnown(t *testing.T) {
	early, late := spec(), spec()
	late.FromUnixS, late.ToUnixS = base+day, base+9*day
	from, to := timeline.Known([]*timeline.Timeline{must(t, early), must(t, late)})
	if from != base+day || to != base+7*day {
		t.Errorf("known over [%d, %d)", from, to)
	}
	if from, to := timeline.Known([]*timeline.Timeline{must(t, early), nil}); from < to {
		t.Errorf("known over [%d, %d) though one is missing", from, to)
	}
}

func TestCoverAgreesWithEachTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts := make([]*timeline.Timeline, rapid.IntRange(1, 70).Draw(t, "timelines"))
		for i := range ts {
			tl, err := timeline.New(drawSpec(t))
			if err != nil {
				t.Fatal(err)
			}
			ts[i] = tl
		}
		from := base + rapid.Int64Range(-2*day, 2*day).Draw(t, "from")
		to := from + rapid.Int64Range(1, 20*day).Draw(t, "range")
		end := from
		var last []int
		for n, p := range collect(ts, from, to) {
			if p.FromUnixS != end || p.ToUnixS <= p.FromUnixS {
				t.Fatalf("period %d of %v does not follow %d", n, p, end)
			}
			if n > 0 && slices.Equal(p.Open, last) {
				t.Fatalf("nothing changes at %d", p.FromUnixS)
			}
			for _, at := range []int64{p.FromUnixS, (p.FromUnixS + p.ToUnixS) / 2, p.ToUnixS - 1} {
				for i, tl := range ts {
					if tl.At(at).Open != slices.Contains(p.Open, i) {
						t.Fatalf("timeline %d at %d: cover says %v", i, at, p.Open)
					}
				}
			}
			end, last = p.ToUnixS, p.Open
		}
		if end != to {
			t.Fatalf("covers up to %d of %d", end, to)
		}
	})
}
