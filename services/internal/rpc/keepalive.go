package rpc

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

const (
	// silentAfter is how long a connection may be silent before its client is asked whether it is still there, and
	// silentTimeout how long the answer may take. A gateway whose machine has lost its power says goodbye to nobody, and the
	// calls of its stream must not count for hours.
	silentAfter   = 10 * time.Second
	silentTimeout = 5 * time.Second
	// minClientPing is how often a client may ask the same of us, whether it has requests under way or not.
	minClientPing = 5 * time.Second
)

// keepaliveOptions notice clients that are gone. With certificates, connections end with age too, for peers to show them
// anew.
func keepaliveOptions(creds *TLS) []grpc.ServerOption {
	p := keepalive.ServerParameters{Time: silentAfter, Timeout: silentTimeout}
	if creds != nil {
		p.MaxConnectionAge, p.MaxConnectionAgeGrace = maxConnAge, maxConnAge
	}
	return []grpc.ServerOption{
		grpc.KeepaliveParams(p),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
	}
}
