package rpc_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	credentialsRequired = rpcv1.Reason_REASON_CREDENTIALS_REQUIRED
	roleRequired        = rpcv1.Reason_REASON_ROLE_REQUIRED
	limitExceeded       = rpcv1.Reason_REASON_LIMIT_EXCEEDED
)

func (a authority) token(t *testing.T, name string, life time.Duration, roles ...rpcv1.Role) string {
	t.Helper()
	text, _, err := pki.IssueToken(a.dir, name, roles, life, tlsNow())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// gate is what a door is made of in these tests.
type gate struct {
	rpc.Door
	clk     *clock.Manual
	revoked string // the file
	log     *syncLog
}

// openGate believes an authority's tokens, and its certificates where it is secured.
func openGate(t *testing.T, a authority, secured bool) *gate {
	t.Helper()
	g := &gate{clk: clock.NewManual(tlsNow()), revoked: filepath.Join(t.TempDir(), "revoked"), log: &syncLog{}}
	g.Clock = g.clk
	if err := os.WriteFile(g.revoked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(g.log, nil))
	var err error
	if g.Revoked, err = rpc.OpenRevoked(rpc.RevokedFiles{List: g.revoked}, g.clk, log); err != nil {
		t.Fatal(err)
	}
	if g.Tokens, err = rpc.OpenTokens(filepath.Join(a.dir, pki.TokenPubFile), g.Revoked, g.clk, log); err != nil {
		t.Fatal(err)
	}
	if g.Limits, err = rpc.NewLimits(rpc.DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	if secured {
		if g.TLS, err = rpc.LoadTLS(a.files(t, rpcv1.Role_ROLE_SERVICE), g.Revoked, g.clk, log); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// revoke writes the list anew, and lets it be looked at.
func (g *gate) revoke(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(g.revoked+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(g.revoked+".new", g.revoked); err != nil {
		t.Fatal(err)
	}
	g.clk.Set(g.clk.Now().Add(2 * time.Second))
}

func plainConn(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// tlsConn shows a certificate, or none where files is nil.
func tlsConn(t *testing.T, addr, ca string, files *rpc.TLSFiles) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(clientConfig(t, ca, files))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// asks is who a connection is taken for when these headers go with it.
func asks(t *testing.T, cc grpc.ClientConnInterface, header ...string) (string, error) {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), header...)
	line, err := routingv1.NewLineServiceClient(cc).GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"})
	return line.GetName(), err
}

func reasonOf(err error) rpcv1.Reason { return fault.ReasonOf(rpc.Fault(err)) }

const bearerHeader = "authorization"

func TestATokenNarrowsWhatLoopbackMayDo(t *testing.T) {
	a, theirs := newAuthority(t, "ours"), newAuthority(t, "ours")
	g := openGate(t, a, false)
	cc := plainConn(t, serveDoor(t, g.Door, linesThat(whoAsks)))
	if who, err := asks(t, cc); err != nil || !strings.Contains(who, "local gateway site") {
		t.Errorf("without a token: %q, %v", who, err)
	}
	reader := a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)
	for range 2 { // verified, then known
		if who, err := asks(t, cc, bearerHeader, "Bearer "+reader); err != nil || who != "rita reader" {
			t.Errorf("a reader: %q, %v", who, err)
		}
	}
	two := a.token(t, "sam", time.Hour, rpcv1.Role_ROLE_SITE, rpcv1.Role_ROLE_SUPERVISOR)
	if who, err := asks(t, cc, bearerHeader, "bearer "+two); err != nil || who != "sam site supervisor" {
		t.Errorf("of two roles: %q, %v", who, err)
	}
	// Nor does a token's bearer become somebody else by saying so.
	if who, err := asks(t, cc, bearerHeader, "Bearer "+reader, "dayside-on-behalf-of", "admin root"); err != nil || who != "rita reader" {
		t.Errorf("claiming more: %q, %v", who, err)
	}
	for name, c := range map[string]struct {
		header []string
		want   rpcv1.Reason
	}{
		"the wrong role":  {[]string{"Bearer " + a.token(t, "g", time.Hour, rpcv1.Role_ROLE_GATEWAY)}, roleRequired},
		"a contact":       {[]string{"Bearer " + a.token(t, "c", time.Hour, rpcv1.Role_ROLE_CONTACT)}, roleRequired},
		"another cluster": {[]string{"Bearer " + theirs.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)}, credentialsRequired},
		"no token":        {[]string{"Bearer "}, credentialsRequired},
		"nothing":         {[]string{""}, credentialsRequired},
		"a password":      {[]string{"Basic cml0YTpyaXRh"}, credentialsRequired},
		"nonsense":        {[]string{"Bearer x.y.z"}, credentialsRequired},
		"two":             {[]string{"Bearer " + reader, "Bearer " + two}, credentialsRequired},
	} {
		var header []string
		for _, h := range c.header {
			header = append(header, bearerHeader, h)
		}
		if who, err := asks(t, cc, header...); reasonOf(err) != c.want || err != nil && strings.Contains(err.Error(), "rita") {
			t.Errorf("%s: %q, %v", name, who, err)
		}
	}
	g.clk.Set(tlsNow().Add(time.Hour))
	if who, err := asks(t, cc, bearerHeader, "Bearer "+reader); reasonOf(err) != credentialsRequired || !strings.Contains(err.Error(), "ended") {
		t.Errorf("an ended one: %q, %v", who, err)
	}
	if strings.Contains(g.log.String(), reader[:20]) {
		t.Error("a token is in the log")
	}
}

// TestWithoutKeysATokenIsNotIgnored: its bearer would be this machine's own user.
func TestWithoutKeysATokenIsNotIgnored(t *testing.T) {
	a := newAuthority(t, "ours")
	s := start(t, linesThat(whoAsks))
	if who, err := asks(t, s.conn, bearerHeader, "Bearer "+a.token(t, "x", time.Hour, rpcv1.Role_ROLE_ADMIN)); reasonOf(err) != credentialsRequired {
		t.Errorf("%q, %v", who, err)
	}
}

// TestATokenSaysWhoAsksInOtherProcesses: a process that forwards may do everything, in plain text and with TLS.
func TestATokenSaysWhoAsksInOtherProcesses(t *testing.T) {
	a := newAuthority(t, "ours")
	for name, secured := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			here, there := openGate(t, a, secured), openGate(t, a, secured)
			found := manual.NewBuilderWithScheme("test")
			found.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: serveDoor(t, there.Door, linesThat(whoAsks))}}})
			on, err := rpc.Dial("test:///owner", found, tracenoop.NewTracerProvider(), here.TLS)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = on.Close() }()
			addr := serveDoor(t, here.Door, func(r grpc.ServiceRegistrar) {
				if err := rpc.Forward(r, &routingv1.LineService_ServiceDesc, on); err != nil {
					t.Error(err)
				}
			})
			cc := plainConn(t, addr)
			if secured {
				cc = tlsConn(t, addr, filepath.Join(a.dir, pki.CACertFile), nil)
			}
			token := "Bearer " + a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)
			if who, err := asks(t, cc, bearerHeader, token); err != nil || who != "rita reader" {
				t.Errorf("%q, %v", who, err)
			}
			// A token that came with REST is in the metadata of what is asked next; it is not passed on.
			ctx := rpc.WithPeer(metadata.AppendToOutgoingContext(t.Context(), bearerHeader, "Bearer x"),
				rpc.NewPeer("sam", rpcv1.Role_ROLE_SITE))
			line, err := routingv1.NewLineServiceClient(on).GetLine(ctx, &routingv1.GetLineRequest{Name: "lines/gold"})
			if err != nil || line.GetName() != "sam site" {
				t.Errorf("%q, %v", line.GetName(), err)
			}
		})
	}
}

