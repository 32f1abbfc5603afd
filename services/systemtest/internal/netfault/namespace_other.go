//go:build !linux

package netfault

import (
	"errors"
	"io"
	"net/netip"
)

// Namespace is Linux's.
type Namespace struct{ Addr netip.Addr }

// NewNamespace fails.
func NewNamespace(netip.Addr) (*Namespace, error) {
	return nil, errors.New("network namespaces are Linux's")
}

// Device is none.
func (*Namespace) Device() io.ReadWriteCloser { return nil }

// Do fails.
func (*Namespace) Do(func() error) error { return errors.New("network namespaces are Linux's") }

// Close does nothing.
func (*Namespace) Close() error { return nil }
