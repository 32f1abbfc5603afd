package systemtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

// pkiFolder is an authority made by the CLI, and what it issued.
type pkiFolder struct{ dir string }

func newPKI(t *testing.T) pkiFolder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	if _, stderr, err := dayside(t, "pki", "init", "--dir", dir); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	return pkiFolder{dir}
}

func (p pkiFolder) issue(t *testing.T, role, name string, args ...string) host.TLSFiles {
	t.Helper()
	out := t.TempDir()
	stdout, stderr, err := dayside(t, append([]string{
		"pki", "issue", "--dir", p.dir, "--out", out, "--role", role, "--name", name}, args...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if strings.Contains(stdout+stderr, "PRIVATE") {
		t.Errorf("a key was printed:\n%s%s", stdout, stderr)
	}
	base := filepath.Join(out, role+"-"+name)
	return host.TLSFiles{Cert: base + ".crt", Key: base + ".key", CA: filepath.Join(p.dir, "ca.crt")}
}

func flags(f host.TLSFiles) []string {
	return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
}

// secured is four processes with certificates; schedule's answers tests, and forwards what it does not hold.
type secured struct {
	pki           pkiFolder
	addr          host.Addresses
	sip           host.Addresses
	scheduleFiles host.TLSFiles
	logs          *syncBuffer
}

func startSecured(t *testing.T) secured {
	t.Helper()
	etcd := startEtcd(t)
	s := secured{pki: newPKI(t), logs: &syncBuffer{}}
	for _, services := range processes(t) {
		files := s.pki.issue(t, "service", services[0], "--ip", "127.0.0.1")
		ready := startProcess(t, s.logs, append(append(services, "--etcd", etcd.client), flags(files)...)...)
		switch services[0] {
		case host.Schedule:
			s.addr, s.scheduleFiles = ready, files
		case host.SIP:
			s.sip = ready
		}
	}
	admin := s.pki.issue(t, "admin", "applies")
	folder := filepath.Join(repo(t), "deploy", "examples", "followthesun")
	if _, stderr, err := dayside(t, append(flags(admin), "apply", "-f", folder, "--server", s.addr.GRPC)...); err != nil {
		t.Fatalf("apply: %v\n%s", err, stderr)
	}
	return s
}

func dialTLS(t *testing.T, addr string, files host.TLSFiles) *grpc.ClientConn {
	t.Helper()
	creds, err := host.ClientCredentials(files)
	if err != nil {
		t.Fatal(err)
	}
	return dialWith(t, addr, creds)
}

func dialWith(t *testing.T, addr string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func reason(err error) rpcv1.Reason { return fault.ReasonOf(rpc.Fault(err)) }

// TestProcessesWithCertificates: who may do what, through a process that holds the method and through one that forwards.
func TestProcessesWithCertificates(t *testing.T) {
	s := startSecured(t)
	as := func(role string) *grpc.ClientConn { return dialTLS(t, s.addr.GRPC, s.pki.issue(t, role, "test")) }

	t.Run("a gateway routes and changes nothing", func(t *testing.T) {
		gateway := as("gateway")
		var route *routingv1.Route
		await.True(t, "a route", func() bool {
			resp, err := routingv1.NewRoutingServiceClient(gateway).RouteCall(t.Context(), call())
			route = resp.GetRoute()
			return err == nil && route.GetLine() != ""
		})
		if _, err := updateSite(t.Context(), gateway); status.Code(err) != codes.PermissionDenied ||
			reason(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
			t.Errorf("a gateway changes a site: %v", err)
		}
		_, err := routingv1.NewLineServiceClient(gateway).DeleteLine(t.Context(), &routingv1.DeleteLineRequest{Name: exampleHiddenLine})
		if reason(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
			t.Errorf("a gateway deletes a line through a process that forwards: %v", err)
		}
	})
	t.Run("an admin changes and routes no calls", func(t *testing.T) {
		admin := as("admin")
		if _, err := updateSite(t.Context(), admin); err != nil {
			t.Errorf("an admin: %v", err)
		}
		if _, err := routingv1.NewRoutingServiceClient(admin).RouteCall(t.Context(), call()); reason(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
			t.Errorf("an admin routes a call: %v", err)
		}
	})
	t.Run("the hidden number is the admin's", func(t *testing.T) {
		for role, sees := range map[string]bool{"admin": true, "supervisor": false, "auditor": false, "reader": false, "site": false} {
			line, err := routingv1.NewLineServiceClient(as(role)).GetLine(t.Context(), &routingv1.GetLineRequest{Name: exampleHiddenLine})
			if err != nil || (line.GetNumber() != nil) != sees {
				t.Errorf("%s sees the number: %v (%v)", role, line.GetNumber() != nil, err)
			}
			body, code := s.rest(t, role, "/v1/"+exampleHiddenLine)
			if code != http.StatusOK || strings.Contains(body, exampleHiddenNumber) != sees {
				t.Errorf("%s by REST: %d %s", role, code, body)
			}
		}
	})
	t.Run("a call over SIP", func(t *testing.T) {
		stdout, stderr, err := dayside(t, append(flags(s.pki.issue(t, "admin", "rings")), "call", examplePublishedNumber,
			"--from", exampleCaller, "--gateway", s.sip.SIPUDP, "--server", s.addr.GRPC)...)
		if err != nil {
			t.Errorf("%v\n%s%s", err, stdout, stderr)
		}
	})
	t.Run("strangers", func(t *testing.T) { s.refusesStrangers(t) })
	t.Run("renewed", func(t *testing.T) { s.renews(t) })
}

// TestEtcdWithCertificates: a cluster's etcd is reached by certificate, and by nobody else.
func TestEtcdWithCertificates(t *testing.T) {
	p := newPKI(t)
	files := p.issue(t, "service", "etcd", "--ip", "127.0.0.1")
	etcd := startEtcdWith(t, &files)
	cfg := testConfig(t.TempDir())
	cfg.Services, cfg.EtcdEndpoints = []string{host.Schedule}, []string{"https://" + etcd.client}
	cfg.EtcdTLS = host.TLSFiles{CA: files.CA}
	if h, err := host.New(t.Context(), cfg); err == nil {
		t.Errorf("etcd took a client without a certificate: %v", h.Addresses())
	}
	mine := p.issue(t, "service", "mine")
	startProcess(t, &syncBuffer{}, host.Schedule, "--etcd", "https://"+etcd.client,
		"--etcd-cert", mine.Cert, "--etcd-key", mine.Key, "--etcd-ca", mine.CA)
}

func (s secured) refusesStrangers(t *testing.T) {
	stranger := newPKI(t).issue(t, "admin", "mallory")
	stranger.CA = s.scheduleFiles.CA
	if _, err := updateSite(t.Context(), dialTLS(t, s.addr.GRPC, stranger)); status.Code(err) != codes.Unavailable {
		t.Errorf("with a certificate of another CA: %v", err)
	}
	nothing, err := host.ClientCredentials(host.TLSFiles{CA: s.scheduleFiles.CA})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := updateSite(t.Context(), dialWith(t, s.addr.GRPC, nothing)); status.Code(err) != codes.Unavailable {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := updateSite(t.Context(), dial(t, s.addr.GRPC)); status.Code(err) != codes.Unavailable {
		t.Errorf("in plain text: %v", err)
	}
	for path, want := range map[string]int{"/v1/lines": 401, "/metrics": 401, "/feeds/x.ics": 401, "/readyz": 200, "/livez": 200} {
		if _, code := s.rest(t, "", path); code != want {
			t.Errorf("%s without a certificate: %d, not %d", path, code, want)
		}
	}
	if _, code := s.rest(t, "gateway", "/metrics"); code != http.StatusForbidden {
		t.Errorf("metrics to a gateway: %d", code)
	}
}

// renews replaces the certificate of a running process.
func (s secured) renews(t *testing.T) {
	shown := func() string {
		conn, err := (&tls.Dialer{Config: s.client(t, "")}).DialContext(t.Context(), "tcp", s.addr.GRPC)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String() //nolint:forcetypeassert // tls.Dialer's
	}
	before := shown()
	renewed := s.pki.issue(t, "service", host.Schedule, "--ip", "127.0.0.1")
	for from, to := range map[string]string{renewed.Cert: s.scheduleFiles.Cert, renewed.Key: s.scheduleFiles.Key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "the renewed certificate to be shown", func() bool { return shown() != before })
	if _, err := updateSite(t.Context(), dialTLS(t, s.addr.GRPC, s.pki.issue(t, "admin", "after"))); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
}

// client is TLS of a client with a role; without a certificate where role is empty.
func (s secured) client(t *testing.T, role string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(s.scheduleFiles.CA)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool()}
	cfg.RootCAs.AppendCertsFromPEM(text)
	if role != "" {
		files := s.pki.issue(t, role, "client")
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg
}

func (s secured) rest(t *testing.T, role, path string) (body string, code int) {
	t.Helper()
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: s.client(t, role), DisableKeepAlives: true}, Timeout: 10 * time.Second,
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.addr.HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A REST client's headers become metadata; none of them says who asks.
	r.Header.Set("Grpc-Metadata-Dayside-On-Behalf-Of", "admin,service root")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text := make([]byte, 1<<16)
	n, _ := resp.Body.Read(text)
	return string(text[:n]), resp.StatusCode
}

func call() *routingv1.RouteCallRequest {
	return &routingv1.RouteCallRequest{
		CallId: "tls-1", DialledNumber: examplePublishedNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	}
}

func updateSite(ctx context.Context, cc *grpc.ClientConn) (*schedulev1.Site, error) {
	return schedulev1.NewScheduleServiceClient(cc).UpdateSite(ctx, &schedulev1.UpdateSiteRequest{
		Site:       &schedulev1.Site{Name: "sites/dublin", DisplayName: "Dublin, by day"},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
	})
}
