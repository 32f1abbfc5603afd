package host

import (
	"context"
	"path"
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
	h.tellOfOtherLedgers(ctx)
	return s, nil
}

// maxOtherLedgers bounds those that are named.
const maxOtherLedgers = 10

// tellOfOtherLedgers warns where another process holds a ledger: each has a file of its own, and records go to any of them.
func (h *Host) tellOfOtherLedgers(ctx context.Context) {
	others, err := h.etcd.List(ctx, "discovery/"+Ledger+"/", "", maxOtherLedgers)
	if err != nil {
		return // whoever needs etcd says so
	}
	for _, e := range others.Entries {
		if name := path.Base(e.Key); name != h.cfg.Instance {
			h.log.WarnContext(ctx, "another process holds a ledger too, or did a moment ago: history is divided among them, "+
				"so let one process hold it", "instance", name)
		}
	}
}
