package host

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
)

// openJournal opens the spool in the data directory, in which records of calls and changes wait until the ledger has them.
// An edge makes none. Where the disk is full or fails the process serves all the same, and says so: a call that rings is
// worth more than its record.
func (h *Host) openJournal(ctx context.Context) error {
	if len(h.cfg.Services) == 1 && h.cfg.runs(SIP) {
		return nil
	}
	if err := h.lock(); errors.Is(err, errInUse) {
		return err
	}
	s := h.openSpool(ctx, keptRecords())
	if s == nil {
		return nil
	}
	h.spool, h.journal = s, journal.New(s, h.cfg.Instance, h.clock, h.log)
	return spoolMeters(h.telemetry.MeterProvider, s)
}

// auditor is nil where there is no journal.
func (h *Host) auditor() rpc.Auditor {
	if h.journal == nil {
		return nil
	}
	return h.journal
}

// deliver hands what the spool holds to the ledger until ctx ends.
func (h *Host) deliver(ctx context.Context) error {
	if h.spool == nil {
		return nil
	}
	conn, err := h.own(Ledger)
	if err != nil {
		return err
	}
	return ended(ctx, "spool", h.spool.Run(ctx, journal.Deliver(ledgerv1.NewLedgerServiceClient(conn))))
}

// spoolMeters report what waits for the ledger, and what became of the rest.
func spoolMeters(provider metric.MeterProvider, s *spool.Spool) error {
	m := provider.Meter("github.com/daysidehq/dayside/services/host")
	entries, err := m.Int64ObservableCounter("dayside.spool.records",
		metric.WithDescription("Records of calls and changes: appended, delivered, dropped (no room), refused."))
	pending, errPending := m.Int64ObservableGauge("dayside.spool.pending",
		metric.WithDescription("Records that wait for the ledger."))
	bytes, errBytes := m.Int64ObservableGauge("dayside.spool.size", metric.WithUnit("By"),
		metric.WithDescription("What the spool takes of the disk."))
	away, errAway := m.Int64ObservableGauge("dayside.spool.away",
		metric.WithDescription("1 while records cannot be handed to the ledger."))
	if err := errors.Join(err, errPending, errBytes, errAway); err != nil {
		return err
	}
	outcome := func(name string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", name)))
	}
	appended, delivered, dropped, refused := outcome("appended"), outcome("delivered"), outcome("dropped"), outcome("refused")
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		stats := s.Stats()
		o.ObserveInt64(entries, int64(stats.Appended), appended)
		o.ObserveInt64(entries, int64(stats.Delivered), delivered)
		o.ObserveInt64(entries, int64(stats.Dropped), dropped)
		o.ObserveInt64(entries, int64(stats.Refused), refused)
		o.ObserveInt64(pending, int64(stats.Pending))
		o.ObserveInt64(bytes, stats.Bytes)
		isAway := int64(0)
		if !stats.AwaySince.IsZero() {
			isAway = 1
		}
		o.ObserveInt64(away, isAway)
		return nil
	}, entries, pending, bytes, away)
	return err
}
