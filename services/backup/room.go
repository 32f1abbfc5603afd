package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// full says whether a disk had no room, whoever noticed.
func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || databaseFull(err)
}

func databaseFull(err error) bool {
	var db *sqlite.Error
	return errors.As(err, &db) && db.Code()&0xff == sqlite3.SQLITE_FULL
}

// ofOut blames the file to make for what failed below its stage: not etcd or the ledger, of which it was to be a copy.
func ofOut(out, stage string, err error) error {
	var p *fs.PathError
	switch below := errors.As(err, &p) && p.Op != "read" && strings.HasPrefix(p.Path, stage+string(filepath.Separator)); {
	case below:
		return fmt.Errorf("%s cannot be written: %w", out, p.Err)
	case databaseFull(err): // the copy's: the database itself is only read
		return fmt.Errorf("%s cannot be written: %w", out, err)
	}
	return err
}

// ofPlace says that a place has no room, where that is what is wrong.
func ofPlace(place string, err error) error {
	if full(err) {
		return fmt.Errorf("%s has no room for what is restored: %w", place, err)
	}
	return err
}

// missing are the folders of these paths, and above them, that are not there.
func missing(paths ...string) (dirs []string) {
	for _, path := range paths {
		for path = filepath.Clean(path); path != filepath.Dir(path); path = filepath.Dir(path) {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				break
			}
			dirs = append(dirs, path)
		}
	}
	return dirs
}
