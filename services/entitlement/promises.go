package entitlement

import (
	"context"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// promises implements PromiseService.
type promises struct {
	entitlementv1.UnimplementedPromiseServiceServer
	s *Service
}

func newPromises(s *Service) *promises { return &promises{s: s} }

// run does what has its time, until ctx ends.
func (*promises) run(ctx context.Context) { <-ctx.Done() }
