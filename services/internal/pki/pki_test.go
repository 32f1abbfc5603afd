package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/pki"
)

func now() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

func authority(t *testing.T) (string, *pki.Authority) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki")
	if _, err := pki.Init(dir, "dayside.example", now()); err != nil {
		t.Fatal(err)
	}
	a, err := pki.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, a
}

func load(t *testing.T, f pki.Files) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func TestWhatIsIssuedSaysWhoHoldsItAndVerifies(t *testing.T) {
	dir, a := authority(t)
	for _, role := range pki.RoleNames() {
		req := pki.Request{Role: pki.ParseRole(role), Name: "north-1", Days: 30}
		isService := req.Role == rpcv1.Role_ROLE_SERVICE
		if isService {
			req.DNS, req.IP = []string{"north.example"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		}
		f, err := a.Issue(dir, req, now())
		if err != nil {
			t.Fatal(err)
		}
		cert := load(t, f)
		id, err := pki.IdentityOf(cert)
		if want := (pki.Identity{TrustDomain: "dayside.example", Role: req.Role, Name: "north-1"}); err != nil || id != want {
			t.Errorf("%s: %v, %v", role, id, err)
		}
		if !cert.NotAfter.Equal(now().AddDate(0, 0, 30)) {
			t.Errorf("%s ends at %v", role, cert.NotAfter)
		}
		for usage, want := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageClientAuth: true, x509.ExtKeyUsageServerAuth: isService} {
			if err := verify(t, dir, cert, usage, now()); (err == nil) != want {
				t.Errorf("%s for usage %v: %v", role, usage, err)
			}
		}
		if err := verify(t, dir, cert, x509.ExtKeyUsageClientAuth, now().AddDate(0, 0, 31)); err == nil {
			t.Errorf("%s is still valid after its end", role)
		}
		if info, err := os.Stat(f.Key); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f.Key, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, pki.CAKeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's key: %v %v", info.Mode(), err)
	}
}

