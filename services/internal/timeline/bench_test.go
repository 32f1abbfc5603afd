package timeline_test

import (
	"testing"

	"github.com/daysidehq/dayside/services/internal/timeline"
)

// year is 400 days of a site with a lunch break, opening at an hour of its own.
func year(b testing.TB, n int) *timeline.Timeline {
	s := timeline.Spec{FromUnixS: base, ToUnixS: base + 402*day, Rules: []string{"weekly hours"}}
	for d := range int64(401) {
		if (d+int64(n))%7 > 4 {
			continue
		}
		open := base + d*day + int64(n%24)*1800
		s.Intervals = append(s.Intervals,
			timeline.Interval{OpenUnixS: open, CloseUnixS: open + 3*hour},
			timeline.Interval{OpenUnixS: open + 4*hour, CloseUnixS: open + 9*hour})
	}
	return must(b, s)
}

func years(b testing.TB, n int) []*timeline.Timeline {
	ts := make([]*timeline.Timeline, n)
	for i := range ts {
		ts[i] = year(b, i)
	}
	return ts
}

func BenchmarkAt(b *testing.B) {
	tl := year(b, 3)
	b.ReportAllocs()
	open := 0
	at := base
	for b.Loop() {
		if tl.At(at).Open {
			open++
		}
		at += 7919
		if at >= base+402*day {
			at -= 402 * day
		}
	}
	_ = open
}

// BenchmarkAt1000 is one instant asked of a thousand sites in a row, as a decision does, and the instant moves on.
func BenchmarkAt1000(b *testing.B) {
	ts := years(b, 1000)
	b.ReportAllocs()
	open, at := 0, base
	for b.Loop() {
		for _, tl := range ts {
			if tl.At(at).Open {
				open++
			}
		}
		at = base + (at-base+61)%(402*day)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/look-up")
	_ = open
}

func BenchmarkCoverYearOf50Sites(b *testing.B) {
	ts := years(b, 50)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for p := range timeline.Cover(ts, base, base+365*day) {
			n += len(p.Open)
		}
		if n == 0 {
			b.Fatal("nothing is open")
		}
	}
}

func BenchmarkFromProto(b *testing.B) {
	p := year(b, 3).Proto()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := timeline.FromProto(p); err != nil {
			b.Fatal(err)
		}
	}
}
