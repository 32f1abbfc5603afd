package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
)

const (
	// lookEvery is how often files are looked at, at most: with a handshake.
	lookEvery = time.Second
	// handshakeTimeout bounds how long a stranger may take to say who it is.
	handshakeTimeout = 10 * time.Second
	// maxConnAge is how long a connection lasts, and its streams again as long: then peers show their certificates anew, so
	// that one which has ended or lost its role is not good for ever.
	maxConnAge = 30 * time.Minute
)

// TLSFiles name a certificate with what leads to the CA, its key, and the CAs whose certificates are believed; all in PEM.
type TLSFiles struct{ Cert, Key, CA string }

// TLS is a process's credentials: mutual TLS 1.3. Files that change are read again with the next handshake; those that
// cannot be used are logged, and what was in use before stays. A nil *TLS is plain text.
type TLS struct {
	files TLSFiles
	flags TLSFiles // what names the files in errors
	clock clock.Clock
	log   *slog.Logger

	mu     sync.Mutex
	looked time.Time
	seen   [3]os.FileInfo
	now    *material
}

// material is what the files held.
type material struct {
	cert  tls.Certificate
	roots *x509.CertPool
	// domain is the trust domain of our own certificate: who is of another one is a stranger, whoever signed.
	domain string
	// role of our own certificate.
	role rpcv1.Role
}

// LoadTLS reads credentials whose own certificate must say who it is (pki.Identity). Errors are faults that name the fields
// tls-cert, tls-key and tls-ca.
func LoadTLS(files TLSFiles, c clock.Clock, log *slog.Logger) (*TLS, error) {
	t := &TLS{files: files, flags: TLSFiles{"tls-cert", "tls-key", "tls-ca"}, clock: c, log: log}
	seen, err := t.stat()
	if err != nil {
		return nil, err
	}
	if t.now, err = t.read(); err != nil {
		return nil, err
	}
	t.seen, t.looked = seen, c.Now()
	return t, nil
}

// Role is what this process's own certificate lets it act as; ROLE_UNSPECIFIED in plain text.
func (t *TLS) Role() rpcv1.Role {
	if t == nil {
		return rpcv1.Role_ROLE_UNSPECIFIED
	}
	return t.current().role
}

// broken is a file that cannot be used.
func broken(field, path, rule string) error {
	return fault.Invalid(fault.Violation{Field: field, Value: path, Rule: rule})
}

// plain is an error of the file system without the path, which is said before it.
func plain(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func (t *TLS) stat() (seen [3]os.FileInfo, err error) {
	names := [3][2]string{{t.flags.Cert, t.files.Cert}, {t.flags.Key, t.files.Key}, {t.flags.CA, t.files.CA}}
	for i, f := range names {
		if seen[i], err = os.Stat(f[1]); err != nil {
			return seen, broken(f[0], f[1], "cannot be read: "+plain(err))
		}
	}
	return seen, nil
}

// read makes credentials of the files, if they can be used together now.
func (t *TLS) read() (*material, error) {
	var text [3][]byte
	names := [3][2]string{{t.flags.Cert, t.files.Cert}, {t.flags.Key, t.files.Key}, {t.flags.CA, t.files.CA}}
	for i, f := range names {
		var err error
		if text[i], err = os.ReadFile(f[1]); err != nil {
			return nil, broken(f[0], f[1], "cannot be read: "+plain(err))
		}
	}
	m := &material{roots: x509.NewCertPool()}
	if !m.roots.AppendCertsFromPEM(text[2]) {
		return nil, broken(t.flags.CA, t.files.CA, "holds no certificate in PEM")
	}
	var err error
	if m.cert, err = tls.X509KeyPair(text[0], text[1]); err != nil {
		return nil, broken(t.flags.Cert, t.files.Cert,
			"cannot be used with --"+t.flags.Key+" "+t.files.Key+": "+strings.TrimPrefix(err.Error(), "tls: "))
	}
	if _, err := m.verify(m.cert.Leaf, m.cert.Certificate[1:], t.clock.Now(), x509.ExtKeyUsageAny); err != nil {
		return nil, broken(t.flags.Cert, t.files.Cert, "is not believed by --"+t.flags.CA+" "+t.files.CA+": "+err.Error())
	}
	id, err := pki.IdentityOf(m.cert.Leaf)
	if err != nil {
		return nil, broken(t.flags.Cert, t.files.Cert, "does not say who it is: "+err.Error())
	}
	m.domain, m.role = id.TrustDomain, id.Role
	if m.role == rpcv1.Role_ROLE_SERVICE {
		if _, err := m.verify(m.cert.Leaf, m.cert.Certificate[1:], t.clock.Now(), x509.ExtKeyUsageServerAuth); err != nil {
			return nil, broken(t.flags.Cert, t.files.Cert, "cannot be a server's: "+err.Error())
		}
	}
	return m, nil
}

// verify is the certificate's chain to one of our CAs.
func (m *material) verify(leaf *x509.Certificate, rest [][]byte, now time.Time, usage x509.ExtKeyUsage) (
	*x509.Certificate, error,
) {
	between := x509.NewCertPool()
	for _, der := range rest {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: m.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return leaf, err
}

// current is what the files hold, or held when they could last be used.
func (t *TLS) current() *material {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if since := now.Sub(t.looked); since >= 0 && since < lookEvery {
		return t.now
	}
	t.looked = now
	seen, err := t.stat()
	if err == nil && same(seen, t.seen) {
		return t.now
	}
	var m *material
	if err == nil {
		m, err = t.read()
	}
	if err != nil {
		if !same(seen, t.seen) { // once a change
			t.log.Error("new certificate files cannot be used, and those before them stay in use", "error", err.Error())
		}
		t.seen = seen
		return t.now
	}
	t.seen, t.now = seen, m
	t.log.Info("certificate files have changed, and are in use", "valid_until", m.cert.Leaf.NotAfter)
	return t.now
}

// same says whether files are as they were. A missing one is nil.
func same(a, b [3]os.FileInfo) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && (!os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size()) {
			return false
		}
	}
	return true
}

