package routing

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// manyEvents make a list large.
	manyEvents = 100_000
	// listGCPercent is how much garbage there may be beside what is alive while a large list becomes a view: of a million
	// customers both take a gigabyte together, and twice that is not there to be had everywhere.
	listGCPercent = 30
	// settleAfter is how long after a large list its memory is given back once more: until then the copy on disk is written
	// from it.
	settleAfter = 20 * time.Second
)

func isLarge(b coord.Batch) bool { return b.Reset && len(b.Events) >= manyEvents }

// thrifty has the garbage collector work harder, until the answer is called.
func thrifty() (relax func()) {
	before := debug.SetGCPercent(listGCPercent)
	if before < listGCPercent { // whoever started the process wants less still, or none at all
		debug.SetGCPercent(before)
	}
	return func() { debug.SetGCPercent(before) }
}

// expect tells a view what is to come.
func expect(next *view.Builder, b coord.Batch) {
	for _, e := range b.Events {
		next.Expect(e.Key, len(e.Value))
	}
}

// settle gives the memory of a large list back to the system: the next one may never come.
func (s *Service) settle(ctx context.Context) {
	s.settling.Go(func() {
		debug.FreeOSMemory()
		select {
		case <-ctx.Done():
		case <-s.clock.After(settleAfter):
			debug.FreeOSMemory()
		}
	})
}
