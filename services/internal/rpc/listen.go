package rpc

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// CheckLoopback refuses an address that others than this machine can reach.
func CheckLoopback(field, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fault.Invalid(fault.Violation{Field: field, Value: addr, Rule: "must be HOST:PORT"})
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fault.Invalid(fault.Violation{
		Field: field, Value: addr,
		Rule: "is not a loopback address: without credentials Dayside serves this machine only, such as 127.0.0.1",
	})
}

// Listen opens a listener. An address that others can reach is refused without credentials (creds is nil); with them, who
// listens must ask every peer for its certificate.
func Listen(ctx context.Context, field, addr string, creds *TLS) (net.Listener, error) {
	if creds == nil {
		if err := CheckLoopback(field, addr); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, ListenFault(field, addr, err)
	}
	return l, nil
}

// ListenFault says in one line why an address cannot be listened on, and what to do.
func ListenFault(field, addr string, err error) error {
	rule := "cannot be listened on: " + err.Error()
	if errors.Is(err, syscall.EADDRINUSE) {
		rule = "is in use by another process: stop it, or choose another address with --" + field
	}
	return fault.Invalid(fault.Violation{Field: field, Value: addr, Rule: rule})
}
