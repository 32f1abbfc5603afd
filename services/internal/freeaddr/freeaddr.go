// Package freeaddr is for tests that start programs which must be told where to listen: it finds addresses on loopback that
// nobody else takes meanwhile, other tests and other test processes among them. What can listen on port 0 does that instead.
package freeaddr

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

const (
	// firstPort and endPort bound the ports: below those that the kernel gives to connections, and to whoever listens on
	// port 0 (32768 and up on Linux), so that those take none of them.
	firstPort, endPort = 20000, 32000
	// maxTries bounds how many are tried.
	maxTries = 1000
)

// Loopback is an address of 127.0.0.1 on which nobody listens, by TCP or UDP, and that nobody else is given until the test
// ends: a lock on a file says so, which ends with the process at the latest.
func Loopback(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "dayside-test-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for range maxTries {
		port := strconv.Itoa(firstPort + rand.IntN(endPort-firstPort)) //nolint:gosec // no secret
		held, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		addr := net.JoinHostPort("127.0.0.1", port)
		if syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && free(t, addr) {
			t.Cleanup(func() { _ = held.Close() })
			return addr
		}
		_ = held.Close()
	}
	t.Fatalf("of %d ports from %d to %d none is free", maxTries, firstPort, endPort-1)
	return ""
}

// free says whether nobody listens on an address.
func free(t testing.TB, addr string) bool {
	t.Helper()
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		return false
	}
	defer func() { _ = tcp.Close() }()
	udp, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", addr)
	if err != nil {
		return false
	}
	_ = udp.Close()
	return true
}
