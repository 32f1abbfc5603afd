//go:build race

package simulation

import "testing"

// unseenByRace skips what one goroutine does for minutes. What several of them share is seen by the race detector in
// TestTwoBesideEachOtherAreAsOneAlone.
func unseenByRace(t testing.TB) {
	t.Helper()
	t.Skip("SKIP: one goroutine for minutes; TestTwoBesideEachOtherAreAsOneAlone looks for races")
}
