package clock_test

import (
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

func TestManualFiresWhatIsDueAndNothingElse(t *testing.T) {
	start := time.Date(2026, 3, 29, 0, 59, 0, 0, time.UTC)
	c := clock.NewManual(start)
	early, late := c.After(time.Minute), c.After(time.Hour)
	c.Advance(time.Minute)
	select {
	case at := <-early:
		if !at.Equal(start.Add(time.Minute)) {
			t.Fatalf("fired at %v", at)
		}
	default:
		t.Fatal("a due timer did not fire")
	}
	select {
	case <-late:
		t.Fatal("a timer fired before its time")
	default:
	}
	c.Set(start.Add(2 * time.Hour))
	<-late
}

func TestSkewedMovesTheReadingOnly(t *testing.T) {
	base := clock.NewManual(time.Unix(1000, 0))
	s := clock.Skewed{Base: base, Offset: -3 * time.Second}
	if got := s.Now().Unix(); got != 997 {
		t.Fatalf("skewed reading %d, want 997", got)
	}
	ch := s.After(time.Second)
	base.Advance(time.Second)
	<-ch
}
