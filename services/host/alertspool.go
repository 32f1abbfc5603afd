package host

import (
	"context"
	"path/filepath"

	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing"
)

const (
	// maxAlertSpoolBytes holds all alerts that may wait for etcd, as long as they are at all likely.
	maxAlertSpoolBytes = 8 << 20
	// alertSegmentBytes is small: alerts are few, and room for some is made at each start.
	alertSegmentBytes = 64 << 10
)

// openAlertSpool opens the spool in the data directory in which alerts wait until etcd takes them; nil where the disk does
// not let it: then alerts wait in memory, and a caller whose message etcd does not take is put through to somebody.
func (h *Host) openAlertSpool(ctx context.Context) routing.AlertSpool {
	err := h.lock()
	var s *spool.Spool
	if err == nil {
		s, err = spool.Open(spool.Config{
			Dir: filepath.Join(h.cfg.DataDir, "alerts"), MaxBytes: maxAlertSpoolBytes, SegmentBytes: alertSegmentBytes,
			Clock: h.clock, Logger: h.log.With("spool", "alerts"),
		})
	}
	if err != nil {
		h.log.ErrorContext(ctx, "alerts that etcd does not take are kept in memory only until this process is started again",
			"error", oneLine(err).Error())
		return nil
	}
	h.closers = append(h.closers, s.Close)
	return s
}
