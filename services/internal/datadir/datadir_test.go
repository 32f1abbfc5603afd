package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/daysidehq/dayside/services/internal/datadir"
)

func TestADirectoryIsOneProcessesAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	unlock, err := datadir.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	for _, lock := range []func(string) (func(), error){datadir.Lock, datadir.LockUnfinished} {
		if _, err := lock(dir); !errors.Is(err, datadir.ErrInUse) {
			t.Errorf("taken twice: %v", err)
		}
	}
	unlock()
	if unlock, err = datadir.Lock(dir); err != nil {
		t.Fatalf("it was given back: %v", err)
	}
	unlock()
}

func TestNobodyServesWhatARestoreLeftHalfDone(t *testing.T) {
	dir := t.TempDir()
	if err := datadir.Mark(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Lock(dir); !errors.Is(err, datadir.ErrUnfinished) {
		t.Errorf("a half of a restore is served: %v", err)
	}
	unlock, err := datadir.LockUnfinished(dir)
	if err != nil {
		t.Fatalf("the restore cannot be done again: %v", err)
	}
	unlock()
	for range 2 {
		if err := datadir.Unmark(dir); err != nil {
			t.Fatal(err)
		}
	}
	if unlock, err = datadir.Lock(dir); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestADirectoryThatCannotBeMadeSaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Lock(filepath.Join(file, "below")); err == nil || errors.Is(err, datadir.ErrInUse) {
		t.Errorf("%v", err)
	}
}
