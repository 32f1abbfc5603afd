package reach_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/routing/internal/reach"
)

const dublin = "sip:support@dublin.example.com"

// at is an instant, seconds after some midnight.
func at(s float64) time.Time {
	return time.Unix(1795305600, 0).UTC().Add(time.Duration(s * float64(time.Second)))
}

// told is one thing that a tracker hears of.
type told struct {
	at   float64
	what string // fail, ok, probe ok, probe fail, tick
}

func play(t *reach.Tracker, story []told) (changes []float64) {
	for _, s := range story {
		var changed bool
		switch s.what {
		case "fail":
			changed = t.Failed(dublin, at(s.at))
		case "ok":
			changed = t.Succeeded(dublin, at(s.at))
		case "probe ok":
			changed = t.Probed(dublin, true, at(s.at))
		case "probe fail":
			changed = t.Probed(dublin, false, at(s.at))
		case "tick":
			changed = t.Tick(at(s.at))
		default:
			panic(s.what)
		}
		if changed {
			changes = append(changes, s.at)
		}
	}
	return changes
}

func TestWhenATargetIsSetBehindAndWhenItIsBack(t *testing.T) {
	for name, c := range map[string]struct {
		story []told
		down  bool
		// changes are when what is unreachable changed.
		changes []float64
	}{
		"one failure is an accident":       {[]told{{0, "fail"}}, false, nil},
		"two set it behind":                {[]told{{0, "fail"}, {5, "fail"}}, true, []float64{5}},
		"a success between them does not":  {[]told{{0, "fail"}, {2, "ok"}, {5, "fail"}}, false, nil},
		"one failure told twice is one":    {[]told{{3, "fail"}, {3, "fail"}}, false, nil},
		"an older failure told later too":  {[]told{{3, "fail"}, {1, "fail"}}, false, nil},
		"two a minute apart are accidents": {[]told{{0, "fail"}, {61, "fail"}}, false, nil},
		"the third one soon after is not":  {[]told{{0, "fail"}, {61, "fail"}, {70, "fail"}}, true, []float64{70}},
		"one success does not bring it back": {
			[]told{{0, "fail"}, {5, "fail"}, {6, "ok"}, {15, "tick"}}, true, []float64{5},
		},
		"ten seconds of success do": {
			[]told{{0, "fail"}, {5, "fail"}, {6, "ok"}, {8, "ok"}, {16, "ok"}}, false, []float64{5, 16},
		},
		"ten seconds without a failure behind a success do": {
			[]told{{0, "fail"}, {5, "fail"}, {6, "ok"}, {16, "tick"}}, false, []float64{5, 16},
		},
		"a failure among them begins anew": {
			[]told{{0, "fail"}, {5, "fail"}, {6, "ok"}, {14, "fail"}, {16, "tick"}, {17, "ok"}, {20, "tick"}}, true, []float64{5},
		},
		"a success before the last failure, told late, does not count": {
			[]told{{0, "fail"}, {5, "fail"}, {4, "ok"}, {15, "tick"}}, true, []float64{5},
		},
		"a failure before the success, told late, does not either": {
			[]told{{0, "fail"}, {5, "fail"}, {7, "ok"}, {6, "fail"}, {17, "tick"}}, false, []float64{5, 17},
		},
		"a probe brings it back at once": {[]told{{0, "fail"}, {5, "fail"}, {6, "probe ok"}}, false, []float64{5, 6}},
		"a probe is the second failure":  {[]told{{0, "fail"}, {1, "probe fail"}}, true, []float64{1}},
		"a minute of silence does too":   {[]told{{0, "fail"}, {5, "fail"}, {64, "tick"}, {65, "tick"}}, false, []float64{5, 65}},
		"probes that fail keep it behind": {
			[]told{{0, "fail"}, {5, "fail"}, {35, "probe fail"}, {65, "probe fail"}, {95, "probe fail"}, {100, "tick"}}, true,
			[]float64{5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := reach.New()
			changes := play(tracker, c.story)
			if _, down := tracker.Unreachable()[dublin]; down != c.down || tracker.Down() != len(tracker.Unreachable()) {
				t.Errorf("unreachable: %v, want %v", down, c.down)
			}
			if fmt.Sprint(changes) != fmt.Sprint(c.changes) {
				t.Errorf("changed at %v, want %v", changes, c.changes)
			}
		})
	}
}

