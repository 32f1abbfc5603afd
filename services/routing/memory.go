package routing

import (
	"context"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/frugal"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// expect tells a view what is to come.
func expect(next *view.Builder, b coord.Batch) {
	for _, e := range b.Events {
		next.Expect(e.Key, len(e.Value))
	}
}

// settle gives the memory of a large list back to the system.
func (s *Service) settle(ctx context.Context) {
	s.settling.Go(func() { frugal.Settle(ctx, s.clock) })
}
