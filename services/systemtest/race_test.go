//go:build race

package systemtest

import "testing"

// unseenByRace skips what runs Dayside as programs of their own: they are built without the race detector, so a second run
// would say nothing that the first did not. What runs within the test's own process is what it is for.
func unseenByRace(t testing.TB) {
	t.Helper()
	t.Skip("SKIP: programs of their own are the same under the race detector")
}
