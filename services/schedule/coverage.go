package schedule

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// coverage implements CoverageService, which proves coverage.
type coverage struct {
	schedulev1.UnimplementedCoverageServiceServer
	s *Service
}
