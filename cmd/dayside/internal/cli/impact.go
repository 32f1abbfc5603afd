package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// impactText writes for people what a set of changes does to coverage: on lines, the gaps and handovers; at sites, the
// openings and the hours by week. What happens alike on many days is one row that says how often.
func impactText(w io.Writer, p *schedulev1.Impact) error {
	if len(p.GetLines())+len(p.GetSites()) == 0 {
		linef(w, "No line's coverage changes, and no site's hours.")
		return nil
	}
	for i, l := range p.GetLines() {
		if i > 0 {
			linef(w, "")
		}
		if err := lineImpactText(w, l); err != nil {
			return err
		}
	}
	for i, s := range p.GetSites() {
		if i+len(p.GetLines()) > 0 {
			linef(w, "")
		}
		if err := siteImpactText(w, s); err != nil {
			return err
		}
	}
	return nil
}

func lineImpactText(w io.Writer, l *schedulev1.LineImpact) error {
	title := l.GetLine()
	if l.GetCreated() {
		title += " (new)"
	}
	linef(w, "%s: %s", title, lineSummary(l))
	noSite := "no site any more: "
	if l.GetCreated() {
		noSite = "no site: "
	}
	gaps := newRepeats("gap", "from", "to", "length")
	for _, list := range []struct {
		gaps []*schedulev1.CoverageGap
		what func(*schedulev1.CoverageGap) string
	}{
		{l.GetGapsCreated(), func(*schedulev1.CoverageGap) string { return "UNCOVERED" }},
		{l.GetGapsPlanned(), func(g *schedulev1.CoverageGap) string { return noSite + onDuty(g) }},
		{l.GetGapsClosed(), func(g *schedulev1.CoverageGap) string { return "uncovered no more: " + instead(g) }},
	} {
		for _, g := range list.gaps {
			from, to := ends(g.GetInterval())
			what := list.what(g)
			gaps.add(what, from, []time.Time{from, to}, what, utc(from), utc(to), shortSpan(to.Sub(from)))
		}
	}
	if err := gaps.write(w); err != nil {
		return err
	}
	if l.GetMoreGaps() > 0 {
		linef(w, "  and %s more", count(int(l.GetMoreGaps()), "gap"))
	}
	if l.GetCreated() {
		return nil // all its handovers are new
	}
	handovers := newRepeats("handover", "before", "after", "moves")
	for _, h := range l.GetHandovers() {
		at := []time.Time{h.GetBefore().AsTime(), h.GetAfter().AsTime()}
		between := sitesText(h.GetFromSites()) + " → " + sitesText(h.GetToSites())
		handovers.add(between, earlier(h.GetBefore(), h.GetAfter()), at,
			between, instant(h.GetBefore()), instant(h.GetAfter()), moved(h.GetBefore(), h.GetAfter()))
	}
	if err := handovers.write(w); err != nil {
		return err
	}
	if l.GetMoreHandovers() > 0 {
		linef(w, "  and %s more", count(int(l.GetMoreHandovers()), "handover"))
	}
	return nil
}

// lineSummary is such as "28 uncovered gaps appear, 28 handovers move".
func lineSummary(l *schedulev1.LineImpact) string {
	var moves, appears, vanishes int
	if l.GetCreated() {
		return strings.Join(append(gapsSummary(l), count(len(l.GetHandovers())+int(l.GetMoreHandovers()), "handover")), ", ")
	}
	for _, h := range l.GetHandovers() {
		switch {
		case h.GetBefore() == nil:
			appears++
		case h.GetAfter() == nil:
			vanishes++
		default:
			moves++
		}
	}
	parts := append(gapsSummary(l), happen(moves, "handover moves", "handovers move")...)
	parts = append(parts, happen(appears, "handover appears", "handovers appear")...)
	parts = append(parts, happen(vanishes, "handover vanishes", "handovers vanish")...)
	parts = append(parts, happen(int(l.GetMoreHandovers()), "handover more", "handovers more")...)
	return strings.Join(parts, ", ")
}

func gapsSummary(l *schedulev1.LineImpact) []string {
	parts := happen(len(l.GetGapsCreated()), "uncovered gap appears", "uncovered gaps appear")
	parts = append(parts, happen(len(l.GetGapsPlanned()), "planned gap appears", "planned gaps appear")...)
	parts = append(parts, happen(len(l.GetGapsClosed()), "uncovered gap closes", "uncovered gaps close")...)
	return append(parts, happen(int(l.GetMoreGaps()), "gap more", "gaps more")...) // of whichever kind
}

// happen is nothing where nothing does.
func happen(n int, one, many string) []string {
	switch n {
	case 0:
		return nil
	case 1:
		return []string{"1 " + one}
	}
	return []string{fmt.Sprintf("%d %s", n, many)}
}

func siteImpactText(w io.Writer, s *schedulev1.SiteImpact) error {
	linef(w, "%s: %s", s.GetSite(), count(len(s.GetOpenings())+int(s.GetMoreOpenings()), "changed opening"))
	openings := newRepeats("opening before", "after")
	for _, o := range s.GetOpenings() {
		var at []time.Time
		for _, iv := range []*interval.Interval{o.GetBefore(), o.GetAfter()} {
			at = append(at, iv.GetStartTime().AsTime(), iv.GetEndTime().AsTime())
		}
		openings.add("", earlier(o.GetBefore().GetStartTime(), o.GetAfter().GetStartTime()), at,
			openingText(o.GetBefore()), openingText(o.GetAfter()))
	}
	if err := openings.write(w); err != nil {
		return err
	}
	if s.GetMoreOpenings() > 0 {
		linef(w, "  and %s more", count(int(s.GetMoreOpenings()), "opening"))
	}
	return weeksText(w, s.GetWeeks())
}

