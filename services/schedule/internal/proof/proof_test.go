package proof_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

const (
	hour = int64(3600)
	day  = 24 * hour
	base = int64(1795392000) // 2026-11-23T00:00:00Z, a Monday
)

// open is a timeline of ten days that is open over spans of hours after base.
func open(t testing.TB, spans ...[2]float64) *timeline.Timeline {
	t.Helper()
	s := timeline.Spec{FromUnixS: base, ToUnixS: base + 10*day, Rules: []string{"weekly hours"}}
	for _, sp := range spans {
		s.Intervals = append(s.Intervals, timeline.Interval{
			OpenUnixS: base + int64(sp[0]*3600), CloseUnixS: base + int64(sp[1]*3600),
		})
	}
	tl, err := timeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tl
}

// turns is a rota as the hours at which somebody else holds, ascending.
type turns []turn

type turn struct {
	fromUnixS int64
	person    string
}

func (r turns) At(unixS int64) (string, int64) {
	person := ""
	for _, t := range r {
		if t.fromUnixS > unixS {
			return person, t.fromUnixS
		}
		person = t.person
	}
	return person, math.MaxInt64
}

func rota(handoffs ...any) turns {
	var r turns
	for i := 0; i < len(handoffs); i += 2 {
		r = append(r, turn{base + int64(handoffs[i].(int))*hour, handoffs[i+1].(string)})
	}
	return r
}

// gapsText is such as "9-12 UNCOVERED; 12-14 PLANNED people/ann".
func gapsText(gaps []proof.Gap) string {
	var parts []string
	for _, g := range gaps {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%g-%g %s %s", float64(g.FromUnixS-base)/3600,
			float64(g.ToUnixS-base)/3600, strings.TrimPrefix(g.Kind.String(), "KIND_"), strings.Join(g.OnDuty, "+"))))
	}
	return strings.Join(parts, "; ")
}

func TestGapsAreJudged(t *testing.T) {
	sydney, dublin := open(t, [2]float64{0, 8}), open(t, [2]float64{7, 15})
	sites := []proof.Site{{Name: "sites/sydney", Timeline: sydney}, {Name: "sites/dublin", Timeline: dublin}}
	for _, c := range []struct {
		what    string
		rotas   []proof.Duty
		promise *timeline.Timeline
		want    string
	}{
		{"nobody on duty, promised always", nil, nil, "15-24 UNCOVERED"},
		{"somebody throughout", []proof.Duty{rota(0, "people/ann")}, nil, "15-24 PLANNED people/ann"},
		{"cut where people change", []proof.Duty{rota(0, "people/ann", 20, "people/bob")}, nil,
			"15-20 PLANNED people/ann; 20-24 PLANNED people/bob"},
		{"the same person's next turn is no cut", []proof.Duty{rota(0, "people/ann", 20, "people/ann")}, nil,
			"15-24 PLANNED people/ann"},
		{"an empty turn is a gap", []proof.Duty{rota(0, "people/ann", 18, "", 20, "people/ann")}, nil,
			"15-18 PLANNED people/ann; 18-20 UNCOVERED; 20-24 PLANNED people/ann"},
		{"two rotas, in their order", []proof.Duty{rota(16, "people/zoe"), rota(0, "people/ann")}, nil,
			"15-16 PLANNED people/ann; 16-24 PLANNED people/zoe+people/ann"},
		{"outside service hours", nil, open(t, [2]float64{6, 18}, [2]float64{22, 23}),
			"15-18 UNCOVERED; 18-22 INTENDED; 22-23 UNCOVERED; 23-24 INTENDED"},
		{"on duty outside service hours", []proof.Duty{rota(17, "people/ann", 19, "")}, open(t, [2]float64{6, 18}),
			"15-17 UNCOVERED; 17-19 PLANNED people/ann; 19-24 INTENDED"},
	} {
		got := proof.Prove(proof.Line{Name: "lines/gold", Sites: sites, Rotas: c.rotas, Promise: c.promise}, base, base+day)
		if text := gapsText(got.Gaps); text != c.want {
			t.Errorf("%s: got %s, want %s", c.what, text, c.want)
		}
		if got.CoveredS != 15*hour || got.OverlapS != hour || got.Handovers != 3 {
			t.Errorf("%s: covered %d, overlap %d, %d handovers", c.what, got.CoveredS, got.OverlapS, got.Handovers)
		}
	}
}

func TestALineWithoutSitesIsOneGap(t *testing.T) {
	got := proof.Prove(proof.Line{Name: "lines/gold"}, base, base+day)
	if gapsText(got.Gaps) != "0-24 UNCOVERED" || got.Handovers != 0 || len(got.Periods) != 1 {
		t.Errorf("%+v", got)
	}
	if got := proof.Prove(proof.Line{Name: "lines/gold"}, base, base); got.Handovers != 0 || got.Gaps != nil {
		t.Errorf("an empty range: %+v", got)
	}
	if from, to := (proof.Line{}).Known(); from != math.MinInt64 || to != math.MaxInt64 {
		t.Errorf("knows [%d, %d)", from, to)
	}
}

