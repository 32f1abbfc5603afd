package freeaddr_test

import (
	"net"
	"testing"

	"github.com/daysidehq/dayside/services/internal/freeaddr"
)

// TestNoAddressIsGivenTwice while a test has it, and each can be listened on.
func TestNoAddressIsGivenTwice(t *testing.T) {
	seen := map[string]bool{}
	for range 300 {
		addr := freeaddr.Loopback(t)
		if seen[addr] {
			t.Fatalf("%s is given twice", addr)
		}
		seen[addr] = true
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}
