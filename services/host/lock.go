package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// lock takes the data directory for this process, where it has not yet.
func (h *Host) lock() (err error) {
	if h.unlock == nil {
		h.unlock, err = lockDir(h.cfg.DataDir)
	}
	return err
}

// errInUse: another process has the data directory.
var errInUse = errors.New("the data directory is in use")

// lockDir makes the data directory (0700) and takes it for this process, so that two never write to one.
func lockDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Invalid(fault.Violation{Field: "data", Value: dir, Rule: "cannot be made: " + err.Error()})
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fault.Invalid(fault.Violation{Field: "data", Value: dir, Rule: "cannot be written: " + err.Error()})
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		used := fault.Invalid(fault.Violation{
			Field: "data", Value: dir, Rule: fmt.Sprintf("is in use by another dayside process (%v): stop it, or choose "+
				"another directory with --data", err),
		})
		used.Err = errInUse
		return nil, used
	}
	return func() { _ = f.Close() }, nil
}