// TestWhatIsNotKnownIsNotPromisedAway: a line whose service hours are not compiled so far is served all the same.
func TestWhatIsNotKnownIsNotPromisedAway(t *testing.T) {
	l := proof.Line{Name: "lines/gold", Promise: open(t)}
	got := proof.Prove(l, base-day, base+11*day)
	if text := gapsText(got.Gaps); text != "-24-0 UNCOVERED; 0-240 INTENDED; 240-264 UNCOVERED" {
		t.Error(text)
	}
	if from, to := l.Known(); from != base || to != base+10*day {
		t.Errorf("knows [%d, %d)", from, to)
	}
}

func TestWhatAChangeDoesToGaps(t *testing.T) {
	line := func(promise *timeline.Timeline, duty turns, spans ...[2]float64) proof.Coverage {
		l := proof.Line{Name: "lines/gold", Promise: promise, Sites: []proof.Site{{Name: "sites/a", Timeline: open(t, spans...)}}}
		if duty != nil {
			l.Rotas = []proof.Duty{duty}
		}
		return proof.Prove(l, base, base+day)
	}
	for _, c := range []struct {
		what                     string
		before, after            proof.Coverage
		created, closed, planned string
	}{
		{"nothing", line(nil, nil, [2]float64{8, 17}), line(nil, nil, [2]float64{8, 17}), "", "", ""},
		{"opens later, closes later", line(nil, nil, [2]float64{8, 17}), line(nil, nil, [2]float64{9, 18}),
			"8-9 UNCOVERED", "17-18 UNSPECIFIED", ""},
		{"somebody goes on duty", line(nil, nil, [2]float64{8, 17}), line(nil, rota(20, "people/ann"), [2]float64{8, 17}),
			"", "20-24 PLANNED people/ann", ""},
		{"closed, but for who is on duty", line(nil, rota(0, "people/ann", 12, ""), [2]float64{8, 17}),
			line(nil, rota(0, "people/ann", 12, "")), "12-17 UNCOVERED", "", "8-12 PLANNED people/ann"},
		{"intended closed hours never warn", line(open(t, [2]float64{8, 17}), nil, [2]float64{6, 20}),
			line(open(t, [2]float64{8, 17}), nil, [2]float64{8, 17}), "", "", ""},
		{"promised for longer", line(open(t, [2]float64{8, 17}), nil, [2]float64{8, 17}),
			line(open(t, [2]float64{8, 19}), nil, [2]float64{8, 17}), "17-19 UNCOVERED", "", ""},
		{"promised no more", line(nil, nil, [2]float64{8, 17}), line(open(t, [2]float64{7, 17}), nil, [2]float64{8, 17}),
			"", "0-7 INTENDED; 17-24 INTENDED", ""},
		{"partly closed, partly somebody", line(nil, nil), line(nil, rota(4, "people/ann", 9, ""), [2]float64{6, 8}, [2]float64{10, 11}),
			"", "4-6 PLANNED people/ann; 6-8 UNSPECIFIED; 8-9 PLANNED people/ann; 10-11 UNSPECIFIED", ""},
	} {
		if got := gapsText(proof.Created(c.before, c.after)); got != c.created {
			t.Errorf("%s: created %q, want %q", c.what, got, c.created)
		}
		if got := gapsText(proof.Closed(c.before, c.after)); got != c.closed {
			t.Errorf("%s: closed %q, want %q", c.what, got, c.closed)
		}
		if got := gapsText(proof.NewlyPlanned(c.before, c.after)); got != c.planned {
			t.Errorf("%s: planned %q, want %q", c.what, got, c.planned)
		}
	}
}

// drawTimeline is one of two days, with openings to the minute.
func drawTimeline(t *rapid.T, label string) *timeline.Timeline {
	s := timeline.Spec{FromUnixS: base, ToUnixS: base + 2*day, Rules: []string{"weekly hours"}}
	for at, n := base, rapid.IntRange(0, 5).Draw(t, label); n > 0; n-- {
		from := at + 60*rapid.Int64Range(1, 500).Draw(t, "pause")
		at = from + 60*rapid.Int64Range(1, 500).Draw(t, "lasts")
		if at > base+2*day {
			break
		}
		s.Intervals = append(s.Intervals, timeline.Interval{OpenUnixS: from, CloseUnixS: at})
	}
	tl, err := timeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tl
}

