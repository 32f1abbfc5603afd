package routing

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// liveSignals is what operators are told of live state: metrics, and log lines within a limit.
type liveSignals struct {
	clock clock.Clock
	log   *slog.Logger
	lines lineLimit

	events     metric.Int64Counter
	probes     metric.Int64Counter
	unfollowed metric.Int64Counter
	presence   metric.Int64Counter
}

func newLiveSignals(deps Deps, l *liveState) (*liveSignals, error) {
	s := &liveSignals{clock: deps.Clock, log: deps.Logger}
	m := deps.MeterProvider.Meter(instrumentation)
	for _, c := range []struct {
		to         *metric.Int64Counter
		name, text string
	}{
		{&s.events, "dayside.live.events", "Events that gateways sent up their streams."},
		{&s.probes, "dayside.live.probes", "Probes of targets that gateways answered, by whether the target did."},
		{&s.unfollowed, "dayside.live.unfollowed", "Failed targets not remembered, for there are too many. Alert on any."},
		{&s.presence, "dayside.live.presence", "Times that a site said how many agents are there."},
	} {
		var err error
		if *c.to, err = m.Int64Counter(c.name, metric.WithDescription(c.text)); err != nil {
			return nil, fmt.Errorf("routing: metric: %w", err)
		}
	}
	s.unfollowed.Add(context.Background(), 0) // an increase is seen from a value that was there before
	return s, s.observe(m, l)
}

// observe reports what stands whenever metrics are read.
func (s *liveSignals) observe(m metric.Meter, l *liveState) error {
	gateways, err := m.Int64ObservableGauge("dayside.live.gateways",
		metric.WithDescription("Gateways that have a stream to this process."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	unreachable, err := m.Int64ObservableGauge("dayside.live.unreachable",
		metric.WithDescription("Targets that this process, or its gateways, cannot reach; one is counted once a reporter."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	calls, err := m.Int64ObservableGauge("dayside.live.calls",
		metric.WithDescription("Calls that the gateways of this process say they carry."))
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		n := l.count()
		o.ObserveInt64(gateways, n.gateways)
		o.ObserveInt64(unreachable, n.unreachable)
		o.ObserveInt64(calls, n.calls)
		return nil
	}, gateways, unreachable, calls)
	if err != nil {
		return fmt.Errorf("routing: metric: %w", err)
	}
	return nil
}

type liveCounts struct{ gateways, unreachable, calls int64 }

func (l *liveState) count() liveCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := liveCounts{unreachable: int64(l.own.reach.Down())}
	for _, g := range l.gateways {
		n.unreachable += int64(g.reach.Down())
		if !g.stands() {
			continue
		}
		n.gateways++
		for _, calls := range g.calls {
			n.calls += int64(calls)
		}
	}
	return n
}

// line logs, unless too much was logged in this second: gateways that come and go must not fill a disk.
func (s *liveSignals) line(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	ok, dropped := s.lines.allow(s.clock.Now())
	if !ok {
		return
	}
	if dropped > 0 {
		attrs = append(attrs, slog.Int("lines_dropped", dropped))
	}
	s.log.LogAttrs(ctx, level, message, attrs...)
}

func (s *liveSignals) connected(ctx context.Context, gateway string, again bool) {
	s.line(ctx, slog.LevelInfo, "a gateway is connected", slog.String("gateway", gateway), slog.Bool("again", again))
}

func (s *liveSignals) disconnected(ctx context.Context, gateway string) {
	s.line(ctx, slog.LevelInfo, "a gateway's stream has ended", slog.String("gateway", gateway))
}

// reachability tells that so many more targets cannot be reached, or fewer where it is negative.
func (s *liveSignals) reachability(reporter, name string, more int) {
	attrs := []slog.Attr{slog.String("reporter", reporter)}
	if name != "" {
		attrs = append(attrs, slog.String("target", shownTarget(name)))
	} else {
		attrs = append(attrs, slog.Int("targets", max(more, -more)))
	}
	if more > 0 {
		s.line(context.Background(), slog.LevelWarn, "a target cannot be reached; it is tried behind others", attrs...)
		return
	}
	s.line(context.Background(), slog.LevelInfo, "a target is taken for reachable again", attrs...)
}

func (s *liveSignals) probed(reached bool) {
	s.probes.Add(context.Background(), 1, metric.WithAttributes(attribute.Bool("reached", reached)))
}

func (s *liveSignals) forgotten() { s.unfollowed.Add(context.Background(), 1) }
