package timeline_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	hour = int64(3600)
	day  = 24 * hour
	base = int64(1774569600) // 2026-03-27T00:00:00Z
)

// spec is a week's horizon with spans given in hours after base.
func spec(spans ...[2]float64) timeline.Spec {
	s := timeline.Spec{
		FromUnixS: base, ToUnixS: base + 7*day, Rules: []string{"first rule", "second rule"},
		TZDataRelease: "2025c", ZoneFingerprint: 42,
	}
	for i, sp := range spans {
		s.Intervals = append(s.Intervals, timeline.Interval{
			OpenUnixS: base + int64(sp[0]*3600), CloseUnixS: base + int64(sp[1]*3600), Rule: uint32(i % 2),
		})
	}
	return s
}

func must(t testing.TB, s timeline.Spec) *timeline.Timeline {
	t.Helper()
	tl, err := timeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tl
}

func TestAt(t *testing.T) {
	tl := must(t, spec([2]float64{9, 12}, [2]float64{13, 17}, [2]float64{33, 41}))
	for _, c := range []struct {
		what      string
		at        int64
		known     bool
		open      bool
		until     int64
		remaining int64
		rule      string
	}{
		{"before the horizon nothing is known", base - 1, false, false, 0, 0, ""},
		{"the first second is known", base, true, false, base + 9*hour, 0, "first rule"},
		{"a second before opening", base + 9*hour - 1, true, false, base + 9*hour, 0, "first rule"},
		{"the opening instant is open", base + 9*hour, true, true, base + 12*hour, 7 * hour, "first rule"},
		{"a second before lunch", base + 12*hour - 1, true, true, base + 12*hour, 4*hour + 1, "first rule"},
		{"the closing instant is closed", base + 12*hour, true, false, base + 13*hour, 0, "second rule"},
		{"after lunch", base + 13*hour, true, true, base + 17*hour, 4 * hour, "second rule"},
		{"the night is no break", base + 17*hour, true, false, base + 33*hour, 0, "first rule"},
		{"closed until the horizon's end", base + 41*hour, true, false, base + 7*day, 0, ""},
		{"the last second is known", base + 7*day - 1, true, false, base + 7*day, 0, ""},
		{"the horizon's end is not known", base + 7*day, false, false, 0, 0, ""},
	} {
		s := tl.At(c.at)
		if s.Known != c.known || s.Open != c.open || s.UntilUnixS != c.until || int64(s.RemainingS) != c.remaining {
			t.Errorf("%s: got %+v, want %+v", c.what, s, c)
		}
		if got := tl.Rule(s); got != c.rule {
			t.Errorf("%s: rule %q, want %q", c.what, got, c.rule)
		}
	}
	var none *timeline.Timeline
	if none.At(base).Known || none.Rule(none.At(base)) != "" {
		t.Error("a nil timeline claims to know something")
	}
}

