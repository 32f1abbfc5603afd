package ical

import (
	"fmt"
	"time"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// series is an event with those that replace some of its occurrences; the event itself is nil where a file holds only
// the latter.
type series struct {
	event   *event
	instead []*event
}

// series puts events together by UID. Of two versions of one, the later SEQUENCE counts (RFC 5545, 3.8.7.4).
func (f *file) series(events []*event) []*series {
	type version struct {
		uid     string
		instead moment
	}
	var order []*series
	byUID := map[string]*series{}
	latest := map[version]*event{}
	for _, e := range events {
		v := version{uid: e.uid}
		if e.instead != nil {
			v.instead = *e.instead
		}
		before, twice := latest[v]
		if twice && before.sequence == e.sequence {
			f.broken++
			f.violations.Add(e.name+" UID", e.uid, "must not be that of "+before.name+" too, with the same SEQUENCE")
		}
		if !twice || before.sequence < e.sequence {
			latest[v] = e
		}
		if byUID[e.uid] == nil {
			byUID[e.uid] = &series{}
			order = append(order, byUID[e.uid])
		}
	}
	for _, e := range events {
		s := byUID[e.uid]
		switch {
		case e.instead == nil && latest[version{uid: e.uid}] == e:
			s.event = e
		case e.instead != nil && latest[version{e.uid, *e.instead}] == e:
			s.instead = append(s.instead, e)
		}
	}
	return order
}

// starts are occurrences by when they begin, of one event.
type starts struct {
	of       moment
	dates    map[int64]bool
	instants map[int64]bool
}

func newStarts(of moment) starts {
	return starts{of: of, dates: map[int64]bool{}, instants: map[int64]bool{}}
}

// add notes a moment. One that is a date, or of an event that is one, means whatever begins on that date.
func (s starts) add(m moment) {
	if m.date || s.of.date {
		s.dates[m.day()] = true
	} else {
		s.instants[m.unixS()] = true
	}
}

func (s starts) has(m moment) bool {
	return s.dates[m.in(s.of.zone).day()] || (!s.of.date && s.instants[m.unixS()])
}

// expand finds the occurrences of a series that meet the range.
func (f *file) expand(s *series) error {
	for _, e := range s.instead {
		if !e.cancelled {
			if err := f.keep(e, e.start, e.length); err != nil {
				return err
			}
		}
	}
	e := s.event
	if e == nil || e.cancelled {
		return nil
	}
	gone := newStarts(e.start)
	for _, m := range e.excluded {
		gone.add(m)
	}
	for _, other := range s.instead {
		gone.add(*other.instead)
	}
	met := newStarts(e.start)
	once := func(p period) error {
		if gone.has(p.start) || met.has(p.start) {
			return nil
		}
		met.add(p.start)
		return f.keep(e, p.start, p.length)
	}
	if err := once(period{e.start, e.length}); err != nil {
		return err
	}
	for _, p := range e.extra {
		if err := once(p); err != nil {
			return err
		}
	}
	if e.rule == nil {
		return nil
	}
	return f.repeat(e, once)
}

// repeat gives every occurrence that the event's rule names, up to the end of the range.
func (f *file) repeat(e *event, found func(period) error) error {
	next := e.rule.times()
	for n := 0; ; n++ {
		at, more := next()
		if !more && n == 0 {
			f.broken++
			f.violations.Add(e.name+" RRULE", e.rule.text, "must name a date that comes")
		}
		// The site's clock is at most 26 hours from the event's.
		if !more || at > f.toS+2*hours.DayS {
			return nil
		}
		if f.steps++; f.steps > maxExpansionSteps {
			return fault.LimitExceeded(fmt.Sprintf("iCalendar: %s: rules name more than %d occurrences", e.name, maxExpansionSteps))
		}
		start := e.start
		start.wallS = at
		if err := found(period{start, e.length}); err != nil {
			return err
		}
	}
}

// keep adds an occurrence that meets the range.
func (f *file) keep(e *event, start moment, lasts length) error {
	o := Occurrence{UID: e.uid, Summary: e.summary, AllDay: start.date}
	if start.date {
		last := start.day() + lasts.days - 1
		if start.day()*hours.DayS >= f.toS || last*hours.DayS < f.fromS {
			return nil
		}
		o.First, o.Last = dateOf(start.day()), dateOf(last)
	} else {
		o.FromUnixS, o.ToUnixS = start.unixS(), lasts.after(start)
		from, to := f.site.wall.First(f.fromS), f.site.wall.First(f.toS)
		if o.FromUnixS >= to || (o.ToUnixS <= from && o.FromUnixS < from) {
			return nil
		}
	}
	if f.found = append(f.found, o); len(f.found) > maxOccurrences {
		return fault.LimitExceeded(fmt.Sprintf("iCalendar: %s: more than %d occurrences", e.name, maxOccurrences))
	}
	return nil
}

// dateOf is the date of a number of days since 1970-01-01.
func dateOf(day int64) hours.Date {
	y, m, d := time.Unix(day*hours.DayS, 0).UTC().Date()
	return hours.Date{Year: y, Month: m, Day: d}
}
