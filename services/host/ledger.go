package host

import (
	"context"
	"path/filepath"

	"github.com/daysidehq/dayside/services/ledger"
)

// newLedger opens the ledger in the data directory, which is this process's alone from then on.
func (h *Host) newLedger(ctx context.Context) (*ledger.Service, error) {
	if err := h.lock(); err != nil {
		return nil, err
	}
	s, err := ledger.New(ctx, ledger.Config{
		Path: filepath.Join(h.cfg.DataDir, "ledger.db"), RetentionDays: h.cfg.LedgerRetentionDays, Clock: h.clock, Log: h.log,
		MeterProvider: h.telemetry.MeterProvider,
	})
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, s.Close)
	return s, nil
}
