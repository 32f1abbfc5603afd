package entitlement

import (
	"context"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// catalog implements CatalogService, and keeps the timelines of plans current.
type catalog struct {
	entitlementv1.UnimplementedCatalogServiceServer
	s *Service
}

func newCatalog(s *Service) *catalog { return &catalog{s: s} }

// run does what has its time, until ctx ends.
func (*catalog) run(ctx context.Context) { <-ctx.Done() }
