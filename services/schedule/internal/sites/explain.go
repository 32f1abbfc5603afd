package sites

import (
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Explain says why a site is open or closed at an instant of [fromUnixS, toUnixS), and in which zone its clock runs. The
// site is one that Compile took; of another, the error is an INVALID_FIELD fault.
func Explain(s *schedulev1.Site, calendars []hours.Calendar, zones Zones, atUnixS, fromUnixS, toUnixS int64,
) (hours.Reason, *time.Location, error) {
	loc, err := zones.Location(s.GetTimeZone())
	if err != nil {
		return hours.Reason{}, nil, err
	}
	h, wrong := readHours(s)
	if len(wrong) > 0 {
		return hours.Reason{}, nil, fault.Invalid(wrong...)
	}
	h.Calendars = calendars
	zone := hours.Zone{Location: loc, Release: zones.Release()}
	return hours.Explain(h, zone, atUnixS, fromUnixS, toUnixS), loc, nil
}
