package proof_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

// daily is spans of hours repeated for each of nine days, but for some.
func daily(t testing.TB, from, to float64, without ...int) *timeline.Timeline {
	var spans [][2]float64
	for d := range 9 {
		if !slices.Contains(without, d) {
			spans = append(spans, [2]float64{from + 24*float64(d), to + 24*float64(d)})
		}
	}
	return open(t, spans...)
}

func at(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return "-"
	}
	return fmt.Sprintf("%g", float64(ts.GetSeconds()-base)/3600)
}

func handoversText(list []*schedulev1.HandoverChange) string {
	short := func(sites []string) string { return strings.ReplaceAll(strings.Join(sites, "+"), "sites/", "") }
	var parts []string
	for _, h := range list {
		parts = append(parts, fmt.Sprintf("%s>%s %s→%s", short(h.GetFromSites()), short(h.GetToSites()), at(h.GetBefore()), at(h.GetAfter())))
	}
	return strings.Join(parts, "; ")
}

func TestHandoversMoveAppearAndVanish(t *testing.T) {
	line := func(sites ...any) proof.Line {
		l := proof.Line{Name: "lines/gold"}
		for i := 0; i < len(sites); i += 2 {
			l.Sites = append(l.Sites, proof.Site{Name: "sites/" + sites[i].(string), Timeline: sites[i+1].(*timeline.Timeline)})
		}
		return l
	}
	sydney := daily(t, 0, 8)
	for _, c := range []struct {
		what          string
		before, after proof.Line
		want          string
	}{
		{"an hour later", line("s", sydney, "d", daily(t, 8, 16)), line("s", sydney, "d", daily(t, 8, 17)),
			"d> 16→17; d> 40→41"},
		{"one day is left out", line("s", sydney, "d", daily(t, 8, 16)), line("s", sydney, "d", daily(t, 8, 16, 1)),
			"s>d 32→-; s> -→32; d> 40→-"},
		{"an hour earlier, and one day is left out", line("d", daily(t, 8, 16)), line("d", daily(t, 8, 15, 0)),
			"d> 16→-; d> 40→39; >d 8→-"},
		{"a day for another is no move", line("d", daily(t, 8, 16, 1, 2, 3, 4, 5, 6, 7, 8)),
			line("d", daily(t, 8, 16, 0, 2, 3, 4, 5, 6, 7, 8)), ">d 8→-; d> 16→-; >d -→32; d> -→40"},
		{"a site more", line("s", sydney), line("s", sydney, "d", daily(t, 8, 16)),
			"s> 8→-; s>d -→8; d> -→16; s> 32→-; s>d -→32; d> -→40"},
		{"another order of sites is no handover", line("s", sydney, "d", daily(t, 7, 16)), line("d", daily(t, 7, 16), "s", sydney), ""},
	} {
		got := proof.Compare(c.before, c.after, base, base+2*day)
		sorted := func(s string) []string { p := strings.Split(s, "; "); slices.Sort(p); return p }
		if text := handoversText(got.GetHandovers()); !slices.Equal(sorted(text), sorted(c.want)) {
			t.Errorf("%s: got %s, want %s", c.what, text, c.want)
		}
		if (got == nil) != (c.want == "") {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestAnImpactIsLimitedAndCounts(t *testing.T) {
	busy := func(minute float64) proof.Line {
		var spans [][2]float64
		for i := range 240 {
			spans = append(spans, [2]float64{float64(i), float64(i) + minute/60})
		}
		return proof.Line{Name: "lines/gold", Sites: []proof.Site{{Name: "sites/a", Timeline: open(t, spans...)}}}
	}
	got := proof.Compare(busy(30), busy(20), base, base+10*day)
	if len(got.GetHandovers()) != 200 || got.GetMoreHandovers() != 40 || len(got.GetGapsCreated()) != 200 || got.GetMoreGaps() != 40 {
		t.Errorf("%d handovers and %d more, %d gaps and %d more", len(got.GetHandovers()), got.GetMoreHandovers(),
			len(got.GetGapsCreated()), got.GetMoreGaps())
	}
	refusal := proof.Refusal([]*schedulev1.LineImpact{got})
	if refusal == nil || len(refusal.Violations) != 50 || !strings.Contains(refusal.Message, "the first 50") {
		t.Errorf("%v", refusal)
	}
}

func TestALineThatIsNewOrGone(t *testing.T) {
	duty := rota(0, "people/ann", 10, "")
	l := proof.Line{Name: "lines/gold", Sites: []proof.Site{{Name: "sites/a", Timeline: open(t, [2]float64{8, 17})}}, Rotas: []proof.Duty{duty}}
	created := proof.Compare(proof.Line{}, l, base, base+day)
	if !created.GetCreated() || len(created.GetGapsCreated()) != 1 || len(created.GetGapsPlanned()) != 1 ||
		created.GetGapsPlanned()[0].GetOnDuty()[0] != "people/ann" || len(created.GetHandovers()) != 2 {
		t.Errorf("created: %v", created)
	}
	if f := proof.Refusal([]*schedulev1.LineImpact{created}); f != nil {
		t.Errorf("a new line is refused: %v", f)
	}
	gone := proof.Compare(l, proof.Line{}, base, base+day)
	if gone.GetLine() != "lines/gold" || gone.GetCreated() || len(gone.GetHandovers()) != 2 ||
		len(gone.GetGapsCreated())+len(gone.GetGapsClosed())+len(gone.GetGapsPlanned()) != 0 {
		t.Errorf("gone: %v", gone)
	}
	if got := proof.Compare(proof.Line{}, proof.Line{}, base, base+day); got != nil {
		t.Errorf("no line at all: %v", got)
	}
	if got := proof.Compare(l, l, base-5*day, base); got != nil {
		t.Errorf("a range that nothing is known of: %v", got)
	}
}

func TestRefusalNamesLinesAndTimes(t *testing.T) {
	gap := func(from, to float64) *schedulev1.CoverageGap {
		return &schedulev1.CoverageGap{Kind: proof.Uncovered, Interval: &interval.Interval{
			StartTime: &timestamppb.Timestamp{Seconds: base + int64(from*3600)}, EndTime: &timestamppb.Timestamp{Seconds: base + int64(to*3600)},
		}}
	}
	f := proof.Refusal([]*schedulev1.LineImpact{
		{Line: "lines/gold", GapsCreated: []*schedulev1.CoverageGap{gap(15, 16.5), gap(20, 33)}},
		{Line: "lines/new", Created: true, GapsCreated: []*schedulev1.CoverageGap{gap(0, 1)}},
		{Line: "lines/silver", GapsPlanned: []*schedulev1.CoverageGap{gap(0, 1)}},
	})
	want := `would leave gaps that nobody covers; allow_gap writes it all the same: ` +
		`lines/gold: "Mon 2026-11-23 15:00 to 16:30 UTC (1h30m)": no site would be open, and nobody on duty; ` +
		`lines/gold: "Mon 2026-11-23 20:00 to Tue 2026-11-24 09:00 UTC (13h)": no site would be open, and nobody on duty`
	if f.Reason != rpcv1.Reason_REASON_COVERAGE_GAP || f.Error() != want {
		t.Errorf("got  %v\nwant %s", f, want)
	}
	if f := proof.Refusal(nil); f != nil {
		t.Errorf("nothing is refused: %v", f)
	}
}

// TestHandoverChangesLeadFromBeforeToAfter: take the changes away from what was, add them, and it is what is.
func TestHandoverChangesLeadFromBeforeToAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawLine(t), drawLine(t)
		from, to := base, base+2*day
		set := map[string]int{}
		note := func(l proof.Line, n int) {
			c := proof.Prove(l, from, to)
			for i := 1; i < len(c.Periods); i++ {
				set[fmt.Sprint(c.Periods[i].FromUnixS, names(l, c.Periods[i-1].Open), names(l, c.Periods[i].Open))] += n
			}
		}
		note(a, -1)
		note(b, 1)
		got := proof.Compare(a, b, from, to)
		var last int64
		for _, h := range got.GetHandovers() {
			sorted := func(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }
			key := fmt.Sprintf(" %v %v", sorted(h.GetFromSites()), sorted(h.GetToSites()))
			if h.Before != nil {
				set[fmt.Sprint(h.GetBefore().GetSeconds(), key)]++
			}
			if h.After != nil {
				set[fmt.Sprint(h.GetAfter().GetSeconds(), key)]--
			}
			if h.GetBefore().GetSeconds() == h.GetAfter().GetSeconds() {
				t.Fatalf("does not move: %v", h)
			}
			first := h.GetBefore().GetSeconds()
			if h.Before == nil || h.After != nil && h.GetAfter().GetSeconds() < first {
				first = h.GetAfter().GetSeconds()
			}
			if first < last {
				t.Fatalf("not in order of time: %v", got.GetHandovers())
			}
			last = first
		}
		for key, n := range set {
			if n != 0 {
				t.Fatalf("%s is told %+d times too often", key, -n)
			}
		}
	})
}