// drawLine has some of three sites, in any order.
func drawLine(t *rapid.T) proof.Line {
	l := proof.Line{Name: "lines/gold"}
	for _, name := range rapid.Permutation([]string{"sites/a", "sites/b", "sites/c"}).Draw(t, "sites") {
		if rapid.IntRange(0, 3).Draw(t, "listed") > 0 {
			l.Sites = append(l.Sites, proof.Site{Name: name, Timeline: drawTimeline(t, name)})
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "rotas") {
		var r turns
		at := base
		for range rapid.IntRange(0, 6).Draw(t, "turns") {
			r = append(r, turn{at, rapid.SampledFrom([]string{"", "people/ann", "people/bob"}).Draw(t, "person")})
			at += 60 * rapid.Int64Range(1, 900).Draw(t, "turn")
		}
		l.Rotas = append(l.Rotas, r)
	}
	if rapid.Bool().Draw(t, "has service hours") {
		l.Promise = drawTimeline(t, "service hours")
	}
	return l
}

// minute is what is the case at one instant, found out by asking each timeline and rota for it alone.
type minute struct {
	sites  []string
	onDuty []string
	kind   string // empty where a site is open
}

func lookAt(l proof.Line, at int64) minute {
	var m minute
	for _, s := range l.Sites {
		if s.Timeline.At(at).Open {
			m.sites = append(m.sites, s.Name)
		}
	}
	for _, r := range l.Rotas {
		if person, _ := r.At(at); person != "" {
			m.onDuty = append(m.onDuty, person)
		}
	}
	switch {
	case len(m.sites) > 0:
	case len(m.onDuty) > 0:
		m.kind = "PLANNED"
	case l.Promise != nil && !l.Promise.At(at).Open:
		m.kind = "INTENDED"
	default:
		m.kind = "UNCOVERED"
	}
	return m
}

func gapAt(gaps []proof.Gap, at int64) (proof.Gap, bool) {
	for _, g := range gaps {
		if g.FromUnixS <= at && at < g.ToUnixS {
			return g, true
		}
	}
	return proof.Gap{}, false
}

func TestCoverageEqualsTheClockMinuteByMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLine(t)
		from := base + 60*rapid.Int64Range(0, 1000).Draw(t, "from")
		to := from + 60*rapid.Int64Range(1, 2*1440-1000).Draw(t, "range")
		got := proof.Prove(l, from, to)
		var covered, overlap int64
		byKind := map[string]int64{}
		handovers := -1
		last := []string{"none yet"}
		for at := from; at < to; at += 60 {
			want := lookAt(l, at)
			gap, isGap := gapAt(got.Gaps, at)
			kind := strings.TrimPrefix(gap.Kind.String(), "KIND_")
			if isGap != (want.kind != "") || isGap && (kind != want.kind || !slices.Equal(gap.OnDuty, want.onDuty)) {
				t.Fatalf("at +%d min: gap %+v, want %+v", (at-base)/60, gap, want)
			}
			if len(want.sites) > 0 {
				covered += 60
			} else {
				byKind[want.kind] += 60
			}
			if len(want.sites) > 1 {
				overlap += 60
			}
			if !slices.Equal(want.sites, last) {
				handovers++
			}
			last = want.sites
		}
		if got.CoveredS != covered || got.OverlapS != overlap || got.Handovers != handovers ||
			got.UncoveredS != byKind["UNCOVERED"] || got.PlannedS != byKind["PLANNED"] || got.IntendedS != byKind["INTENDED"] {
			t.Fatalf("covered %d, overlap %d, %v, %d handovers: %+v", covered, overlap, byKind, handovers, got)
		}
		for i, g := range got.Gaps {
			if i > 0 {
				b := got.Gaps[i-1]
				if b.ToUnixS > g.FromUnixS || b.ToUnixS == g.FromUnixS && b.Kind == g.Kind && slices.Equal(b.OnDuty, g.OnDuty) {
					t.Fatalf("gaps %+v and %+v", b, g)
				}
			}
		}
	})
}

func TestChangesOfGapsEqualTheClockMinuteByMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawLine(t), drawLine(t)
		from, to := base, base+2*day
		before, after := proof.Prove(a, from, to), proof.Prove(b, from, to)
		lists := [][]proof.Gap{proof.Created(before, after), proof.Closed(before, after), proof.NewlyPlanned(before, after)}
		for at := from; at < to; at += 60 {
			was, is := lookAt(a, at), lookAt(b, at)
			want := []bool{
				was.kind != "UNCOVERED" && is.kind == "UNCOVERED", was.kind == "UNCOVERED" && is.kind != "UNCOVERED",
				was.kind == "" && is.kind == "PLANNED",
			}
			for i, list := range lists {
				g, got := gapAt(list, at)
				if got != want[i] {
					t.Fatalf("list %d at +%d min: %v, was %+v, is %+v", i, (at-base)/60, got, was, is)
				}
				if kind := strings.TrimPrefix(g.Kind.String(), "KIND_"); got && i == 1 && is.kind != "" && kind != is.kind {
					t.Fatalf("closed at +%d min: %s, is %+v", (at-base)/60, kind, is)
				}
				if got && g.Kind == proof.Planned && !slices.Equal(g.OnDuty, is.onDuty) {
					t.Fatalf("at +%d min: %v on duty, is %+v", (at-base)/60, g.OnDuty, is)
				}
			}
		}
	})
}
