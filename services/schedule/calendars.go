package schedule

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// calendars implements CalendarService, which owns calendars.
type calendars struct {
	schedulev1.UnimplementedCalendarServiceServer
	s *Service
}