func TestOverTLSATokenStandsForACertificate(t *testing.T) {
	a := newAuthority(t, "ours")
	ca := filepath.Join(a.dir, pki.CACertFile)
	g := openGate(t, a, true)
	addr := serveDoor(t, g.Door, linesThat(whoAsks))
	nobody := tlsConn(t, addr, ca, nil)
	contact := "Bearer " + a.token(t, "acme", time.Hour, rpcv1.Role_ROLE_READER)
	if who, err := asks(t, nobody, bearerHeader, contact); err != nil || who != "acme reader" {
		t.Errorf("a token alone: %q, %v", who, err)
	}
	if who, err := asks(t, nobody); reasonOf(err) != credentialsRequired {
		t.Errorf("nothing, on loopback: %q, %v", who, err)
	}
	admin := a.files(t, rpcv1.Role_ROLE_ADMIN)
	both := tlsConn(t, addr, ca, &admin)
	if who, err := asks(t, both); err != nil || who != "n1 admin" {
		t.Errorf("a certificate: %q, %v", who, err)
	}
	if who, err := asks(t, both, bearerHeader, contact); err != nil || who != "acme reader" {
		t.Errorf("a certificate and a token: %q, %v", who, err)
	}
	// Health is what a load balancer asks; what the API looks like is not everybody's.
	if _, err := healthv1.NewHealthClient(nobody).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	stream, err := reflectionv1.NewServerReflectionClient(nobody).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) == codes.OK || status.Code(err) == codes.Unavailable {
		t.Errorf("reflection to nobody: %v", err)
	}
	// A certificate of another CA is worse than none.
	stranger := newAuthority(t, "ours").files(t, rpcv1.Role_ROLE_ADMIN)
	if _, err := asks(t, tlsConn(t, addr, ca, &stranger), bearerHeader, contact); status.Code(err) != codes.Unavailable {
		t.Errorf("another CA's certificate with a token: %v", err)
	}
}

