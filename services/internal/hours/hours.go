// Package hours is business hours on the wall clock, and how they become instants: Compile turns a site's weekly spans,
// exceptions and holidays, in its IANA zone, into a timeline of UTC intervals. Time-zone rules are applied here and
// nowhere else.
//
// The semantics, S1 to S7, are those in the header of testdata/time-vectors.json:
//
//	S1  Weekly hours are wall-clock spans by weekday; a weekday without spans is closed.
//	S2  A span belongs to the local date on which it opens. A close before the open is on the next date; 24:00, and 00:00
//	    as a close, is the end of the date: the first instant of the next one.
//	S3  A wall time that is skipped means the instant of the transition. Of one that is repeated, an open takes the first
//	    and a close the last.
//	S4  A span's length follows the wall clock; one that is empty after S3 vanishes.
//	S5  A date that does not exist in the zone (Pacific/Apia 2011-12-30) contributes no spans.
//	S6  An exception replaces the spans that open on its date; mode Clip also cuts other dates' spans out of that date.
//	S7  Intervals are half-open, and united where they overlap or touch.
//
// WallClock, by which it does so, also serves rotas and the dates of contracts.
//
// It is not for rotas themselves, for what calendars hold besides dates and spans (services/internal/calendar), or for
// deciding where a call goes.
package hours

import (
	"fmt"
	"strings"
	"time"
)

// DayS is the length of a nominal date on the wall clock, seconds; as a close it is 24:00.
const DayS = 86400

// Span is [open, close) on the wall clock, in seconds after 00:00.
type Span struct {
	// OpenS is from 0 to DayS-1.
	OpenS int
	// CloseS is from 0 to DayS. Where it is less than OpenS, the span closes on the next date; 0 means DayS.
	CloseS int
}

// String is the span as files write it: "09:00-17:30".
func (s Span) String() string { return clockText(s.OpenS) + "-" + clockText(s.CloseS) }

// endS is the close in seconds after 00:00 of the date on which the span opens.
func (s Span) endS() int {
	switch {
	case s.CloseS == s.OpenS:
		return s.OpenS // refused by Validate, open for no time
	case s.CloseS == 0:
		return DayS
	case s.CloseS < s.OpenS:
		return s.CloseS + DayS
	default:
		return s.CloseS
	}
}

func clockText(s int) string {
	if s%60 != 0 {
		return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/3600, s/60%60)
}

// Mode is how far an exception reaches.
type Mode int

const (
	// Replace replaces the spans that open on the date; the tail of a span of the day before goes on.
	Replace Mode = iota
	// Clip does so too, and cuts the spans opened on other dates out of the civil date.
	Clip
)

// Exception replaces the spans that open on one date.
type Exception struct {
	Date Date
	// Spans instead; none means closed.
	Spans []Span
	Mode  Mode
	// Name says why, for people; may be empty.
	Name string
}

// Holiday is a date on which no span opens.
type Holiday struct {
	Date Date
	// Name is for people; may be empty.
	Name string
}

// CalendarDay is what a calendar says of one date.
type CalendarDay struct {
	Date Date
	// Spans of the date; none means closed, unless LikeISOWeekday is set.
	Spans []Span
	// LikeISOWeekday, 1 for Monday to 7 for Sunday, opens the weekly spans of that weekday instead: a Saturday on which
	// everybody works as on a Friday, whatever a site's hours are. 0 where Spans say it.
	LikeISOWeekday int
	// Name is for people; may be empty.
	Name string
}

// Calendar decides on the dates it has, and on no others.
type Calendar struct {
	// Name is for people, and in rules.
	Name string
	// Days hold one entry a date, ascending; compiling is faster that way.
	Days []CalendarDay
}

// Hours are the business hours of a site, on the wall clock. The zero value is closed always.
type Hours struct {
	// Weekly spans, by time.Weekday.
	Weekly     [7][]Span
	Exceptions []Exception
	Holidays   []Holiday
	// Calendars in their order: the first that has a date decides on it. Exceptions and Holidays precede them.
	Calendars []Calendar
}

// weekdays holds the names in files and field paths, by time.Weekday.
const weekdays = "sun mon tue wed thu fri sat"

// WeekdayName is "mon" to "sun".
func WeekdayName(d time.Weekday) string { return weekdays[4*int(d) : 4*int(d)+3] }

// Weekdays are the weekdays as people list them, from Monday.
func Weekdays() [7]time.Weekday {
	return [7]time.Weekday{
		time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday,
	}
}

// weekdayTitle is "Mon" to "Sun".
func weekdayTitle(d time.Weekday) string { return d.String()[:3] }

// String names the exception: "exception 2026-12-24 (Christmas Eve)".
func (e Exception) String() string { return dated("exception", e.Date, e.Name) }

// String names the holiday: "holiday 2026-12-25 (Christmas Day)".
func (h Holiday) String() string { return dated("holiday", h.Date, h.Name) }

// String names the day: "2026-12-25 (Christmas Day)".
func (d CalendarDay) String() string { return strings.TrimSpace(dated("", d.Date, d.Name)) }

func dated(what string, d Date, name string) string {
	var b strings.Builder
	b.WriteString(what + " " + d.String())
	if name != "" {
		b.WriteString(" (" + name + ")")
	}
	return b.String()
}
