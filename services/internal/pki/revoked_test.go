package pki_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/pki"
)

func TestAListNamesSerialsAndTokens(t *testing.T) {
	serial, ok := new(big.Int).SetString("0aff01", 16)
	if !ok {
		t.Fatal("a bad number")
	}
	cert := &x509.Certificate{SerialNumber: serial}
	for _, line := range []string{"aff01", "0AFF01", "0a:ff:01", "0x0aff01", "  0a:ff:01   # the lost laptop\r"} {
		r, err := pki.ParseRevoked([]byte("# 2026\n\n" + line + "\n00c0ffee\n"))
		if err != nil || !r.Certificate(cert) || !r.Token("00c0ffee") || r.Token("00c0ffef") ||
			r.Certificate(&x509.Certificate{SerialNumber: big.NewInt(1)}) {
			t.Errorf("%q: %v", line, err)
		}
	}
	for _, text := range []string{"a b", "/etc", "a\nsp am", strings.Repeat("a", 64)} {
		if _, err := pki.ParseRevoked([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if r, err := pki.ParseRevoked(nil); err != nil || !r.Empty() {
		t.Errorf("an empty list: %v", err)
	}
}

// crl is a list signed by the authority of a folder.
func crl(t *testing.T, dir string, serials ...*big.Int) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, pki.CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(filepath.Join(dir, pki.CAKeyFile)); err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now(), NextUpdate: now().Add(24 * time.Hour)}
	for _, s := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: s, RevocationTime: now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, ca, key.(*ecdsa.PrivateKey)) //nolint:forcetypeassert // pki's own
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

func TestARevocationListCountsForItsOwnIssuer(t *testing.T) {
	dir, a := authority(t)
	theirs, b := authority(t)
	mine := issued(t, dir, a)
	other := issued(t, theirs, b)
	cas, err := os.ReadFile(filepath.Join(dir, pki.CACertFile))
	if err != nil {
		t.Fatal(err)
	}
	r, overdue, err := pki.Revoked{}.WithCRL(crl(t, dir, mine.SerialNumber), cas, now())
	if err != nil || overdue || !r.Certificate(mine) || r.Certificate(other) {
		t.Errorf("%v, %v", overdue, err)
	}
	r, overdue, err = pki.Revoked{}.WithCRL(crl(t, dir, mine.SerialNumber), cas, now().AddDate(0, 1, 0))
	if err != nil || !overdue || !r.Certificate(mine) {
		t.Errorf("an overdue list is forgotten: %v, %v", overdue, err)
	}
	for name, text := range map[string][]byte{
		"another authority's": crl(t, theirs, mine.SerialNumber), "nothing": nil, "a certificate": cas,
	} {
		if _, _, err := (pki.Revoked{}).WithCRL(text, cas, now()); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func issued(t *testing.T, dir string, a *pki.Authority) *x509.Certificate {
	t.Helper()
	f, err := a.Issue(dir, pki.Request{Role: rpcv1.Role_ROLE_ADMIN, Name: "ada", Days: 1}, now())
	if err != nil {
		t.Fatal(err)
	}
	cert := load(t, f)
	if f.Serial != pki.Serial(cert.SerialNumber) || cert.Subject.CommonName != "admin-ada" {
		t.Errorf("%s, %s", f.Serial, cert.Subject)
	}
	return cert
}

func FuzzParseRevoked(f *testing.F) {
	f.Add([]byte("0a:ff:01 # x\n\nc0ffee"), []byte("-----BEGIN X509 CRL-----\n-----END X509 CRL-----"))
	f.Fuzz(func(t *testing.T, list, crl []byte) {
		r, err := pki.ParseRevoked(list)
		if err != nil {
			return
		}
		if _, _, err := r.WithCRL(crl, nil, now()); err == nil {
			t.Error("a list without an authority was taken")
		}
		if r.Token("") {
			t.Error("no token is revoked")
		}
	})
}
