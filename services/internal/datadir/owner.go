package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Owner is whose a folder is.
type Owner struct{ uid, gid int }

// OwnerOf is whose a path is; where it does not exist, whose the nearest folder above is.
func OwnerOf(path string) (Owner, error) {
	for {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
			path = filepath.Dir(path)
			continue
		}
		if err != nil {
			return Owner{}, err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return Owner{os.Getuid(), os.Getgid()}, nil
		}
		return Owner{int(stat.Uid), int(stat.Gid)}, nil
	}
}

// Give gives a path and all below it to the owner: what root made would be of no use to the user a process runs as. Others
// than root can give nothing away, and need not.
func (o Owner) Give(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	// Within a root: that other user could put a link to anything in the way meanwhile.
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	err = fs.WalkDir(root.FS(), filepath.Base(path), func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = root.Lchown(filepath.FromSlash(name), o.uid, o.gid)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return errors.Join(err, root.Close())
}

// MkdirAll makes a folder and those above it (0700), which belong to whoever the nearest one that was there does.
func MkdirAll(dir string) error {
	owner, err := OwnerOf(dir)
	if err != nil {
		return err
	}
	var made []string
	for path := dir; ; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); err == nil || path == filepath.Dir(path) {
			break
		}
		made = append(made, path)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil || os.Geteuid() != 0 {
		return err
	}
	for _, path := range made {
		if err := os.Lchown(path, owner.uid, owner.gid); err != nil {
			return err
		}
	}
	return nil
}

// GiveLock gives the lock file of a data directory.
func (o Owner) GiveLock(dir string) error { return o.Give(filepath.Join(dir, lockFile)) }
