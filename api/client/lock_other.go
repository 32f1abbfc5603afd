//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package client

// lockFile does nothing here: these systems have no advisory lock in the standard library.
func lockFile(string) (release func(), err error) { return func() {}, nil }
