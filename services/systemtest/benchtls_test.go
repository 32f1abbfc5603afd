package systemtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/daysidehq/dayside/services/host"
)

// benchPKIEnv names the folder of the certificates that the server and its callers show; empty: plain text.
const benchPKIEnv = "DAYSIDE_BENCH_PKI"

// benchPKI is an authority and what it issued to server, gateway and admin; the zero value is plain text.
type benchPKI struct {
	dir string
	// token that callers show beside their certificate; empty: none.
	token string
}

func newBenchPKI(b *testing.B, withToken bool) benchPKI {
	b.Helper()
	p := benchPKI{dir: filepath.Join(b.TempDir(), "pki")}
	commands := [][]string{
		{"pki", "init"}, {"pki", "issue", "--role", "service", "--name", "bench", "--ip", "127.0.0.1"},
		{"pki", "issue", "--role", "gateway", "--name", "bench"}, {"pki", "issue", "--role", "admin", "--name", "bench"},
		{"token", "issue", "--role", "gateway", "--name", "bench", "--for", "240h"},
	}
	for _, args := range commands {
		if _, stderr, err := dayside(b, append(args, "--dir", p.dir)...); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, stderr)
		}
	}
	if withToken {
		text, err := os.ReadFile(filepath.Join(p.dir, "gateway-bench.token"))
		if err != nil {
			b.Fatal(err)
		}
		p.token = strings.TrimSpace(string(text))
	}
	return p
}

// benchPKIFromEnv is the server's side of it.
func benchPKIFromEnv() benchPKI { return benchPKI{dir: os.Getenv(benchPKIEnv)} }

func (p benchPKI) env() []string { return []string{benchPKIEnv + "=" + p.dir} }

func (p benchPKI) secured() bool { return p.dir != "" }

func (p benchPKI) files(role string) host.TLSFiles {
	base := filepath.Join(p.dir, role+"-bench")
	return host.TLSFiles{Cert: base + ".crt", Key: base + ".key", CA: filepath.Join(p.dir, "ca.crt")}
}

// adminFlags are those of a client that may configure.
func (p benchPKI) adminFlags() []string {
	if !p.secured() {
		return nil
	}
	return flags(p.files("admin"))
}

// dial connects as the gateway.
func (p benchPKI) dial(b *testing.B, addr, token string) *grpc.ClientConn {
	b.Helper()
	if !p.secured() {
		return dial(b, addr)
	}
	creds, err := host.ClientCredentials(p.files("gateway"))
	if err != nil {
		b.Fatal(err)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(creds)}
	if token != "" {
		options = append(options, grpc.WithPerRPCCredentials(benchToken(token)))
	}
	cc, err := grpc.NewClient(addr, options...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cc.Close() })
	return cc
}

// bareCredentials are those of the server without interceptors.
func (p benchPKI) bareCredentials() ([]grpc.ServerOption, error) {
	if !p.secured() {
		return nil, nil
	}
	f := p.files("service")
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("the bare server's certificate: %w", err)
	}
	text, err := os.ReadFile(f.CA)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(text) {
		return nil, errors.Join(errors.New("no authority"), err)
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}))}, nil
}

// benchToken is shown with each call.
type benchToken string

// GetRequestMetadata is credentials.PerRPCCredentials'.
func (t benchToken) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

// RequireTransportSecurity is credentials.PerRPCCredentials'.
func (benchToken) RequireTransportSecurity() bool { return true }
