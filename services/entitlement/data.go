package entitlement

import (
	"context"
	"sync"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// dataDesk implements DataService.
type dataDesk struct {
	entitlementv1.UnimplementedDataServiceServer
	s *Service
	// importing holds whoever brings in a part: one at a time, so that imports do not keep others from etcd together.
	importing chan struct{}
	// found is how far the directory is.
	found *heard
	// watching holds whoever follows changes.
	watching chan struct{}
}

func newDataDesk(s *Service) *dataDesk {
	return &dataDesk{
		s: s, importing: make(chan struct{}, 1), found: newHeard(), watching: make(chan struct{}, maxWatchers),
	}
}

// heard is how far a view is.
type heard struct {
	mu       sync.Mutex
	revision int64
	moved    chan struct{} // closed when it moves
}

func newHeard() *heard { return &heard{moved: make(chan struct{})} }

// after is a view's Apply that says how far it is.
func (h *heard) after(apply func(coord.Batch) []string) func(coord.Batch) []string {
	return func(b coord.Batch) []string {
		unreadable := apply(b)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.revision != b.Revision {
			h.revision = b.Revision
			close(h.moved)
			h.moved = make(chan struct{})
		}
		return unreadable
	}
}

// await waits until the view is as far as a revision; a view that has heard of nothing yet, or does not come there in
// time, is not ready.
func (h *heard) await(ctx context.Context, s *Service, revision int64, patience time.Duration) error {
	late := s.cfg.Clock.After(patience)
	for {
		h.mu.Lock()
		at, moved := h.revision, h.moved
		h.mu.Unlock()
		if at != 0 && at >= revision {
			return nil
		}
		select {
		case <-moved:
		case <-late:
			return notReady("the customers")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
