// Package calendars reads calendars of the API, checks them whole, and makes of them what others use: layers of a site's
// business hours, and the dates that a person's calendar closes. It also computes what an import or a comparison answers.
// It is pure: dates and zones are arguments.
//
// What entries mean is services/internal/calendar's; what iCalendar files mean is that of ical below it.
package calendars

import (
	"google.golang.org/genproto/googleapis/type/dayofweek"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/calendar/resource"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

// Read is the calendar that a resource describes, and every rule that it breaks, with paths within the resource:
// "entries[3].spans[0].close". The calendar is of use only where none is broken.
func Read(c *schedulev1.Calendar) (calendar.Calendar, []fault.Violation) { return resource.Read(c) }

// ReadEntry is an entry as far as it can be read: for showing it, not for relying on it.
func ReadEntry(e *schedulev1.CalendarEntry) calendar.Entry { return resource.ReadEntry(e) }

// Write is the resource of a calendar, without a name: what Read reads as the same calendar.
func Write(c calendar.Calendar) *schedulev1.Calendar {
	written := &schedulev1.Calendar{DisplayName: c.Name}
	for _, e := range c.Entries {
		written.Entries = append(written.Entries, writeEntry(e))
	}
	return written
}

func writeEntry(e calendar.Entry) *schedulev1.CalendarEntry {
	w := &schedulev1.CalendarEntry{
		Date: wallclock.WriteDate(e.First), Observes: wallclock.WriteDate(e.Observes),
		Verdict: schedulev1.CalendarEntry_Verdict(e.Verdict), //nolint:gosec // one of four
		Spans:   wallclock.WriteSpans(e.Spans), LikeWeekday: dayofweek.DayOfWeek(e.LikeISOWeekday), DisplayName: e.Name,
		Provenance: &schedulev1.Provenance{
			Origin: schedulev1.Provenance_Origin(e.Provenance.Origin), //nolint:gosec // one of three
			Source: e.Provenance.Source, Uid: e.Provenance.UID, Review: e.Provenance.Review,
		},
	}
	if e.Last != e.First {
		w.LastDate = wallclock.WriteDate(e.Last)
	}
	return w
}

// Check is an INVALID_FIELD fault that names every rule the calendar breaks, with paths within the resource, or nil.
func Check(c *schedulev1.Calendar) error {
	var v fault.Violations
	_, wrong := Read(c)
	v.Append(wrong...)
	return v.Err()
}

// Layer is the calendar as a layer of business hours, with those of its dates that lie from first to last, inclusive. The
// error is an INVALID_FIELD fault with paths after the calendar's name: "calendars/ie.entries[3].date".
func Layer(c *schedulev1.Calendar, first, last hours.Date) (hours.Calendar, error) {
	return resource.Layer(c, first, last)
}

// LayersOf are calendars in their order, each as Layer has it. A layer does not depend on the site: many sites share it.
func LayersOf(list []*schedulev1.Calendar, first, last hours.Date) ([]hours.Calendar, error) {
	layers := make([]hours.Calendar, 0, len(list))
	for _, c := range list {
		layer, err := Layer(c, first, last)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// ClosedDates are the dates from first to last, inclusive and ascending, that a calendar closes whole: a person's leave.
// Dates with special hours, half days and worked ones are not among them. Of a calendar that Check refuses there are none.
func ClosedDates(c *schedulev1.Calendar, first, last hours.Date) []hours.Date {
	layer, err := Layer(c, first, last)
	if err != nil {
		return nil
	}
	var dates []hours.Date
	for _, day := range layer.Days {
		if len(day.Spans) == 0 && day.LikeISOWeekday == 0 {
			dates = append(dates, day.Date)
		}
	}
	return dates
}
