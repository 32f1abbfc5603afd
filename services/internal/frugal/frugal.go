// Package frugal keeps a process small that reads a large list into memory: what it was made from and what it becomes take a
// gigabyte together where there are a million records, and twice that is not there to be had everywhere. It is for lists of
// views, and decides nothing but when garbage is collected.
package frugal

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

const (
	// manyEvents make a list large.
	manyEvents = 100_000
	// listGCPercent is how much garbage there may be beside what is alive while a large list is read.
	listGCPercent = 30
	// settleAfter is how long after a large list its memory is given back once more: until then it may be in use, as by a copy
	// that is written to a disk.
	settleAfter = 20 * time.Second
)

// IsLarge says whether a batch is a list that is worth the trouble.
func IsLarge(b coord.Batch) bool { return b.Reset && len(b.Events) >= manyEvents }

// Collect has the garbage collector work harder, until the answer is called. Of several at once the first one's counts, so
// that whatever was before comes back.
func Collect() (relax func()) {
	before := debug.SetGCPercent(listGCPercent)
	if before > listGCPercent {
		return func() { debug.SetGCPercent(before) }
	}
	debug.SetGCPercent(before) // whoever started the process wants less still, or none at all, or another list is being read
	return func() {}
}

// Settle gives the memory of a large list back to the system: the next one may never come. It takes a while.
func Settle(ctx context.Context, clk clock.Clock) {
	debug.FreeOSMemory()
	select {
	case <-ctx.Done():
	case <-clk.After(settleAfter):
		debug.FreeOSMemory()
	}
}
