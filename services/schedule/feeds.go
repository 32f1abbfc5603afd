package schedule

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// feeds implements FeedService, which owns feeds.
type feeds struct {
	schedulev1.UnimplementedFeedServiceServer
	s *Service
}
