package routing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/kept"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// ViewState is how far the view is, for whoever tells others of this process.
type ViewState struct {
	// Revision of etcd that the view shows; 0 while there is none.
	Revision int64
	// Heard is when etcd last said so, changes or not; the zero time while there is no view.
	Heard time.Time
	// FromDisk: etcd was not heard since the process began; Ready: there is a view.
	FromDisk, Ready bool
}

// ViewState is safe to ask at any time.
func (s *Service) ViewState() ViewState {
	v := s.current.Load()
	if v == nil {
		return ViewState{}
	}
	return ViewState{Revision: v.Revision(), Heard: v.Heard(), FromDisk: s.fromDisk.Load(), Ready: true}
}

// follow brings what the view is made of, and first, where etcd does not know better, what was kept on disk.
func (s *Service) follow(ctx context.Context) error {
	keys := coord.Range{From: view.RangeFrom, To: view.RangeTo}
	apply := func(b coord.Batch) { s.apply(ctx, b) }
	if s.copy == nil {
		return s.store.Follow(ctx, keys, apply)
	}
	return s.copy.Follow(ctx, s.store, keys, isLive, apply)
}

// isLive says whether a key goes with whoever wrote it: after a restart its writer may be gone.
func isLive(key string) bool { return strings.HasPrefix(key, view.LivePrefix) }

// observeCopy reports the view's copy on disk, and whether the view is the copy, whenever metrics are read.
func observeCopy(m metric.Meter, of *kept.Copy, state func() ViewState) error {
	fromDisk, err := m.Int64ObservableGauge("dayside.view.from_disk", metric.WithDescription(
		"1 while the view is what was kept on disk: etcd was not heard since the process began."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	size, err := m.Int64ObservableGauge("dayside.view.copy.size", metric.WithUnit("By"),
		metric.WithDescription("What the view's copy takes of the disk."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	failures, err := m.Int64ObservableCounter("dayside.view.copy.failures", metric.WithDescription(
		"Tries to keep the view on disk that failed. Alert where it grows: a restart without etcd would know less."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		one := int64(0)
		if state().FromDisk {
			one = 1
		}
		o.ObserveInt64(fromDisk, one)
		if of != nil {
			stats := of.Stats()
			o.ObserveInt64(size, stats.Bytes)
			o.ObserveInt64(failures, int64(stats.Failures)) //nolint:gosec // a count
		}
		return nil
	}, fromDisk, size, failures)
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	return nil
}
