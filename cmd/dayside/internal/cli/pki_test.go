package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificatesAreMadeAndNeverReplaced(t *testing.T) {
	term, dir := newTerminal(t, newFake(t)), filepath.Join(t.TempDir(), "pki")
	issue := []string{"pki", "issue", "--dir", dir, "--role", "gateway", "--name", "sip-1"}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"pki", "init"}, 2, "--dir is needed"},
		{issue, 1, "make one with `dayside pki init --dir " + dir},
		{[]string{"pki", "init", "--dir", dir}, 0, filepath.Join(dir, "ca.crt") + "  the authority's certificate"},
		{[]string{"pki", "init", "--dir", dir}, 1, "exists already, and is not replaced"},
		{issue, 0, "spiffe://dayside/dayside/role/gateway/sip-1; until "},
		{issue, 1, "exists already, and is not replaced"},
		{append(issue, "--ip", "x"), 2, `--ip "x": must be an IP address`},
		{append(issue, "--ip", "::1"), 1, "nobody else is a server"},
		{append(issue, "--days", "0"), 1, "valid 1 to 825 days, not 0"},
		{[]string{"pki", "issue", "--dir", dir, "--name", "x"}, 2, "--dir, --role and --name are needed"},
		{[]string{"pki", "issue", "--dir", dir, "--name", "x", "--role", "root"}, 1, `--role "root": must be one of`},
		{[]string{"list", "lines", "--tls-cert", "x"}, 2, "--tls-cert, --tls-key and --tls-ca are needed together"},
	} {
		code := term.run(t.Context(), c.args...)
		said := term.out.String() + term.err.String()
		if code != c.code || !strings.Contains(said, c.want) || strings.Contains(said, "PRIVATE") {
			t.Errorf("%v: exit %d, %s", c.args, code, said)
		}
	}
	if code := term.run(t.Context(), append(issue, "--out", t.TempDir(), "-o", "json")...); code != 0 {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	var answer map[string]string
	if err := json.Unmarshal(term.out.Bytes(), &answer); err != nil || answer["identity"] != "spiffe://dayside/dayside/role/gateway/sip-1" {
		t.Errorf("%v: %s", err, term.out.String())
	}
	if info, err := os.Stat(answer["key"]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
