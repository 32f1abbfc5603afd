package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// Kinds of gaps.
const (
	gapUncovered = schedulev1.CoverageGap_KIND_UNCOVERED
	gapPlanned   = schedulev1.CoverageGap_KIND_PLANNED
	gapIntended  = schedulev1.CoverageGap_KIND_INTENDED
)

// gapLegend explains the marks of gapMarks.
const gapLegend = "X uncovered  P planned  - intended  x p part of the time"

// gapMarks are the kinds of gaps from the worst to the best, each with its marks for a whole cell and for a part of
// one, its word, and its colour in a picture.
var gapMarks = []struct {
	kind             schedulev1.CoverageGap_Kind
	whole, part      rune
	word             string
	color, colorName string
}{
	{gapUncovered, 'X', 'x', "uncovered", "#c1272d", "red"}, {gapPlanned, 'P', 'p', "planned", "#e0a030", "amber"},
	{gapIntended, '-', '-', "intended", "#b8bcc4", "grey"},
}

// judgedGap is time when no site is open.
type judgedGap struct {
	stretch
	kind   schedulev1.CoverageGap_Kind
	onDuty []string
}

// judged are the gaps of an answer.
func judged(r *schedulev1.QueryCoverageResponse) []judgedGap {
	gaps := make([]judgedGap, 0, len(r.GetJudgedGaps()))
	for _, g := range r.GetJudgedGaps() {
		from, to := ends(g.GetInterval())
		gaps = append(gaps, judgedGap{stretch{from, to}, g.GetKind(), g.GetOnDuty()})
	}
	return gaps
}

// what is what the gap is, and by whom it is served.
func (g judgedGap) what() string {
	switch g.kind {
	case gapPlanned:
		return "planned: " + strings.Join(g.onDuty, "+")
	case gapIntended:
		return "intended: outside service hours"
	case gapUncovered, schedulev1.CoverageGap_KIND_UNSPECIFIED:
	}
	return "UNCOVERED"
}

// ofKind are the stretches of the gaps of a kind.
func ofKind(gaps []judgedGap, kind schedulev1.CoverageGap_Kind) []stretch {
	var some []stretch
	for _, g := range gaps {
		if g.kind == kind {
			some = append(some, g.stretch)
		}
	}
	return some
}

// gapRow draws the worst kind of gap that a cell has.
func (c chart) gapRow(gaps []judgedGap) string {
	row := []rune(strings.Repeat(" ", c.columns))
	for _, m := range gapMarks {
		for i, mark := range []rune(c.row(ofKind(gaps, m.kind), m.whole, m.part, ' ')) {
			if row[i] == ' ' {
				row[i] = mark
			}
		}
	}
	return string(row)
}

// coverageSummary is what the range amounts to, and whether it is proved that somebody always is there.
func (a *app) coverageSummary(w io.Writer, r *schedulev1.QueryCoverageResponse, gaps []judgedGap) {
	from, to := ends(r.GetInterval())
	total, covered := to.Sub(from), r.GetCoveredTime().AsDuration()
	overlap := "no overlap"
	if d := r.GetOverlapTime().AsDuration(); d > 0 {
		overlap = shortSpan(d) + " of overlap"
	}
	linef(w, "Covered %s of %s (%.1f%%); %s, %s.", shortSpan(covered), shortSpan(total),
		100*covered.Seconds()/total.Seconds(), count(int(r.GetHandovers()), "handover"), overlap)
	var parts []string
	for _, m := range gapMarks {
		if some := ofKind(gaps, m.kind); len(some) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s in %s", shortSpan(within(some, from, to)), m.word, count(len(some), "gap")))
		}
	}
	if parts != nil {
		linef(w, "Without a site: %s.", strings.Join(parts, ", "))
	}
	uncovered := ofKind(gaps, gapUncovered)
	if len(uncovered) == 0 {
		linef(w, "No uncovered gap until %s.", utc(to))
		return
	}
	first := uncovered[0]
	linef(w, "The first uncovered gap is %s, from %s for %s.", ahead(first.from.Sub(a.Now())), utc(first.from),
		shortSpan(first.to.Sub(first.from)))
}

// ahead is when something is, seen from now.
func ahead(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d <= 0:
		return "at once"
	case d < 2*day:
		return "in " + shortSpan(d)
	}
	return "in " + count(int(d/day), "day")
}

// coverageMonths sums up a range by months of UTC, for ranges too long to draw.
func (a *app) coverageMonths(w io.Writer, line string, r *schedulev1.QueryCoverageResponse) error {
	from, to := ends(r.GetInterval())
	gaps := judged(r)
	linef(w, "%s from %s to %s, by month of UTC", line, utc(from), utc(to))
	linef(w, "")
	g := newGrid("month", "covered", "planned", "intended", "uncovered", "gaps")
	for start := from; start.Before(to); {
		end := earliest(time.Date(start.UTC().Year(), start.UTC().Month()+1, 1, 0, 0, 0, 0, time.UTC), to)
		open, n := end.Sub(start), 0
		row := []string{start.UTC().Format("2006-01")}
		for _, kind := range []schedulev1.CoverageGap_Kind{gapPlanned, gapIntended, gapUncovered} {
			time := within(ofKind(gaps, kind), start, end)
			open -= time
			row = append(row, orNone(time))
		}
		for _, gap := range gaps {
			if gap.from.Before(end) && start.Before(gap.to) {
				n++
			}
		}
		row = append(row[:1], append([]string{orNone(open)}, row[1:]...)...)
		g.row(append(row, fmt.Sprint(n))...)
		start = end
	}
	if err := g.write(w); err != nil {
		return err
	}
	linef(w, "")
	sites := newGrid("site", "open")
	for _, s := range r.GetSites() {
		sites.row(s.GetSite(), hoursIn(s.GetOpenTime().AsDuration()))
	}
	if err := sites.write(w); err != nil {
		return err
	}
	linef(w, "")
	a.coverageSummary(w, r, gaps)
	return gapTable(w, gaps)
}

// gapTable lists gaps of which many are alike, the uncovered ones first.
func gapTable(w io.Writer, gaps []judgedGap) error {
	rows := newRepeats("gap", "from", "to", "length")
	for _, m := range gapMarks {
		for _, g := range gaps {
			if g.kind == m.kind {
				what, _, _ := strings.Cut(g.what(), ":")
				rows.add(what, g.from, []time.Time{g.from, g.to}, what, utc(g.from), utc(g.to), shortSpan(g.to.Sub(g.from)))
			}
		}
	}
	return rows.write(w)
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return hoursIn(d)
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
