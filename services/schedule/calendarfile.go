package schedule

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/validate"
	"github.com/daysidehq/dayside/services/internal/wallclock"
	"github.com/daysidehq/dayside/services/internal/zones"
	calendarsof "github.com/daysidehq/dayside/services/schedule/internal/calendars"
)

// MaxICSBytes is how large an iCalendar file may be.
const MaxICSBytes = calendarsof.MaxFileBytes

// SeedCalendar is what the method of that name answers, without a server. Errors are INVALID_FIELD faults.
func SeedCalendar(r *schedulev1.SeedCalendarRequest, now time.Time) (*schedulev1.SeedCalendarResponse, error) {
	return calendarsof.Seed(r, now.UTC().Year())
}

// DiffCalendars is on which dates two calendars differ, ascending. Errors are INVALID_FIELD faults with paths after
// "before_calendar." or "after_calendar.".
func DiffCalendars(before, after *schedulev1.Calendar) ([]*schedulev1.DateChange, error) {
	return calendarsof.Diff(before, after)
}

// ReadICS is the calendar that ImportCalendar would make of a request where none is stored yet. Zone rules are the embedded
// ones. Errors are faults, INVALID_FIELD with fields of the request.
func ReadICS(r *schedulev1.ImportCalendarRequest, now time.Time) (*schedulev1.Calendar, error) {
	if err := validate.Message(r); err != nil {
		return nil, err
	}
	rules, err := zones.Embedded()
	if err != nil {
		return nil, fault.Internal(err)
	}
	return calendarsof.Import(nil, r, rules, now)
}

// ParseSpan reads "09:00-12:30". The error is an INVALID_FIELD fault on the given field.
func ParseSpan(field, text string) (*schedulev1.Span, error) {
	span, err := hours.ParseSpan(field, text)
	if err != nil {
		return nil, err
	}
	return wallclock.WriteSpans([]hours.Span{span})[0], nil
}

// EntryText is an entry of a calendar in words.
type EntryText struct {
	// Dates are "Fri 2026-12-25", or "Fri 2026-12-25 to Sat 2026-12-26".
	Dates string
	// Title is the name, with the date that it stands for.
	Title string
	// Says is the verdict with its hours: "half day 09:00-12:30".
	Says string
	// From is where it comes from: "imported from ie.ics, UID 7@example.com".
	From string
}

// DescribeEntry says an entry in words. It shows what is there, whether it is right or not.
func DescribeEntry(e *schedulev1.CalendarEntry) EntryText {
	read := calendarsof.ReadEntry(e)
	from := read.Provenance
	from.Review = false // which is told beside it
	text := EntryText{Dates: weekdayAnd(e.GetDate()), Title: read.Title(), Says: read.Says(), From: from.String()}
	if e.GetLastDate() != nil {
		text.Dates += " to " + weekdayAnd(e.GetLastDate())
	}
	return text
}

// weekdayAnd is a date with its weekday, or as it stands where it does not exist.
func weekdayAnd(d *date.Date) string {
	t := time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
	text := fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
	if t.Format(time.DateOnly) != text {
		return text
	}
	return t.Format("Mon ") + text
}