// names are sorted: which sites are open is a set, whatever the line's order.
func names(l proof.Line, indexes []int) []string {
	list := []string{}
	for _, i := range indexes {
		list = append(list, l.Sites[i].Name)
	}
	slices.Sort(list)
	return list
}

func TestASitesOpeningsMove(t *testing.T) {
	for _, c := range []struct {
		what          string
		before, after *timeline.Timeline
		want          string
	}{
		{"nothing", daily(t, 8, 16), daily(t, 8, 16), ""},
		{"an hour later", daily(t, 8, 16, 2, 3, 4, 5, 6, 7, 8), daily(t, 9, 17, 2, 3, 4, 5, 6, 7, 8), "8-16→9-17; 32-40→33-41"},
		{"a holiday", daily(t, 8, 16), daily(t, 8, 16, 3), "80-88→-"},
		{"lunch", daily(t, 8, 17, 1, 2, 3, 4, 5, 6, 7, 8), open(t, [2]float64{8, 12}, [2]float64{13, 17}), "8-17→8-12; -→13-17"},
		{"longer, into the next day", open(t, [2]float64{8, 16}), open(t, [2]float64{8, 40}), "8-16→8-40"},
		{"a site that is new", nil, daily(t, 8, 16, 2, 3, 4, 5, 6, 7, 8), "-→8-16; -→32-40"},
	} {
		got := proof.CompareSite("sites/a", c.before, c.after, base, base+9*day)
		var parts []string
		for _, o := range got.GetOpenings() {
			text := func(iv *interval.Interval) string {
				if iv == nil {
					return "-"
				}
				return at(iv.GetStartTime()) + "-" + at(iv.GetEndTime())
			}
			parts = append(parts, text(o.GetBefore())+"→"+text(o.GetAfter()))
		}
		if text := strings.Join(parts, "; "); text != c.want || (got == nil) != (c.want == "") {
			t.Errorf("%s: got %s, want %s", c.what, text, c.want)
		}
	}
}

