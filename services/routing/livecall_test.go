package routing_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
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

func TestAThousandGateways(t *testing.T) {
	h := liveHouse(t)
	h.leaseless = true
	began := time.Now() //nolint:forbidigo // a figure for the log
	wires := map[string]wire{}
	for i := range 1000 {
		id := fmt.Sprintf("sbc-%d", i)
		wires[id] = h.dial(t, id)
		wires[id].carries(t, map[string]int32{"sites/dublin": 2})
	}
	known := func() (gateways int, calls int32) {
		state := h.liveState(t)
		if len(state.GetSites()) == 0 {
			return 0, 0
		}
		return len(state.GetGateways()), state.GetSites()[0].GetActiveCalls()
	}
	gateways, calls := 0, int32(0)
	defer func() { t.Logf("at last %d gateways carry %d calls", gateways, calls) }()
	await.True(t, "a thousand gateways", func() bool {
		h.clock.Advance(time.Second)
		gateways, calls = known()
		return gateways == 1000 && calls == 2000
	})
	t.Logf("a thousand gateways are known after %v", time.Since(began)) //nolint:forbidigo // a figure for the log
	wantReason(t, h.dial(t, "one-too-many").end(t), rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	// A call is answered all the same, and one gateway can make room for another.
	if r := h.route(t, "+61255500100", "+13035550100"); len(r.GetForward().GetTargets()) == 0 {
		t.Errorf("a call beside a thousand streams: %v", r)
	}
	for _, id := range slices.Sorted(maps.Keys(wires))[:500] {
		wires[id].hangUp()
	}
	await.True(t, "half of them to go", func() bool {
		h.clock.Advance(time.Second)
		gateways, calls = known()
		return gateways == 500 && calls == 1000
	})
	h.dial(t, "one-too-many")
	await.True(t, "room for another", func() bool { gateways, _ := known(); return gateways == 501 })
}
