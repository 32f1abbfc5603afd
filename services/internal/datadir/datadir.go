// Package datadir takes a process's data directory for one process at a time, and marks it while a restore has moved some of
// it and not yet the rest: such a directory is neither the earlier truth nor the later one, and nobody may serve it.
//
// It knows nothing of what is in the directory.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	lockFile = "lock"
	markFile = "restore-unfinished"
)

// ErrInUse says that another process has the directory.
var ErrInUse = errors.New("the data directory is in use")

// ErrUnfinished says that a restore of the directory was interrupted.
var ErrUnfinished = errors.New("a restore of this directory did not finish: run dayside restore once more, with --force")

// Lock makes the directory (0700) where it does not exist, and takes it for this process until unlock, so that two never
// write to one. ErrInUse where another has it, ErrUnfinished where a restore was interrupted there.
func Lock(dir string) (unlock func(), err error) {
	if unlock, err = LockUnfinished(dir); err != nil {
		return nil, err
	}
	if Unfinished(dir) {
		unlock()
		return nil, ErrUnfinished
	}
	return unlock, nil
}

// Unfinished says whether a restore of the directory was interrupted.
func Unfinished(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, markFile))
	return err == nil
}

// LockUnfinished is Lock for whoever restores: an interrupted restore is no obstacle.
func LockUnfinished(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot be made: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot be written: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(ErrInUse, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// Unmake removes a directory that holds nothing, or its lock alone; another one stays as it is.
func Unmake(dir string) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) == 1 && entries[0].Name() == lockFile {
		_ = os.Remove(filepath.Join(dir, lockFile))
	}
	_ = os.Remove(dir)
}

// Mark says on the disk that a restore has begun to move things; Unmark that it has moved all.
func Mark(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, markFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), Sync(dir))
}

// Unmark takes the mark away.
func Unmark(dir string) error {
	if err := os.Remove(filepath.Join(dir, markFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return Sync(dir)
}

// Sync makes what was made, renamed or removed in a directory last.
func Sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
