// Package pin makes verifiers of PINs and compares PINs with them: argon2id (RFC 9106), so that whoever reads a verifier
// has to pay for every guess. A PIN is a few digits, so that price is all that argon2 adds: verifiers are kept where only
// entitlement reads them, and guessing is limited by package throttle.
//
// It is pure: the salt is an argument, and where verifiers are kept is the service's. Errors never hold a PIN or a part of
// a verifier.
package pin

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	// SaltBytes is how long a salt is: RFC 9106, 3.1, recommends 16 bytes.
	SaltBytes = 16
	// MaxMemoryKiB is the most memory that comparing with any verifier takes: that of RFC 9106's second option.
	MaxMemoryKiB = 64 << 10

	minDigits, maxDigits = 4, 12

	tagBytes = 32
	// maxPasses and maxLanes keep a record that somebody made from costing more than one we make.
	maxPasses, maxLanes = 8, 8
	// maxVerifierBytes is far above any that Make gives.
	maxVerifierBytes = 256
)

// Cost is what a guess costs.
type Cost struct {
	// MemoryKiB is the memory, 8 KiB a lane at least, and MaxMemoryKiB at most.
	MemoryKiB uint32
	// Passes over the memory.
	Passes uint32
	// Lanes are computed side by side.
	Lanes uint8
}

// Chosen is the least that the OWASP Password Storage Cheat Sheet recommends for argon2id. RFC 9106, section 4, recommends
// more; but ten thousand PINs are soon tried at any price, and the process that pays it may be routing calls: so this takes
// one core for some 25 ms, where the RFC's second option takes four lanes and 64 MiB.
func Chosen() Cost { return Cost{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1} }

// ErrVerifier is a verifier that cannot be read: made by another program, or broken.
var ErrVerifier = errors.New("a verifier of a PIN cannot be read")

// Make is the verifier of a customer's PIN, in the PHC string format: $argon2id$v=19$m=...,t=...,p=...$salt$tag. The salt
// is SaltBytes from a random source. A verifier is of one customer: copied to another it verifies nothing.
func Make(customerID, digits string, salt []byte, c Cost) string {
	tag := derive(customerID, digits, salt, c)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(tag))
}

// Matches compares digits with a verifier, in a time that tells nothing of either. ErrVerifier where it cannot be read.
func Matches(verifier, customerID, digits string) (bool, error) {
	v, err := parse(verifier)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(v.tag, derive(customerID, digits, v.salt, v.cost)) == 1, nil
}

func derive(customerID, digits string, salt []byte, c Cost) []byte {
	return argon2.IDKey([]byte(customerID+"\x00"+digits), salt, c.Passes, c.MemoryKiB, c.Lanes, tagBytes)
}

// parts are what a verifier is made of.
type parts struct {
	cost      Cost
	salt, tag []byte
}

func parse(verifier string) (parts, error) {
	if len(verifier) > maxVerifierBytes {
		return parts{}, ErrVerifier
	}
	fields := strings.Split(verifier, "$") // "", "argon2id", "v=19", "m=..,t=..,p=..", salt, tag
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return parts{}, ErrVerifier
	}
	var c Cost
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil ||
		fields[3] != fmt.Sprintf("m=%d,t=%d,p=%d", c.MemoryKiB, c.Passes, c.Lanes) || !c.bounded() {
		return parts{}, ErrVerifier
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(fields[4])
	tag, tagErr := base64.RawStdEncoding.Strict().DecodeString(fields[5])
	if saltErr != nil || tagErr != nil || len(salt) != SaltBytes || len(tag) != tagBytes {
		return parts{}, ErrVerifier
	}
	return parts{c, salt, tag}, nil
}

// bounded says whether a cost is one that argon2 takes (RFC 9106, 3.1) and that is not above ours.
func (c Cost) bounded() bool {
	return c.Passes >= 1 && c.Passes <= maxPasses && c.Lanes >= 1 && c.Lanes <= maxLanes &&
		c.MemoryKiB >= 8*uint32(c.Lanes) && c.MemoryKiB <= MaxMemoryKiB
}