// weeksText is a row for each run of weeks that change alike.
func weeksText(w io.Writer, weeks []*schedulev1.WeekHours) error {
	if len(weeks) == 0 {
		return nil
	}
	linef(w, "")
	g := newGrid("week of", "weeks", "open before", "after", "more")
	for i := 0; i < len(weeks); {
		first, n := weeks[i], 1
		before, after := first.GetBefore().AsDuration(), first.GetAfter().AsDuration()
		for i+n < len(weeks) && monday(weeks[i+n]).Equal(monday(first).AddDate(0, 0, 7*n)) &&
			weeks[i+n].GetBefore().AsDuration() == before && weeks[i+n].GetAfter().AsDuration() == after {
			n++
		}
		g.row(monday(first).Format(time.DateOnly), fmt.Sprint(n), hoursIn(before), hoursIn(after), signed(after-before))
		i += n
	}
	return indented(w, g.write)
}

func monday(w *schedulev1.WeekHours) time.Time {
	d := w.GetMonday()
	return time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
}

// maxRepeatRows bounds the rows of a table in which what is alike is one row.
const maxRepeatRows = 40

// repeats is a table in which what happens alike on several days is one row.
type repeats struct {
	header []string
	rows   []*repeated
	byKind map[string]*repeated
}

type repeated struct {
	cells []string
	last  time.Time
	times int
}

func newRepeats(header ...string) *repeats {
	return &repeats{header: header, byKind: map[string]*repeated{}}
}

// add is one thing on a day: alike are those of the same kind whose instants have the same times of day, and are as far
// apart. A later one only counts.
func (r *repeats) add(kind string, day time.Time, at []time.Time, cells ...string) {
	for _, t := range at {
		if t.Unix() == 0 {
			kind += " -" // an unset timestamp
			continue
		}
		kind += fmt.Sprintf(" %s%+d", t.UTC().Format(time.TimeOnly), int(t.Sub(day.Truncate(24*time.Hour)).Hours()/24))
	}
	if same := r.byKind[kind]; same != nil {
		same.times, same.last = same.times+1, day
		return
	}
	row := &repeated{cells, day, 1}
	r.byKind[kind] = row
	r.rows = append(r.rows, row)
}

func (r *repeats) write(w io.Writer) error {
	if len(r.rows) == 0 {
		return nil
	}
	linef(w, "")
	g := newGrid(append(r.header, "times", "last")...)
	for _, row := range r.rows[:min(len(r.rows), maxRepeatRows)] {
		last := "-"
		if row.times > 1 {
			last = row.last.UTC().Format("Mon 2006-01-02")
		}
		g.row(append(row.cells, fmt.Sprint(row.times), last)...)
	}
	if err := indented(w, g.write); err != nil {
		return err
	}
	if more := len(r.rows) - maxRepeatRows; more > 0 {
		linef(w, "  and %s more; -o json says more", count(more, "row"))
	}
	return nil
}

// indented writes what a table writes, two blanks further right.
func indented(w io.Writer, write func(io.Writer) error) error {
	var b strings.Builder
	if err := write(&b); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, "  "+line); err != nil {
			return err
		}
	}
	return nil
}

func ends(iv *interval.Interval) (from, to time.Time) {
	return iv.GetStartTime().AsTime(), iv.GetEndTime().AsTime()
}

// earlier is the earlier of two times of which one may be unset.
func earlier(a, b *timestamppb.Timestamp) time.Time {
	if a == nil || b != nil && b.AsTime().Before(a.AsTime()) {
		return b.AsTime()
	}
	return a.AsTime()
}

func moved(before, after *timestamppb.Timestamp) string {
	switch {
	case before == nil:
		return "appears"
	case after == nil:
		return "vanishes"
	}
	return signed(after.AsTime().Sub(before.AsTime()))
}

// signed is a difference, such as +1h00m.
func signed(d time.Duration) string {
	if d < 0 {
		return "-" + hoursIn(-d)
	}
	return "+" + hoursIn(d)
}

// hoursIn is a length in hours however many, since weeks are compared in hours: 37h30m.
func hoursIn(d time.Duration) string {
	d = d.Round(time.Minute)
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

func openingText(iv *interval.Interval) string {
	if iv == nil {
		return "-"
	}
	from, to := ends(iv)
	if from.Truncate(24 * time.Hour).Equal(to.Truncate(24 * time.Hour)) {
		return wallClock(from) + " to " + strings.TrimPrefix(utc(to), to.Format("Mon 2006-01-02 "))
	}
	return wallClock(from) + " to " + utc(to)
}

func sitesText(sites []string) string {
	if len(sites) == 0 {
		return "no site"
	}
	return strings.Join(sites, "+")
}

func onDuty(g *schedulev1.CoverageGap) string {
	return strings.Join(g.GetOnDuty(), "+") + " on duty"
}

// instead is what an uncovered gap is now.
func instead(g *schedulev1.CoverageGap) string {
	switch g.GetKind() {
	case schedulev1.CoverageGap_KIND_PLANNED:
		return onDuty(g)
	case schedulev1.CoverageGap_KIND_INTENDED:
		return "outside service hours"
	case schedulev1.CoverageGap_KIND_UNSPECIFIED, schedulev1.CoverageGap_KIND_UNCOVERED:
	}
	return "a site is open"
}
