//go:build race

package simulation

import "testing"

// unseenByRace skips what one goroutine does alone, for minutes: the race detector finds nothing in it.
func unseenByRace(t testing.TB) {
	t.Helper()
	t.Skip("SKIP: a simulation is one goroutine, in which there are no races")
}
