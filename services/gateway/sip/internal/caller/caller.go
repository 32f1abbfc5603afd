// Package caller reads from an INVITE who is ringing, under the trust rule of the configuration: which header fields are
// read, in which order, and what is believed of a peer that is trusted and of one that is not.
//
// It does not decide what the caller may have, and knows of no customer.
package caller

import (
	"bytes"
	"fmt"
	"strconv"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// Source is a header field that can name the caller.
type Source uint8

const (
	// From is what the caller's phone says of itself. It is read of anybody, and vouched for by nobody.
	From Source = iota
	// PAssertedIdentity is what the network asserts (RFC 3325). It is read of trusted peers only.
	PAssertedIdentity
	// Diversion is who sent the call on (RFC 5806): the customer, where callers reach us through its own switch. The
	// topmost, most recent one is read, of trusted peers only.
	Diversion
)

// ParseSource reads a field's name, whatever its case.
func ParseSource(name string) (Source, error) {
	for _, s := range []Source{From, PAssertedIdentity, Diversion} {
		if wire.EqualFold(bytes.ToLower([]byte(name)), s.lower()) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q is not P-Asserted-Identity, Diversion or From", name)
}

func (s Source) lower() string {
	switch s {
	case PAssertedIdentity:
		return "p-asserted-identity"
	case Diversion:
		return "diversion"
	case From:
	}
	return "from"
}

// Identity is who is ringing, as far as it is signalled.
type Identity struct {
	// Number is 0 where it is withheld, or no telephone number.
	Number phone.Number
	// Attestation is what a trusted peer says of the number it signals; unspecified of anybody else.
	Attestation routingv1.Attestation
}

// Append appends the number in E.164; nothing where there is none.
func (id Identity) Append(dst []byte) []byte {
	if id.Number == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, '+'), uint64(id.Number), 10)
}

// Read takes the first of the sources that holds a telephone number. from is the From field, parsed already.
func Read(m *wire.Message, from wire.Address, order []Source, trusted bool) Identity {
	for _, s := range order {
		if s != From && !trusted {
			continue
		}
		id, found := read(m, from, s)
		if !found {
			continue
		}
		if !trusted {
			id.Attestation = routingv1.Attestation_ATTESTATION_UNSPECIFIED
		}
		return id
	}
	return Identity{}
}

func read(m *wire.Message, from wire.Address, s Source) (Identity, bool) {
	switch s {
	case From:
		return identity(from, m.Attested)
	case PAssertedIdentity:
		return first(m.Asserted, m.Attested)
	case Diversion:
		// What is attested is the number of whoever rings, never of whoever diverted.
		id, found := first(m.Diversions[:min(1, len(m.Diversions))], nil)
		id.Attestation = routingv1.Attestation_ATTESTATION_UNSPECIFIED
		return id, found
	}
	return Identity{}, false
}

// first takes the first number of a field's values; a P-Asserted-Identity may hold a sip and a tel URI.
func first(values [][]byte, attested []byte) (Identity, bool) {
	for _, v := range values {
		for len(v) > 0 {
			a, rest, ok := wire.ParseAddress(v)
			if !ok {
				break
			}
			if id, found := identity(a, attested); found {
				return id, true
			}
			v = rest
		}
	}
	return Identity{}, false
}

// maxUserBytes bounds a user part that may be a telephone number: 15 digits, and visual separators.
const maxUserBytes = 64

func identity(a wire.Address, attested []byte) (Identity, bool) {
	u, ok := wire.ParseURI(a.URI)
	if !ok || len(u.User) > maxUserBytes {
		return Identity{}, false
	}
	var buf [maxUserBytes]byte
	n, ok := phone.ParseSignalled(string(wire.AppendUnescaped(buf[:0], u.User)))
	if !ok {
		return Identity{}, false
	}
	return Identity{Number: n, Attestation: attestation(u, a, attested)}, true
}

// attestation reads the result of the network's verification: the verstat parameter (3GPP TS 24.229, 7.2A.20), in the
// number, the URI or the field, and the level that goes with it, as a suffix of verstat or in a P-Attestation-Indicator or
// Attestation-Info field. A number that passed without a level being told has level A: networks signal plain
// "TN-Validation-Passed" for nothing less. One that failed, or was not verified, has none, whatever the level says.
func attestation(u wire.URI, a wire.Address, attested []byte) routingv1.Attestation {
	told := level(attested)
	verstat, found := verstat(u, a)
	if !found {
		return told
	}
	const passed = "tn-validation-passed"
	if len(verstat) < len(passed) || !wire.EqualFold(verstat[:len(passed)], passed) {
		return routingv1.Attestation_ATTESTATION_UNSPECIFIED
	}
	switch suffix := verstat[len(passed):]; {
	case len(suffix) == 2 && suffix[0] == '-':
		return level(suffix[1:])
	case len(suffix) > 0:
		return routingv1.Attestation_ATTESTATION_UNSPECIFIED
	case attested != nil:
		return told
	}
	return routingv1.Attestation_ATTESTATION_A
}

func verstat(u wire.URI, a wire.Address) (value []byte, found bool) {
	for _, params := range [...][]byte{u.UserParams, u.Params, a.Params} {
		if v, ok := wire.Param(params, "verstat"); ok {
			return v, true
		}
	}
	return nil, false
}

func level(v []byte) routingv1.Attestation {
	v = bytes.Trim(wire.Trim(v), `";`)
	if len(v) != 1 {
		return routingv1.Attestation_ATTESTATION_UNSPECIFIED
	}
	switch v[0] {
	case 'A', 'a':
		return routingv1.Attestation_ATTESTATION_A
	case 'B', 'b':
		return routingv1.Attestation_ATTESTATION_B
	case 'C', 'c':
		return routingv1.Attestation_ATTESTATION_C
	}
	return routingv1.Attestation_ATTESTATION_UNSPECIFIED
}
