package skew_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/cluster/skew"
)

const s, ms = time.Second, time.Millisecond

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		others []time.Duration
		want   skew.Judgement
	}{
		"alone": {nil, skew.Judgement{}},
		"two that agree": {
			[]time.Duration{100 * ms}, skew.Judgement{Ahead: -100 * ms, Majority: true},
		},
		"of two that differ nobody knows who is wrong": {
			[]time.Duration{-5 * s}, skew.Judgement{Ahead: 5 * s},
		},
		"two against me": {
			[]time.Duration{-3 * s, -3100 * ms}, skew.Judgement{Ahead: 3 * s, Majority: true, Wrong: true},
		},
		"one of the others is wrong": {
			[]time.Duration{0, 40 * s}, skew.Judgement{Majority: true},
		},
		"three that all differ": {
			[]time.Duration{10 * s, 20 * s}, skew.Judgement{Ahead: -20 * s},
		},
		"two against two": {
			[]time.Duration{0, 5 * s, 5 * s}, skew.Judgement{Ahead: -5 * s},
		},
		"three of five, a little off": {
			[]time.Duration{-1200 * ms, -1500 * ms, -1900 * ms, 60 * s},
			skew.Judgement{Ahead: 1500 * ms, Majority: true, Wrong: true},
		},
		"apart from the majority by less than a second": {
			[]time.Duration{-600 * ms, -900 * ms, -1500 * ms, -1550 * ms}, skew.Judgement{Ahead: 600 * ms, Majority: true},
		},
	} {
		if got := skew.Judge(c.others); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestWhoIsWrongIsFound draws clocks of which more than half agree: each one of those says it is right, and each of the
// others, where it is far enough off, that it is wrong, and by how much.
func TestWhoIsWrongIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		right := rapid.SliceOfN(rapid.Int64Range(-int64(s)/2, int64(s)/2), 2, 12).Draw(t, "right")
		wrong := rapid.SliceOfN(rapid.Int64Range(2*int64(s)+1, int64(100*s)), 0, len(right)-1).Draw(t, "wrong")
		clocks := make([]time.Duration, 0, len(right)+len(wrong))
		for _, o := range right {
			clocks = append(clocks, time.Duration(o))
		}
		for i, o := range wrong {
			if i%2 == 1 {
				o = -o
			}
			clocks = append(clocks, time.Duration(o))
		}
		for i, mine := range clocks {
			var others []time.Duration
			for k, other := range clocks {
				if k != i {
					others = append(others, other-mine)
				}
			}
			j := skew.Judge(others)
			if want := i >= len(right); !j.Majority || j.Wrong != want {
				t.Fatalf("clocks %v: the one at %v says %+v", clocks, mine, j)
			}
			if (j.Ahead - mine).Abs() > s { // the majority is around 0
				t.Fatalf("clocks %v: the one at %v says it is %v ahead", clocks, mine, j.Ahead)
			}
		}
	})
}

// TestNeverMoreThanHalfAreWrong holds whatever the clocks say: somebody must be left to be found.
func TestNeverMoreThanHalfAreWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clocks := rapid.SliceOfN(rapid.Int64Range(-int64(10*s), int64(10*s)), 1, 12).Draw(t, "clocks")
		wrong := 0
		for i, mine := range clocks {
			var others []time.Duration
			for k, other := range clocks {
				if k != i {
					others = append(others, time.Duration(other-mine))
				}
			}
			if skew.Judge(others).Wrong {
				wrong++
			}
		}
		if wrong > len(clocks)/2 {
			t.Fatalf("%d of %v say they are wrong", wrong, clocks)
		}
	})
}

// TestDelaysAccuseNobody: with clocks that are right, whatever heartbeats take below a second, or all of them together on
// their way to me, nobody is wrong.
func TestDelaysAccuseNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		late := time.Duration(rapid.Int64Range(0, int64(30*s)).Draw(t, "my way"))
		own := skew.Offset{}
		own.Add(-late)
		mine, _ := own.Best()
		var others []time.Duration
		for range rapid.IntRange(1, 10).Draw(t, "others") {
			var o skew.Offset
			for range rapid.IntRange(1, 9).Draw(t, "heartbeats") {
				o.Add(-late - time.Duration(rapid.Int64Range(0, int64(s)).Draw(t, "theirs")))
			}
			best, ok := o.Best()
			if !ok {
				t.Fatal("a heartbeat came, and is not known")
			}
			others = append(others, skew.Corrected(best, mine))
		}
		if j := skew.Judge(others); j.Wrong || j.Ahead.Abs() > s {
			t.Fatalf("offsets %v: %+v", others, j)
		}
	})
}

func TestBestOfTheLastFive(t *testing.T) {
	var o skew.Offset
	if _, ok := o.Best(); ok {
		t.Error("an offset is known of a process that was never heard")
	}
	said := []time.Duration{9 * s, 1, 2, 3, 4, 5}
	for i, d := range said {
		o.Add(d)
		want := slices.Max(said[max(0, i-4) : i+1])
		if got, ok := o.Best(); !ok || got != want {
			t.Errorf("after %d: %v, want %v", i+1, got, want)
		}
	}
}

func TestStandingComesBackAfterTenSeconds(t *testing.T) {
	wrong, right := skew.Judgement{Majority: true, Wrong: true}, skew.Judgement{Majority: true}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var st skew.Standing
	for i, step := range []struct {
		after time.Duration
		j     skew.Judgement
		back  bool
	}{
		{0, right, false}, {2 * s, wrong, true}, {2 * s, right, true}, {9 * s, right, true}, {s / 2, wrong, true},
		{s, right, true}, {9 * s, right, true}, {s, right, false}, {s, wrong, true}, {s, right, true},
		{-time.Hour, right, true}, {9 * s, right, true}, {s, right, false},
	} {
		at = at.Add(step.after)
		if st = st.Next(step.j, at); st.Back() != step.back {
			t.Fatalf("step %d: stepped back %v, want %v", i, st.Back(), step.back)
		}
	}
}
