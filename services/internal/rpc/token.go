package rpc

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/pki"
)

const (
	// authorization is the header that carries a token (RFC 6750, section 2.1).
	authorization = "authorization"
	// bearer is how it begins; letters of either case (RFC 9110, section 11.1).
	bearer = "bearer "
	// maxKnownTokens bounds the tokens whose signature need not be checked again.
	maxKnownTokens = 4096
)

// Tokens are who shows which token: verified by public keys in a file that is read again when it changes, and remembered, so
// that a signature is checked once. A nil *Tokens believes none.
type Tokens struct {
	keys    *watched[pki.TokenKeys]
	revoked *Revoked

	mu    sync.RWMutex
	known map[string]*knownToken
	// of is the keys that `known` were verified with.
	of *pki.TokenKeys
}

// knownToken is one whose signature was checked.
type knownToken struct {
	peer    Peer
	id      string
	expires time.Time
}

// OpenTokens reads the keys; nil where file is empty. Errors are faults that name the field token-keys.
func OpenTokens(file string, revoked *Revoked, c clock.Clock, log *slog.Logger) (*Tokens, error) {
	if file == "" {
		return nil, nil
	}
	named := namedFile{"token-keys", file}
	keys, err := watch("token key", c, log, func(texts [][]byte, _ time.Time) (*pki.TokenKeys, error) {
		k, err := pki.ParseTokenKeys(texts[0])
		if err != nil {
			return nil, named.broken(err.Error())
		}
		return &k, nil
	}, named)
	if err != nil {
		return nil, err
	}
	return &Tokens{keys: keys, revoked: revoked, known: map[string]*knownToken{}}, nil
}

// refusedToken is why a token is not believed; it never says what was in it.
func refusedToken(why string) error {
	return &fault.Fault{Reason: rpcv1.Reason_REASON_CREDENTIALS_REQUIRED, Message: why}
}

// tokenIn is the token of an authorization header.
func tokenIn(header string) (string, error) {
	if len(header) <= len(bearer) || !strings.EqualFold(header[:len(bearer)], bearer) {
		return "", refusedToken("the authorization header is not \"Bearer TOKEN\"")
	}
	return header[len(bearer):], nil
}

// find is a token that was believed before, and is still.
func (t *Tokens) find(text string, now time.Time) (*knownToken, error) {
	keys := t.keys.current(now)
	t.mu.RLock()
	k := t.known[text]
	if t.of != keys { // other keys: whatever was verified with those before is to be verified anew
		k = nil
	}
	t.mu.RUnlock()
	if k == nil {
		return nil, nil
	}
	return k, t.good(k, now)
}

// good says whether a verified token is still to be believed.
func (t *Tokens) good(k *knownToken, now time.Time) error {
	switch {
	case !now.Before(k.expires):
		return refusedToken(pki.ErrTokenEnded.Error())
	case t.revoked.token(k.id, now):
		return refusedToken("the token was revoked")
	}
	return nil
}

// verify checks a token, and remembers it.
func (t *Tokens) verify(text string, now time.Time) (*knownToken, error) {
	keys := t.keys.current(now)
	said, err := keys.Verify(text, now)
	if err != nil {
		return nil, refusedToken(err.Error())
	}
	k := &knownToken{peer: NewPeer(said.Name, said.Roles...), id: said.ID, expires: said.Expires}
	k.peer.proven = true
	if err := t.good(k, now); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of != keys {
		clear(t.known)
		t.of = keys
	}
	if len(t.known) >= maxKnownTokens {
		t.forget(now)
	}
	t.known[text] = k
	return k, nil
}

// forget makes room: what has ended goes, or else everything, since a signature can be checked again.
func (t *Tokens) forget(now time.Time) {
	for text, k := range t.known {
		if !now.Before(k.expires) {
			delete(t.known, text)
		}
	}
	if len(t.known) >= maxKnownTokens {
		clear(t.known)
	}
}

// errNoTokens refuses a token where none are believed: to ignore it would give its bearer more than it says.
func errNoTokens() error {
	return refusedToken("a token was shown, and this process believes none (--token-keys)")
}
