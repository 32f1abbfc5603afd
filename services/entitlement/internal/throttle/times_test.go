package throttle_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/throttle"
)

// TestAddLetsSoManyInOfAnyWindow: whatever comes when, and waits as it is told.
func TestAddLetsSoManyInOfAnyWindow(t *testing.T) {
	const most, window = 3, 15 * time.Minute
	rapid.Check(t, func(t *rapid.T) {
		now := start()
		var kept, done []time.Time
		for range rapid.IntRange(1, 40).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			before := slices.Clone(kept)
			next, wait := throttle.Add(kept, now, most, window)
			if !slices.Equal(before, kept) {
				t.Fatal("what was given is changed")
			}
			if wait > 0 {
				if _, again := throttle.Add(kept, now.Add(wait), most, window); again > 0 || wait > window {
					t.Fatalf("after a wait of %v there is another one of %v", wait, again)
				}
				continue
			}
			kept, done = next, append(done, now)
		}
		for i := most; i < len(done); i++ {
			if done[i].Sub(done[i-most]) < window {
				t.Fatalf("%d within %v", most+1, done[i].Sub(done[i-most]))
			}
		}
	})
}

func TestAddPassesOverWhatIsLongAgo(t *testing.T) {
	now := start()
	old := []time.Time{now.Add(-time.Hour), now.Add(-15 * time.Minute), now.Add(-time.Minute)}
	kept, wait := throttle.Add(old, now, 2, 15*time.Minute)
	if wait != 0 || !slices.Equal(kept, []time.Time{now.Add(-time.Minute), now}) {
		t.Errorf("kept %v, wait %v", kept, wait)
	}
}
