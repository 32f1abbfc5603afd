package schedule

import "context"

// Extend is one round of what Run does every hour.
func Extend(ctx context.Context, s *Service) (int, error) { return s.extend(ctx) }
