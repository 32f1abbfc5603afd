package hours

import (
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/timeline"
)

// Kind is the kind of entry by which a site is open or closed.
type Kind int

const (
	// ByWeekly is the spans of the weekday, or their absence.
	ByWeekly Kind = iota
	// ByHoliday is a holiday.
	ByHoliday
	// ByException is an exception.
	ByException
	// ByCalendar is a date in one of the site's calendars.
	ByCalendar
)

// Reason is why hours are open or closed at an instant.
type Reason struct {
	Open bool
	Kind Kind
	// Rule is for people. Of open time it names the span, as timelines do: "weekly hours, Mon 09:00-17:00"; of closed time
	// it names the entry that decided, with all its spans: "holiday 2026-12-25 (Christmas Day): closed".
	Rule string
	// SinceUnixS is when it became so, UntilUnixS when it changes; the ends of the range looked at where that is beyond
	// them.
	SinceUnixS, UntilUnixS int64
}

// Explain says why the hours are open or closed at an instant of [fromUnixS, toUnixS). It agrees with Compile.
//
// Closed time is explained by the entry without which it would be open: the exception or holiday in whose stead weekly
// hours would have opened a span that holds the instant, on whichever date that was, or that cut it off. Where there is
// none, it is the entry that decides the local date.
func Explain(h Hours, z Zone, atUnixS, fromUnixS, toUnixS int64) Reason {
	c := newCompiler(h, z, fromUnixS, toUnixS)
	uncut := slices.Clone(c.openings)
	c.cut(h.Exceptions)
	var r Reason
	if o, open := holding(c.openings, atUnixS); open {
		r = Reason{Open: true, Kind: o.rule.by.kind, Rule: o.rule.text()}
	} else {
		by := c.closedBy(uncut, atUnixS)
		r = Reason{Kind: by.kind, Rule: by.text()}
	}
	r.SinceUnixS, r.UntilUnixS = around(c.unite(fromUnixS, toUnixS), atUnixS, fromUnixS, toUnixS)
	return r
}

// holding is the first opening that holds an instant.
func holding(list []opening, atUnixS int64) (opening, bool) {
	i := slices.IndexFunc(list, func(o opening) bool { return o.from <= atUnixS && atUnixS < o.to })
	if i < 0 {
		return opening{}, false
	}
	return list[i], true
}

// closedBy is what decided that an instant is closed; uncut are the openings before any was cut.
func (c *compiler) closedBy(uncut []opening, atUnixS int64) *ruling {
	date := c.wall.dateAt(atUnixS)
	if _, cut := holding(uncut, atUnixS); cut {
		return c.plan.on(date)
	}
	for d := date - 2; d <= date+1; d++ {
		usual := c.plan.usual(d)
		if c.plan.on(d) == usual || !c.wall.exists(d) {
			continue
		}
		for _, r := range usual.rules {
			if c.wall.opens(d, r.span) <= atUnixS && atUnixS < c.wall.closes(d, r.span) {
				return c.plan.on(d)
			}
		}
	}
	return c.plan.on(date)
}

// text is the ruling with all its spans: "weekly hours, Tue 08:00-12:30, 13:30-17:00".
func (r *ruling) text() string {
	spans := make([]string, len(r.rules))
	for i, s := range r.rules {
		spans[i] = s.span.String()
	}
	if len(spans) == 0 {
		spans = []string{"closed"}
	}
	return r.title() + " " + strings.Join(spans, ", ")
}

// around is the stretch of one state that holds an instant, within the range.
func around(open []timeline.Interval, atUnixS, fromUnixS, toUnixS int64) (sinceUnixS, untilUnixS int64) {
	sinceUnixS = fromUnixS
	for _, iv := range open {
		switch {
		case atUnixS < iv.OpenUnixS:
			return sinceUnixS, iv.OpenUnixS
		case atUnixS < iv.CloseUnixS:
			return iv.OpenUnixS, iv.CloseUnixS
		}
		sinceUnixS = iv.CloseUnixS
	}
	return sinceUnixS, toUnixS
}