func verify(t *testing.T, dir string, cert *x509.Certificate, usage x509.ExtKeyUsage, at time.Time) error {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, pki.CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func TestNothingIsReplaced(t *testing.T) {
	dir, a := authority(t)
	req := pki.Request{Role: rpcv1.Role_ROLE_ADMIN, Name: "ada", Days: 1}
	first, err := a.Issue(dir, req, now())
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(first.Key)
	if _, err := a.Issue(dir, req, now()); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("issued twice: %v", err)
	}
	if after, _ := os.ReadFile(first.Key); string(before) != string(after) {
		t.Error("the key was replaced")
	}
	if _, err := pki.Init(dir, "dayside.example", now()); err == nil {
		t.Error("the authority was replaced")
	}
	// Where the certificate is in the way, no key is left behind.
	if err := os.Remove(first.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(dir, req, now()); err == nil {
		t.Error("the certificate was replaced")
	}
	if _, err := os.Stat(first.Key); err == nil {
		t.Error("a key without a certificate was left")
	}
}

func TestWhatIsNotIssued(t *testing.T) {
	dir, a := authority(t)
	for want, req := range map[string]pki.Request{
		"none of":             {Name: "x", Days: 1},
		"a contact has none":  {Role: rpcv1.Role_ROLE_CONTACT, Name: "x", Days: 1},
		"the name":            {Role: rpcv1.Role_ROLE_ADMIN, Name: "../x", Days: 1},
		`the name ""`:         {Role: rpcv1.Role_ROLE_ADMIN, Days: 1},
		"not 0":               {Role: rpcv1.Role_ROLE_ADMIN, Name: "x"},
		"not 826":             {Role: rpcv1.Role_ROLE_ADMIN, Name: "x", Days: 826},
		"role service":        {Role: rpcv1.Role_ROLE_GATEWAY, Name: "x", Days: 1, DNS: []string{"x.example"}},
		"is not a host name":  {Role: rpcv1.Role_ROLE_SERVICE, Name: "x", Days: 1, DNS: []string{"a b"}},
		"at most 64":          {Role: rpcv1.Role_ROLE_SERVICE, Name: "x", Days: 1, IP: make([]net.IP, 65)},
		`the name "` + long(): {Role: rpcv1.Role_ROLE_ADMIN, Name: long(), Days: 1},
	} {
		if _, err := a.Issue(dir, req, now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := a.Issue(dir, pki.Request{Role: rpcv1.Role_ROLE_ADMIN, Name: "x", Days: 800}, now().AddDate(9, 0, 0)); err == nil ||
		!strings.Contains(err.Error(), "the authority ends on 2036-11-21") {
		t.Errorf("longer than its authority: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("something was written: %v %v", entries, err)
	}
	if _, err := pki.Init(t.TempDir(), "Dayside/x", now()); err == nil {
		t.Error("a trust domain with a slash")
	}
	if _, err := pki.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "dayside pki init") {
		t.Errorf("an empty folder: %v", err)
	}
}

func long() string { return strings.Repeat("x", 64) }

func TestIdentities(t *testing.T) {
	for uri, want := range map[string]pki.Identity{
		"spiffe://dayside/dayside/role/gateway/sip-1":                    {"dayside", rpcv1.Role_ROLE_GATEWAY, "sip-1"},
		"spiffe://a.example/dayside/role/service/Host_1.x":               {"a.example", rpcv1.Role_ROLE_SERVICE, "Host_1.x"},
		"spiffe://a/dayside/role/contact/x":                              {"a", rpcv1.Role_ROLE_CONTACT, "x"},
		"spiffe://a/dayside/role/unspecified/x":                          {},
		"spiffe://a/dayside/role/owner/x":                                {},
		"spiffe://a/dayside/role/ADMIN/x":                                {},
		"spiffe://a/dayside/role/admin/":                                 {},
		"spiffe://a/dayside/role/admin/..":                               {},
		"spiffe://a/dayside/role/admin/x/y":                              {},
		"spiffe://a/dayside/role/admin/x?y":                              {},
		"spiffe://a/dayside/role/admin/x#y":                              {},
		"spiffe://a/dayside/role/admin/%41":                              {},
		"spiffe://a/dayside/role/admin":                                  {},
		"spiffe://a:1/dayside/role/admin/x":                              {},
		"spiffe://u@a/dayside/role/admin/x":                              {},
		"spiffe://A/dayside/role/admin/x":                                {},
		"spiffe:///dayside/role/admin/x":                                 {},
		"spiffe://a//dayside/role/admin/x":                               {},
		"spiffe://a/x/dayside/role/admin/x":                              {},
		"spiffe://a/dayside/role/reader/dayside/role/admin/x":            {},
		"SPIFFE://a/dayside/role/admin/x":                                {},
		"https://a/dayside/role/admin/x":                                 {},
		"spiffe://a/ns/default/sa/admin":                                 {},
		"":                                                               {},
		"spiffe://a/dayside/role/admin/" + long():                        {},
		"spiffe://" + strings.Repeat("a", 256) + "/dayside/role/admin/x": {},
	} {
		got, err := pki.ParseIdentity(uri)
		if got != want || (err != nil) != (want == pki.Identity{}) {
			t.Errorf("%s: %v, %v", uri, got, err)
		}
	}
}

func TestACertificateHasOneIdentity(t *testing.T) {
	admin, err := url.Parse("spiffe://a/dayside/role/admin/x")
	if err != nil {
		t.Fatal(err)
	}
	for n, uris := range [][]*url.URL{{}, {admin}, {admin, admin}} {
		if _, err := pki.IdentityOf(&x509.Certificate{URIs: uris}); (err == nil) != (n == 1) {
			t.Errorf("%d URIs: %v", n, err)
		}
	}
}

func FuzzParseIdentity(f *testing.F) {
	f.Add("spiffe://dayside/dayside/role/gateway/sip-1")
	f.Add("spiffe://a/dayside/role/reader/dayside/role/admin/x")
	f.Add("spiffe://a/dayside/role/admin/%2e%2e")
	f.Fuzz(func(t *testing.T, uri string) {
		id, err := pki.ParseIdentity(uri)
		if err != nil {
			if id != (pki.Identity{}) {
				t.Errorf("%q is refused, and yet %v", uri, id)
			}
			return
		}
		if id.String() != uri {
			t.Errorf("%q was read as %v", uri, id)
		}
		if u, err := url.Parse(uri); err != nil || u.Host != id.TrustDomain || u.String() != uri {
			t.Errorf("%q is another URI to net/url: %v %v", uri, u, err)
		}
	})
}
