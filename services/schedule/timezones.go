package schedule

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// timeZones implements TimeZoneService, which owns the time-zone rules in force.
type timeZones struct {
	schedulev1.UnimplementedTimeZoneServiceServer
	s *Service
}
