// Package selfservice is the rules by which contacts of customers help themselves: secrets of links and sessions, whose
// an e-mail address is, how many numbers may be shown in how long, and what contacts are told. It is pure: bytes,
// customers and instants in, answers out.
//
// It is not for sending mail, nor for keeping anything: the service does.
package selfservice

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// SecretBytes is how long a secret is: more than can be guessed, so that its hash needs no salt.
const SecretBytes = 32

// Secret is random bytes as text that goes into a link or a cookie: base64url (RFC 4648, section 5), without padding.
func Secret(random [SecretBytes]byte) string { return base64.RawURLEncoding.EncodeToString(random[:]) }

// SecretKey is what a secret is kept under: the SHA-256 of its text, in hex. False of a text that is no secret.
func SecretKey(secret string) (key string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(raw) != SecretBytes || Secret([SecretBytes]byte(raw)) != secret {
		return "", false
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:]), true
}

// Address is an e-mail address as it is compared: without blanks around it, and in lower case, of ASCII alone: letters of
// other scripts that look like these are other ones. Empty of what is no address.
func Address(text string) string {
	folded := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(text))
	local, domain, ok := strings.Cut(folded, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(folded, " \t\r\n<>,;\"\x00") || strings.Contains(domain, "@") {
		return ""
	}
	return folded
}

// AddressHash is what links and sessions keep of an address.
func AddressHash(address string) []byte {
	sum := sha256.Sum256([]byte(address))
	return sum[:]
}

// ContactOf is the contact of a customer who has the address with that hash: one with self-service before others.
func ContactOf(c *entitlementv1.Customer, hash []byte) (*entitlementv1.Contact, bool) {
	var found *entitlementv1.Contact
	for _, contact := range c.GetContacts() {
		address := Address(contact.GetEmail())
		if address == "" || string(AddressHash(address)) != string(hash) {
			continue
		}
		if contact.GetSelfService() {
			return contact, true
		}
		if found == nil {
			found = contact
		}
	}
	return found, found != nil
}
