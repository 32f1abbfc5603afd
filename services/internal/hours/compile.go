package hours

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/daysidehq/dayside/services/internal/timeline"
)

// Zone is a time zone with the release of its rules.
type Zone struct {
	Location *time.Location
	// Release is the IANA release, such as "2025c".
	Release string
}

// Compile makes the timeline of [fromUnixS, toUnixS). It takes any hours, whether Validate likes them or not; where
// spans overlap they are united, and the rule of the one that opened first stands. The error is an INVALID_FIELD fault
// for a horizon or a number of spans beyond a timeline's limits.
func Compile(h Hours, z Zone, fromUnixS, toUnixS int64) (*timeline.Timeline, error) {
	c := newCompiler(h, z, fromUnixS, toUnixS)
	c.cut(h.Exceptions)
	intervals := c.unite(fromUnixS, toUnixS)
	return timeline.New(timeline.Spec{
		FromUnixS: fromUnixS, ToUnixS: toUnixS, Intervals: intervals, Rules: c.rules,
		TZDataRelease: z.Release, ZoneFingerprint: c.wall.Fingerprint(),
	})
}

// opening is one span as instants.
type opening struct {
	from, to int64
	date     int64
	rule     *rule
}

type compiler struct {
	wall WallClock
	plan plan
	// first and last are the dates whose spans can meet the horizon.
	first, last int64
	openings    []opening
	rules       []string
}

// newCompiler has opened every span that can meet the horizon, and cut none.
func newCompiler(h Hours, z Zone, fromUnixS, toUnixS int64) *compiler {
	wall := NewWallClock(z.Location, fromUnixS, toUnixS)
	// A span that reaches into the horizon opened at most two dates before it; a zone that crosses the date line eastwards
	// has the date of its end twice, and the next one before that.
	c := &compiler{wall: wall, plan: newPlan(h), first: wall.dateAt(fromUnixS) - 2, last: wall.dateAt(toUnixS) + 1}
	c.openings = make([]opening, 0, int(c.last-c.first+1)*2)
	for date := c.first; date <= c.last; date++ {
		c.open(date)
	}
	return c
}

// open adds the spans that open on a date (S2 to S5).
func (c *compiler) open(date int64) {
	ruled := c.plan.on(date).rules
	if len(ruled) == 0 || !c.wall.exists(date) {
		return
	}
	for _, r := range ruled {
		from, to := c.wall.opens(date, r.span), c.wall.closes(date, r.span)
		if from < to {
			c.openings = append(c.openings, opening{from, to, date, r})
		}
	}
}

// cut takes the civil dates of Clip exceptions out of the spans opened on other dates (S6).
func (c *compiler) cut(list []Exception) {
	cuts := c.cuts(list)
	if len(cuts) == 0 {
		return
	}
	kept := make([]opening, 0, len(c.openings)+len(cuts))
	for _, o := range c.openings {
		at := sort.Search(len(cuts), func(i int) bool { return cuts[i].to > o.from })
		for ; at < len(cuts) && cuts[at].from < o.to; at++ {
			if cuts[at].date == o.date {
				continue
			}
			if o.from < cuts[at].from {
				kept = append(kept, opening{o.from, cuts[at].from, o.date, o.rule})
			}
			o.from = min(cuts[at].to, o.to)
		}
		if o.from < o.to {
			kept = append(kept, o)
		}
	}
	c.openings = kept
}

// cuts are the civil dates of Clip exceptions as instants, ascending.
func (c *compiler) cuts(list []Exception) []opening {
	var cuts []opening
	for _, e := range list {
		date := e.Date.number()
		if e.Mode != Clip || date < c.first || date > c.last {
			continue
		}
		if from, to := c.wall.begins(date), c.wall.begins(date+1); from < to {
			cuts = append(cuts, opening{from: from, to: to, date: date})
		}
	}
	slices.SortFunc(cuts, func(a, b opening) int { return cmp.Compare(a.from, b.from) })
	return cuts
}

