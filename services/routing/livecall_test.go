package routing_test

import (
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
)

// TestATargetThatTwoCallsCouldNotReachIsBehindForTheNext: known-bad targets are not rung first for ever, nor kept behind for
// ever; one call that fails says nothing yet, however often its gateway tells of it.
func TestATargetThatTwoCallsCouldNotReachIsBehindForTheNext(t *testing.T) {
	h := staffed(t)
	const first, second = "lines/gold sydney.1 dublin.1 last-resort", "lines/gold dublin.1 sydney.1 last-resort"
	next := func(id string) string { return step(h.gateway(id, "+61255500100", acmeANI).begins(t)) }
	cannotReach := func(id string) {
		t.Helper()
		g := h.gateway(id, "+61255500100", acmeANI)
		g.begins(t)
		route := g.last
		for range 3 { // the gateway heard no answer, and tells it again
			g.last = route
			if got := step(g.goesOn(t, tried("sydney.1=UNREACHABLE"))); got != "lines/gold dublin.1 last-resort" {
				t.Errorf("the call itself goes on to %s", got)
			}
		}
		h.clock.Advance(100 * time.Millisecond)
	}
	cannotReach("1")
	for range 5 {
		h.clock.Advance(time.Second)
	}
	if got := next("2"); got != first {
		t.Errorf("behind one call that failed: %s", got)
	}
	cannotReach("3")
	await.True(t, "the target to be behind", func() bool {
		h.clock.Advance(20 * time.Millisecond)
		return next("4") == second
	})
	if got := h.liveText(t); got != "sip:support@sydney.example.com unreachable by test-1" {
		t.Errorf("live state: %s", got)
	}
	// A gateway comes, is asked to find out, and finds it well.
	w := h.dial(t, "sbc-1")
	if probe := w.probe(t, h); probe.GetTarget().GetSipUri() != "sip:support@sydney.example.com" {
		t.Fatalf("asked for %v", probe)
	}
	w.reaches(t, sipTarget("sip:support@sydney.example.com"), true, h.clock.Now())
	await.True(t, "the target to be back", func() bool {
		h.clock.Advance(20 * time.Millisecond)
		return next("5") == first
	})
}
