package cli_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

func TestTokensAreIssuedAndNeverReplaced(t *testing.T) {
	term, dir := newTerminal(t, newFake(t)), filepath.Join(t.TempDir(), "pki")
	issue := []string{"token", "issue", "--dir", dir, "--role", "site", "--name", "dublin"}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"token", "issue"}, 2, "--dir, --role and --name are needed"},
		{issue, 1, "`dayside pki init` makes one"},
		{[]string{"pki", "init", "--dir", dir}, 0, filepath.Join(dir, "token.pub") + "  what tokens are believed of"},
		{issue, 0, filepath.Join(dir, "site-dublin.token") + "  for --token-file; until 2026-11-24 00:00 UTC"},
		{issue, 1, "exists already, and is not replaced"},
		{append(issue, "--role", "service"), 1, "a process has a certificate"},
		{append(issue, "--role", "root"), 1, `--role "root": must be one of [admin auditor contact`},
		{append(issue, "--for", "800h"), 1, "good for 1 minute to 30 days"},
		{append(issue, "--print", "--out", dir), 2, "--print writes no file"},
	} {
		code := term.run(t.Context(), c.args...)
		said := term.out.String() + term.err.String()
		if code != c.code || !strings.Contains(said, c.want) || strings.Contains(said, "eyJ") || strings.Contains(said, "PRIVATE") {
			t.Errorf("%v: exit %d, %s", c.args, code, said)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "site-dublin.token")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if code := term.run(t.Context(), append(issue, "--print")...); code != 0 || !strings.HasPrefix(term.out.String(), "eyJ") ||
		strings.Count(term.out.String(), "\n") != 1 {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	code := term.run(t.Context(), append(issue, "--out", t.TempDir(), "-o", "json")...)
	var answer map[string]string
	if err := json.Unmarshal(term.out.Bytes(), &answer); code != 0 || err != nil || len(answer["id"]) != 32 || answer["name"] != "dublin" {
		t.Errorf("exit %d, %v: %s", code, err, term.out.String())
	}
}

// TestATokenIsShownWithEachCall, and to nobody who could not be told from another.
func TestATokenIsShownWithEachCall(t *testing.T) {
	var shown atomic.Value
	listener := bufconn.Listen(1 << 16)
	srv := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		shown.Store(strings.Join(md.Get("authorization"), ","))
		return h(ctx, req)
	}))
	schedulev1.RegisterScheduleServiceServer(srv, newFake(t))
	go func() { _ = srv.Serve(listener) }()
	t.Cleanup(srv.Stop)
	term := newTerminal(t, newFake(t))
	term.env.Dial = func(string) (*grpc.ClientConn, error) {
		return grpc.NewClient("passthrough:///fake", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	}
	file := filepath.Join(t.TempDir(), "token")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("abc.def\n")
	list := []string{"list", "sites", "--token-file", file}
	if code := term.run(t.Context(), list...); code != 0 || shown.Load() != "Bearer abc.def" {
		t.Errorf("exit %d, %v, %s", code, shown.Load(), term.err.String())
	}
	term.run(t.Context(), "list", "sites")
	if shown.Load() != "" {
		t.Errorf("without --token-file: %v", shown.Load())
	}
	for want, args := range map[string][]string{
		"name the server's CA with --tls-ca": append(list, "--server", "192.0.2.1:7400"),
		"--tls-ca alone":                     append(list, "--tls-cert", "x"),
		"no such file":                       {"list", "sites", "--token-file", "none"},
	} {
		if code := term.run(t.Context(), args...); code != 2 || !strings.Contains(term.err.String(), want) {
			t.Errorf("%v: exit %d, %s", args, code, term.err.String())
		}
	}
	for _, text := range []string{"", " \n", "two tokens", "one\ntwo", strings.Repeat("x", 5000)} {
		put(text)
		if code := term.run(t.Context(), list...); code != 2 || !strings.Contains(term.err.String(), "does not hold one token") {
			t.Errorf("%.20q: exit %d, %s", text, code, term.err.String())
		}
	}
}
