package frugal_test

import (
	"runtime/debug"
	"testing"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/frugal"
)

// percent is what is in force.
func percent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// TestWhatWasBeforeComesBack: however lists overlap, and never with more garbage than whoever started the process wants.
func TestWhatWasBeforeComesBack(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, before := range []int{100, 400, 30, 10, -1} {
		debug.SetGCPercent(before)
		first := frugal.Collect()
		during := percent()
		second := frugal.Collect()
		first()
		second()
		if got := percent(); got != before {
			t.Errorf("%d has become %d", before, got)
		}
		if want := min(before, 30); during != want {
			t.Errorf("of %d it was %d meanwhile, want %d", before, during, want)
		}
	}
}

func TestWhatIsLarge(t *testing.T) {
	many := make([]coord.Event, 100_000)
	for _, c := range []struct {
		b    coord.Batch
		want bool
	}{
		{coord.Batch{Reset: true, Events: many}, true}, {coord.Batch{Events: many}, false},
		{coord.Batch{Reset: true, Events: many[1:]}, false}, {coord.Batch{Reset: true}, false},
	} {
		if got := frugal.IsLarge(c.b); got != c.want {
			t.Errorf("a list of %d (%v): %v", len(c.b.Events), c.b.Reset, got)
		}
	}
}
