package routing

import (
	"slices"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// liveApplyInterval is the least time between two views that differ in live state alone.
	liveApplyInterval = 100 * time.Millisecond
	// maxGathered bounds the changes that wait.
	maxGathered = 10_000
)

// gatherer has changes of live state wait for each other: a thousand gateways make thousands of them a second, and each view
// costs as much as hundreds of decisions. What waits is applied with whatever comes next, which is a heartbeat at the
// latest: within a second. Nothing else waits, and what waited comes before it. The zero value is ready; one goroutine uses
// it.
type gatherer struct {
	waiting []coord.Event
	applied time.Time // the last time that live state was
}

// take is the batch to apply now; ok is false where it may wait.
func (g *gatherer) take(b coord.Batch, now time.Time) (next coord.Batch, ok bool) {
	if b.Reset {
		g.waiting, g.applied = nil, now
		return b, true
	}
	live := len(b.Events) > 0 && liveAlone(b.Events)
	if since := now.Sub(g.applied); live && since >= 0 && since < liveApplyInterval &&
		len(g.waiting)+len(b.Events) <= maxGathered {
		g.waiting = append(g.waiting, b.Events...)
		return coord.Batch{}, false
	}
	if live || len(g.waiting) > 0 {
		g.applied = now
	}
	if len(g.waiting) > 0 {
		b.Events = append(g.waiting, b.Events...)
		g.waiting = nil
	}
	return b, true
}

// liveAlone says whether events are of nothing but live state.
func liveAlone(events []coord.Event) bool {
	return !slices.ContainsFunc(events, func(e coord.Event) bool { return !strings.HasPrefix(e.Key, view.LivePrefix) })
}
