//go:build !(linux || darwin || freebsd)

package spool

import "os"

// mapFile is a file of that size as memory, used by system calls.
func mapFile(f *os.File, size int64) (memory, error) { return openPlain(f, size) }