// peer is who a verified certificate names. Without an identity of our cluster it has no roles.
func (m *material) peer(cert *x509.Certificate) Peer {
	id, err := pki.IdentityOf(cert)
	if err != nil || id.TrustDomain != m.domain {
		return Peer{ID: cert.Subject.CommonName, proven: true}
	}
	p := NewPeer(id.Name, id.Role)
	p.proven = true
	return p
}

// server is TLS for one connection from outside.
func (t *TLS) server(ask tls.ClientAuthType) (*tls.Config, *material) {
	m := t.current()
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.cert}, ClientCAs: m.roots, ClientAuth: ask,
		Time: t.clock.Now, SessionTicketsDisabled: true, // who it is is asked each time
	}, m
}

// client is TLS for one connection to another process. That is known by its role, not by its address: processes are found
// through etcd, and move.
func (t *TLS) client() *tls.Config {
	m := t.current()
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.cert}, Time: t.clock.Now, ServerName: m.domain,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies the chain, and the role in place of the host
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("the server shows no certificate")
			}
			rest := make([][]byte, 0, len(cs.PeerCertificates))
			for _, cert := range cs.PeerCertificates[1:] {
				rest = append(rest, cert.Raw)
			}
			leaf, err := m.verify(cs.PeerCertificates[0], rest, t.clock.Now(), x509.ExtKeyUsageServerAuth)
			if err != nil {
				return err
			}
			if !m.peer(leaf).Has(rpcv1.Role_ROLE_SERVICE) {
				return errors.New("the server's certificate is not that of a service of this cluster")
			}
			return nil
		},
	}
}

// certified is what a connection knows of its peer.
type certified struct {
	credentials.TLSInfo
	peer Peer
}

// transport is gRPC's use of TLS; each handshake takes the credentials of its moment.
type transport struct{ t *TLS }

// ClientHandshake is credentials.TransportCredentials'.
func (c transport) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (
	net.Conn, credentials.AuthInfo, error,
) {
	return credentials.NewTLS(c.t.client()).ClientHandshake(ctx, authority, conn)
}

// ServerHandshake is credentials.TransportCredentials'.
func (c transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	cfg, m := c.t.server(tls.RequireAndVerifyClientCert)
	secured, info, err := credentials.NewTLS(cfg).ServerHandshake(conn)
	if err != nil {
		return nil, nil, err
	}
	shown, ok := info.(credentials.TLSInfo)
	if !ok || len(shown.State.VerifiedChains) == 0 {
		return nil, nil, errors.Join(fmt.Errorf("no verified certificate in a %T", info), secured.Close())
	}
	return secured, certified{shown, m.peer(shown.State.VerifiedChains[0][0])}, nil
}

// Info is credentials.TransportCredentials'.
func (transport) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone is credentials.TransportCredentials'.
func (c transport) Clone() credentials.TransportCredentials { return c }

// OverrideServerName is credentials.TransportCredentials'; servers are not known by name.
func (transport) OverrideServerName(string) error { return nil }

func (t *TLS) serverOptions() []grpc.ServerOption {
	if t == nil {
		return nil
	}
	return []grpc.ServerOption{
		grpc.Creds(transport{t}), grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: maxConnAge, MaxConnectionAgeGrace: maxConnAge}),
	}
}

func (t *TLS) dialOptions() []grpc.DialOption {
	if t == nil {
		return nil
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport{t}),
		grpc.WithChainUnaryInterceptor(behalfUnary), grpc.WithChainStreamInterceptor(behalfStream),
	}
}

// HTTP is a listener of REST: who shows a certificate must show a good one, and who shows none is let in for what needs
// none (see Identified). A nil t is the listener as it is.
func (t *TLS) HTTP(l net.Listener) net.Listener {
	if t == nil {
		return l
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			cfg, _ := t.server(tls.VerifyClientCertIfGiven)
			cfg.NextProtos = []string{"http/1.1"}
			return cfg, nil
		},
	})
}

// Identified gives requests the peer of their certificate, and refuses those without one. A nil t leaves everything as it
// is: on loopback, everybody is this machine's own user.
func (t *TLS) Identified(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			http.Error(w, "this needs a client certificate, and none was shown", http.StatusUnauthorized)
			return
		}
		leaf := r.TLS.VerifiedChains[0][0]
		if t.clock.Now().After(leaf.NotAfter) { // on a connection that has been open for long
			w.Header().Set("Connection", "close")
			http.Error(w, "the client certificate has ended", http.StatusUnauthorized)
			return
		}
		p := t.current().peer(leaf)
		next.ServeHTTP(w, r.WithContext(WithPeer(r.Context(), p)))
	})
}

// RequireRole refuses requests of peers without one of the roles; it stands behind Identified.
func (t *TLS) RequireRole(next http.Handler, roles ...rpcv1.Role) http.Handler {
	if t == nil {
		return next
	}
	return t.Identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !PeerFrom(r.Context()).Has(roles...) {
			http.Error(w, "none of the peer's roles may read this", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}))
}
