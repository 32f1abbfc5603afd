package sites

import (
	"fmt"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

// readHours are the site's hours; where something is wrong with a time of day, they are not complete.
func readHours(s *schedulev1.Site) (hours.Hours, []fault.Violation) {
	var r wallclock.Reader
	h := hours.Hours{Weekly: r.Week("weekly_hours", s.GetWeeklyHours())}
	for i, e := range s.GetExceptions() {
		h.Exceptions = append(h.Exceptions, hours.Exception{
			Date: wallclock.Date(e.GetDate()), Spans: r.Spans(fmt.Sprintf("exceptions[%d].spans", i), e.GetSpans()),
			Mode: modeOf(e.GetMode()), Name: e.GetDisplayName(),
		})
	}
	for _, d := range s.GetHolidays() {
		h.Holidays = append(h.Holidays, hours.Holiday{Date: wallclock.Date(d.GetDate()), Name: d.GetDisplayName()})
	}
	return h, r.Wrong()
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