func TestWhatIsRevokedEndsAtOnce(t *testing.T) {
	a := newAuthority(t, "ours")
	ca := filepath.Join(a.dir, pki.CACertFile)
	g := openGate(t, a, true)
	addr := serveDoor(t, g.Door, linesThat(whoAsks))
	f, err := a.Issue(t.TempDir(), pki.Request{Role: rpcv1.Role_ROLE_ADMIN, Name: "ada", Days: 1}, tlsNow())
	if err != nil {
		t.Fatal(err)
	}
	files := rpc.TLSFiles{Cert: f.Cert, Key: f.Key}
	old := tlsConn(t, addr, ca, &files)
	text, token, err := pki.IssueToken(a.dir, "rita", []rpcv1.Role{rpcv1.Role_ROLE_READER}, time.Hour, tlsNow())
	if err != nil {
		t.Fatal(err)
	}
	bearer := tlsConn(t, addr, ca, nil)
	for _, cc := range []*grpc.ClientConn{old, bearer} {
		if _, err := asks(t, cc, bearerHeader, "Bearer "+text); err != nil {
			t.Fatal(err)
		}
	}
	g.revoke(t, "# the lost laptop\n"+strings.ToUpper(f.Serial)+"\n"+token.ID)
	if _, err := asks(t, old); reasonOf(err) != credentialsRequired || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("on the connection it has: %v", err)
	}
	if _, err := asks(t, tlsConn(t, addr, ca, &files)); status.Code(err) != codes.Unavailable {
		t.Errorf("on another connection: %v", err)
	}
	if _, err := asks(t, bearer, bearerHeader, "Bearer "+text); reasonOf(err) != credentialsRequired || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("the token: %v", err)
	}
	other := a.files(t, rpcv1.Role_ROLE_ADMIN)
	if _, err := asks(t, tlsConn(t, addr, ca, &other)); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
	// A list that cannot be read takes nothing back.
	g.revoke(t, "what is this\n")
	if _, err := asks(t, old); reasonOf(err) != credentialsRequired || !strings.Contains(g.log.String(), "stay in use") {
		t.Errorf("after a broken list: %v, %s", err, g.log)
	}
	g.revoke(t, "")
	if _, err := asks(t, old); err != nil {
		t.Errorf("taken back: %v", err)
	}
}

// TestKeysOfTokensAreRenewed: while both are in the file both count, and then the old one no longer, however well known.
func TestKeysOfTokensAreRenewed(t *testing.T) {
	a, renewed := newAuthority(t, "ours"), newAuthority(t, "ours")
	var pub [2][]byte
	for i, dir := range []string{a.dir, renewed.dir} {
		var err error
		if pub[i], err = os.ReadFile(filepath.Join(dir, pki.TokenPubFile)); err != nil {
			t.Fatal(err)
		}
	}
	g := openGate(t, a, false)
	cc := plainConn(t, serveDoor(t, g.Door, linesThat(whoAsks)))
	before := "Bearer " + a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER)
	after := "Bearer " + renewed.token(t, "sam", time.Hour, rpcv1.Role_ROLE_READER)
	for _, c := range []struct {
		file          []byte
		before, after rpcv1.Reason
	}{
		{pub[0], 0, credentialsRequired}, {append(pub[0], pub[1]...), 0, 0}, {[]byte("nothing"), 0, 0}, {pub[1], credentialsRequired, 0},
	} {
		if err := os.WriteFile(filepath.Join(a.dir, pki.TokenPubFile), c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		g.clk.Set(g.clk.Now().Add(2 * time.Second))
		for token, want := range map[string]rpcv1.Reason{before: c.before, after: c.after} {
			if who, err := asks(t, cc, bearerHeader, token); reasonOf(err) != want {
				t.Errorf("%d bytes of keys: %q, %v", len(c.file), who, err)
			}
		}
	}
}

