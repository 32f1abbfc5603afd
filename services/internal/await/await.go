// Package await is for tests: it waits for a condition, never for a time.
package await

import (
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
