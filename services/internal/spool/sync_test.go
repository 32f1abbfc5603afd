package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
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
	one, err := s.Append([]byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context(), one); !errors.Is(err, ErrFailed) {
		t.Errorf("the first sync: %v", err)
	}
	at, err := s.Append([]byte("two"))
	if err != nil {
		t.Fatal(err)
	}
	if at.segment == first.number {
		t.Error("the spool goes on in the file that cannot be synced")
	}
	if err := s.Sync(t.Context(), at); err != nil {
		t.Errorf("the next sync: %v", err)
	}
	if err := s.Sync(t.Context(), one); !errors.Is(err, ErrFailed) {
		t.Errorf("of the first entry, asked once more: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The sync of every 100 ms may have an entry before anybody waits for it: that it failed is told all the same.
func TestASyncThatFailedBeforeAnybodyWaitedIsTold(t *testing.T) {
	s, err := Open(Config{
		Dir: t.TempDir(), SegmentBytes: 16 << 10, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.active.memory = broken{s.active.memory}
	s.mu.Unlock()
	at, err := s.Append([]byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	await.True(t, "the spool to go on in another file", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.active != nil && s.active.number != at.segment
	})
	if err := s.Sync(t.Context(), at); !errors.Is(err, ErrFailed) {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What is known to be wrong is a place and no more, and the memory of it is bounded.
func TestFlaws(t *testing.T) {
	var f flaws
	f.add(flaw{7, 64, 128, ErrRefused})
	for at, want := range map[Mark]error{
		{7, 64}: nil, {7, 65}: ErrRefused, {7, 128}: ErrRefused, {7, 129}: nil, {6, 100}: nil, {8, 100}: nil,
	} {
		if err := f.of(at); !errors.Is(err, want) {
			t.Errorf("%v: %v, not %v", at, err, want)
		}
	}
	for i := range 2 * maxFlaws {
		f.add(flaw{uint64(100 + i), 0, 1, ErrFailed})
	}
	if len(f) != maxFlaws || f.of(Mark{7, 128}) != nil || f.of(Mark{uint64(99 + 2*maxFlaws), 1}) == nil {
		t.Errorf("%d are kept", len(f))
	}
}

// FuzzScan reads any bytes as a segment: what it finds are whole entries, and cutting the rest off changes nothing.
func FuzzScan(f *testing.F) {
	whole := make([]byte, headerBytes, 4096)
	copy(whole, magic)
	binary.LittleEndian.PutUint64(whole[8:], version)
	binary.LittleEndian.PutUint64(whole[16:], 7)
	for _, text := range []string{"one", "another", "the third of them"} {
		b := make([]byte, padded(len(text)))
		copy(b[entryHead:], text)
		sum := mix(crc32.Checksum([]byte(text), castagnoli()), 7, len(text))
		binary.LittleEndian.PutUint64(b, uint64(len(text))|uint64(sum)<<32)
		whole = append(whole, b...)
	}
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), make([]byte, 100)...))
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:headerBytes])
	f.Add([]byte{})
	if s, err := scan(whole); err != nil || s.entries != 3 || s.end != int64(len(whole)) || s.torn {
		f.Fatalf("%+v, %v", s, err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := scan(b)
		if err != nil || s.blank {
			return
		}
		if s.end > int64(len(b)) || s.end < headerBytes || s.delivered > s.end || s.delivered < headerBytes {
			t.Fatalf("%+v of %d bytes", s, len(b))
		}
		cut, err := scan(b[:s.end])
		if cut.torn || err != nil || cut.end != s.end || cut.entries != s.entries {
			t.Fatalf("%+v, and cut %+v, %v", s, cut, err)
		}
		n := uint64(0)
		for at := s.delivered; at < s.end; n++ {
			_, takes, ok := entryAt(b[at:], s.number)
			if !ok {
				t.Fatalf("no entry at %d", at)
			}
			at += takes
		}
		if n != s.entries {
			t.Fatalf("%d entries, said %d", n, s.entries)
		}
	})
}
