package entitlement

import entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"

// grants implements GrantService.
type grants struct {
	entitlementv1.UnimplementedGrantServiceServer
	s *Service
}

func newGrants(s *Service) *grants { return &grants{s: s} }
