package rpc //nolint:testpackage // what a request costs before anything of it is read

import (
	"context"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/pki"
)

// BenchmarkDoor is what letting a RouteCall in costs: by loopback, by certificate, and by a token that is known already; each
// with limits and something revoked.
func BenchmarkDoor(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "pki")
	clk := clock.System{}
	if _, err := pki.Init(dir, "dayside", clk.Now()); err != nil {
		b.Fatal(err)
	}
	list := filepath.Join(b.TempDir(), "revoked")
	if err := os.WriteFile(list, []byte("c0ffee\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	revoked, err := OpenRevoked(RevokedFiles{List: list}, clk, log)
	if err != nil {
		b.Fatal(err)
	}
	tokens, err := OpenTokens(filepath.Join(dir, pki.TokenPubFile), revoked, clk, log)
	if err != nil {
		b.Fatal(err)
	}
	limits, err := NewLimits(LimitConfig{RequestsPerS: 1, Streams: 1, GatewayRequestsPerS: 1_000_000, GatewayStreams: 1})
	if err != nil {
		b.Fatal(err)
	}
	limits.cfg.GatewayRequestsPerS = 1_000_000_000 // the loop is faster than any gateway
	a := newAccess(Door{Tokens: tokens, Revoked: revoked, Limits: limits, Clock: clk})
	a.add(routingv1.RoutingService_ServiceDesc.ServiceName, nil)
	text, _, err := pki.IssueToken(dir, "g", []rpcv1.Role{rpcv1.Role_ROLE_GATEWAY}, time.Hour, clk.Now())
	if err != nil {
		b.Fatal(err)
	}
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	shown := certified{
		peer:  NewPeer("g", rpcv1.Role_ROLE_GATEWAY),
		chain: []*x509.Certificate{{SerialNumber: big.NewInt(1 << 62), NotAfter: clk.Now().Add(time.Hour), RawIssuer: []byte("ca")}},
	}
	md := metadata.Pairs(":authority", "x", "content-type", "application/grpc", "user-agent", "grpc-go", traceparent, "00-x-x-00")
	with := metadata.Join(md, metadata.Pairs(authorization, "Bearer "+text))
	for name, c := range map[string]struct {
		p  *peer.Peer
		md metadata.MD
	}{
		"loopback": {&peer.Peer{Addr: addr}, md}, "certificate": {&peer.Peer{Addr: addr, AuthInfo: shown}, md},
		"token": {&peer.Peer{Addr: addr, AuthInfo: shown}, with},
	} {
		b.Run(name, func(b *testing.B) {
			ctx := metadata.NewIncomingContext(peer.NewContext(context.Background(), c.p), c.md)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := a.check(ctx, routingv1.RoutingService_RouteCall_FullMethodName, clk.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