// TestACertificateEndsOnTheConnectionItOpened: connections last longer than the last minutes of a certificate.
func TestACertificateEndsOnTheConnectionItOpened(t *testing.T) {
	a := newAuthority(t, "ours")
	g := openGate(t, a, true)
	files := a.files(t, rpcv1.Role_ROLE_ADMIN)
	cc := tlsConn(t, serveDoor(t, g.Door, linesThat(whoAsks)), filepath.Join(a.dir, pki.CACertFile), &files)
	if _, err := asks(t, cc); err != nil {
		t.Fatal(err)
	}
	g.clk.Set(tlsNow().AddDate(0, 0, 31))
	if _, err := asks(t, cc); reasonOf(err) != credentialsRequired || !strings.Contains(err.Error(), "ended") {
		t.Errorf("after its end: %v", err)
	}
}

// TestAStreamEndsWithItsCredential: it may last for days.
func TestAStreamEndsWithItsCredential(t *testing.T) {
	a := newAuthority(t, "ours")
	g := openGate(t, a, true)
	more := make(chan struct{})
	addr := serveDoor(t, g.Door, registered(watches{watch: func(_ string, s grpc.ServerStreamingServer[schedulev1.WatchCoverageResponse]) error {
		for range more {
			if err := s.Send(&schedulev1.WatchCoverageResponse{}); err != nil {
				return err
			}
		}
		return nil
	}}))
	defer close(more)
	cc := tlsConn(t, addr, filepath.Join(a.dir, pki.CACertFile), nil)
	ctx := metadata.AppendToOutgoingContext(t.Context(), bearerHeader, "Bearer "+a.token(t, "rita", time.Hour, rpcv1.Role_ROLE_READER))
	stream, err := schedulev1.NewScheduleServiceClient(cc).WatchCoverage(ctx, &schedulev1.WatchCoverageRequest{Line: "lines/gold"})
	if err != nil {
		t.Fatal(err)
	}
	more <- struct{}{}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	g.clk.Set(tlsNow().Add(2 * time.Hour))
	more <- struct{}{}
	if _, err := stream.Recv(); reasonOf(err) != credentialsRequired {
		t.Errorf("after the token's end: %v", err)
	}
}

func TestARevocationListOfTheAuthority(t *testing.T) {
	a := newAuthority(t, "ours")
	ca, clk := filepath.Join(a.dir, pki.CACertFile), clock.NewManual(tlsNow())
	f, err := a.Issue(t.TempDir(), pki.Request{Role: rpcv1.Role_ROLE_ADMIN, Name: "ada", Days: 1}, tlsNow())
	if err != nil {
		t.Fatal(err)
	}
	serial, ok := new(big.Int).SetString(f.Serial, 16)
	if !ok {
		t.Fatal(f.Serial)
	}
	files := rpc.RevokedFiles{CRL: filepath.Join(t.TempDir(), "crl.pem"), CA: ca}
	if err := os.WriteFile(files.CRL, crlOf(t, a.dir, serial), 0o600); err != nil {
		t.Fatal(err)
	}
	revoked, err := rpc.OpenRevoked(files, clk, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	creds, err := rpc.LoadTLS(a.files(t, rpcv1.Role_ROLE_SERVICE), revoked, clk, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	addr := serveDoor(t, rpc.Door{TLS: creds, Revoked: revoked, Clock: clk}, linesThat(whoAsks))
	ada, other := rpc.TLSFiles{Cert: f.Cert, Key: f.Key}, a.files(t, rpcv1.Role_ROLE_ADMIN)
	if _, err := get(t, addr, ca, &ada); status.Code(err) != codes.Unavailable {
		t.Errorf("a revoked one: %v", err)
	}
	if _, err := get(t, addr, ca, &other); err != nil {
		t.Errorf("another one: %v", err)
	}
	for want, files := range map[string]rpc.RevokedFiles{
		"revoked": {List: "none"}, "tls-crl": {CRL: "none", CA: ca}, "none of our authorities": {
			CRL: files.CRL, CA: filepath.Join(newAuthority(t, "ours").dir, pki.CACertFile),
		},
	} {
		if _, err := rpc.OpenRevoked(files, clk, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func crlOf(t *testing.T, dir string, serial *big.Int) []byte {
	t.Helper()
	der := func(file string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		return block.Bytes
	}
	ca, err := x509.ParseCertificate(der(pki.CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der(pki.CAKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: tlsNow(), NextUpdate: tlsNow().AddDate(0, 0, 1),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: serial, RevocationTime: tlsNow()}},
	}, ca, key.(*ecdsa.PrivateKey)) //nolint:forcetypeassert // pki's own
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list})
}
