package continuation

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// BriefLife is how long a brief token can be opened.
	BriefLife = MaxLife
	// MaxBriefChars bounds a brief token, which travels in a header beside others. What makes one longer than
	// wantedBriefChars is left out of it as far as it can be: the call's id, then the gateway's; what makes one longer
	// than MaxBriefChars, too: by whose contract, the offer, the promise, the partner.
	MaxBriefChars    = 256
	wantedBriefChars = 200

	briefVersion = 1
	// briefPurpose keeps brief tokens and continuations apart, though the same keys seal both.
	briefPurpose = "dayside brief 1"
	// maxBriefClockSkew is how far ahead the clock of the process that made one may be.
	maxBriefClockSkew = slackS * time.Second
)

// SealBrief makes a token from which any process that has the ring's keys tells of a call, within a day of made_unix_ms:
// letters, digits, hyphens and underscores (RFC 4648, section 5). It is bound to nothing but the cluster: whoever answers
// the call shows it. ErrNoKey, or ErrTooLong.
func (r *Ring) SealBrief(state *routingv1.BriefState, now time.Time) (string, error) {
	key := r.sealing(now.Unix())
	if key == nil {
		return "", ErrNoKey
	}
	header := binary.AppendUvarint([]byte{briefVersion}, key.Number)
	room := base64.RawURLEncoding.DecodedLen(wantedBriefChars) - len(header) - key.aead.Overhead()
	plain, err := briefWithin(state, room, room+base64.RawURLEncoding.DecodedLen(MaxBriefChars-wantedBriefChars))
	if err != nil {
		return "", fmt.Errorf("continuation: brief: %w", err)
	}
	token := key.aead.Seal(header, nil, plain, briefBound(header)) //nolint:gosec // G407: the AEAD makes its own random nonce
	if n := base64.RawURLEncoding.EncodedLen(len(token)); n > MaxBriefChars {
		return "", fmt.Errorf("%w: a brief of %d characters, at most %d", ErrTooLong, n, MaxBriefChars)
	}
	return base64.RawURLEncoding.EncodeToString(token), nil
}

// briefWithin is a state in so many bytes, if need be with less of the ids of the call and the gateway; and in most
// bytes at most, if it can be, without what only some calls have.
func briefWithin(state *routingv1.BriefState, room, most int) ([]byte, error) {
	plain, err := proto.Marshal(state)
	if err != nil || len(plain) <= room {
		return plain, err
	}
	less := proto.CloneOf(state)
	less.CallId = cut(state.GetCallId(), len(state.GetCallId())-(len(plain)-room))
	if plain, err = proto.Marshal(less); err != nil || len(plain) <= room {
		return plain, err
	}
	less.Gateway = ""
	plain, err = proto.Marshal(less)
	for _, id := range []*string{&less.Via, &less.Offer, &less.Promise, &less.Partner} {
		if err != nil || len(plain) <= most {
			break
		}
		*id = ""
		plain, err = proto.Marshal(less)
	}
	return plain, err
}

// cut is the beginning of a text, of whole characters.
func cut(s string, maxBytes int) string {
	if maxBytes <= 0 {
		return ""
	}
	if len(s) <= maxBytes {
		return s
	}
	for maxBytes > 0 && !utf8.RuneStart(s[maxBytes]) {
		maxBytes--
	}
	return s[:maxBytes]
}

// OpenBrief is what is in a token. Its only error is a *Refusal, which says the same whatever the cause.
func (r *Ring) OpenBrief(token string, now time.Time) (*routingv1.BriefState, error) {
	if token == "" {
		return nil, &Refusal{None}
	}
	if len(token) > MaxBriefChars {
		return nil, &Refusal{Unreadable}
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 2 || raw[0] != briefVersion {
		return nil, &Refusal{Unreadable}
	}
	number, n := binary.Uvarint(raw[1:])
	if n <= 0 {
		return nil, &Refusal{Unreadable}
	}
	key := r.key(number)
	if key == nil {
		return nil, &Refusal{UnknownKey}
	}
	header, sealed := raw[:1+n], raw[1+n:]
	plain, err := key.aead.Open(nil, nil, sealed, briefBound(header))
	if err != nil {
		return nil, &Refusal{Forged}
	}
	state := &routingv1.BriefState{}
	if err := proto.Unmarshal(plain, state); err != nil {
		return nil, &Refusal{Unreadable}
	}
	age := now.Sub(time.UnixMilli(state.GetMadeUnixMs()))
	if age >= BriefLife || age < -maxBriefClockSkew {
		return nil, &Refusal{Expired}
	}
	return state, nil
}

// briefBound is what is authenticated beside the state.
func briefBound(header []byte) []byte {
	return append([]byte(briefPurpose), header...)
}
