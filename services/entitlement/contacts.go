package entitlement

import (
	"context"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// contactDesk implements ContactService.
type contactDesk struct {
	entitlementv1.UnimplementedContactServiceServer
	s *Service
}

func newContactDesk(s *Service) *contactDesk { return &contactDesk{s: s} }

// run does what has its time, until ctx ends.
func (*contactDesk) run(ctx context.Context) { <-ctx.Done() }
