package events

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/custody"
)

// uncovered tells of the first gaps of a line within 14 days. The first one's sentence counts them all.
func (f *finder) uncovered(l Line) {
	var gaps []Gap
	for _, g := range l.Gaps {
		if g.ToUnixS > f.nowS && g.FromUnixS < f.nowS+gapAheadS {
			gaps = append(gaps, g)
		}
	}
	for i, g := range gaps[:min(len(gaps), maxGapsOfLine)] {
		a := about{kind: uncovered, subject: l.Name, fromS: g.FromUnixS, toS: g.ToUnixS}
		if g.FromUnixS == l.FromUnixS {
			a.fromS = 0
		}
		if g.ToUnixS == l.ToUnixS {
			a.toS = 0
		}
		sentence := fmt.Sprintf("%s is uncovered %s, %s", l.Name, f.distance(g.FromUnixS), f.span(a))
		if more := len(gaps) - 1; i == 0 && more > 0 {
			sentence += fmt.Sprintf("; and %d %s more within 14 days", more, plural(more, "time"))
		}
		f.add(a, sentence)
	}
}

// handoff tells of a handoff that nobody accepted in time.
func (f *finder) handoff(in custody.In) {
	state := custody.State(in, f.now)
	if !custody.Overdue(state, f.now) {
		return
	}
	turn := in.Roster.At(f.nowS)
	// A turn that began before the roster began when the roster says so: it was looked back for.
	f.add(about{
		kind: notAccepted, subject: state.GetRota(), person: state.GetOnDuty(), fromS: turn.FromUnixS, toS: ends(in.Roster, turn),
	}, state.GetRota()+": "+state.GetSentence())
}

// reachable tells of people without a target whose turn is under way, or begins within a day: each once.
func (f *finder) reachable(in custody.In) {
	told := map[string]bool{}
	for turn := range f.turns(in.Roster, dutyAheadS) {
		p := turn.Person
		if p == nil || len(p.Targets) > 0 || told[p.ID] {
			continue
		}
		told[p.ID] = true
		a := about{
			kind: notReachable, subject: in.Rota(), person: "people/" + p.ID, fromS: turn.FromUnixS, toS: ends(in.Roster, turn),
		}
		f.add(a, fmt.Sprintf("%s has nothing that a call could reach, and is on duty for %s %s, %s", name(in.Roster, p.ID),
			in.Rota(), f.distance(turn.FromUnixS), f.span(a)))
	}
}

// away tells of people who are put on duty by name within 14 days although they are away.
func (f *finder) away(in custody.In) {
	for _, c := range in.Roster.Sheet().Clashes {
		if c.ToUnixS <= f.nowS || c.FromUnixS >= f.nowS+awayAheadS || c.Person == nil {
			continue
		}
		a := about{
			kind: awayOnDuty, subject: in.Rota(), person: "people/" + c.Person.ID,
			fromS: begins(in.Roster, c), toS: ends(in.Roster, c),
		}
		f.add(a, fmt.Sprintf("%s is on duty for %s by an override %s, %s, but away then", name(in.Roster, c.Person.ID), in.Rota(),
			f.distance(c.FromUnixS), f.span(a)))
	}
}

// empty tells of time within a day when a rota has nobody, where that leaves one of its lines uncovered. Where a site is
// open, or another rota has somebody, or the line is not meant to be served, nobody is missed; nor is anybody in a rota
// that has nobody at all.
func (f *finder) empty(in custody.In, lines []Line) {
	if !running(in.Roster) {
		return
	}
	for turn := range f.turns(in.Roster, dutyAheadS) {
		if turn.Person != nil {
			continue
		}
		var missed []string
		for _, l := range lines {
			if slices.Contains(l.Rotas, in.Rota()) && l.meets(max(turn.FromUnixS, f.nowS), min(turn.ToUnixS, f.nowS+dutyAheadS)) {
				missed = append(missed, l.Name)
			}
		}
		if len(missed) == 0 {
			continue
		}
		a := about{kind: emptyTurn, subject: in.Rota(), fromS: begins(in.Roster, turn), toS: ends(in.Roster, turn)}
		f.add(a, fmt.Sprintf("nobody is on duty for %s %s, %s, and %s %s uncovered", in.Rota(), f.distance(turn.FromUnixS),
			f.span(a), strings.Join(missed, ", "), isOrAre(len(missed))))
	}
}

