package spool

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// broken cannot be synced.
type broken struct{ memory }

func (broken) sync(int64, int64) error { return errors.New("input/output error") }

// A disk that failed to sync once is never believed again: those who waited are told, and what comes next stands elsewhere.
func TestASyncThatFailsIsTold(t *testing.T) {
	s, err := Open(Config{
		Dir: t.TempDir(), SegmentBytes: 16 << 10, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	first := s.active
	first.memory = broken{first.memory}
	s.mu.Unlock()
	if _, err := s.Append([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context()); !errors.Is(err, ErrFailed) {
		t.Errorf("the first sync: %v", err)
	}
	at, err := s.Append([]byte("two"))
	if err != nil {
		t.Fatal(err)
	}
	if at.segment == first.number {
		t.Error("the spool goes on in the file that cannot be synced")
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Errorf("the next sync: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
