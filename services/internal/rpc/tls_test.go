package rpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

func tlsNow() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

// authority issues the certificates of one cluster.
type authority struct {
	dir string
	*pki.Authority
}

func newAuthority(t *testing.T, domain string) authority {
	t.Helper()
	dir := t.TempDir()
	if _, err := pki.Init(dir, domain, tlsNow()); err != nil {
		t.Fatal(err)
	}
	a, err := pki.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return authority{dir, a}
}

func (a authority) files(t *testing.T, role rpcv1.Role) rpc.TLSFiles {
	t.Helper()
	req := pki.Request{Role: role, Name: "n1", Days: 30}
	if role == rpcv1.Role_ROLE_SERVICE {
		req.IP = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	f, err := a.Issue(t.TempDir(), req, tlsNow())
	if err != nil {
		t.Fatal(err)
	}
	return rpc.TLSFiles{Cert: f.Cert, Key: f.Key, CA: filepath.Join(a.dir, pki.CACertFile)}
}

type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncLog) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func loadTLS(t *testing.T, files rpc.TLSFiles, c clock.Clock, log io.Writer) *rpc.TLS {
	t.Helper()
	creds, err := rpc.LoadTLS(files, nil, c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// serveTLS serves what is registered, and answers with its address.
func serveTLS(t *testing.T, creds *rpc.TLS, register func(grpc.ServiceRegistrar)) string {
	t.Helper()
	return serveDoor(t, rpc.Door{TLS: creds, Clock: clock.NewManual(tlsNow())}, register)
}

// serveDoor serves whoever the door lets in, at its clock.
func serveDoor(t *testing.T, door rpc.Door, register func(grpc.ServiceRegistrar)) string {
	t.Helper()
	creds := door.TLS
	chain, err := rpc.NewChain(rpc.Deps{
		Door: door, Clock: door.Clock, Logger: slog.New(slog.DiscardHandler), TracerProvider: tracenoop.NewTracerProvider(),
		MeterProvider: noop.NewMeterProvider(),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := rpc.NewServer(chain, creds)
	register(srv)
	l, err := rpc.Listen(t.Context(), "grpc-listen", "127.0.0.1:0", creds)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	return l.Addr().String()
}

// get asks GetLine with a client's certificate; without one where files is nil.
func get(t *testing.T, addr string, ca string, files *rpc.TLSFiles, header ...string) (*routingv1.Line, error) {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(clientConfig(t, ca, files))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cc.Close() }()
	ctx := metadata.AppendToOutgoingContext(t.Context(), header...)
	return routingv1.NewLineServiceClient(cc).GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"})
}

func clientConfig(t *testing.T, ca string, files *rpc.TLSFiles) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool(), Time: tlsNow}
	cfg.RootCAs.AppendCertsFromPEM(text)
	if files != nil {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			t.Fatal(err)
		}
		// Whatever CAs the server names: it is to be refused by the server.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return cfg
}

// whoAsks answers with the asker's name and roles as the line's name.
func whoAsks(ctx context.Context, _ *routingv1.GetLineRequest) (*routingv1.Line, error) {
	p, roles := rpc.PeerFrom(ctx), []string{p0(ctx)}
	for n := range len(rpcv1.Role_name) {
		if r := rpcv1.Role(n); r != 0 && p.Has(r) {
			roles = append(roles, pki.RoleName(r))
		}
	}
	return &routingv1.Line{Name: strings.Join(roles, " ")}, nil
}

func p0(ctx context.Context) string { return rpc.PeerFrom(ctx).ID }

func TestACertificateIsAllThatCounts(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "ours")
	ca := filepath.Join(ours.dir, pki.CACertFile)
	both := filepath.Join(t.TempDir(), "both.crt")
	other := newAuthority(t, "other")
	var text []byte
	for _, a := range []authority{ours, other} {
		pem, err := os.ReadFile(filepath.Join(a.dir, pki.CACertFile))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, pem...)
	}
	if err := os.WriteFile(both, text, 0o600); err != nil {
		t.Fatal(err)
	}
	own := ours.files(t, rpcv1.Role_ROLE_SERVICE)
	own.CA = both
	clk := clock.NewManual(tlsNow())
	addr := serveTLS(t, loadTLS(t, own, clk, io.Discard), linesThat(whoAsks))

	for role, code := range map[rpcv1.Role]codes.Code{
		rpcv1.Role_ROLE_ADMIN: codes.OK, rpcv1.Role_ROLE_READER: codes.OK, rpcv1.Role_ROLE_SERVICE: codes.OK,
		rpcv1.Role_ROLE_GATEWAY: codes.PermissionDenied,
	} {
		files := ours.files(t, role)
		line, err := get(t, addr, ca, &files)
		if status.Code(err) != code || err == nil && line.GetName() != "n1 "+pki.RoleName(role) {
			t.Errorf("%v: %v, %v", role, line.GetName(), err)
		}
		if code == codes.PermissionDenied && fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_ROLE_REQUIRED {
			t.Errorf("%v is refused with %v", role, err)
		}
	}
	// Another cluster's admin, whose CA we believe, is nobody here.
	files := other.files(t, rpcv1.Role_ROLE_ADMIN)
	if _, err := get(t, addr, ca, &files); fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_ROLE_REQUIRED {
		t.Errorf("of another cluster: %v", err)
	}
	// Nor does a CA of the same name make one of ours.
	files = theirs.files(t, rpcv1.Role_ROLE_ADMIN)
	if _, err := get(t, addr, ca, &files); status.Code(err) != codes.Unavailable {
		t.Errorf("of another CA: %v", err)
	}
	if _, err := get(t, addr, ca, nil); status.Code(err) != codes.Unavailable {
		t.Errorf("without a certificate, on loopback: %v", err)
	}
	files = ours.files(t, rpcv1.Role_ROLE_ADMIN)
	clk.Set(tlsNow().AddDate(0, 0, 31))
	if _, err := get(t, addr, ca, &files); status.Code(err) != codes.Unavailable {
		t.Errorf("an expired one: %v", err)
	}
}

