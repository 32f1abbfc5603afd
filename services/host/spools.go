package host

import (
	"context"
	"path/filepath"

	"github.com/daysidehq/dayside/services/internal/spool"
)

// A spool for what is seldom kept and must not be lost holds some ten thousand entries, each of less than a kilobyte; its
// segments are small, for room for some is made at each start.
const (
	maxSeldomBytes     = 8 << 20
	seldomSegmentBytes = 64 << 10
)

// spoolOf is a spool in the data directory.
type spoolOf struct {
	// name of its folder, and in the log.
	name string
	// maxBytes and segmentBytes of it; the spool's own where 0.
	maxBytes, segmentBytes int64
	// lost is what happens where the disk does not let it be opened.
	lost string
}

// keptAlerts are alerts that wait until etcd takes them. Without it a caller whose message etcd does not take is put through
// to somebody.
func keptAlerts() spoolOf {
	return spoolOf{
		"alerts", maxSeldomBytes, seldomSegmentBytes,
		"alerts that etcd does not take are kept in memory only until this process is started again",
	}
}

// keptAcceptances are those of offers that wait until entitlement takes them.
func keptAcceptances() spoolOf {
	return spoolOf{
		"promises", maxSeldomBytes, seldomSegmentBytes,
		"acceptances that entitlement does not take cannot be kept: such callers are helped first",
	}
}

// keptRecords are those of calls and changes that wait until the ledger takes them.
func keptRecords() spoolOf {
	return spoolOf{name: "spool", lost: "records of calls and changes are not kept until this process is started again"}
}

// openSpool opens a spool for as long as the process lives; nil where the disk does not let it, which is told: the process
// serves all the same, for a call that rings is worth more.
func (h *Host) openSpool(ctx context.Context, of spoolOf) *spool.Spool {
	err := h.lock()
	var s *spool.Spool
	if err == nil {
		s, err = spool.Open(spool.Config{
			Dir: filepath.Join(h.cfg.DataDir, of.name), MaxBytes: of.maxBytes, SegmentBytes: of.segmentBytes,
			Clock: h.clock, Logger: h.log.With("spool", of.name),
		})
	}
	if err != nil {
		h.log.ErrorContext(ctx, of.lost, "error", oneLine(err).Error())
		return nil
	}
	h.closers = append(h.closers, s.Close)
	return s
}
