package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const (
	// TokenKeyFile is the key that makes tokens, in the authority's folder.
	TokenKeyFile = "token.key"
	// TokenPubFile is what checks them: what processes are given.
	TokenPubFile = "token.pub"
	// MaxTokenLife is the longest that a token is good for.
	MaxTokenLife = 30 * 24 * time.Hour
	// MaxTokenBytes bounds a token as text.
	MaxTokenBytes = 4096
	// maxTokenRoles bounds the roles of one.
	maxTokenRoles = 8
	// maxTokenKeys bounds the keys that are believed at the same time: of a renewal, the old one and the new one.
	maxTokenKeys = 16
	// audience is whom tokens are for.
	audience = "dayside"
)

// Token is what a bearer token says: a JWT (RFC 7519) signed with Ed25519 (RFC 8037).
type Token struct {
	// Name of who holds it ("sub").
	Name string
	// Roles they may act as ("roles"); never role service: processes have certificates.
	Roles []rpcv1.Role
	// ID tells tokens apart ("jti"), and is what a revocation names: 32 hexadecimal digits.
	ID string
	// IssuedAt and Expires, which is at most MaxTokenLife later.
	IssuedAt, Expires time.Time
}

// Why a token is not believed. None of them says what was in it.
var (
	ErrTokenUnreadable = errors.New("the token cannot be read")
	ErrTokenStranger   = errors.New("the token is signed with none of the keys that are believed here")
	ErrTokenEnded      = errors.New("the token has ended")
	ErrTokenClaims     = errors.New("the token does not say what it must: name, roles, id, and an end within 30 days")
)

// claims are a token's, as it is written.
type claims struct {
	jwt.RegisteredClaims
	Roles []string `json:"roles"`
}

// initTokens makes the keys of tokens in a folder; it replaces none.
func initTokens(dir string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of tokens: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("the key of tokens: %w", err)
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fmt.Errorf("the key of tokens: %w", err)
	}
	if err := create(filepath.Join(dir, TokenKeyFile), 0o600, "PRIVATE KEY", secret); err != nil {
		return err
	}
	if err := create(filepath.Join(dir, TokenPubFile), 0o644, "PUBLIC KEY", open); err != nil {
		return errors.Join(err, os.Remove(filepath.Join(dir, TokenKeyFile)))
	}
	return nil
}

// IssueToken makes a token with the key of a folder, good for so long from now. Name and roles are checked as those of
// certificates are.
func IssueToken(dir, name string, roles []rpcv1.Role, life time.Duration, now time.Time) (text string, t Token, err error) {
	if life < time.Minute || life > MaxTokenLife {
		return "", Token{}, fmt.Errorf("a token is good for 1 minute to 30 days, not %v", life)
	}
	file := filepath.Join(dir, TokenKeyFile)
	der, err := read(file, "PRIVATE KEY")
	if errors.Is(err, fs.ErrNotExist) {
		return "", Token{}, fmt.Errorf("%s holds no key of tokens: `dayside pki init` makes one", dir)
	} else if err != nil {
		return "", Token{}, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return "", Token{}, fmt.Errorf("%s is not an Ed25519 key in PKCS #8", file) // the cause could quote it
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", Token{}, fmt.Errorf("make a token's id: %w", err)
	}
	begin := now.UTC().Truncate(time.Second) // as a token has it
	t = Token{
		Name: name, Roles: roles, ID: hex.EncodeToString(id), IssuedAt: begin, Expires: begin.Add(life).Truncate(time.Second),
	}
	if err := t.validate(); err != nil {
		return "", Token{}, err
	}
	c := claims{RegisteredClaims: jwt.RegisteredClaims{
		Subject: t.Name, ID: t.ID, Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(t.IssuedAt),
		ExpiresAt: jwt.NewNumericDate(t.Expires),
	}}
	for _, r := range roles {
		c.Roles = append(c.Roles, RoleName(r))
	}
	made := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	public, _ := key.Public().(ed25519.PublicKey)
	made.Header["kid"] = keyID(public)
	if text, err = made.SignedString(key); err != nil {
		return "", Token{}, errors.New("the token cannot be signed")
	}
	return text, t, nil
}