// edge forwards to an owner by the cluster's certificates.
func edge(t *testing.T, a authority, dialAs rpcv1.Role, owner string) (addr string, cc *grpc.ClientConn) {
	t.Helper()
	clk := clock.NewManual(tlsNow())
	found := manual.NewBuilderWithScheme("test")
	found.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: owner}}})
	dialler := loadTLS(t, a.files(t, dialAs), clk, io.Discard)
	cc, err := rpc.Dial("test:///dayside/discovery/routing", found, tracenoop.NewTracerProvider(), dialler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return serveTLS(t, loadTLS(t, a.files(t, rpcv1.Role_ROLE_SERVICE), clk, io.Discard), func(r grpc.ServiceRegistrar) {
		if err := rpc.Forward(r, &routingv1.LineService_ServiceDesc, cc); err != nil {
			t.Error(err)
		}
	}), cc
}

// TestForwardingGivesNobodyAnotherRole: the process in between has role service, which may do more than who asked.
func TestForwardingGivesNobodyAnotherRole(t *testing.T) {
	a := newAuthority(t, "ours")
	ca := filepath.Join(a.dir, pki.CACertFile)
	asked := 0
	owner := serveTLS(t, loadTLS(t, a.files(t, rpcv1.Role_ROLE_SERVICE), clock.NewManual(tlsNow()), io.Discard),
		linesThat(func(ctx context.Context, r *routingv1.GetLineRequest) (*routingv1.Line, error) {
			asked++
			return whoAsks(ctx, r)
		}))
	addr, cc := edge(t, a, rpcv1.Role_ROLE_SERVICE, owner)
	const header = "dayside-on-behalf-of"
	for _, role := range []rpcv1.Role{rpcv1.Role_ROLE_READER, rpcv1.Role_ROLE_ADMIN} {
		files := a.files(t, role)
		for _, claims := range [][]string{nil, {header, "admin,service root"}, {header, "admin a", header, "service b"}} {
			line, err := get(t, addr, ca, &files, claims...)
			if err != nil || line.GetName() != "n1 "+pki.RoleName(role) {
				t.Errorf("%v, claiming %v, is %q, %v", role, claims, line.GetName(), err)
			}
			// The owner itself does not believe it either.
			line, err = get(t, owner, ca, &files, claims...)
			if err != nil || line.GetName() != "n1 "+pki.RoleName(role) {
				t.Errorf("%v, claiming %v, is %q to the owner, %v", role, claims, line.GetName(), err)
			}
		}
	}
	before := asked
	files := a.files(t, rpcv1.Role_ROLE_GATEWAY)
	if _, err := get(t, addr, ca, &files, header, "admin root"); fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_ROLE_REQUIRED {
		t.Errorf("a gateway: %v", err)
	}
	if asked != before {
		t.Error("what is refused at the edge was forwarded")
	}
	// A service's own calls: as itself, whoever asked; and what REST clients put into metadata is not passed on.
	lines := routingv1.NewLineServiceClient(cc)
	ctx := metadata.AppendToOutgoingContext(t.Context(), header, "admin root")
	if line, err := lines.GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"}); err != nil || line.GetName() != "n1 service" {
		t.Errorf("a header of somebody else's: %v, %v", line, err)
	}
	reader := rpc.WithPeer(ctx, rpc.NewPeer("rita", rpcv1.Role_ROLE_READER))
	if line, err := lines.GetLine(reader, &routingv1.GetLineRequest{Name: "lines/gold"}); err != nil || line.GetName() != "rita reader" {
		t.Errorf("for a reader: %v, %v", line, err)
	}
	own := routingv1.NewLineServiceClient(rpc.As(cc, rpc.NewPeer("me", rpcv1.Role_ROLE_SERVICE)))
	if line, err := own.GetLine(reader, &routingv1.GetLineRequest{Name: "lines/gold"}); err != nil || line.GetName() != "me service" {
		t.Errorf("for itself: %v, %v", line, err)
	}
	nobody := rpc.WithPeer(ctx, rpc.NewPeer("nobody"))
	if _, err := lines.GetLine(nobody, &routingv1.GetLineRequest{Name: "lines/gold"}); fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_ROLE_REQUIRED {
		t.Errorf("for somebody without roles: %v", err)
	}
}