func TestWeeksBeginOnMonday(t *testing.T) {
	// base is a Monday; the second week has the days 7 and 8.
	before := open(t, [2]float64{8, 16}, [2]float64{6*24 + 20, 7*24 + 4}, [2]float64{8*24 + 8, 8*24 + 10})
	after := open(t, [2]float64{9, 17}, [2]float64{7 * 24, 7*24 + 4}, [2]float64{8*24 + 8, 8*24 + 10})
	got := proof.CompareSite("sites/a", before, after, base, base+10*day)
	if len(got.GetWeeks()) != 1 {
		t.Fatalf("weeks %v", got.GetWeeks())
	}
	w := got.GetWeeks()[0]
	if m := w.GetMonday(); m.GetYear() != 2026 || m.GetMonth() != 11 || m.GetDay() != 23 ||
		w.GetBefore().GetSeconds() != 12*hour || w.GetAfter().GetSeconds() != 8*hour {
		t.Errorf("got %v", w)
	}
}

// TestOpeningChangesLeadFromBeforeToAfter, as handover changes do; and weeks add up to the difference.
func TestOpeningChangesLeadFromBeforeToAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawTimeline(t, "before"), drawTimeline(t, "after")
		got := proof.CompareSite("sites/a", before, after, base, base+2*day)
		set := map[[2]int64]int{}
		var diff int64
		for iv := range before.Within(base, base+2*day) {
			set[[2]int64{iv.OpenUnixS, iv.CloseUnixS}]--
			diff -= iv.CloseUnixS - iv.OpenUnixS
		}
		for iv := range after.Within(base, base+2*day) {
			set[[2]int64{iv.OpenUnixS, iv.CloseUnixS}]++
			diff += iv.CloseUnixS - iv.OpenUnixS
		}
		for _, o := range got.GetOpenings() {
			if b := o.GetBefore(); b != nil {
				set[[2]int64{b.GetStartTime().GetSeconds(), b.GetEndTime().GetSeconds()}]++
			}
			if a := o.GetAfter(); a != nil {
				set[[2]int64{a.GetStartTime().GetSeconds(), a.GetEndTime().GetSeconds()}]--
			}
		}
		for iv, n := range set {
			if n != 0 {
				t.Fatalf("%v is told %+d times too often", iv, -n)
			}
		}
		for _, w := range got.GetWeeks() {
			diff -= w.GetAfter().GetSeconds() - w.GetBefore().GetSeconds()
		}
		if diff != 0 {
			t.Fatalf("weeks leave out %d s: %v", diff, got.GetWeeks())
		}
	})
}
