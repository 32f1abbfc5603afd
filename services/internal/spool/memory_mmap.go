//go:build linux || darwin || freebsd

package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mapped is a file in memory: what is stored is the file's at once, for every process, and whatever becomes of this one.
type mapped struct{ b []byte }

// mapFile maps a file of that size, and closes it; where it cannot be mapped it is used by system calls.
func mapFile(f *os.File, size int64) (memory, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOMEM) {
		return openPlain(f, size)
	}
	if err != nil {
		return nil, err
	}
	return &mapped{b}, f.Close()
}

func (m *mapped) bytes() []byte { return m.b }

func (m *mapped) wrote(int64, int64) error { return nil }

func (m *mapped) sync(from, to int64) error {
	page := int64(os.Getpagesize())
	from -= from % page
	return unix.Msync(m.b[from:to], unix.MS_SYNC)
}

func (m *mapped) close() error { return unix.Munmap(m.b) }