// unite merges what overlaps or touches, and clips it to the horizon (S7).
func (c *compiler) unite(fromUnixS, toUnixS int64) []timeline.Interval {
	byOpening := func(a, b opening) int { return cmp.Compare(a.from, b.from) }
	if !slices.IsSortedFunc(c.openings, byOpening) {
		slices.SortStableFunc(c.openings, byOpening)
	}
	list := make([]timeline.Interval, 0, len(c.openings))
	for i := 0; i < len(c.openings); {
		o := c.openings[i]
		for i++; i < len(c.openings) && c.openings[i].from <= o.to; i++ {
			o.to = max(o.to, c.openings[i].to)
		}
		from, to := max(o.from, fromUnixS), min(o.to, toUnixS)
		if from < to {
			list = append(list, timeline.Interval{OpenUnixS: from, CloseUnixS: to, Rule: c.index(o.rule)})
		}
	}
	return list
}

// index is the rule's place in the timeline's rules, where only those that opened something are listed.
func (c *compiler) index(r *rule) uint32 {
	if r.index < 0 {
		r.index = len(c.rules)
		c.rules = append(c.rules, r.text())
	}
	return uint32(r.index)
}

// rule is one span with what put it in force.
type rule struct {
	span  Span
	by    *ruling
	index int // in the timeline's rules; negative while unused
}

func (r *rule) text() string { return r.by.title() + " " + r.span.String() }

// ruling is what decides a date.
type ruling struct {
	kind  Kind
	title func() string // "weekly hours, Mon", "exception 2026-12-24 (Christmas Eve):", "holiday 2026-12-25:"
	rules []*rule
}

func newRuling(kind Kind, title func() string, spans []Span) *ruling {
	r := &ruling{kind: kind, title: title, rules: make([]*rule, len(spans))}
	for i, s := range spans {
		r.rules[i] = &rule{span: s, by: r, index: -1}
	}
	return r
}

// layer decides a date, or leaves it to the layers below it: then it answers nil.
type layer func(date int64) *ruling

// plan is the precedence: exception > holiday > calendars in their order > weekly hours. The last layer decides every date.
type plan []layer

func newPlan(h Hours) plan {
	p := make(plan, 0, 3+len(h.Calendars))
	p = append(p, exceptions(h.Exceptions), holidays(h.Holidays))
	for _, c := range h.Calendars {
		p = append(p, calendar(c, h.Weekly))
	}
	return append(p, weekly(h.Weekly))
}

func (p plan) on(date int64) *ruling {
	for _, decide := range p[:len(p)-1] {
		if r := decide(date); r != nil {
			return r
		}
	}
	return p.usual(date)
}

// usual is what decides a date of which no other layer knows anything.
func (p plan) usual(date int64) *ruling { return p[len(p)-1](date) }

func weekly(week [7][]Span) layer {
	var days [7]*ruling
	for d, spans := range week {
		days[d] = newRuling(ByWeekly, func() string { return "weekly hours, " + weekdayTitle(time.Weekday(d)) }, spans)
	}
	return func(date int64) *ruling { return days[weekday(date)] }
}

func exceptions(list []Exception) layer {
	return dates(len(list), func(i int) int64 { return list[i].Date.number() }, func(i int) *ruling {
		return newRuling(ByException, func() string { return list[i].String() + ":" }, list[i].Spans)
	})
}

func holidays(list []Holiday) layer {
	return dates(len(list), func(i int) int64 { return list[i].Date.number() }, func(i int) *ruling {
		return newRuling(ByHoliday, func() string { return list[i].String() + ":" }, nil)
	})
}

func calendar(c Calendar, week [7][]Span) layer {
	return dates(len(c.Days), func(i int) int64 { return c.Days[i].Date.number() }, func(i int) *ruling {
		day := c.Days[i]
		spans := day.Spans
		if like := day.LikeISOWeekday; like >= 1 && like <= 7 {
			spans = week[like%7] // time.Weekday has Sunday at 0
		}
		return newRuling(ByCalendar, func() string { return "calendar " + c.Name + " " + day.String() + ":" }, spans)
	})
}

// dates is a layer that decides on n dates only; of several entries for a date, the first counts.
func dates(n int, date func(i int) int64, made func(i int) *ruling) layer {
	type entry struct {
		date int64
		i    int
	}
	sorted := make([]entry, n)
	for i := range sorted {
		sorted[i] = entry{date(i), i}
	}
	byDate := func(a, b entry) int { return cmp.Compare(a.date, b.date) }
	if !slices.IsSortedFunc(sorted, byDate) {
		slices.SortStableFunc(sorted, byDate)
	}
	return func(want int64) *ruling {
		at := sort.Search(n, func(k int) bool { return sorted[k].date >= want })
		if at == n || sorted[at].date != want {
			return nil
		}
		return made(sorted[at].i)
	}
}
