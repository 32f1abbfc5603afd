// Package await is for tests: it waits for a condition, never for a time. It is not for the product.
package await

import (
	"os"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	// Limit is how long a test waits before it fails: a guard against waiting for ever, and no promise of speed, since machines
	// are shared.
	Limit = 2 * time.Minute
	// poll is how often the condition is looked at.
	poll = time.Millisecond
)

// True waits until cond holds, and fails the test with what was waited for where it does not within Limit.
func True(t testing.TB, what string, cond func() bool) {
	t.Helper()
	var clk clock.System
	deadline := clk.Now().Add(Limit)
	for !cond() {
		if clk.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", Limit, what)
		}
		<-clk.After(poll)
	}
}

// Copy is a copy of a directory as a process leaves it that is killed now. Whoever works in it may remove a file meanwhile:
// then it is copied anew.
func Copy(t testing.TB, dir string) string {
	t.Helper()
	var to string
	True(t, dir+" to hold still while it is copied", func() bool {
		to = t.TempDir()
		return os.CopyFS(to, os.DirFS(dir)) == nil
	})
	return to
}

// Receive is the next value of ch.
func Receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-clock.System{}.After(Limit):
		t.Fatalf("waited %s in vain: %s", Limit, what)
		panic("unreachable")
	}
}
