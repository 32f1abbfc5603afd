//go:build linux || darwin || freebsd || netbsd || openbsd

package client

import (
	"errors"
	"os"
	"syscall"
)

// lockFile holds a file that says that the state is in use, until the process ends or release is called.
func lockFile(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errInUse
		}
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
