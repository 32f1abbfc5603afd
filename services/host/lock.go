package host

import (
	"errors"

	"github.com/daysidehq/dayside/services/internal/datadir"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// lock takes the data directory for this process, where it has not yet.
func (h *Host) lock() (err error) {
	if h.unlock == nil {
		h.unlock, err = lockDir(h.cfg.DataDir)
	}
	return err
}

// errInUse: another process has the data directory, or a restore has it half moved. Nothing may be served from it.
var errInUse = errors.New("the data directory is in use")

// lockDir makes the data directory (0700) and takes it for this process, so that two never write to one.
func lockDir(dir string) (unlock func(), err error) {
	unlock, err = datadir.Lock(dir)
	if err == nil {
		return unlock, nil
	}
	f := fault.Invalid(fault.Violation{Field: "data", Value: dir, Rule: err.Error()})
	switch {
	case errors.Is(err, datadir.ErrInUse):
		f = fault.Invalid(fault.Violation{
			Field: "data", Value: dir, Rule: "is in use by another dayside process: stop it, or choose another directory " +
				"with --data",
		})
		f.Err = errInUse
	case errors.Is(err, datadir.ErrUnfinished):
		f.Violations[0].Rule = "cannot be served: " + err.Error()
		f.Err = errInUse
	}
	return nil, f
}
