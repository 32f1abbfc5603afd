package systemtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
)

// token issues one, and answers with its file and its id.
func (p pkiFolder) token(t *testing.T, role, name string, args ...string) (file, id string) {
	t.Helper()
	out := t.TempDir()
	stdout, stderr, err := dayside(t, append([]string{
		"token", "issue", "--dir", p.dir, "--out", out, "--role", role, "--name", name,
		"--for", "240h", // processes under test are at another time
	}, args...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if strings.Contains(stdout+stderr, "eyJ") {
		t.Errorf("a token was printed:\n%s%s", stdout, stderr)
	}
	for line := range strings.Lines(stdout) {
		if before, _, ok := strings.Cut(line, "  its id"); ok {
			id = before
		}
	}
	return filepath.Join(out, role+"-"+name+".token"), id
}

// withToken is ctx with the token of a file for every call.
func withToken(t *testing.T, ctx context.Context, file string) context.Context { //nolint:revive // t first, as in all helpers
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+strings.TrimSpace(string(text)))
}

// TestTokensOfPeople: on loopback in plain text and over TLS, through a process that forwards, by gRPC, REST and CLI; one
// that is revoked ends at once.
func TestTokensOfPeople(t *testing.T) {
	etcd := startEtcd(t)
	p := newPKI(t)
	revoked := filepath.Join(t.TempDir(), "revoked")
	if err := os.WriteFile(revoked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	access := []string{"--etcd", etcd.client, "--token-keys", filepath.Join(p.dir, "token.pub"), "--revoked", revoked}
	secured := flags(p.issue(t, "service", "all", "--ip", "127.0.0.1"))
	plainLogs := &syncBuffer{}
	serving := []string{host.Schedule, host.Entitlement, host.Routing, host.Ledger}
	held := startProcess(t, plainLogs, append(serving, access...)...)
	folder := filepath.Join(repo(t), "deploy", "examples", "followthesun")
	if _, stderr, err := dayside(t, "apply", "-f", folder, "--server", held.GRPC); err != nil {
		t.Fatalf("apply: %v\n%s", err, stderr)
	}
	// Each of these holds no service that is asked, and believes tokens itself.
	plain := startProcess(t, plainLogs, append([]string{host.SIP}, access...)...)
	site, _ := p.token(t, "site", "dublin-desk")
	admin, adminID := p.token(t, "admin", "ada")
	contact, _ := p.token(t, "contact", "acme-ops")
	stranger, _ := newPKI(t).token(t, "admin", "mallory")
	ended, _ := p.token(t, "admin", "ends", "--for", "1h")

	for name, addr := range map[string]string{"where it is held": held.GRPC, "where it is forwarded": plain.GRPC} {
		t.Run(name, func(t *testing.T) { tokensNarrow(t, addr, site, admin, contact, stranger) })
	}
	t.Run("the audit says who", func(t *testing.T) {
		var out string
		await.True(t, "both changes of ada in the audit", func() bool {
			var err error
			out, _, err = dayside(t, "audit", "--server", plain.GRPC)
			return err == nil && strings.Count(out, "UpdateSite") >= 2
		})
		// Besides, ada read the hidden number, once at each, and that is audited, too.
		read := strings.Count(out, "GetLine")
		if strings.Count(out, "UpdateSite") != 2 || read != 2 || strings.Count(out, "ada (admin)") != 2+read || strings.Contains(out, "acme-ops") {
			t.Errorf("a change that was forwarded is told twice, or one that was refused once:\n%s", out)
		}
	})
	t.Run("by REST", func(t *testing.T) {
		for file, want := range map[string]int{site: 200, contact: 403, stranger: 401, ended: 401} {
			if body, code := restWith(t, http.DefaultClient, "http://"+plain.HTTP+"/v1/"+exampleHiddenLine, file); code != want ||
				strings.Contains(body, exampleHiddenNumber) {
				t.Errorf("%s: %d, not %d: %s", file, code, want, body)
			}
		}
	})
	t.Run("by CLI", func(t *testing.T) {
		if out, stderr, err := dayside(t, "get", exampleHiddenLine, "--server", plain.GRPC, "--token-file", site); err != nil ||
			strings.Contains(out, exampleHiddenNumber[4:]) {
			t.Errorf("%v: %s%s", err, out, stderr)
		}
	})
	t.Run("over TLS without a certificate", func(t *testing.T) {
		// Its own etcd: processes with certificates and without are two clusters.
		other := startEtcd(t)
		access[1] = other.client
		s := startProcess(t, &syncBuffer{}, append(append(serving, access...), secured...)...)
		ca := filepath.Join(p.dir, "ca.crt")
		out, stderr, err := dayside(t, "apply", "-f", folder, "--server", s.GRPC, "--tls-ca", ca, "--token-file", admin)
		if err != nil {
			t.Fatalf("apply with a token: %v\n%s%s", err, out, stderr)
		}
		tokensNarrow(t, "", site, admin, contact, stranger, dialTLS(t, s.GRPC, host.TLSFiles{CA: ca}))
	})
	t.Run("revoked", func(t *testing.T) {
		if err := os.WriteFile(revoked, []byte(adminID+" # ada has left\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cc := dial(t, plain.GRPC)
		await.True(t, "the token to be refused", func() bool {
			_, err := routingv1.NewLineServiceClient(cc).GetLine(withToken(t, t.Context(), admin),
				&routingv1.GetLineRequest{Name: exampleHiddenLine})
			return reason(err) == rpcv1.Reason_REASON_CREDENTIALS_REQUIRED
		})
	})
	for _, file := range []string{site, admin, contact, stranger} {
		text, err := os.ReadFile(file)
		if err != nil || strings.Contains(plainLogs.String(), strings.Split(string(text), ".")[2][:20]) {
			t.Errorf("a token is in the log: %v", err)
		}
	}
}

// tokensNarrow asks with each token who sees and does what.
func tokensNarrow(t *testing.T, addr, site, admin, contact, stranger string, conns ...*grpc.ClientConn) {
	t.Helper()
	if len(conns) == 0 {
		conns = append(conns, dial(t, addr))
	}
	cc := conns[0]
	line := func(file string) (*routingv1.Line, error) {
		return routingv1.NewLineServiceClient(cc).GetLine(withToken(t, t.Context(), file), &routingv1.GetLineRequest{Name: exampleHiddenLine})
	}
	if l, err := line(site); err != nil || l.GetNumber() != nil {
		t.Errorf("a site sees %v (%v)", l.GetNumber() != nil, err)
	}
	if l, err := line(admin); err != nil || l.GetNumber() == nil {
		t.Errorf("an admin sees %v (%v)", l.GetNumber() != nil, err)
	}
	if _, err := line(contact); reason(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
		t.Errorf("a contact: %v", err)
	}
	// A contact has few methods; to read a feed is one, and there is none.
	if _, err := schedulev1.NewFeedServiceClient(cc).ReadFeed(withToken(t, t.Context(), contact), &schedulev1.ReadFeedRequest{
		Token: strings.Repeat("x", 40)}); reason(err) != rpcv1.Reason_REASON_NOT_FOUND {
		t.Errorf("a contact reads a feed: %v", err)
	}
	if _, err := line(stranger); reason(err) != rpcv1.Reason_REASON_CREDENTIALS_REQUIRED {
		t.Errorf("another cluster's admin: %v", err)
	}
	if _, err := updateSite(withToken(t, t.Context(), site), cc); reason(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
		t.Errorf("a site changes a site: %v", err)
	}
	if _, err := updateSite(withToken(t, t.Context(), admin), cc); err != nil {
		t.Errorf("an admin: %v", err)
	}
}

// restWith asks with a token.
func restWith(t *testing.T, client *http.Client, url, file string) (body string, code int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(text)))
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String(), resp.StatusCode
}

// TestCertificatesThatDoNotCount: ended, of another cluster, of the wrong role, revoked.
func TestCertificatesThatDoNotCount(t *testing.T) {
	etcd, p := startEtcd(t), newPKI(t)
	revoked := filepath.Join(t.TempDir(), "revoked")
	if err := os.WriteFile(revoked, []byte("00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	logs := &syncBuffer{}
	// Beyond the end of a certificate for a day, by the process's clock.
	s := startProcess(t, logs, append([]string{host.Schedule, "--etcd", etcd.client, "--revoked", revoked, "--clock-offset", "72h"},
		flags(p.issue(t, "service", "all", "--ip", "127.0.0.1"))...)...)
	ask := func(files host.TLSFiles) error {
		files.CA = filepath.Join(p.dir, "ca.crt")
		_, err := updateSite(t.Context(), dialTLS(t, s.GRPC, files))
		return err
	}
	if err := ask(p.issue(t, "admin", "ends", "--days", "1")); status.Code(err) != codes.Unavailable {
		t.Errorf("an ended one: %v", err)
	}
	if err := ask(newPKI(t).issue(t, "admin", "mallory")); status.Code(err) != codes.Unavailable {
		t.Errorf("another cluster's: %v", err)
	}
	if err := ask(p.issue(t, "reader", "rita")); reason(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
		t.Errorf("of the wrong role: %v", err)
	}
	lost := p.issue(t, "admin", "lost")
	conn := dialTLS(t, s.GRPC, lost)
	if _, err := updateSite(t.Context(), conn); reason(err) != rpcv1.Reason_REASON_NOT_FOUND { // there is no such site
		t.Errorf("before it is revoked: %v", err)
	}
	pair, err := tls.LoadX509KeyPair(lost.Cert, lost.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(revoked, []byte(pair.Leaf.SerialNumber.Text(16)), 0o600); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the certificate to be refused where it is in use", func() bool {
		_, err := updateSite(t.Context(), conn)
		return reason(err) == rpcv1.Reason_REASON_CREDENTIALS_REQUIRED
	})
	if err := ask(lost); status.Code(err) != codes.Unavailable {
		t.Errorf("in another handshake: %v", err)
	}
}

// etcdctl runs a command as an etcd user.
func (e *etcdServer) ctl(t *testing.T, as host.TLSFiles, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, peer(t, "etcdctl"), append(args, "--endpoints", "https://"+e.client,
		"--cert", as.Cert, "--key", as.Key, "--cacert", as.CA)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestEachServiceHasItsOwnEtcdUser: with the roles that `dayside etcd grants` prints, and etcd enforcing them, each service
// starts and does its work; and none reads what is not its own.
func TestEachServiceHasItsOwnEtcdUser(t *testing.T) {
	p := newPKI(t)
	files := p.issue(t, "service", "etcd", "--ip", "127.0.0.1")
	etcd := startEtcdWith(t, &files)
	grants, stderr, err := dayside(t, "etcd", "grants")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	commands := strings.Split(strings.TrimSpace(grants), "\n")
	// The certificate of role admin and name etcd is taken for the user admin-etcd, who is root here.
	root := p.issue(t, "admin", "etcd")
	commands = append(commands, "etcdctl user add root:unused", "etcdctl user grant-role root root",
		"etcdctl user add admin-etcd --no-password", "etcdctl user grant-role admin-etcd root", "etcdctl auth enable")
	for _, command := range commands {
		if out, err := etcd.ctl(t, root, strings.Fields(command)[1:]...); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	logs, users := &syncBuffer{}, map[string]host.TLSFiles{}
	var addr host.Addresses
	for _, service := range host.Names() {
		mine := p.issue(t, "service", service)
		users[service] = mine
		ready := startProcess(t, logs, service, "--etcd", "https://"+etcd.client, "--etcd-cert", mine.Cert, "--etcd-key", mine.Key,
			"--etcd-ca", mine.CA)
		if service == host.Schedule {
			addr = ready
		}
	}
	worksWithRoles(t, addr.GRPC)
	for _, denied := range []string{"permission denied", "etcd does not answer"} {
		if strings.Contains(logs.String(), denied) {
			t.Errorf("%s: %s", denied, linesWith(logs.String(), denied))
		}
	}
	const verifier = "/dayside/entitlement/verifiers/x"
	if out, err := etcd.ctl(t, root, "put", verifier, "secret"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, service := range host.Names() {
		out, err := etcd.ctl(t, users[service], "get", verifier)
		if may := service == host.Entitlement; (err == nil) != may || strings.Contains(out, "secret") != may {
			t.Errorf("%s reads what verifies callers: %v: %s", service, err, out)
		}
		out, err = etcd.ctl(t, users[service], "put", "/dayside/schedule/sites/dublin", "x")
		if may := service == host.Schedule || service == host.Routing; (err == nil) != may {
			t.Errorf("%s writes a site: %v: %s", service, err, out)
		}
	}
}

// worksWithRoles does what needs each service's keys.
func worksWithRoles(t *testing.T, addr string) {
	t.Helper()
	run := func(args ...string) {
		t.Helper()
		if _, stderr, err := dayside(t, append(args, "--server", addr)...); err != nil {
			t.Errorf("%v: %v\n%s", args, err, stderr)
		}
	}
	run("apply", "-f", filepath.Join(repo(t), "deploy", "examples", "followthesun"))
	await.True(t, "a route", func() bool {
		resp, err := routingv1.NewRoutingServiceClient(dial(t, addr)).RouteCall(t.Context(), call())
		return err == nil && resp.GetRoute().GetLine() != ""
	})
	if _, err := updateSite(t.Context(), dial(t, addr)); err != nil {
		t.Error(err)
	}
	run("drain", "sites/dublin", "--wait")
	run("feed", "create", "sites/dublin")
	run("feed", "create", exampleHiddenLine)
	run("list", "customers")
	run("delete", "customers/cormorant-bank")
	run("rota", "who")
	run("events")
	run("cluster", "upgrade", "--dry-run")
	told, stderr, err := dayside(t, "cluster", "status", "--server", addr)
	if err != nil || strings.Count(told, " dev ") != len(host.Names()) {
		t.Errorf("the cluster is %s, %v\n%s", told, err, stderr)
	}
}

func linesWith(text, what string) string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, what) {
			out = append(out, line)
		}
	}
	return strings.Join(out[:min(len(out), 5)], "")
}
