package spool_test

import (
	"log/slog"
	"testing"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/spool"
)

// BenchmarkAppend is what a record costs the call that leaves it: a decision's is some 400 bytes.
func BenchmarkAppend(b *testing.B) {
	for _, parallel := range []bool{false, true} {
		name := "alone"
		if parallel {
			name = "parallel"
		}
		b.Run(name, func(b *testing.B) {
			s, err := spool.Open(spool.Config{
				Dir: b.TempDir(), MaxBytes: 8 << 30, SegmentBytes: 512 << 20, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				b.Fatal(err)
			}
			entry := make([]byte, 400)
			b.ReportAllocs()
			b.ResetTimer()
			if parallel {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						_, _ = s.Append(entry)
					}
				})
			} else {
				for range b.N {
					_, _ = s.Append(entry)
				}
			}
			b.StopTimer()
			if st := s.Stats(); st.Dropped > 0 {
				b.Fatalf("dropped %d of %d: measure fewer", st.Dropped, b.N)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkOpen is what a process waits for at its start.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		s, err := spool.Open(spool.Config{Dir: b.TempDir(), Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkSync is what a report waits for its record to be on disk.
func BenchmarkSync(b *testing.B) {
	s, err := spool.Open(spool.Config{Dir: b.TempDir(), Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	entry := make([]byte, 400)
	for b.Loop() {
		at, err := s.Append(entry)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Sync(b.Context(), at); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