func TestAnObserverWithAJudgementOfItsOwnNeedsNoSecondFailure(t *testing.T) {
	tracker := reach.New()
	if tracker.FailedSince(dublin, at(1), at(5)) {
		t.Error("four seconds of failure are one failure")
	}
	if !tracker.FailedSince(dublin, at(1), at(11)) || tracker.Unreachable()[dublin] != at(5).Unix() {
		t.Errorf("a second one: %v", tracker.Unreachable())
	}
	other := reach.New()
	if !other.FailedSince(dublin, at(1), at(11)) || other.Unreachable()[dublin] != at(1).Unix() {
		t.Errorf("ten seconds of failure: %v", other.Unreachable())
	}
}

func TestProbesAreDueAtOnceAndThenNowAndAgain(t *testing.T) {
	tracker := reach.New()
	for i := range 5 {
		tracker.Failed(fmt.Sprintf("sip:%d@example.com", i), at(0))
	}
	due := func(s float64) int { return len(tracker.Due(at(s), 30*time.Second, 3)) }
	if got := []int{due(1), due(1), due(1), due(30.5), due(31), due(31)}; fmt.Sprint(got) != "[3 2 0 0 3 2]" {
		t.Errorf("probes due: %v", got)
	}
}

func TestAFullTrackerForgetsAccidentsFirstAndGrowsNoMore(t *testing.T) {
	tracker := reach.New()
	name := func(i int) string { return fmt.Sprintf("sip:%d@example.com", i) }
	for i := range reach.MaxTargets - 1 {
		tracker.Failed(name(i), at(0))
		tracker.Failed(name(i), at(1))
	}
	tracker.Failed(dublin, at(2))
	tracker.Failed(name(-1), at(3))
	if tracker.Has(dublin) || !tracker.Has(name(-1)) {
		t.Error("the one that failed once, longest ago, makes room")
	}
	if !tracker.Failed(name(-1), at(4)) || tracker.Failed(dublin, at(5)) || tracker.Has(dublin) || tracker.Len() != reach.MaxTargets {
		t.Errorf("one more than it holds: %d", tracker.Len())
	}
	if !tracker.Tick(at(100)) || tracker.Len() != 0 || tracker.Down() != 0 || tracker.Unreachable() != nil {
		t.Errorf("a minute later it knows %d, %d unreachable", tracker.Len(), tracker.Down())
	}
}

// TestWhateverIsToldTheTrackerIsSlowToJudgeAndForgets: whatever it hears of, in whatever order, no target is unreachable
// without two failures of its own, none outlasts a minute of silence, and the counts are right.
func TestWhateverIsToldTheTrackerIsSlowToJudgeAndForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tracker := reach.New()
		failures := map[string]map[float64]bool{}
		latest := 0.0
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			name := fmt.Sprintf("sip:%d@example.com", rapid.IntRange(0, 3).Draw(t, "target"))
			when := float64(rapid.IntRange(0, 200).Draw(t, "at"))
			latest = math.Max(latest, when)
			fails := rapid.Bool().Draw(t, "fails")
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				tracker.Tick(at(when))
				continue
			case 1:
				tracker.Probed(name, !fails, at(when))
			default:
				if fails {
					tracker.Failed(name, at(when))
				} else {
					tracker.Succeeded(name, at(when))
				}
			}
			if fails {
				if failures[name] == nil {
					failures[name] = map[float64]bool{}
				}
				failures[name][when] = true
			}
			for down := range tracker.Unreachable() {
				if len(failures[down]) < reach.FailuresToUnreachable {
					t.Fatalf("%s is unreachable after %v", down, failures[down])
				}
			}
			if tracker.Down() != len(tracker.Unreachable()) || tracker.Down() > tracker.Len() {
				t.Fatalf("%d are unreachable of %d, and %d are told", tracker.Down(), tracker.Len(), len(tracker.Unreachable()))
			}
		}
		tracker.Tick(at(latest + reach.ForgetAfter.Seconds()))
		if tracker.Len() != 0 {
			t.Fatalf("after a minute of silence: %v", tracker.Unreachable())
		}
	})
}
