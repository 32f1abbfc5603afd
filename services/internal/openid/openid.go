// Package openid signs people in by a provider of identities (OpenID Connect Core 1.0): it sends browsers there and
// takes them back by the authorization code flow with PKCE (RFC 7636), and says of an ID token which e-mail address it
// is of, where the provider has verified that.
//
// It keeps no session and knows no customer. The provider is asked for its keys when they are needed first, so a
// process starts though it is away.
package openid

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// requestTimeout bounds one request to the provider.
	requestTimeout = 5 * time.Second
	// askAgainAfter is how long one that did not answer is left alone.
	askAgainAfter = 2 * time.Second
	// secretBytes of states and nonces.
	secretBytes = 32
)

// Config names a provider and what we are to it.
type Config struct {
	// Issuer is its URL; https, but on loopback.
	Issuer string
	// ClientID is what it calls us.
	ClientID string
	// ClientSecretFile holds what we show it, and is read each time; empty: nothing is shown (a public client).
	ClientSecretFile string
	// Clock is required.
	Clock clock.Clock
}

// Provider is one provider. Safe for concurrent use.
type Provider struct {
	cfg  Config
	http *http.Client
	// patience is how long one request to the provider may take.
	patience time.Duration
	// asking is held by whoever reads or writes what follows, and so asks.
	asking chan struct{}
	// found is what it says of itself; nil before it was asked. failed is why it could not be, at an instant.
	found    *oidc.Provider
	failed   error
	failedAt time.Time
}

// New checks a configuration; its faults name the flags oidc-issuer and so on.
func New(cfg Config) (*Provider, error) { return newProvider(cfg, requestTimeout) }

func newProvider(cfg Config, patience time.Duration) (*Provider, error) {
	var broken fault.Violations
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		broken.Add("oidc-issuer", cfg.Issuer, "must be an https URL, such as https://login.acme.example")
	}
	if cfg.ClientID == "" {
		broken.Add("oidc-client-id", "", "is needed with --oidc-issuer")
	}
	if err := broken.Err(); err != nil {
		return nil, err
	}
	return &Provider{
		cfg: cfg, http: &http.Client{Timeout: patience}, patience: patience, asking: make(chan struct{}, 1),
	}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// provider is what the provider says of itself (OpenID Connect Discovery 1.0), asked once. Whoever waits for another's
// question gets its answer, and none when they are gone: those who ask may be strangers, and many.
func (p *Provider) provider(ctx context.Context) (*oidc.Provider, error) {
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return nil, p.away(ctx.Err())
	}
	switch {
	case p.found != nil:
		return p.found, nil
	case p.failed != nil && p.cfg.Clock.Now().Sub(p.failedAt).Abs() < askAgainAfter:
		return nil, p.away(p.failed)
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.patience) // it is asked for the others, too
	defer cancel()
	p.found, p.failed = oidc.NewProvider(oidc.ClientContext(asking, p.http), p.cfg.Issuer)
	if p.failed != nil {
		p.found, p.failedAt = nil, p.cfg.Clock.Now()
		return nil, p.away(p.failed)
	}
	return p.found, nil
}

func (p *Provider) away(err error) error { return fault.Unavailable("the provider of identities", err) }

// Flow is what a browser carries while it is at the provider, and nobody else may know.
type Flow struct{ State, Nonce, Verifier string }

// Start is where a browser is sent, and what it has to bring back. back is the URL at which it comes back.
func (p *Provider) Start(ctx context.Context, back string) (to string, f Flow, err error) {
	cfg, err := p.oauth(ctx, back)
	if err != nil {
		return "", f, err
	}
	if f.State, err = random(); err != nil {
		return "", f, err
	}
	if f.Nonce, err = random(); err != nil {
		return "", f, err
	}
	f.Verifier = oauth2.GenerateVerifier()
	return cfg.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// Finish turns the code that a browser brought back into an ID token. NOT_FOUND where the provider does not take it.
func (p *Provider) Finish(ctx context.Context, back, code string, f Flow) (idToken string, err error) {
	cfg, err := p.oauth(ctx, back)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.http), p.patience)
	defer cancel()
	tokens, err := cfg.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return "", nobody(err)
	case err != nil:
		return "", p.away(err)
	}
	idToken, ok := tokens.Extra("id_token").(string)
	if !ok {
		return "", nobody(errors.New("the provider gave no ID token"))
	}
	return idToken, nil
}

func (p *Provider) oauth(ctx context.Context, back string) (*oauth2.Config, error) {
	found, err := p.provider(ctx)
	if err != nil {
		return nil, err
	}
	secret := ""
	if p.cfg.ClientSecretFile != "" {
		text, err := os.ReadFile(p.cfg.ClientSecretFile)
		if err != nil {
			return nil, fault.Internal(err)
		}
		secret = strings.TrimRight(string(text), "\r\n")
	}
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: secret, Endpoint: found.Endpoint(), RedirectURL: back,
		Scopes: []string{oidc.ScopeOpenID, "email"},
	}, nil
}

// claims are what is read of an ID token.
type claims struct {
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
}

// VerifiedAddress is the address that an ID token is of. NOT_FOUND where it is not to be believed: another's, for somebody
// else, expired, with another nonce, or without an address that the provider has verified.
func (p *Provider) VerifiedAddress(ctx context.Context, idToken, nonce string) (string, error) {
	found, err := p.provider(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	token, err := found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Clock.Now}).Verify(ctx, idToken)
	var unreached *url.Error
	switch {
	case errors.As(err, &unreached):
		return "", p.away(err)
	case err != nil:
		return "", nobody(err)
	case nonce == "" || token.Nonce != nonce:
		return "", nobody(errors.New("the ID token was made for another sign-in"))
	}
	var said claims
	if err := token.Claims(&said); err != nil {
		return "", nobody(err)
	}
	if said.Email == "" || !said.Verified {
		return "", nobody(errors.New("the ID token holds no address that the provider has verified"))
	}
	return said.Email, nil
}

// nobody is the answer to what is not believed; why goes to the log alone.
func nobody(why error) error {
	return &fault.Fault{Reason: rpcv1.Reason_REASON_NOT_FOUND, Message: "nobody can be signed in by this", Err: why}
}

func random() (string, error) {
	var b [secretBytes]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fault.Internal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
