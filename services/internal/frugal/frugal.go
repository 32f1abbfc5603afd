// Package frugal keeps a process small that reads a large list into memory: what it was made from and what it becomes take a
// gigabyte together where there are a million records, and twice that is not there to be had everywhere. It is for lists of
// views, and decides nothing but when garbage is collected.
package frugal

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	// Many records make a list large.
	Many = 100_000
	// keptGCPercent is how much garbage there may be beside what is alive, of a process that holds a large list or goes through
	// one: it has few pointers, so that looking for garbage costs little.
	keptGCPercent = 30
	// listGCPercent is that while the list is read: what it came as, and what it becomes, are alive together. No round number,
	// so that it is nobody else's.
	listGCPercent = 11
	// settleAfter is how long after a large list its memory is given back once more: until then it may be in use, as by a copy
	// that is written to a disk.
	settleAfter = 20 * time.Second
)

// IsLarge says whether a list of so many records is worth the trouble.
func IsLarge(records int) bool { return records >= Many }

// List has the garbage collector work hardest while a large list is read, until the answer is called; and from then on hard
// enough for what has become of it. Lists may be read within one another.
func List() (end func()) {
	before := debug.SetGCPercent(listGCPercent)
	switch {
	case before < listGCPercent: // whoever started the process wants less still, or none at all
		debug.SetGCPercent(before)
		return func() {}
	case before == listGCPercent || before > keptGCPercent: // by another list, or as it was
		return func() { debug.SetGCPercent(keptGCPercent) }
	}
	return func() { debug.SetGCPercent(before) }
}

// Collect has the garbage collector work harder, until the answer is called. Of several at once the first one's counts, so
// that whatever was before comes back.
func Collect() (relax func()) {
	before := debug.SetGCPercent(keptGCPercent)
	if before > keptGCPercent {
		return func() { debug.SetGCPercent(before) }
	}
	debug.SetGCPercent(before) // it is so low already
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
