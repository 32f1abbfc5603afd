package continuation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// MaxTokenBytes bounds a token; the API takes 8,192.
	MaxTokenBytes = 4096
	// MaxLife bounds how long a token can be opened, and so how long keys are kept.
	MaxLife = 24 * time.Hour
	// MaxTried bounds the targets a call can have behind it: two ladders.
	MaxTried = 32

	version = 1
	// headerBytes: version (1), step (2), number of the key (8), big-endian. In clear, and authentic.
	headerBytes = 11
	// purpose is part of what is authenticated, so that nothing sealed for another one is ever taken for a token.
	purpose = "dayside continuation 1"
)

// Of is what a token is bound to.
type Of struct {
	// Gateway is the gateway's id, CallID its id of the call.
	Gateway, CallID string
}

// Opened is what was in a token.
type Opened struct {
	// Step is the step that the token was made with; the first of a call is 1.
	Step uint16
	// State is never nil.
	State *routingv1.ContinuationState
}

// ErrNoKey is what Seal answers a ring without keys. A route then holds no continuation, and its last step is a safe one.
var ErrNoKey = errors.New("continuation: no key to seal with")

// ErrTooLong is what Seal answers where there is more to tell than a token holds.
var ErrTooLong = errors.New("continuation: too long")

// Seal makes a token from which any process that has the ring's keys opens a state, for whole seconds of life, at most
// MaxLife. The state's own expire_unix_s is passed over. ErrNoKey, or ErrTooLong.
func (r *Ring) Seal(
	of Of, step uint16, state *routingv1.ContinuationState, now time.Time, life time.Duration,
) ([]byte, error) {
	key := r.sealing(now.Unix())
	if key == nil {
		return nil, ErrNoKey
	}
	if len(state.GetTried()) > MaxTried {
		return nil, fmt.Errorf("%w: %d targets tried, at most %d", ErrTooLong, len(state.GetTried()), MaxTried)
	}
	// Of a field that is there twice the last counts: so the state need not be copied to say when it expires.
	expiring := &routingv1.ContinuationState{ExpireUnixS: now.Unix() + int64(min(max(life, 0), MaxLife)/time.Second)}
	plain, err := proto.Marshal(state)
	if err == nil {
		plain, err = proto.MarshalOptions{}.MarshalAppend(plain, expiring)
	}
	if err != nil {
		return nil, fmt.Errorf("continuation: %w", err)
	}
	size := headerBytes + key.aead.Overhead() + len(plain)
	if size > MaxTokenBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLong, size, MaxTokenBytes)
	}
	token := make([]byte, 0, size)
	token = append(token, version)
	token = binary.BigEndian.AppendUint16(token, step)
	token = binary.BigEndian.AppendUint64(token, key.Number)
	authentic := bound(token, of)
	return key.aead.Seal(token, nil, plain, authentic), nil //nolint:gosec // G407: the AEAD makes its own random nonce
}

// Open is what is in a token. Its only error is a *Refusal, which says the same whatever the cause. A token is open until
// the second at which it expires, and no longer at it.
func (r *Ring) Open(of Of, token []byte, now time.Time) (Opened, error) {
	if len(token) == 0 {
		return Opened{}, &Refusal{None}
	}
	if len(token) > MaxTokenBytes || len(token) < headerBytes || token[0] != version {
		return Opened{}, &Refusal{Unreadable}
	}
	header, sealed := token[:headerBytes], token[headerBytes:]
	key := r.key(binary.BigEndian.Uint64(header[3:]))
	if key == nil {
		return Opened{}, &Refusal{UnknownKey}
	}
	plain, err := key.aead.Open(nil, nil, sealed, bound(header, of))
	if err != nil {
		return Opened{}, &Refusal{Forged}
	}
	state := &routingv1.ContinuationState{}
	if err := proto.Unmarshal(plain, state); err != nil {
		return Opened{}, &Refusal{Unreadable}
	}
	if now.Unix() >= state.GetExpireUnixS() {
		return Opened{}, &Refusal{Expired}
	}
	return Opened{binary.BigEndian.Uint16(header[1:]), state}, nil
}

// bound is what is authenticated beside the state: the header, and what the token is bound to. The length says where the
// gateway ends.
func bound(header []byte, of Of) []byte {
	b := make([]byte, 0, len(purpose)+headerBytes+binary.MaxVarintLen64+len(of.Gateway)+len(of.CallID))
	b = append(b, purpose...)
	b = append(b, header...)
	b = binary.AppendUvarint(b, uint64(len(of.Gateway)))
	b = append(b, of.Gateway...)
	return append(b, of.CallID...)
}

// Why is why a token was refused. For traces and counters: never for whoever sent it.
type Why uint8

// The causes of a refusal.
const (
	// None: there is no token.
	None Why = iota + 1
	// Unreadable: too long or short, or of another release.
	Unreadable
	// UnknownKey: no key of the ring has its number. It was forged, or is older than keys are kept, or the view is behind.
	UnknownKey
	// Forged: changed, or made for another gateway, call or step; these are not told apart.
	Forged
	// Expired: opened too late.
	Expired
)

// String is the cause in one word.
func (w Why) String() string {
	switch w {
	case None:
		return "none"
	case Unreadable:
		return "unreadable"
	case UnknownKey:
		return "unknown-key"
	case Forged:
		return "forged"
	case Expired:
		return "expired"
	}
	return "unknown"
}

// Refusal is a token that was not opened. Which key a token names is in clear, so an outsider may find by time whether that
// key is known; whether the rest is right is compared in constant time.
type Refusal struct {
	why Why
}

// Error is the same for every cause.
func (*Refusal) Error() string { return "continuation: not one of this call, or not any more" }

// Why is the cause, for traces.
func (r *Refusal) Why() Why { return r.why }
