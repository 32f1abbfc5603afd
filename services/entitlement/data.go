package entitlement

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// dataDesk implements DataService.
type dataDesk struct {
	entitlementv1.UnimplementedDataServiceServer
	s *Service
	// importing holds whoever brings in a part: one at a time, so that imports do not keep others from etcd together.
	importing chan struct{}
	// found is how far the directory is, and indexed how far the index.
	found, indexed *heard
	// rehearsals are dry runs under way, of whoever holds importing.
	rehearsals map[string]*rehearsal
	// watching holds whoever follows changes.
	watching chan struct{}
	rows     metric.Int64Counter
}

func newDataDesk(s *Service) *dataDesk {
	meters := s.cfg.Meters
	if meters == nil {
		meters = noop.NewMeterProvider()
	}
	meter := meters.Meter("github.com/daysidehq/dayside/services/entitlement")
	rows, err := meter.Int64Counter("dayside.import.rows", metric.WithDescription(
		"Rows that bulk imports brought in, by what became of them: created, updated, unchanged, rejected."))
	if err != nil {
		rows, _ = noop.NewMeterProvider().Meter("").Int64Counter("") // it never fails
	}
	return &dataDesk{
		rows: rows, s: s, importing: make(chan struct{}, 1), found: newHeard(), indexed: newHeard(),
		rehearsals: map[string]*rehearsal{}, watching: make(chan struct{}, maxWatchers),
	}
}

// count adds what became of rows.
func (d *dataDesk) count(ctx context.Context, before, after *entitlementv1.ImportProgress) {
	for outcome, n := range map[string]int64{
		"created": after.GetCreated() - before.GetCreated(), "updated": after.GetUpdated() - before.GetUpdated(),
		"unchanged": after.GetUnchanged() - before.GetUnchanged(), "rejected": after.GetRejected() - before.GetRejected(),
	} {
		if n > 0 {
			d.rows.Add(ctx, n, metric.WithAttributes(attribute.String("outcome", outcome)))
		}
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