// meets says whether the line is uncovered within [fromS, toS).
func (l Line) meets(fromS, toS int64) bool {
	return slices.ContainsFunc(l.Gaps, func(g Gap) bool { return g.FromUnixS < toS && g.ToUnixS > fromS })
}

// running says whether a roster has anybody at any time.
func running(r *roster.Roster) bool {
	from, to := r.Horizon()
	for turn := range r.Within(from, to) {
		if turn.Person != nil {
			return true
		}
	}
	return false
}

// turns yields the turn, or the gap, of now and those that begin within so many seconds; whole ones.
func (f *finder) turns(r *roster.Roster, aheadS int64) func(func(roster.Turn) bool) {
	return func(yield func(roster.Turn) bool) {
		turn, ok := r.At(f.nowS), true
		for ok && turn.Known() && turn.FromUnixS < f.nowS+aheadS && yield(turn) {
			turn, ok = r.Next(turn.ToUnixS - 1)
		}
	}
}

// distance is how far ahead an instant is: "now", "in 5 h", "in 9 days".
func (f *finder) distance(unixS int64) string {
	switch s := unixS - f.nowS; {
	case s <= 0:
		return "now"
	case s < 60:
		return fmt.Sprintf("in %d s", s)
	case s < 2*3600:
		return fmt.Sprintf("in %d min", s/60)
	case s < 2*dayS:
		return fmt.Sprintf("in %d h", s/3600)
	default:
		return fmt.Sprintf("in %d days", s/dayS)
	}
}

// span is when something is: "from Thu 3 Dec 18:00 to 22:00 UTC (4 h)".
func (f *finder) span(a about) string {
	from, to := time.Unix(a.fromS, 0).UTC(), time.Unix(a.toS, 0).UTC()
	switch {
	case a.fromS == 0 && a.toS == 0:
		return "with no end that is known"
	case a.fromS == 0:
		return "until " + f.clock(to) + " UTC"
	case a.toS == 0:
		return "from " + f.clock(from) + " UTC on, with no end that is known"
	}
	end := f.clock(to)
	if from.Truncate(24 * time.Hour).Equal(to.Truncate(24 * time.Hour)) {
		end = to.Format(clockLayout(to))
	}
	return fmt.Sprintf("from %s to %s UTC (%s)", f.clock(from), end, length(a.toS-a.fromS))
}

// clock is an instant of UTC with its date, and the year where it is not this one.
func (f *finder) clock(t time.Time) string {
	layout := "Mon 2 Jan "
	if t.Year() != f.now.UTC().Year() {
		layout = "Mon 2 Jan 2006 "
	}
	return t.Format(layout + clockLayout(t))
}

func clockLayout(t time.Time) string {
	if t.Second() != 0 {
		return "15:04:05"
	}
	return "15:04"
}

// length is a span to its two weightiest units: "4 h", "2 days 3 h", "1 h 30 min", "45 s".
func length(s int64) string {
	units := []struct {
		s         int64
		one, many string
	}{{dayS, "day", "days"}, {3600, "h", "h"}, {60, "min", "min"}, {1, "s", "s"}}
	var parts []string
	for _, u := range units {
		n := s / u.s
		s %= u.s
		switch {
		case n == 1:
			parts = append(parts, "1 "+u.one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, u.many))
		}
		if len(parts) == 2 {
			break
		}
	}
	return strings.Join(parts, " ")
}

func plural(n int, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// name is what people call somebody.
func name(r *roster.Roster, id string) string {
	if p := r.Person(id); p != nil && p.DisplayName != "" {
		return p.DisplayName
	}
	return id
}
