package tzdata

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/daysidehq/dayside/services/internal/coord"
)

const instrumentation = "github.com/daysidehq/dayside/services/internal/tzdata"

// Deps are whom Current tells.
type Deps struct {
	// Log hears of changes, and of rules that cannot be read.
	Log *slog.Logger
	// MeterProvider reports the release in force.
	MeterProvider metric.MeterProvider
}

type signals struct {
	log      *slog.Logger
	rejected metric.Int64Counter
}

// newSignals reports dayside_tzdata_info, 1 with the release in force as its label, and dayside_tzdata_rejected_total.
func newSignals(deps Deps, c *Current) (signals, error) {
	s := signals{log: deps.Log}
	m := deps.MeterProvider.Meter(instrumentation)
	var err error
	if s.rejected, err = m.Int64Counter("dayside.tzdata.rejected",
		metric.WithDescription("Adopted time-zone rules that this process could not read. Alert on any.")); err != nil {
		return s, fmt.Errorf("tzdata: metric: %w", err)
	}
	s.rejected.Add(context.Background(), 0) // an increase is seen from a value that was there before
	_, err = m.Int64ObservableGauge("dayside.tzdata.info",
		metric.WithDescription("1, with the release of the time-zone rules in force. Alert where processes differ for long."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if r := c.Load(); r != nil {
				o.Observe(1, metric.WithAttributes(attribute.String("release", r.Release())))
			}
			return nil
		}))
	if err != nil {
		return s, fmt.Errorf("tzdata: metric: %w", err)
	}
	return s, nil
}

// Follower is the part of coord.Client that Run needs, with its contract.
type Follower interface {
	Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error
}

// Run keeps to the rules that stand in etcd until ctx ends; it returns only ctx's error. Rules that cannot be read, or that
// somebody deleted, leave those before in force: a process must not compute with rules nobody chose. Where another truth, as
// of an etcd that was replaced, holds none, those of the truth before are forgotten: what they compile is not taken there.
func (c *Current) Run(ctx context.Context, store Follower) error {
	var whose coord.Truth
	return store.Follow(ctx, coord.Range{From: Key, To: Key + "\x00"}, func(b coord.Batch) {
		if b.Reset {
			another := whose != coord.Truth{} && whose != b.Truth
			whose = b.Truth
			if len(b.Events) == 0 {
				c.missing(ctx, another)
			}
		}
		for _, e := range b.Events {
			c.apply(ctx, e)
		}
	})
}

// missing is for a list without any rules.
func (c *Current) missing(ctx context.Context, another bool) {
	known := c.Load()
	switch {
	case known == nil:
	case another:
		c.signals.log.WarnContext(ctx, "etcd tells another truth, in which no time-zone rules stand; those known are forgotten",
			"release", known.Release())
		c.set(nil)
	default:
		c.signals.log.ErrorContext(ctx, "no time-zone rules stand in etcd; keeping those known", "release", known.Release())
	}
}

func (c *Current) apply(ctx context.Context, e coord.Event) {
	before := c.Load()
	if e.Value == nil {
		c.signals.rejected.Add(ctx, 1)
		c.signals.log.ErrorContext(ctx, "the time-zone rules were deleted; keeping those known", "revision", e.ModRevision)
		return
	}
	next, err := Decode(e.Value, e.ModRevision)
	if err != nil {
		c.signals.rejected.Add(ctx, 1)
		c.signals.log.ErrorContext(ctx, "adopted time-zone rules cannot be read; keeping those known",
			"revision", e.ModRevision, "error", err)
		return
	}
	if before != nil && before.Revision == next.Revision && before.AdoptUnixS == next.AdoptUnixS &&
		before.Release() == next.Release() {
		return // listed again
	}
	c.set(next)
	c.signals.log.InfoContext(ctx, "time-zone rules are in force", "release", next.Release(), "revision", next.Revision)
}
