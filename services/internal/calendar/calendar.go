// Package calendar is named lists of dated entries that overrule a site's weekly hours: closed dates, special hours, half
// days, and dates that are worked although the weekly hours say closed, such as China's Saturdays around its holidays.
// Each entry knows where it comes from. A site uses several calendars in an order, of which the first with a date
// decides; within one, two entries that say different things of one date are an error that names both.
//
// It turns calendars into layers of services/internal/hours, and compares them. It is not for time zones (a date here is a
// date on a site's wall), for reading files (see ical and seed below it), or for keeping calendars anywhere.
package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/hours"
)

// Verdict is what an entry says of its dates.
type Verdict int

const (
	// Closed opens nothing.
	Closed Verdict = iota + 1
	// SpecialHours opens the entry's spans instead of the weekly ones.
	SpecialHours
	// HalfDay does so too, and tells people why.
	HalfDay
	// Worked opens the entry's spans, or those of another weekday, although the weekly hours may say closed.
	Worked
)

func (v Verdict) String() string {
	switch v {
	case Closed:
		return "closed"
	case SpecialHours:
		return "special hours"
	case HalfDay:
		return "half day"
	case Worked:
		return "worked"
	default:
		return fmt.Sprintf("verdict %d", int(v))
	}
}

// Origin is how an entry came into a calendar.
type Origin int

const (
	// Typed entries were written by somebody.
	Typed Origin = iota + 1
	// Imported entries were read from an iCalendar file or feed.
	Imported
	// Seeded entries were computed by a library of holidays, whose data has known errors.
	Seeded
)

func (o Origin) String() string {
	switch o {
	case Typed:
		return "typed by"
	case Imported:
		return "imported from"
	case Seeded:
		return "seeded from"
	default:
		return fmt.Sprintf("origin %d", int(o))
	}
}

// Provenance is where an entry comes from.
type Provenance struct {
	Origin Origin
	// Source is who typed it, the URL or file it was imported from, or the library and version that computed it.
	Source string
	// UID is that of the event it was imported from (RFC 5545, 3.8.4.7); empty for others.
	UID string
	// Review asks people to look at the entry before they rely on it. Every seeded entry is born so.
	Review bool
}

// String is the provenance in words: "imported from holidays.ics, UID 7@example.com, to be reviewed", or "typed".
func (p Provenance) String() string {
	text := p.Origin.String() + " " + p.Source
	if p.Source == "" {
		text, _, _ = strings.Cut(text, " ")
	}
	if p.UID != "" {
		text += ", UID " + p.UID
	}
	if p.Review {
		text += ", to be reviewed"
	}
	return text
}

// Entry says one thing of one date, or of several in a row.
type Entry struct {
	First hours.Date
	// Last is the last date; the zero value means First.
	Last    hours.Date
	Verdict Verdict
	// Spans that open on each of the dates; none where closed, or where LikeISOWeekday says it.
	Spans []hours.Span
	// LikeISOWeekday, 1 for Monday to 7 for Sunday, is for Worked only: the dates have the site's own weekly hours of that
	// weekday. 0 where Spans say it.
	LikeISOWeekday int
	// Observes is the date of the holiday that is observed on this one in its stead, which may be one of another year: on
	// 31 December for 1 January. The zero value means that it is no substitute.
	Observes hours.Date
	// Name is for people: "Christmas Day".
	Name       string
	Provenance Provenance
}

// last is the last date of the entry.
func (e Entry) last() hours.Date {
	if e.Last == (hours.Date{}) {
		return e.First
	}
	return e.Last
}

// Title is the name with the date it stands for, where there is one: "New Year's Day, for 2028-01-01".
func (e Entry) Title() string {
	if e.Observes == (hours.Date{}) {
		return e.Name
	}
	return strings.TrimPrefix(e.Name+", for "+e.Observes.String(), ", ")
}

// String is the entry in one line: `2026-12-24 to 2026-12-26 "Christmas" (typed by anna)`.
func (e Entry) String() string {
	dates := e.First.String()
	if e.last() != e.First {
		dates += " to " + e.last().String()
	}
	return fmt.Sprintf("%s %q (%s)", dates, e.Title(), e.Provenance)
}

// Says is the verdict with its hours: "half day 09:00-12:30", "worked as on Friday", "closed".
func (e Entry) Says() string {
	text := e.Verdict.String()
	if e.LikeISOWeekday >= 1 && e.LikeISOWeekday <= 7 {
		return text + " as on " + weekday(e.LikeISOWeekday).String()
	}
	for _, s := range e.Spans {
		text += " " + s.String()
	}
	return text
}

// agrees says that two entries have the same effect on a date, whatever they are called.
func (e Entry) agrees(other Entry) bool {
	return (e.Verdict == Closed) == (other.Verdict == Closed) && e.LikeISOWeekday == other.LikeISOWeekday &&
		slices.Equal(e.Spans, other.Spans)
}

// Calendar is a named list of entries, in any order.
type Calendar struct {
	// Name is for people, and in the rules of timelines.
	Name    string
	Entries []Entry
}

// On is the entry that decides a date; false where the calendar has none for it.
func (c Calendar) On(d hours.Date) (Entry, bool) {
	for _, e := range c.Entries {
		if compare(e.First, d) <= 0 && compare(d, e.last()) <= 0 {
			return e, true
		}
	}
	return Entry{}, false
}

// Layer is the calendar as a layer of business hours, with the dates from first to last, inclusive, that it has. The
// calendar must be valid (Validate); where entries agree on a date, the one that comes first in the list is named.
func (c Calendar) Layer(first, last hours.Date) hours.Calendar {
	layer := hours.Calendar{Name: c.Name}
	for _, on := range c.dates(first, last) {
		e := on.entry
		layer.Days = append(layer.Days, hours.CalendarDay{
			Date: on.date, Spans: e.Spans, LikeISOWeekday: e.LikeISOWeekday, Name: clip(e.Title()),
		})
	}
	return layer
}

// dated is an entry on one of its dates.
type dated struct {
	date  hours.Date
	entry *Entry
}

// dates are the dates from first to last that the calendar has, ascending, each with the entry that decides it.
func (c Calendar) dates(first, last hours.Date) []dated {
	var list []dated
	for i := range c.Entries {
		e := &c.Entries[i]
		end := earlier(e.last(), last)
		for d := later(e.First, first); compare(d, end) <= 0; d = d.AddDays(1) {
			list = append(list, dated{d, e})
		}
	}
	slices.SortStableFunc(list, func(a, b dated) int { return compare(a.date, b.date) })
	return slices.CompactFunc(list, func(a, b dated) bool { return a.date == b.date })
}

// clip shortens a title to what a rule of a timeline may hold.
func clip(title string) string {
	if runes := []rune(title); len(runes) > maxNameChars {
		return string(runes[:maxNameChars-1]) + "…"
	}
	return title
}

func compare(a, b hours.Date) int {
	return cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Day, b.Day))
}

func earlier(a, b hours.Date) hours.Date {
	if compare(a, b) <= 0 {
		return a
	}
	return b
}

func later(a, b hours.Date) hours.Date {
	if compare(a, b) >= 0 {
		return a
	}
	return b
}
