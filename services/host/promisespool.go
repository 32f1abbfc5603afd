package host

import (
	"context"
	"path/filepath"

	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing"
)

const (
	// maxPromiseSpoolBytes holds some ten thousand acceptances, each of less than a kilobyte.
	maxPromiseSpoolBytes = 8 << 20
	// promiseSegmentBytes is small: acceptances are few, and room for some is made at each start.
	promiseSegmentBytes = 64 << 10
)

// openPromiseSpool opens the spool in the data directory in which acceptances wait until entitlement takes them; nil
// where the disk does not let it: then a caller whose acceptance entitlement does not take is helped first.
func (h *Host) openPromiseSpool(ctx context.Context) routing.PromiseSpool {
	err := h.lock()
	var s *spool.Spool
	if err == nil {
		s, err = spool.Open(spool.Config{
			Dir: filepath.Join(h.cfg.DataDir, "promises"), MaxBytes: maxPromiseSpoolBytes, SegmentBytes: promiseSegmentBytes,
			Clock: h.clock, Logger: h.log.With("spool", "promises"),
		})
	}
	if err != nil {
		h.log.ErrorContext(ctx, "acceptances that entitlement does not take cannot be kept: such callers are helped first",
			"error", oneLine(err).Error())
		return nil
	}
	h.closers = append(h.closers, s.Close)
	return s
}
