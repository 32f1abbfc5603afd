package checker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/systemtest/internal/checker"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// honest is a system that does everything right: writes stand at the revision they are given, some of which nobody is told;
// each process is behind by less than a second, and says so; and its first target is an open site wherever there is one.
type honest struct {
	events []history.Event
	// states are the sites that are shut, by revision from 1.
	states []map[string]bool
	at     []time.Duration
}

func makeHonest(t *rapid.T) honest {
	sites := []string{"sites/a", "sites/b", "sites/c"}
	h := honest{
		events: []history.Event{{Run: &history.Run{Sites: sites, Routing: []string{"one", "two"}}}},
		states: []map[string]bool{{}, {}}, at: []time.Duration{0, 0},
	}
	now := time.Second
	most := rapid.IntRange(1, 20).Draw(t, "changes")
	for n := range most {
		site := rapid.SampledFrom(sites).Draw(t, "site")
		last := h.states[len(h.states)-1]
		next := map[string]bool{}
		for k, v := range last {
			next[k] = v
		}
		next[site] = !last[site]
		begin := now + time.Duration(rapid.IntRange(1, 2000).Draw(t, "gap"))*time.Millisecond
		took := time.Duration(rapid.IntRange(1, 100).Draw(t, "took")) * time.Millisecond
		c := &history.Change{
			Switch: "closed/" + site, Site: site, Begin: begin, End: begin + took, On: next[site], Outcome: history.Done, Revision: int64(len(h.states)),
		}
		h.states, h.at = append(h.states, next), append(h.at, begin+took/2)
		if n < most-1 && rapid.Bool().Draw(t, "revision not told") {
			c.Revision = 0
		}
		h.events = append(h.events, history.Event{Change: c})
		now = c.End
	}
	for n, begin := range slices.Sorted(slices.Values(rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(now/time.Millisecond)+3000),
		func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }), 1, 50).Draw(t, "calls"))) {
		h.call(t, fmt.Sprint("c-", n), begin, sites)
	}
	for _, site := range sites {
		h.events = append(h.events, history.Event{Change: &history.Change{
			Switch: "closed/" + site, On: h.states[len(h.states)-1][site], Outcome: history.Done, Final: true, Begin: now, End: now,
		}})
	}
	return h
}

// call is answered by a process with a view of some state of the last second.
func (h *honest) call(t *rapid.T, id string, begin time.Duration, sites []string) {
	behind := time.Duration(rapid.IntRange(0, 900).Draw(t, "behind")) * time.Millisecond
	revision := 1
	for revision+1 < len(h.at) && h.at[revision+1] <= begin-behind {
		revision++
	}
	// A process never goes back.
	for _, e := range h.events {
		if e.Call != nil && e.Call.End <= begin {
			revision = max(revision, int(e.Call.Revision))
		}
	}
	c := &history.Call{
		ID: id, Asked: history.Route, Over: "grpc", Begin: begin, End: begin + time.Millisecond, Tries: []string{"one"}, Life: 1,
		Step: "forward", StepNumber: 1, Revision: int64(revision), Age: behind,
	}
	for _, s := range sites {
		if !h.states[revision][s] {
			c.Targets = append(c.Targets, history.Target{Site: s})
		}
	}
	c.Targets = append(c.Targets, history.Target{LastResort: true})
	h.events = append(h.events, history.Event{Call: c}, history.Event{Kept: &history.Kept{ID: id, Found: true, Steps: []int32{1}}})
}

func TestAnHonestSystemIsNeverAccused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, v := range checker.Check(makeHonest(t).events, checker.DefaultLimits()).Violations {
			// What this model heard is made by chance for each answer, so that it may go back.
			if !strings.Contains(v.What, "later than that") {
				t.Error(v)
			}
		}
	})
}

// TestALateViewIsFound: an answer of a state that is older than its age and a second more allow is found, whenever it comes.
func TestALateViewIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := makeHonest(t)
		last := h.events[len(h.events)-1].Change.End
		stale := &history.Call{
			ID: "stale", Asked: history.Probe, Over: "grpc", Begin: last + 10*time.Second, End: last + 11*time.Second, Tries: []string{"two"},
			Life: 1, Step: "forward", StepNumber: 1, Revision: 1, Age: time.Duration(rapid.IntRange(0, 5000).Draw(t, "age")) * time.Millisecond,
			Targets: []history.Target{{Site: "sites/a"}, {LastResort: true}},
		}
		found := false
		for _, v := range checker.Check(append(h.events, history.Event{Call: stale}), checker.DefaultLimits()).Violations {
			found = found || v.Rule == checker.TrueAge || v.Rule == checker.InForce
		}
		if !found {
			t.Error("not found")
		}
	})
}
