package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/daysidehq/dayside/services/internal/datadir"
)

// move puts from in the place of to, and what was there aside; where from is empty, only that.
type move struct{ from, to string }

// sameMode has what is moved be for the same people as what it replaces: a process may read its key by its group alone.
// Others than owner and group may read neither.
func (m move) sameMode() error {
	info, err := os.Lstat(m.to)
	if err != nil || !info.Mode().IsRegular() {
		return nil //nolint:nilerr // nothing that could be asked: it is its owner's
	}
	return os.Chmod(m.from, info.Mode().Perm()&0o660|0o600)
}

// moves are done together.
type moves []move

// done is a move that was made, and can be taken back.
type done struct {
	move
	aside string // empty: there was nothing
}

// do makes all moves, or none: where one fails those before are taken back. aside are the new paths of what was there: the
// old ones with the suffix. whole is false where some could not be taken back, and the error says so. step is called at each
// instant at which the process could be killed.
func (m moves) do(suffix string, step func()) (aside []string, whole bool, err error) {
	var made []done
	for _, next := range m {
		step()
		d, moved, err := next.do(suffix, step)
		if moved {
			made = append(made, d)
		}
		if err != nil {
			if undoing := undo(made); undoing != nil {
				return nil, false, fmt.Errorf("the restore is half done, and what was moved is beside its place with %s in its "+
					"name: %w", suffix, errors.Join(err, undoing))
			}
			return nil, true, fmt.Errorf("nothing was changed: %w", err)
		}
	}
	for _, d := range made {
		if d.aside != "" {
			aside = append(aside, d.aside)
		}
		err = errors.Join(err, datadir.Sync(filepath.Dir(d.to)))
	}
	return aside, true, err
}

// do makes one move, and says whether anything was.
func (m move) do(suffix string, step func()) (_ done, moved bool, err error) {
	_, err = os.Lstat(m.to)
	switch {
	case errors.Is(err, os.ErrNotExist) && m.from == "":
		return done{}, false, nil
	case errors.Is(err, os.ErrNotExist):
		if err := errors.Join(datadir.MkdirAll(filepath.Dir(m.to)), os.Rename(m.from, m.to)); err != nil {
			return done{}, false, err
		}
		return done{move: m}, true, nil
	case err != nil:
		return done{}, false, err
	}
	aside, err := unused(m.to + suffix)
	if err != nil {
		return done{}, false, err
	}
	d := done{m, aside}
	// In one step where the file system can: there is no instant at which nothing is there.
	if m.from != "" && unix.Renameat2(unix.AT_FDCWD, m.from, unix.AT_FDCWD, m.to, unix.RENAME_EXCHANGE) == nil {
		step()
		if err := os.Rename(m.from, aside); err != nil {
			return done{}, false, errors.Join(err, unix.Renameat2(unix.AT_FDCWD, m.from, unix.AT_FDCWD, m.to,
				unix.RENAME_EXCHANGE))
		}
		return d, true, nil
	}
	if err := os.Rename(m.to, aside); err != nil {
		return done{}, false, err
	}
	if m.from == "" {
		return d, true, nil
	}
	step()
	if err := os.Rename(m.from, m.to); err != nil {
		return done{}, false, errors.Join(err, os.Rename(aside, m.to))
	}
	return d, true, nil
}

// undo takes moves back, the last one first.
func undo(made []done) error {
	var errs []error
	for i := len(made) - 1; i >= 0; i-- {
		d := made[i]
		if d.from != "" {
			errs = append(errs, os.Rename(d.to, d.from))
		}
		if d.aside != "" {
			errs = append(errs, os.Rename(d.aside, d.to))
		}
	}
	return errors.Join(errs...)
}

// maxAsides bounds the restores of one second.
const maxAsides = 100

// unused is a path that nothing is at: the one wanted, or with a number.
func unused(path string) (string, error) {
	for n := range maxAsides {
		candidate := path
		if n > 0 {
			candidate += "-" + strconv.Itoa(n+1)
		}
		if _, err := os.Lstat(candidate); errors.Is(err, os.ErrNotExist) {
			return candidate, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s and %d more are there already", path, maxAsides-1)
}
