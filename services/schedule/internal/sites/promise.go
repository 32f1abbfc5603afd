package sites

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// ServiceHours is when a line is meant to be served over the horizon, or an INVALID_FIELD fault with paths within the
// hours. The calendars are as for Compile.
func ServiceHours(s *schedulev1.ServiceHours, calendars []hours.Calendar, zones Zones, fromUnixS, toUnixS int64,
) (*timeline.Timeline, error) {
	var broken fault.Violations
	loc, err := zones.Location(s.GetTimeZone())
	if err := gather(&broken, err); err != nil {
		return nil, err
	}
	h, wrong := readHours(&schedulev1.Site{WeeklyHours: s.GetWeeklyHours()})
	if len(wrong) == 0 {
		wrong = hours.Validate("", h)
	}
	broken.Append(wrong...)
	if err := broken.Err(); err != nil {
		return nil, err
	}
	h.Calendars = calendars
	return hours.Compile(h, hours.Zone{Location: loc, Release: zones.Release()}, fromUnixS, toUnixS)
}
