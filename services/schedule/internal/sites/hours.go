package sites

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// reader takes wall-clock hours out of the API's messages, and gathers what cannot be read.
type reader struct{ wrong []fault.Violation }

// readHours are the site's hours; where something is wrong with a time of day, they are not complete.
func readHours(s *schedulev1.Site) (hours.Hours, []fault.Violation) {
	var r reader
	var h hours.Hours
	week := s.GetWeeklyHours()
	days := [7][]*schedulev1.Span{
		time.Monday: week.GetMon(), time.Tuesday: week.GetTue(), time.Wednesday: week.GetWed(), time.Thursday: week.GetThu(),
		time.Friday: week.GetFri(), time.Saturday: week.GetSat(), time.Sunday: week.GetSun(),
	}
	for _, day := range hours.Weekdays() {
		h.Weekly[day] = r.spans("weekly_hours."+hours.WeekdayName(day), days[day])
	}
	for i, e := range s.GetExceptions() {
		h.Exceptions = append(h.Exceptions, hours.Exception{
			Date: dateOf(e.GetDate()), Spans: r.spans(fmt.Sprintf("exceptions[%d].spans", i), e.GetSpans()),
			Mode: modeOf(e.GetMode()), Name: e.GetDisplayName(),
		})
	}
	for _, d := range s.GetHolidays() {
		h.Holidays = append(h.Holidays, hours.Holiday{Date: dateOf(d.GetDate()), Name: d.GetDisplayName()})
	}
	return h, r.wrong
}

func (r *reader) spans(field string, list []*schedulev1.Span) []hours.Span {
	spans := make([]hours.Span, 0, len(list))
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		spans = append(spans, hours.Span{OpenS: r.clock(at+".open", s.GetOpen()), CloseS: r.clock(at+".close", s.GetClose())})
	}
	return spans
}

// clock is a time of day in seconds. 24:00:00 is one; whether it stands where it may is for hours.Validate.
func (r *reader) clock(field string, t *timeofday.TimeOfDay) int {
	if t == nil {
		r.wrong = append(r.wrong, fault.Violation{Field: field, Rule: "is required"})
		return 0
	}
	h, m, s := int(t.GetHours()), int(t.GetMinutes()), int(t.GetSeconds())
	total := h*3600 + m*60 + s
	if h < 0 || m < 0 || m > 59 || s < 0 || s > 59 || t.GetNanos() != 0 || total > hours.DayS {
		r.wrong = append(r.wrong, fault.Violation{
			Field: field, Value: fmt.Sprintf("%02d:%02d:%02d", h, m, s), Rule: "must be a wall time from 00:00:00 to 24:00:00",
		})
	}
	return total
}

func modeOf(m schedulev1.HoursException_Mode) hours.Mode {
	switch m {
	case schedulev1.HoursException_MODE_UNSPECIFIED, schedulev1.HoursException_MODE_REPLACE:
		return hours.Replace
	case schedulev1.HoursException_MODE_CLIP:
		return hours.Clip
	default:
		return hours.Mode(m) // neither of the two, so hours.Validate refuses it
	}
}

func dateOf(d *date.Date) hours.Date {
	return hours.Date{Year: int(d.GetYear()), Month: time.Month(d.GetMonth()), Day: int(d.GetDay())}
}
