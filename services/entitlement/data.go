package entitlement

import entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"

// dataDesk implements DataService.
type dataDesk struct {
	entitlementv1.UnimplementedDataServiceServer
	s *Service
}

func newDataDesk(s *Service) *dataDesk { return &dataDesk{s: s} }
