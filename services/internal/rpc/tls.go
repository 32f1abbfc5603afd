package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/pki"
)

const (
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
	cert, key, ca namedFile
	clock         clock.Clock
	files         *watched[material]
	revoked       *Revoked
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
func LoadTLS(files TLSFiles, revoked *Revoked, c clock.Clock, log *slog.Logger) (_ *TLS, err error) {
	t := &TLS{
		cert: namedFile{"tls-cert", files.Cert}, key: namedFile{"tls-key", files.Key}, ca: namedFile{"tls-ca", files.CA},
		clock: c, revoked: revoked,
	}
	if t.files, err = watch("certificate", c, log, t.parse, t.cert, t.key, t.ca); err != nil {
		return nil, err
	}
	return t, nil
}

// Role is what this process's own certificate lets it act as; ROLE_UNSPECIFIED in plain text.
func (t *TLS) Role() rpcv1.Role {
	if t == nil {
		return rpcv1.Role_ROLE_UNSPECIFIED
	}
	return t.current().role
}

// parse makes credentials of the files' texts, if they can be used together now.
func (t *TLS) parse(text [][]byte, now time.Time) (*material, error) {
	m := &material{roots: x509.NewCertPool()}
	if !m.roots.AppendCertsFromPEM(text[2]) {
		return nil, t.ca.broken("holds no certificate in PEM")
	}
	var err error
	if m.cert, err = tls.X509KeyPair(text[0], text[1]); err != nil {
		return nil, t.cert.broken(
			"cannot be used with --" + t.key.flag + " " + t.key.path + ": " + strings.TrimPrefix(err.Error(), "tls: "))
	}
	if _, err := m.verify(m.cert.Leaf, m.cert.Certificate[1:], now, x509.ExtKeyUsageAny); err != nil {
		return nil, t.cert.broken("is not believed by --" + t.ca.flag + " " + t.ca.path + ": " + err.Error())
	}
	id, err := pki.IdentityOf(m.cert.Leaf)
	if err != nil {
		return nil, t.cert.broken("does not say who it is: " + err.Error())
	}
	m.domain, m.role = id.TrustDomain, id.Role
	if m.role == rpcv1.Role_ROLE_SERVICE {
		if _, err := m.verify(m.cert.Leaf, m.cert.Certificate[1:], now, x509.ExtKeyUsageServerAuth); err != nil {
			return nil, t.cert.broken("cannot be a server's: " + err.Error())
		}
	}
	return m, nil
}

// verify is the certificate's chain to one of our CAs, without that.
func (m *material) verify(leaf *x509.Certificate, rest [][]byte, now time.Time, usage x509.ExtKeyUsage) (
	[]*x509.Certificate, error,
) {
	between := x509.NewCertPool()
	for _, der := range rest {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		between.AddCert(cert)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: m.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return nil, err
	}
	return withoutRoot(chains[0]), nil
}

// withoutRoot is a chain without the authority that is believed anyway; a leaf stays.
func withoutRoot(chain []*x509.Certificate) []*x509.Certificate { return chain[:max(len(chain)-1, 1)] }

// current is what the files hold, or held when they could last be used.
func (t *TLS) current() *material { return t.files.current(t.clock.Now()) }

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
			chain, err := m.verify(cs.PeerCertificates[0], rest, t.clock.Now(), x509.ExtKeyUsageServerAuth)
			if err != nil {
				return err
			}
			if t.revoked.certificates(chain, t.clock.Now()) {
				return errors.New("the server's certificate was revoked")
			}
			if !m.peer(chain[0]).Has(rpcv1.Role_ROLE_SERVICE) {
				return errors.New("the server's certificate is not that of a service of this cluster")
			}
			return nil
		},
	}
}

// certified is what a connection knows of its peer: nothing, where that showed no certificate since tokens do as well.
type certified struct {
	credentials.TLSInfo
	peer  Peer
	chain []*x509.Certificate
}

// transport is gRPC's use of TLS; each handshake takes the credentials of its moment.
type transport struct {
	t *TLS
	// strangers may connect without a certificate: each request shows a token.
	strangers bool
}

// ClientHandshake is credentials.TransportCredentials'.
func (c transport) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (
	net.Conn, credentials.AuthInfo, error,
) {
	return credentials.NewTLS(c.t.client()).ClientHandshake(ctx, authority, conn)
}

// ServerHandshake is credentials.TransportCredentials'.
func (c transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	ask := tls.RequireAndVerifyClientCert
	if c.strangers {
		ask = tls.VerifyClientCertIfGiven
	}
	cfg, m := c.t.server(ask)
	secured, info, err := credentials.NewTLS(cfg).ServerHandshake(conn)
	if err != nil {
		return nil, nil, err
	}
	shown, ok := info.(credentials.TLSInfo)
	switch {
	case ok && len(shown.State.VerifiedChains) > 0:
		chain := withoutRoot(shown.State.VerifiedChains[0])
		if c.t.revoked.certificates(chain, c.t.clock.Now()) {
			return nil, nil, errors.Join(errors.New("the certificate was revoked"), secured.Close())
		}
		return secured, certified{shown, m.peer(chain[0]), chain}, nil
	case ok && c.strangers && len(shown.State.PeerCertificates) == 0:
		return secured, certified{TLSInfo: shown}, nil
	}
	return nil, nil, errors.Join(fmt.Errorf("no verified certificate in a %T", info), secured.Close())
}

// Info is credentials.TransportCredentials'.
func (transport) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone is credentials.TransportCredentials'.
func (c transport) Clone() credentials.TransportCredentials { return c }

// OverrideServerName is credentials.TransportCredentials'; servers are not known by name.
func (transport) OverrideServerName(string) error { return nil }

// Credentials are those of connections to other processes; nil in plain text.
func (t *TLS) Credentials() credentials.TransportCredentials {
	if t == nil {
		return nil
	}
	return transport{t: t}
}

func (t *TLS) serverOptions(strangers bool) []grpc.ServerOption {
	if t == nil {
		return nil
	}
	return []grpc.ServerOption{
		grpc.Creds(transport{t, strangers}), grpc.ConnectionTimeout(handshakeTimeout),
	}
}

// dialOptions are those of a connection to another process; in plain text too it is told who asks.
func (t *TLS) dialOptions() []grpc.DialOption {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(behalfUnary), grpc.WithChainStreamInterceptor(behalfStream),
	}
	if t != nil {
		options[0] = grpc.WithTransportCredentials(transport{t: t})
	}
	return options
}

// HTTP is a listener of REST: who shows a certificate must show a good one, and who shows none is let in for what needs
// none (see Door.Identified). A nil t is the listener as it is.
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
