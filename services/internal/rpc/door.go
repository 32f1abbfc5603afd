package rpc

import (
	"context"
	"crypto/x509"
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// Door is how whoever connects becomes a peer. The zero value takes this machine's own user on loopback, and nobody else.
type Door struct {
	// TLS is nil in plain text.
	TLS *TLS
	// Tokens are believed beside certificates; where one is shown, it alone says who asks.
	Tokens *Tokens
	// Revoked is believed no longer.
	Revoked *Revoked
	// Limits of each peer.
	Limits *Limits
	// Clock is needed for REST.
	Clock clock.Clock
}

// standing is by what a request was let in: a stream is looked at again as long as it lasts.
type standing struct {
	chain     []*x509.Certificate
	token     *knownToken
	allowance *allowance
}

type standingKey struct{}

// still says whether what a request was let in by would still do.
func (d Door) still(s standing, now time.Time) error {
	if len(s.chain) > 0 {
		if now.After(s.chain[0].NotAfter) {
			return refusedToken("the certificate has ended")
		}
		if d.Revoked.certificates(s.chain, now) {
			return refusedToken("the certificate was revoked")
		}
	}
	if s.token != nil {
		return d.Tokens.good(s.token, now)
	}
	return nil
}

// enter makes a peer of who connected and what they show: values are those of the authorization header.
func (d Door) enter(who Peer, s standing, from net.Addr, values []string, now time.Time) (Peer, standing, error) {
	if err := d.still(s, now); err != nil {
		return Peer{}, s, err
	}
	switch {
	case len(values) == 0:
		return who, s, nil
	case len(values) > 1:
		return Peer{}, s, refusedToken("more than one authorization header")
	case d.Tokens == nil:
		return Peer{}, s, errNoTokens()
	}
	text, err := tokenIn(values[0])
	if err != nil {
		return Peer{}, s, err
	}
	if s.token, err = d.Tokens.find(text, now); err == nil && s.token == nil {
		s.token, err = d.stranger(text, hostOf(from), now)
	}
	if err != nil {
		return Peer{}, s, err
	}
	return s.token.peer, s, nil
}

// stranger verifies a token that was not seen before. An address that showed many which are not believed must wait: checking
// a signature costs more than making one up. Good ones are not counted: after a change of keys all come at once.
func (d Door) stranger(text, host string, now time.Time) (*knownToken, error) {
	failures := d.Limits.address(host, now)
	if err := failures.left(now); err != nil {
		return nil, err
	}
	token, err := d.Tokens.verify(text, now)
	if err != nil {
		_ = failures.request(now)
	}
	return token, err
}

// caller makes a peer of a gRPC connection and its metadata. A peer that is in ctx already is within the process.
func (d Door) caller(ctx context.Context, local Peer, now time.Time) (Peer, standing, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Peer{}, standing{}, nil
	}
	who, s := Peer{ID: hostOf(p.Addr)}, standing{}
	if shown, ok := p.AuthInfo.(certified); ok { // on loopback too: a certificate says who it is, an address does not
		if len(shown.chain) > 0 {
			who, s.chain = shown.peer, shown.chain
		}
	} else if onThisMachine(p.Addr) {
		who = local
	}
	who, s, err := d.enter(who, s, p.Addr, metadata.ValueFromIncomingContext(ctx, authorization), now)
	if err == nil && s.token == nil {
		who = onBehalf(ctx, who)
	}
	s.allowance = d.Limits.of(who, now)
	return who, s, err
}

func onThisMachine(a net.Addr) bool {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP.IsLoopback()
	}
	return a.Network() == "bufconn" || a.Network() == "unix"
}

// hostOf is an address without its port: who connects again is the same.
func hostOf(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	if a == nil {
		return ""
	}
	if host, _, err := net.SplitHostPort(a.String()); err == nil {
		return host
	}
	return a.String()
}

// Identified gives REST requests the peer of their certificate or token, and refuses those without one and those beyond the
// peer's limits. Without TLS whoever shows no token is this machine's own user.
func (d Door) Identified(next http.Handler) http.Handler {
	local := Local()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, s, err := d.visitor(r, local)
		if err != nil {
			refuse(w, err)
			return
		}
		r.Header.Del(authorization) // it has been judged here, and is nobody else's
		next.ServeHTTP(w, r.WithContext(context.WithValue(WithPeer(r.Context(), p), standingKey{}, s)))
	})
}

// visitor makes a peer of an HTTP request.
func (d Door) visitor(r *http.Request, local Peer) (Peer, standing, error) {
	now, from := d.Clock.Now(), net.Addr(remote(r.RemoteAddr))
	who, s := Peer{ID: hostOf(from)}, standing{}
	switch {
	case d.TLS == nil:
		who = local
	case r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		s.chain = withoutRoot(r.TLS.VerifiedChains[0])
		who = d.TLS.current().peer(s.chain[0])
	}
	p, s, err := d.enter(who, s, from, r.Header.Values(authorization), now)
	if err != nil {
		return p, s, err
	}
	if p.roles == 0 && !p.proven {
		return p, s, refusedToken("this needs a client certificate or a token, and none was shown")
	}
	s.allowance = d.Limits.of(p, now)
	return p, s, s.allowance.request(now)
}

// remote is an address as net/http has it.
type remote string

// Network is net.Addr's.
func (remote) Network() string { return "http" }

// String is net.Addr's.
func (r remote) String() string { return string(r) }

// refuse answers a request that is not let in.
func refuse(w http.ResponseWriter, err error) {
	var f *fault.Fault
	if errors.As(err, &f) && f.Reason == rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		http.Error(w, f.Message, http.StatusTooManyRequests)
		return
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.Header().Set("Connection", "close") // the next certificate may do
	http.Error(w, err.Error(), http.StatusUnauthorized)
}

// RequireRole refuses requests of peers without one of the roles; in plain text it takes whoever is let in with them all.
func (d Door) RequireRole(next http.Handler, roles ...rpcv1.Role) http.Handler {
	return d.Identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !PeerFrom(r.Context()).Has(roles...) {
			http.Error(w, "none of the peer's roles may read this", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}))
}
