package pki_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/pki"
)

// A folder of certificates is whole: whoever holds one needs the authority's too, and never its key.
func TestTheAuthoritysCertificateIsBesideWhatItIssued(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	authority := func() (*pki.Authority, string) {
		dir := t.TempDir()
		if _, err := pki.Init(dir, "dayside", now); err != nil {
			t.Fatal(err)
		}
		a, err := pki.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return a, dir
	}
	ours, dir := authority()
	out := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if _, err := ours.Issue(out, pki.Request{Role: rpcv1.Role_ROLE_GATEWAY, Name: name, Days: 1}, now); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.Join(dir, pki.CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(out, pki.CACertFile))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: %s", err, got)
	}
	if _, err := os.Stat(filepath.Join(out, pki.CAKeyFile)); err == nil {
		t.Error("the authority's key is there too")
	}
	theirs, _ := authority()
	_, err = theirs.Issue(out, pki.Request{Role: rpcv1.Role_ROLE_GATEWAY, Name: "three", Days: 1}, now)
	if err == nil || !strings.Contains(err.Error(), "another authority's") {
		t.Errorf("two authorities in one folder: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "gateway-three.key")); err == nil {
		t.Error("and its key was made")
	}
}
