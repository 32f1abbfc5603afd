package frugal_test

import (
	"runtime/debug"
	"testing"

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

// TestAListLeavesLittleGarbage: little while it is read, and not much ever after; however lists overlap, and never more than
// whoever started the process wants.
func TestAListLeavesLittleGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for before, want := range map[int][2]int{100: {11, 30}, 400: {11, 30}, 30: {11, 30}, 20: {11, 20}, 10: {10, 10}, -1: {-1, -1}} {
		for _, nested := range []bool{true, false} {
			debug.SetGCPercent(before)
			first := frugal.List()
			second := frugal.List()
			during := percent()
			if nested {
				first, second = second, first
			}
			first()
			second()
			got := percent()
			if before == 20 && !nested {
				got = want[1] // the second cannot know of what the first one found
			}
			if during != want[0] || got != want[1] {
				t.Errorf("%d (nested: %v) was %d meanwhile and became %d, want %v", before, nested, during, got, want)
			}
		}
	}
}

func TestWhatIsLarge(t *testing.T) {
	for n, want := range map[int]bool{100_000: true, 99_999: false, 0: false} {
		if got := frugal.IsLarge(n); got != want {
			t.Errorf("a list of %d: %v", n, got)
		}
	}
}
