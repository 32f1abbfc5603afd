package pki_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/pki"
)

func tokenKeys(t testing.TB, dirs ...string) pki.TokenKeys {
	t.Helper()
	var text []byte
	for _, dir := range dirs {
		pub, err := os.ReadFile(filepath.Join(dir, pki.TokenPubFile))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, pub...)
	}
	keys, err := pki.ParseTokenKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestATokenSaysWhoHoldsItUntilItEnds(t *testing.T) {
	dir, _ := authority(t)
	other, _ := authority(t)
	roles := []rpcv1.Role{rpcv1.Role_ROLE_SITE, rpcv1.Role_ROLE_CONTACT}
	text, issued, err := pki.IssueToken(dir, "dublin-desk", roles, 12*time.Hour, now())
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]pki.TokenKeys{"one key": tokenKeys(t, dir), "while keys change": tokenKeys(t, other, dir)} {
		got, err := keys.Verify(text, now().Add(12*time.Hour-time.Second))
		if err != nil || got.Name != "dublin-desk" || !slices.Equal(got.Roles, roles) || got.ID != issued.ID || len(got.ID) != 32 ||
			!got.Expires.Equal(now().Add(12*time.Hour)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := tokenKeys(t, dir).Verify(text, now().Add(12*time.Hour)); !errors.Is(err, pki.ErrTokenEnded) {
		t.Errorf("at its end: %v", err)
	}
	if _, err := tokenKeys(t, dir).Verify(text, now().Add(-time.Hour)); !errors.Is(err, pki.ErrTokenClaims) {
		t.Errorf("before it was issued: %v", err)
	}
	if _, err := tokenKeys(t, other).Verify(text, now()); !errors.Is(err, pki.ErrTokenStranger) {
		t.Errorf("of another cluster: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, pki.TokenKeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key of tokens: %v %v", info, err)
	}
}

func TestWhatTokensAreNotIssued(t *testing.T) {
	dir, _ := authority(t)
	site := []rpcv1.Role{rpcv1.Role_ROLE_SITE}
	for want, c := range map[string]struct {
		name  string
		roles []rpcv1.Role
		life  time.Duration
	}{
		"not 720h0m1s":                {"x", site, pki.MaxTokenLife + time.Second},
		"not 1s":                      {"x", site, time.Second},
		"1 to 8 roles":                {"x", nil, time.Hour},
		"a process has a certificate": {"x", []rpcv1.Role{rpcv1.Role_ROLE_SERVICE}, time.Hour},
		"tokens are issued to":        {"x", []rpcv1.Role{rpcv1.Role_ROLE_UNSPECIFIED}, time.Hour},
		`the name "../x"`:             {"../x", site, time.Hour},
	} {
		if text, _, err := pki.IssueToken(dir, c.name, c.roles, c.life, now()); err == nil || text != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, _, err := pki.IssueToken(t.TempDir(), "x", site, time.Hour, now()); err == nil || !strings.Contains(err.Error(), "dayside pki init") {
		t.Errorf("without a key: %v", err)
	}
}

// TestForgeriesAreNotBelieved: what other programs made, with our key and without.
func TestForgeriesAreNotBelieved(t *testing.T) {
	dir, _ := authority(t)
	keys := tokenKeys(t, dir)
	good, _, err := pki.IssueToken(dir, "ada", []rpcv1.Role{rpcv1.Role_ROLE_READER}, time.Hour, now())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	head := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	pub, err := os.ReadFile(filepath.Join(dir, pki.TokenPubFile))
	if err != nil {
		t.Fatal(err)
	}
	hmacked, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "x"}).SignedString(pub)
	if err != nil {
		t.Fatal(err)
	}
	_, strange, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{"sub": "x"})
	forged.Header["kid"] = kidOf(t, good)
	strangers, err := forged.SignedString(strange)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "no token": "x", "without a signature": parts[0] + "." + parts[1] + ".",
		"no algorithm":    head(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + ".",
		"the key as HMAC": hmacked, "another key under our id": strangers,
		"another text":    parts[0] + "." + head(`{"sub":"ada","roles":["admin"]}`) + "." + parts[2],
		"too long":        strings.Repeat("x", pki.MaxTokenBytes+1),
		"a longer ending": good + "A", "a space": " " + good,
	} {
		if got, err := keys.Verify(text, now()); err == nil {
			t.Errorf("%s was believed: %v", name, got)
		} else if strings.Contains(err.Error(), "ada") {
			t.Errorf("%s: %v", name, err)
		}
	}
	at := func(d time.Duration) int64 { return now().Add(d).Unix() }
	for name, c := range map[string]jwt.MapClaims{
		"without an end":      {"iat": at(0)},
		"for too long":        {"iat": at(0), "exp": at(31 * 24 * time.Hour)},
		"without a beginning": {"exp": at(time.Hour), "iat": nil},
		"for somebody else":   {"iat": at(0), "exp": at(time.Hour), "aud": "other"},
		"without an id":       {"iat": at(0), "exp": at(time.Hour), "jti": ""},
		"without roles":       {"iat": at(0), "exp": at(time.Hour), "roles": []string{}},
		"of a process":        {"iat": at(0), "exp": at(time.Hour), "roles": []string{"reader", "service"}},
		"of an unknown role":  {"iat": at(0), "exp": at(time.Hour), "roles": []string{"root"}},
		"without a name":      {"iat": at(0), "exp": at(time.Hour), "sub": ""},
	} {
		full := jwt.MapClaims{"sub": "ada", "jti": "1", "aud": "dayside", "roles": []string{"reader"}}
		for k, v := range c {
			full[k] = v
		}
		if got, err := keys.Verify(signed(t, dir, full), now()); err == nil {
			t.Errorf("%s was believed: %v", name, got)
		}
	}
}

func kidOf(t *testing.T, text string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	kid, _ := parsed.Header["kid"].(string)
	return kid
}

// signed is a token with the folder's key and any claims.
func signed(t *testing.T, dir string, c jwt.MapClaims) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, pki.TokenKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	any, _, err := pki.IssueToken(dir, "x", []rpcv1.Role{rpcv1.Role_ROLE_READER}, time.Hour, now())
	if err != nil {
		t.Fatal(err)
	}
	made := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	made.Header["kid"] = kidOf(t, any)
	out, err := made.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestKeysThatAreNotTaken(t *testing.T) {
	dir, _ := authority(t)
	for want, file := range map[string]string{
		"only public keys": pki.TokenKeyFile, "holds a certificate": pki.CACertFile, "holds 0 public keys": "none",
	} {
		text, _ := os.ReadFile(filepath.Join(dir, file))
		if _, err := pki.ParseTokenKeys(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func FuzzVerifyToken(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "pki")
	if _, err := pki.Init(dir, "dayside.example", now()); err != nil {
		f.Fatal(err)
	}
	good, _, err := pki.IssueToken(dir, "ada", []rpcv1.Role{rpcv1.Role_ROLE_READER}, time.Hour, now())
	if err != nil {
		f.Fatal(err)
	}
	keys := tokenKeys(f, dir)
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := keys.Verify(text, now()); err == nil && text != good {
			t.Errorf("%q was believed: %v", text, got)
		}
	})
}