// WriteToken writes a token to a folder as ROLE-NAME.token, which only its owner may read. It replaces no file.
func WriteToken(dir string, t Token, text string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("the folder of the token: %w", err)
	}
	path = filepath.Join(dir, RoleName(t.Roles[0])+"-"+t.Name+".token")
	return path, createWith(path, 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, text+"\n")
		return err
	})
}

// TokenRoles are the names of all roles that tokens are issued for.
func TokenRoles() []string {
	names := []string{RoleName(rpcv1.Role_ROLE_CONTACT)}
	for _, name := range RoleNames() {
		if name != RoleName(rpcv1.Role_ROLE_SERVICE) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (t Token) validate() error {
	if !segment(t.Name, maxNameBytes, true) {
		return fmt.Errorf("the name %q must be 1 to %d letters, digits, dots, dashes or underscores, and not . or ..",
			t.Name, maxNameBytes)
	}
	if len(t.Roles) == 0 || len(t.Roles) > maxTokenRoles {
		return fmt.Errorf("a token has 1 to %d roles", maxTokenRoles)
	}
	for _, r := range t.Roles {
		if !slices.Contains(TokenRoles(), RoleName(r)) {
			return fmt.Errorf("tokens are issued to %s; a process has a certificate", strings.Join(TokenRoles(), ", "))
		}
	}
	return nil
}

// TokenKeys are the keys that tokens are believed of, by their ids.
type TokenKeys struct{ keys map[string]ed25519.PublicKey }

// ParseTokenKeys reads one or more public keys in PEM.
func ParseTokenKeys(text []byte) (TokenKeys, error) {
	k := TokenKeys{keys: map[string]ed25519.PublicKey{}}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PUBLIC KEY" {
			return TokenKeys{}, fmt.Errorf("holds a %s; only public keys belong there (%s)", strings.ToLower(block.Type),
				TokenPubFile)
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		key, ok := parsed.(ed25519.PublicKey)
		if err != nil || !ok {
			return TokenKeys{}, errors.New("holds a key that is not Ed25519")
		}
		k.keys[keyID(key)] = key
	}
	if len(k.keys) == 0 || len(k.keys) > maxTokenKeys {
		return TokenKeys{}, fmt.Errorf("holds %d public keys in PEM; 1 to %d are taken", len(k.keys), maxTokenKeys)
	}
	return k, nil
}

// keyID names a key in tokens ("kid"), so that of several the right one is tried.
func keyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Verify is what a token says, if it is to be believed now.
func (k TokenKeys) Verify(text string, now time.Time) (Token, error) {
	if len(text) > MaxTokenBytes {
		return Token{}, ErrTokenUnreadable
	}
	var c claims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithAudience(audience), jwt.WithTimeFunc(func() time.Time { return now }))
	_, err := parser.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key, known := k.keys[kid]; known {
			return key, nil
		}
		return nil, ErrTokenStranger
	})
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return Token{}, ErrTokenUnreadable
	case errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Token{}, ErrTokenStranger
	case errors.Is(err, jwt.ErrTokenExpired):
		return Token{}, ErrTokenEnded
	case err != nil:
		return Token{}, ErrTokenClaims
	}
	return c.token(now)
}

// token checks what the library does not: a key of ours may have been used by somebody else's program.
func (c claims) token(now time.Time) (Token, error) {
	if c.IssuedAt == nil || c.IssuedAt.After(now.Add(backdate)) || c.ExpiresAt.Sub(c.IssuedAt.Time) > MaxTokenLife ||
		!segment(c.ID, maxNameBytes, true) {
		return Token{}, ErrTokenClaims
	}
	t := Token{Name: c.Subject, ID: strings.ToLower(c.ID), IssuedAt: c.IssuedAt.UTC(), Expires: c.ExpiresAt.UTC()}
	for _, name := range c.Roles {
		t.Roles = append(t.Roles, ParseRole(name))
	}
	if t.validate() != nil {
		return Token{}, ErrTokenClaims
	}
	return t, nil
}
