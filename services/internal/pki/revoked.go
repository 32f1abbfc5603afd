package pki

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// maxRevoked bounds the entries of one list.
const maxRevoked = 100_000

// Revoked is what is believed no longer: certificates by serial number, tokens by id. The zero value is nothing.
type Revoked struct {
	// ids are serial numbers and token ids, as canonical has them.
	ids map[string]struct{}
	// issued are certificates of one issuer: its name (DER) and the serial number.
	issued map[[2]string]struct{}
}

// Empty says that nothing is revoked.
func (r Revoked) Empty() bool { return len(r.ids) == 0 && len(r.issued) == 0 }

// Token says whether the token with the id is revoked.
func (r Revoked) Token(id string) bool {
	_, is := r.ids[canonical(id)]
	return is && id != ""
}

// Certificate says whether a certificate is.
func (r Revoked) Certificate(c *x509.Certificate) bool {
	if r.Empty() || c.SerialNumber == nil {
		return false
	}
	serial := Serial(c.SerialNumber)
	if _, is := r.ids[canonical(serial)]; is {
		return true
	}
	_, is := r.issued[[2]string{string(c.RawIssuer), serial}]
	return is
}

// Serial is a serial number as lists have it: hexadecimal, small letters.
func Serial(n *big.Int) string { return n.Text(16) }

// canonical is an id in the one form that is compared: programs write serial numbers with colons, capitals and zeros.
func canonical(id string) string {
	return strings.TrimLeft(strings.ToLower(strings.ReplaceAll(id, ":", "")), "0")
}

// ParseRevoked reads a list: a serial number (hexadecimal) or a token's id a line; what follows a # is for people.
func ParseRevoked(text []byte) (Revoked, error) {
	r := Revoked{ids: map[string]struct{}{}}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		id, _, _ := strings.Cut(line, "#")
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		id = strings.TrimPrefix(strings.ToLower(id), "0x")
		if !segment(strings.ReplaceAll(id, ":", ""), maxNameBytes, true) {
			return Revoked{}, fmt.Errorf("line %d is neither a serial number nor a token's id", number)
		}
		if r.ids[canonical(id)] = (struct{}{}); len(r.ids) > maxRevoked {
			return Revoked{}, fmt.Errorf("holds more than %d entries", maxRevoked)
		}
	}
	return r, nil
}

// WithCRL is r with what certificate revocation lists in PEM (RFC 5280, section 5) name as well. Each must be signed by one
// of the authorities in PEM. A list whose next update is overdue counts all the same, since what is revoked stays so;
// overdue says that there is one.
func (r Revoked) WithCRL(text, authorities []byte, now time.Time) (with Revoked, overdue bool, err error) {
	cas, err := certificates(authorities)
	if err != nil {
		return Revoked{}, false, err
	}
	with = Revoked{ids: r.ids, issued: map[[2]string]struct{}{}}
	lists := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		lists++
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil || block.Type != "X509 CRL" {
			return Revoked{}, false, errors.New("holds what is no revocation list")
		}
		if !signedByOne(list, cas) {
			return Revoked{}, false, errors.New("holds a revocation list that none of our authorities has signed")
		}
		for _, entry := range list.RevokedCertificateEntries {
			with.issued[[2]string{string(list.RawIssuer), Serial(entry.SerialNumber)}] = struct{}{}
		}
		if len(with.issued) > maxRevoked {
			return Revoked{}, false, fmt.Errorf("holds more than %d entries", maxRevoked)
		}
		overdue = overdue || !list.NextUpdate.IsZero() && now.After(list.NextUpdate)
	}
	if lists == 0 {
		return Revoked{}, false, errors.New("holds no revocation list in PEM")
	}
	return with, overdue, nil
}

func signedByOne(list *x509.RevocationList, cas []*x509.Certificate) bool {
	for _, ca := range cas {
		if list.CheckSignatureFrom(ca) == nil {
			return true
		}
	}
	return false
}

// certificates are all of a PEM file.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("an authority's certificate cannot be read")
		}
		list = append(list, c)
	}
	return list, nil
}