// TestUnreadableClaimsHaveNoRoles: a process that claims what cannot be read gets less, not more.
func TestUnreadableClaimsHaveNoRoles(t *testing.T) {
	a := newAuthority(t, "ours")
	owner := serveTLS(t, loadTLS(t, a.files(t, rpcv1.Role_ROLE_SERVICE), clock.NewManual(tlsNow()), io.Discard), linesThat(whoAsks))
	files := a.files(t, rpcv1.Role_ROLE_SERVICE)
	for _, claim := range []string{"", " ", "admin", "root x", "admin,root x", "Admin x", ",admin x", "unspecified x",
		"admin " + strings.Repeat("x", 600)} {
		_, err := get(t, owner, filepath.Join(a.dir, pki.CACertFile), &files, "dayside-on-behalf-of", claim)
		if fault.ReasonOf(rpc.Fault(err)) != rpcv1.Reason_REASON_ROLE_REQUIRED {
			t.Errorf("%q: %v", claim, err)
		}
	}
}

// TestOnlyAServiceIsBelievedToBeOne: a certificate of the cluster is not enough to be called by its processes.
func TestOnlyAServiceIsBelievedToBeOne(t *testing.T) {
	a, theirs := newAuthority(t, "ours"), newAuthority(t, "ours")
	for name, files := range map[string]rpc.TLSFiles{
		"a gateway": a.files(t, rpcv1.Role_ROLE_GATEWAY), "another CA": theirs.files(t, rpcv1.Role_ROLE_SERVICE),
	} {
		pretender := serveTLS(t, loadTLS(t, files, clock.NewManual(tlsNow()), io.Discard), linesThat(whoAsks))
		_, cc := edge(t, a, rpcv1.Role_ROLE_SERVICE, pretender)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if line, err := routingv1.NewLineServiceClient(cc).GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"}); err == nil {
			t.Errorf("%s was believed: %v", name, line)
		}
		cancel()
	}
}

