package schedule

import (
	"context"
	"time"
)

// Extend is one round of what Run does every hour.
func Extend(ctx context.Context, s *Service) (int, error) { return s.extend(ctx) }

// LookForEvents is one round of what Run does whenever something changes or falls due.
func LookForEvents(ctx context.Context, s *Service) time.Time { return s.lookForEvents(ctx) }
