package cli_test

import (
	"strings"
	"testing"
)

// TestServeRefusesAnEmptyEtcd: a script whose variable is empty must not begin a cluster of its own.
func TestServeRefusesAnEmptyEtcd(t *testing.T) {
	term := newTerminal(t, newFake(t))
	for _, endpoints := range []string{"", ",", "192.0.2.1:2379,"} {
		code := term.run(t.Context(), "serve", "--etcd", endpoints, "--data", t.TempDir())
		if code != 2 || !strings.Contains(term.err.String(), "must name endpoints, HOST:PORT each") {
			t.Errorf("--etcd %q: exit %d, %s", endpoints, code, term.err.String())
		}
	}
}
