package host

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/daysidehq/dayside/services/internal/cluster"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/kept"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

const (
	// reachTimeout is how long a process that knows something already waits at its start for an etcd that takes connections:
	// two round trips across an ocean.
	reachTimeout = 700 * time.Millisecond
	// adoptRetry is how often it is tried to adopt time-zone rules while none are known.
	adoptRetry = time.Second
)

// errAway is an etcd that did not answer when the process began.
var errAway = errors.New("etcd did not answer when this process began")

// openView opens the copy of the view in the data directory. Where the disk does not let it, calls are answered all the
// same.
func (h *Host) openView(ctx context.Context) error {
	if !h.cfg.runs(Routing) {
		return nil
	}
	err := h.lock()
	if errors.Is(err, errInUse) {
		return err
	}
	if err == nil {
		h.copy, err = kept.Open(kept.Config{
			Dir: filepath.Join(h.cfg.DataDir, "view"), Head: h.head, Clock: h.clock, Logger: h.log,
		})
	}
	if err != nil {
		h.log.ErrorContext(ctx, "the view is not kept on disk: started again while etcd is away, this process could not answer",
			"error", oneLine(err).Error())
	}
	return nil
}

// head asks etcd whose truth it tells; one that was found away a moment ago is not waited for again.
func (h *Host) head(ctx context.Context) (coord.Truth, int64, error) {
	if h.away {
		return coord.Truth{}, 0, errAway
	}
	return h.etcd.Head(ctx)
}

// knows says whether the process can answer calls without etcd: from what it knew before, or by asking others.
func (h *Host) knows() bool { return h.copy != nil && h.copy.Exists() || h.answersByOthers() }

// reach waits for etcd to answer. A process that can answer calls without it begins all the same; the rest of it waits.
func (h *Host) reach(ctx context.Context) error {
	if h.away {
		return nil // the embedded one could not start
	}
	if !h.knows() {
		return h.etcd.Reach(ctx)
	}
	asking, cancel := ctx, context.CancelFunc(func() {})
	if h.member == nil {
		asking, cancel = context.WithTimeout(ctx, reachTimeout)
	}
	defer cancel()
	if err := h.etcd.Knock(asking); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.away = true
		h.log.ErrorContext(ctx, "etcd does not answer; calls are answered with what was known when it was last heard, and "+
			"everything else waits", "error", oneLine(err).Error())
	}
	return nil
}

// memberFailed is for an embedded etcd that cannot start: nil where calls can be answered without it.
func (h *Host) memberFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil || !h.knows() {
		return err
	}
	h.away, h.memberErr = true, err
	h.log.ErrorContext(ctx, "the embedded etcd cannot start; calls are answered with what was known when it last ran, and "+
		"nothing can be changed. To mend it: stop this process, run `dayside restore FILE --data DIR --only etcd --force` with "+
		"the latest backup, and start it", "data", h.cfg.DataDir, "error", err.Error())
	return nil
}

// adoptRules adopts the first time-zone rules whenever none are known: the process began while etcd was away, or etcd was
// replaced by an empty one.
func (h *Host) adoptRules(ctx context.Context) error {
	if !h.cfg.runs(Schedule) {
		return nil
	}
	for ctx.Err() == nil {
		changed := h.rules.Changed()
		if h.rules.Load() == nil {
			h.adoptOnce(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return nil
}

// adoptOnce waits a moment, and adopts rules where there are none still.
func (h *Host) adoptOnce(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-h.clock.After(adoptRetry):
	}
	if h.rules.Load() != nil {
		return
	}
	rules, err := tzdata.AdoptFirst(ctx, h.etcd, h.clock, h.candidates)
	if err != nil {
		h.log.DebugContext(ctx, "time-zone rules are not known yet", "error", err.Error())
		return
	}
	h.tellOfRules(ctx, rules)
}

// view tells the cluster how far this process's view is.
func (h *Host) view() cluster.View {
	if h.routing == nil {
		return cluster.View{}
	}
	v := h.routing.ViewState()
	return cluster.View{Revision: v.Revision, Heard: v.Heard, FromDisk: v.FromDisk}
}
