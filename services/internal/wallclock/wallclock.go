// Package wallclock reads times of day, spans, weeks and dates of the API's messages as those of services/internal/hours,
// and writes them back. Sites, calendars and rotas share it.
//
// It refuses what is no wall time at all. Whether spans make sense beside each other is for hours.ValidateSpans and
// hours.ValidateWeekly.
package wallclock

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Reader gathers what cannot be read. The zero value is ready.
type Reader struct{ wrong []fault.Violation }

// Wrong is what could not be read, with paths; what was returned for it is not complete.
func (r *Reader) Wrong() []fault.Violation { return r.wrong }

// Week is the spans by time.Weekday; field is the path of the message: "weekly_hours".
func (r *Reader) Week(field string, week *schedulev1.WeeklyHours) (spans [7][]hours.Span) {
	days := [7][]*schedulev1.Span{
		time.Monday: week.GetMon(), time.Tuesday: week.GetTue(), time.Wednesday: week.GetWed(), time.Thursday: week.GetThu(),
		time.Friday: week.GetFri(), time.Saturday: week.GetSat(), time.Sunday: week.GetSun(),
	}
	for _, day := range hours.Weekdays() {
		spans[day] = r.Spans(field+"."+hours.WeekdayName(day), days[day])
	}
	return spans
}

// Spans are those of one date; field is the path of the list: "exceptions[2].spans".
func (r *Reader) Spans(field string, list []*schedulev1.Span) []hours.Span {
	spans := make([]hours.Span, 0, len(list))
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		spans = append(spans, hours.Span{OpenS: r.Clock(at+".open", s.GetOpen()), CloseS: r.Clock(at+".close", s.GetClose())})
	}
	return spans
}

// Clock is a time of day in seconds. 24:00:00 is one; whether it stands where it may is for package hours.
func (r *Reader) Clock(field string, t *timeofday.TimeOfDay) int {
	if t == nil {
		r.wrong = append(r.wrong, fault.Violation{Field: field, Rule: "is required"})
		return 0
	}
	h, m, s := int(t.GetHours()), int(t.GetMinutes()), int(t.GetSeconds())
	total := h*3600 + m*60 + s
	if h < 0 || h > 24 || m < 0 || m > 59 || s < 0 || s > 59 || t.GetNanos() != 0 || total > hours.DayS {
		r.wrong = append(r.wrong, fault.Violation{
			Field: field, Value: fmt.Sprintf("%02d:%02d:%02d", h, m, s), Rule: "must be a wall time from 00:00:00 to 24:00:00",
		})
		return 0
	}
	return total
}

// Date is a date as it stands, also one that does not exist; the zero value where it is unset.
func Date(d *date.Date) hours.Date {
	return hours.Date{Year: int(d.GetYear()), Month: time.Month(d.GetMonth()), Day: int(d.GetDay())}
}

// WriteDate is the message of a date; nil for the zero value.
func WriteDate(d hours.Date) *date.Date {
	if d == (hours.Date{}) {
		return nil
	}
	return &date.Date{Year: int32(d.Year), Month: int32(d.Month), Day: int32(d.Day)} //nolint:gosec // years to 9999
}

// WriteSpans are the messages of spans.
func WriteSpans(spans []hours.Span) []*schedulev1.Span {
	var list []*schedulev1.Span
	for _, s := range spans {
		list = append(list, &schedulev1.Span{Open: WriteClock(s.OpenS), Close: WriteClock(s.CloseS)})
	}
	return list
}

// WriteClock is the message of a time of day, seconds after 00:00, 0 to hours.DayS.
func WriteClock(s int) *timeofday.TimeOfDay {
	total := int32(s) //nolint:gosec // at most 86400
	return &timeofday.TimeOfDay{Hours: total / 3600, Minutes: total / 60 % 60, Seconds: total % 60}
}
