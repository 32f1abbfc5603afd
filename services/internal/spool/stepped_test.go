package spool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/spool"
)

func stepped(t *testing.T, dir string) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{
		Dir: dir, MaxBytes: 64 << 10, SegmentBytes: 4 << 10, Stepped: true, Clock: clock.NewManual(time.Unix(1, 0)),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A simulation does what the goroutines do otherwise: nothing is lost through a killed process, all arrives in order, what
// a ledger took without saying so comes twice, and the disk is given back.
func TestASteppedSpoolDoesNothingByItself(t *testing.T) {
	dir := t.TempDir()
	s := stepped(t, dir)
	s.Tend()
	var want, got []string
	for i := range 200 {
		entry := fmt.Sprintf("entry %d of some length", i)
		if _, err := s.Append([]byte(entry)); err != nil {
			t.Fatal(err)
		}
		want = append(want, entry)
	}
	if err := s.Abandon(); err != nil {
		t.Fatal(err)
	}
	s = stepped(t, dir)
	away := true
	deliver := func(_ context.Context, entries [][]byte) error {
		if away {
			return errors.New("away")
		}
		for _, e := range entries {
			got = append(got, string(e))
		}
		return nil
	}
	if n, err := s.DeliverOnce(t.Context(), deliver); n != 0 || err == nil {
		t.Fatalf("%d delivered to nobody, %v", n, err)
	}
	for away = false; ; {
		n, err := s.DeliverOnce(t.Context(), deliver)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	s.Tend()
	if !slices.Equal(got, want) {
		t.Fatalf("%d arrived of %d, or in another order", len(got), len(want))
	}
	if st := s.Stats(); st.Pending != 0 || st.Bytes > 4*4<<10 {
		t.Fatalf("%d pending, %d bytes on disk", st.Pending, st.Bytes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestASpoolThatWorksByItselfIsNotStepped(t *testing.T) {
	s, err := spool.Open(spool.Config{
		Dir: t.TempDir(), Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), MaxBytes: 64 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	s.Tend() // the spool's own goroutine does that
	if _, err := s.DeliverOnce(t.Context(), nil); err == nil {
		t.Error("it delivered by a step")
	}
	if s.Abandon() == nil {
		t.Error("it was abandoned")
	}
}
