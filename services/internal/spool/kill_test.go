package spool_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/spool"
)

// childDir tells this test's own program to append to a spool until it is killed.
const childDir = "DAYSIDE_TEST_SPOOL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		appendUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// appendUntilKilled appends 0, 1, 2 ... from several goroutines' worth of lengths, and says each number once it is appended.
func appendUntilKilled(dir string) {
	cfg := config(dir)
	s, err := spool.Open(cfg)
	if err != nil {
		fmt.Println("cannot open:", err)
		os.Exit(1)
	}
	out := bufio.NewWriterSize(os.Stdout, 16)
	for i := 0; ; i++ {
		for {
			if _, err = s.Append(entry(i)); err == nil {
				break
			}
			<-clock.System{}.After(1e6)
		}
		_, _ = fmt.Fprintln(out, i)
	}
}

// A process that is killed in the middle of an append loses nothing that it had acknowledged, and leaves nothing that cannot
// be read.
func TestAKilledProcessLosesNothing(t *testing.T) {
	for round := range 6 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0])
			child.Env = append(os.Environ(), childDir+"="+dir)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			last, lines := -1, bufio.NewScanner(out)
			for at := rand.IntN(3000); last < at && lines.Scan(); {
				if last, err = strconv.Atoi(lines.Text()); err != nil {
					t.Fatal(lines.Text())
				}
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() { // what it said before the kill
				if n, err := strconv.Atoi(lines.Text()); err == nil {
					last = max(last, n)
				}
			}
			_ = child.Wait()
			got := drain(t, config(dir))
			if len(got) <= last {
				t.Fatalf("%d entries are left of %d acknowledged", len(got), last+1)
			}
			wantNumbers(t, got, 0, len(got))
		})
	}
}

// What a lost machine left of the last segment is anything: pages that were written, and pages that were not. Entries before
// the damage are whole, and nothing that was not appended is ever delivered.
func TestDamageCostsWhatComesBehindIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "spool") //nolint:usetesting // rapid has none that goes with each try
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		cfg := config(dir)
		cfg.SegmentBytes = 16 * page
		s, err := spool.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, 60).Draw(t, "entries")
		var ends []int
		at := 64
		for i := range n {
			if _, err := s.Append(entry(i)); err != nil {
				t.Fatal(err)
			}
			at += (8 + len(entry(i)) + 7) &^ 7
			ends = append(ends, at)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		b, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		from := rapid.IntRange(64, at-1).Draw(t, "damaged from")
		switch rapid.SampledFrom([]string{"cut", "zeros", "changed"}).Draw(t, "how") {
		case "cut":
			b = b[:from]
		case "zeros":
			clear(b[from:min(from+rapid.IntRange(1, page).Draw(t, "bytes"), len(b))])
		case "changed":
			b[from] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		}
		if err := os.WriteFile(names[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for whole < n && ends[whole] <= from {
			whole++
		}
		got := drainRapid(t, cfg)
		if len(got) < whole {
			t.Fatalf("%d entries, %d stood before the damage at %d", len(got), whole, from)
		}
		for i, text := range got {
			if text != string(entry(i)) {
				t.Fatalf("entry %d is %q", i, text)
			}
		}
	})
}

// drainRapid is drain within a property.
func drainRapid(t *rapid.T, cfg spool.Config) []string {
	s, err := spool.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var k sink
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Run(ctx, k.deliver) }()
	last := s.Stats().Pending
	for ; last > 0; last = s.Stats().Pending {
		<-clock.System{}.After(1e5)
	}
	cancel()
	<-ended
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return k.got()
}

// Anything can stand in the place of a segment: the spool opens, and goes on.
func TestStrangeFilesStopNothing(t *testing.T) {
	for what, b := range map[string][]byte{
		"nothing": {}, "zeros": make([]byte, 100), "no segment": []byte(strings.Repeat("DAYSPOOL", 20)), "short": []byte("DAY"),
	} {
		cfg := config(t.TempDir())
		for _, name := range []string{fmt.Sprintf("%016x.seg", 1), "other.seg"} {
			if err := os.WriteFile(filepath.Join(cfg.Dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(filepath.Join(cfg.Dir, fmt.Sprintf("%016x.seg", 2)), 0o700); err != nil { // cannot be read
			t.Fatal(err)
		}
		s := open(t, cfg)
		appendAll(t, s, 7, 8)
		closeSpool(t, s)
		if got := drain(t, cfg); len(got) != 1 || got[0] != string(entry(7)) {
			t.Errorf("%s: %d entries", what, len(got))
		}
	}
}