func TestRenewedFilesAreUsedAndBrokenOnesAreNot(t *testing.T) {
	a := newAuthority(t, "ours")
	ca := filepath.Join(a.dir, pki.CACertFile)
	files, log, clk := a.files(t, rpcv1.Role_ROLE_SERVICE), &syncLog{}, clock.NewManual(tlsNow())
	addr := serveTLS(t, loadTLS(t, files, clk, log), linesThat(whoAsks))
	shown := func() string {
		cfg := clientConfig(t, ca, nil)
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		secured, ok := conn.(*tls.Conn)
		if !ok {
			t.Fatalf("a %T", conn)
		}
		return secured.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := shown()
	put := func(from, to string) {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(to+".new", to); err != nil {
			t.Fatal(err)
		}
		clk.Set(clk.Now().Add(2 * time.Second))
	}
	renewed := a.files(t, rpcv1.Role_ROLE_SERVICE)
	put(renewed.Cert, files.Cert) // the key is still the old one
	for range 3 {
		if shown() != first {
			t.Error("half of a renewal is in use")
		}
		clk.Set(clk.Now().Add(2 * time.Second))
	}
	if n := strings.Count(log.String(), "stay in use"); n != 1 {
		t.Errorf("told %d times: %s", n, log)
	}
	put(renewed.Key, files.Key)
	second := shown()
	if second == first {
		t.Error("the renewed certificate is not in use")
	}
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	clk.Set(clk.Now().Add(2 * time.Second))
	if shown() != second || strings.Contains(log.String(), "PRIVATE") {
		t.Errorf("without its key's file: %s", log)
	}
}

func TestFilesThatCannotBeUsedNameTheFlag(t *testing.T) {
	a, theirs := newAuthority(t, "ours"), newAuthority(t, "ours")
	good := a.files(t, rpcv1.Role_ROLE_SERVICE)
	for want, files := range map[string]rpc.TLSFiles{
		"tls-cert":                  {Cert: "none", Key: good.Key, CA: good.CA},
		"tls-key":                   {Cert: good.Cert, Key: "none", CA: good.CA},
		"tls-ca":                    {Cert: good.Cert, Key: good.Key, CA: "none"},
		"holds no certificate":      {Cert: good.Cert, Key: good.Key, CA: good.Key},
		"cannot be used with --tls": {Cert: good.Cert, Key: theirs.files(t, rpcv1.Role_ROLE_SERVICE).Key, CA: good.CA},
		"is not believed by":        {Cert: good.Cert, Key: good.Key, CA: filepath.Join(theirs.dir, pki.CACertFile)},
		"does not say who it is":    {Cert: good.CA, Key: filepath.Join(a.dir, pki.CAKeyFile), CA: good.CA},
	} {
		_, err := rpc.LoadTLS(files, nil, clock.NewManual(tlsNow()), slog.New(slog.DiscardHandler))
		var f *fault.Fault
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := rpc.LoadTLS(good, nil, clock.NewManual(tlsNow().AddDate(1, 0, 0)), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an expired certificate was taken")
	}
}

func TestRESTAsksForCertificates(t *testing.T) {
	a := newAuthority(t, "ours")
	creds := loadTLS(t, a.files(t, rpcv1.Role_ROLE_SERVICE), clock.NewManual(tlsNow()), io.Discard)
	l, err := rpc.Listen(t.Context(), "http-listen", "127.0.0.1:0", creds)
	if err != nil {
		t.Fatal(err)
	}
	door := rpc.Door{TLS: creds, Clock: clock.NewManual(tlsNow())}
	mux := http.NewServeMux()
	mux.HandleFunc("/open", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/who", door.Identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, p0(r.Context()))
	})))
	mux.Handle("/admins", door.RequireRole(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), rpcv1.Role_ROLE_ADMIN))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go func() { _ = srv.Serve(creds.HTTP(l)) }()
	t.Cleanup(func() { _ = srv.Close() })
	ask := func(files *rpc.TLSFiles, path string) int {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig: clientConfig(t, filepath.Join(a.dir, pki.CACertFile), files), DisableKeepAlives: true,
		}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			return 0
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	admin, reader := a.files(t, rpcv1.Role_ROLE_ADMIN), a.files(t, rpcv1.Role_ROLE_READER)
	stranger := newAuthority(t, "ours").files(t, rpcv1.Role_ROLE_ADMIN)
	for _, c := range []struct {
		files *rpc.TLSFiles
		path  string
		want  int
	}{
		{nil, "/open", 200}, {nil, "/who", 401}, {nil, "/admins", 401}, {&reader, "/who", 200}, {&reader, "/admins", 403},
		{&admin, "/admins", 200}, {&stranger, "/open", 0}, {&stranger, "/who", 0},
	} {
		if got := ask(c.files, c.path); got != c.want {
			t.Errorf("%s: %d, not %d", c.path, got, c.want)
		}
	}
}
