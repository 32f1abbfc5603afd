package spool_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/daysidehq/dayside/services/internal/spool"
)

// segments are the files that a spool has, in order.
func segments(t *testing.T, dir string) (names []string, files []os.FileInfo) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, info)
	}
	return names, files
}

// A process that is started again makes no segments that the one before made and wrote nothing into.
func TestSegmentsMadeAheadAreTakenUp(t *testing.T) {
	dir := t.TempDir()
	s := stepped(t, dir)
	s.Tend()
	if _, err := s.Append([]byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := s.Abandon(); err != nil {
		t.Fatal(err)
	}
	_, before := segments(t, dir)
	s = stepped(t, dir)
	s.Tend()
	if _, err := s.Append([]byte("second")); err != nil {
		t.Fatal(err)
	}
	names, after := segments(t, dir)
	for i := range before {
		if !os.SameFile(before[i], after[i]) {
			t.Errorf("%s was made anew", names[i])
		}
	}
	if got := delivered(t, s); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("delivered: %q", got)
	}
	sum := int64(0)
	s.Tend()
	for _, info := range after[1:] { // the first one is delivered
		sum += info.Size()
	}
	if got := s.Stats().Bytes; got != sum {
		t.Errorf("it says it takes %d bytes, and takes %d", got, sum)
	}
}

// A spare that has a lower number than a segment with entries would be written after it, and delivered before it.
func TestASpareBeforeOlderEntriesIsNotTakenUp(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for i, d := range []string{dir, other} {
		s := stepped(t, d)
		s.Tend()
		for range i { // two long ones are more than a segment holds
			for range 2 {
				if _, err := s.Append(make([]byte, 2048)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Abandon(); err != nil {
			t.Fatal(err)
		}
	}
	names, before := segments(t, dir)
	written, err := os.ReadFile(filepath.Join(other, filepath.Base(names[1])))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(names[1], written, 0o600); err != nil {
		t.Fatal(err)
	}
	s := stepped(t, dir)
	if _, err := s.Append([]byte("later")); err != nil {
		t.Fatal(err)
	}
	_, after := segments(t, dir)
	if slices.ContainsFunc(after, func(f os.FileInfo) bool { return os.SameFile(f, before[0]) }) {
		t.Error("it was taken up")
	}
	if got := delivered(t, s); len(got) != 2 || got[1] != "later" {
		t.Errorf("delivered: %q", got)
	}
}

// delivered is what the spool hands over.
func delivered(t *testing.T, s *spool.Spool) (got []string) {
	t.Helper()
	for {
		n, err := s.DeliverOnce(t.Context(), func(_ context.Context, entries [][]byte) error {
			for _, e := range entries {
				got = append(got, string(e))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return got
		}
	}
}

// What was written into, or is of another size, is no spare.
func TestWhatIsNoSpareIsNotTakenUp(t *testing.T) {
	for what, spoil := range map[string]func(t *testing.T, names []string){
		"written into": func(t *testing.T, names []string) { overwrite(t, names[1], 1000, "x") },
		"shorter": func(t *testing.T, names []string) {
			if err := os.Truncate(names[1], 2048); err != nil {
				t.Fatal(err)
			}
		},
		"of another number": func(t *testing.T, names []string) {
			if err := os.Rename(names[1], filepath.Join(filepath.Dir(names[1]), "1f.seg")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := stepped(t, dir)
			s.Tend()
			if _, err := s.Append([]byte("first")); err != nil {
				t.Fatal(err)
			}
			if err := s.Abandon(); err != nil {
				t.Fatal(err)
			}
			names, before := segments(t, dir)
			if len(names) != 4 {
				t.Fatalf("%d segments", len(names))
			}
			spoil(t, names)
			s = stepped(t, dir)
			if _, err := s.Append([]byte("second")); err != nil {
				t.Fatal(err)
			}
			_, after := segments(t, dir)
			if slices.ContainsFunc(after, func(f os.FileInfo) bool { return os.SameFile(f, before[1]) }) {
				t.Error("it was taken up")
			}
		})
	}
}

func overwrite(t *testing.T, name string, at int64, with string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(with), at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
