package schedule

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// rotas implements RotaService, which owns people, rotas, swaps and custody.
type rotas struct {
	schedulev1.UnimplementedRotaServiceServer
	s *Service
}