func TestRemainingCountsOpenTimeOverBreaks(t *testing.T) {
	for _, c := range []struct {
		what  string
		spans [][2]float64
		want  float64 // hours left at the opening of the first span
	}{
		{"one span", [][2]float64{{9, 17}}, 8},
		{"a break of 90 minutes is not counted and does not end the day", [][2]float64{{9, 12}, {13.5, 17}}, 6.5},
		{"a break of 91 minutes ends the day", [][2]float64{{9, 12}, {12 + 91.0/60, 17}}, 3},
		{"two breaks", [][2]float64{{9, 10}, {11, 12}, {13, 14}, {16, 17}}, 3},
		{"never more than twelve hours", [][2]float64{{0, 13}}, 12},
		{"nor across breaks", [][2]float64{{0, 6}, {7, 13}, {14, 20}}, 12},
		{"open for days", [][2]float64{{0, 168}}, 12},
	} {
		tl := must(t, spec(c.spans...))
		if got := tl.At(base + int64(c.spans[0][0]*3600)).RemainingS; float64(got) != c.want*3600 {
			t.Errorf("%s: %d s left, want %v", c.what, got, c.want*3600)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	with := func(change func(*timeline.Spec)) timeline.Spec {
		s := spec([2]float64{9, 12}, [2]float64{13, 17})
		change(&s)
		return s
	}
	dense := spec()
	dense.FromUnixS, dense.ToUnixS = base, base+7*day
	for i := range int64(200) {
		dense.Intervals = append(dense.Intervals, timeline.Interval{OpenUnixS: base + 2*i, CloseUnixS: base + 2*i + 1})
	}
	for _, c := range []struct {
		what  string
		spec  timeline.Spec
		field string
	}{
		{"an empty horizon", with(func(s *timeline.Spec) { s.ToUnixS = s.FromUnixS }), "to_unix_s"},
		{"eleven years", with(func(s *timeline.Spec) { s.ToUnixS = s.FromUnixS + 4018*day }), "to_unix_s"},
		{"touching", spec([2]float64{9, 12}, [2]float64{12, 13}), "step_s[2]"},
		{"overlapping", spec([2]float64{9, 12}, [2]float64{11, 13}), "step_s[2]"},
		{"descending", spec([2]float64{9, 12}, [2]float64{6, 7}), "step_s[2]"},
		{"empty", spec([2]float64{9, 9}), "step_s[0]"},
		{"before the horizon", spec([2]float64{-1, 2}), "step_s[0]"},
		{"past the horizon", spec([2]float64{160, 169}), "step_s[0]"},
		{"without its rule", with(func(s *timeline.Spec) { s.Intervals[1].Rule = 2 }), "rule_index[1]"},
		{"a rule that is not text", with(func(s *timeline.Spec) { s.Rules[1] = "\xff" }), "rules[1]"},
		{"200 openings in a day", dense, "step_s"},
	} {
		_, err := timeline.New(c.spec)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%s: error %v, want INVALID_FIELD", c.what, err)
			continue
		}
		if got := err.(*fault.Fault).Violations[0].Field; got != c.field { //nolint:errorlint // its own type
			t.Errorf("%s: names field %q, want %q", c.what, got, c.field)
		}
	}
}

func TestWithinClips(t *testing.T) {
	tl := must(t, spec([2]float64{9, 12}, [2]float64{13, 17}, [2]float64{33, 41}))
	var got []timeline.Interval
	for iv, rule := range tl.Within(base+10*hour, base+34*hour) {
		if rule == "" {
			t.Error("an interval without its rule")
		}
		got = append(got, iv)
	}
	want := []timeline.Interval{
		{OpenUnixS: base + 10*hour, CloseUnixS: base + 12*hour},
		{OpenUnixS: base + 13*hour, CloseUnixS: base + 17*hour, Rule: 1},
		{OpenUnixS: base + 33*hour, CloseUnixS: base + 34*hour},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for iv := range tl.Within(base+17*hour, base+33*hour) {
		t.Errorf("%v is open over a night", iv)
	}
}

func TestLookUpDoesNotAllocate(t *testing.T) {
	tl := must(t, spec([2]float64{9, 12}, [2]float64{13, 17}))
	if n := testing.AllocsPerRun(100, func() { _ = tl.Rule(tl.At(base + 10*hour)) }); n != 0 {
		t.Errorf("%v allocations a look-up", n)
	}
}

// drawSpec is any sound spec.
func drawSpec(t *rapid.T) timeline.Spec {
	s := timeline.Spec{FromUnixS: base + rapid.Int64Range(-day, day).Draw(t, "from"), Rules: []string{"a", "b", "c"}}
	s.ToUnixS = s.FromUnixS + rapid.Int64Range(1, 40*day).Draw(t, "horizon")
	at := s.FromUnixS - 1
	for range rapid.IntRange(0, 60).Draw(t, "intervals") {
		open := at + rapid.OneOf(rapid.Int64Range(1, 3*hour), rapid.Int64Range(1, 3*day)).Draw(t, "closed")
		at = open + rapid.OneOf(rapid.Int64Range(1, 3*hour), rapid.Int64Range(1, 2*day)).Draw(t, "open")
		if at > s.ToUnixS {
			break
		}
		s.Intervals = append(s.Intervals, timeline.Interval{
			OpenUnixS: open, CloseUnixS: at, Rule: rapid.Uint32Range(0, 2).Draw(t, "rule"),
		})
	}
	return s
}

// slow answers from the list of intervals by reading all of it.
func slow(s timeline.Spec, at int64) (open bool, until, remaining int64, rule string) {
	until = s.ToUnixS
	for i, iv := range s.Intervals {
		if at >= iv.CloseUnixS {
			continue
		}
		rule = s.Rules[iv.Rule]
		if at < iv.OpenUnixS {
			return false, iv.OpenUnixS, 0, rule
		}
		remaining = iv.CloseUnixS - at
		for j := i + 1; j < len(s.Intervals); j++ {
			if s.Intervals[j].OpenUnixS-s.Intervals[j-1].CloseUnixS > timeline.BreakMaxS {
				break
			}
			remaining += s.Intervals[j].CloseUnixS - s.Intervals[j].OpenUnixS
		}
		return true, iv.CloseUnixS, min(remaining, timeline.RemainingMaxS), rule
	}
	return false, until, 0, ""
}

func TestLookUpEqualsASlowReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		tl, err := timeline.New(s)
		if err != nil {
			t.Fatal(err)
		}
		ats := []int64{s.FromUnixS, s.ToUnixS - 1, rapid.Int64Range(s.FromUnixS, s.ToUnixS-1).Draw(t, "at")}
		for _, iv := range s.Intervals {
			ats = append(ats, iv.OpenUnixS-1, iv.OpenUnixS, iv.CloseUnixS-1, iv.CloseUnixS)
		}
		for _, at := range ats {
			if at < s.FromUnixS || at >= s.ToUnixS {
				continue
			}
			open, until, remaining, rule := slow(s, at)
			got := tl.At(at)
			if !got.Known || got.Open != open || got.UntilUnixS != until || int64(got.RemainingS) != remaining ||
				tl.Rule(got) != rule {
				t.Fatalf("at %d: %+v %q, want %v until %d, %d left, %q", at, got, tl.Rule(got), open, until, remaining, rule)
			}
		}
	})
}

func TestPublishedFormIsTheSameTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		s.TZDataRelease, s.ZoneFingerprint = "2025c", rapid.Uint64().Draw(t, "fingerprint")
		tl, err := timeline.New(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := timeline.FromProto(tl.Proto())
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(tl.Proto(), again.Proto()) {
			t.Fatalf("%v became %v", tl.Proto(), again.Proto())
		}
		if again.TZDataRelease() != "2025c" || again.ZoneFingerprint() != s.ZoneFingerprint {
			t.Fatal("lost its release or fingerprint")
		}
	})
}

// FuzzFromProto: whatever is read from etcd or from disk is refused or answers; it never crashes.
func FuzzFromProto(f *testing.F) {
	sound, err := proto.Marshal(must(f, spec([2]float64{9, 12}, [2]float64{13, 17})).Proto())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound)
	f.Add([]byte{})
	f.Add([]byte{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p publishedv1.Timeline
		if proto.Unmarshal(b, &p) != nil {
			return
		}
		tl, err := timeline.FromProto(&p)
		if err != nil {
			if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
				t.Fatalf("error %v has no reason", err)
			}
			return
		}
		from, to := tl.Horizon()
		for _, at := range []int64{from - 1, from, (from + to) / 2, to - 1, to} {
			s := tl.At(at)
			_ = tl.Rule(s)
			if s.Known && (s.UntilUnixS <= at || s.UntilUnixS > to) {
				t.Fatalf("at %d of [%d, %d): next change %d", at, from, to, s.UntilUnixS)
			}
		}
		for range timeline.Cover([]*timeline.Timeline{tl, tl}, from, to) {
			continue
		}
	})
}
