package entitlement

import "context"

// usage counts calls, off their path.
type usage struct {
	s *Service
}

func newUsage(s *Service) *usage { return &usage{s: s} }

// run does what has its time, until ctx ends.
func (*usage) run(ctx context.Context) { <-ctx.Done() }
