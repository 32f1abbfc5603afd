// Package pki is who a certificate or a token says its holder is, what is revoked of them, and a small authority for a
// start: identities as SPIFFE IDs in the certificate, a CA in a folder, certificates and tokens issued by it. Certificates
// from elsewhere work as well, if they hold such an identity.
//
// It opens no connection and trusts nobody: whether a certificate is to be believed is decided where connections are made
// (services/internal/rpc).
package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

const (
	// maxURIBytes is the longest SPIFFE ID (SPIFFE-ID, section 2.3).
	maxURIBytes = 2048
	// maxTrustDomainBytes is the longest trust domain (SPIFFE-ID, section 2.1).
	maxTrustDomainBytes = 255
	// maxNameBytes is the longest name of a peer.
	maxNameBytes = 63
	// rolePath comes before role and name.
	rolePath = "/dayside/role/"
)

// Identity is who holds a certificate, as its one URI SAN says: "spiffe://TRUST-DOMAIN/dayside/role/ROLE/NAME", a SPIFFE ID
// (https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md).
type Identity struct {
	// TrustDomain is the cluster that the identity belongs to: 1 to 255 of a-z, 0-9, dot, dash and underscore.
	TrustDomain string
	// Role is what the holder may act as.
	Role rpcv1.Role
	// Name tells holders of a role apart: 1 to 63 of a-z, A-Z, 0-9, dot, dash and underscore.
	Name string
}

// String is the identity as a URI.
func (i Identity) String() string {
	return "spiffe://" + i.TrustDomain + rolePath + RoleName(i.Role) + "/" + i.Name
}

// User is the identity's common name, which etcd takes for the name of its user: "service-north-1".
func (i Identity) User() string { return RoleName(i.Role) + "-" + i.Name }

// validate checks the parts, so that String can be parsed again.
func (i Identity) validate() error {
	switch {
	case RoleName(i.Role) == "":
		return errors.New("the role is none of " + strings.Join(RoleNames(), ", "))
	case !segment(i.Name, maxNameBytes, true):
		return fmt.Errorf("the name %q must be 1 to %d letters, digits, dots, dashes or underscores, and not . or ..",
			i.Name, maxNameBytes)
	case !segment(i.TrustDomain, maxTrustDomainBytes, false):
		return fmt.Errorf("the trust domain %q must be 1 to %d small letters, digits, dots, dashes or underscores",
			i.TrustDomain, maxTrustDomainBytes)
	}
	return nil
}

// ParseIdentity reads a URI. It takes exactly what String makes: no query, port, user, escapes or further segments.
func ParseIdentity(uri string) (Identity, error) {
	if len(uri) > maxURIBytes {
		return Identity{}, fmt.Errorf("an identity has at most %d bytes, and this one %d", maxURIBytes, len(uri))
	}
	rest, ok := strings.CutPrefix(uri, "spiffe://")
	if !ok {
		return Identity{}, fmt.Errorf("the identity %q does not begin with spiffe://", uri)
	}
	domain, path, ok := strings.Cut(rest, rolePath)
	role, name, ok2 := strings.Cut(path, "/")
	if !ok || !ok2 {
		return Identity{}, fmt.Errorf("the identity %q is not spiffe://TRUST-DOMAIN%sROLE/NAME", uri, rolePath)
	}
	id := Identity{TrustDomain: domain, Role: ParseRole(role), Name: name}
	if err := id.validate(); err != nil {
		return Identity{}, fmt.Errorf("the identity %q: %w", uri, err)
	}
	return id, nil
}

// IdentityOf is who a certificate says its holder is. It must have been verified. As X509-SVID (section 2) has it, there is
// exactly one URI: of two, a verifier and an issuer may mean different ones.
func IdentityOf(cert *x509.Certificate) (Identity, error) {
	if len(cert.URIs) != 1 {
		return Identity{}, fmt.Errorf("the certificate has %d URIs as subject alternative names; it takes one, "+
			"spiffe://TRUST-DOMAIN%sROLE/NAME", len(cert.URIs), rolePath)
	}
	return ParseIdentity(cert.URIs[0].String())
}

// RoleName is a role as identities write it, such as "gateway"; empty where it is no role that anybody can have.
func RoleName(r rpcv1.Role) string {
	if _, known := rpcv1.Role_name[int32(r)]; !known || r == rpcv1.Role_ROLE_UNSPECIFIED {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(r.String(), "ROLE_"))
}

// ParseRole reads a role as RoleName writes it; ROLE_UNSPECIFIED where it is none.
func ParseRole(name string) rpcv1.Role {
	if name != strings.ToLower(name) {
		return rpcv1.Role_ROLE_UNSPECIFIED
	}
	return rpcv1.Role(rpcv1.Role_value["ROLE_"+strings.ToUpper(name)])
}

// RoleNames are all roles that certificates are issued for, in order. A customer's contact shows a token, not a certificate.
func RoleNames() []string {
	var names []string
	for n := range rpcv1.Role_name {
		if r := rpcv1.Role(n); RoleName(r) != "" && r != rpcv1.Role_ROLE_CONTACT {
			names = append(names, RoleName(r))
		}
	}
	slices.Sort(names)
	return names
}

// segment says whether s is 1 to limit characters that a SPIFFE ID takes; capitals stand in paths only.
func segment(s string, limit int, capitals bool) bool {
	if s == "" || len(s) > limit || s == "." || s == ".." {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		case c >= 'A' && c <= 'Z' && capitals:
		default:
			return false
		}
	}
	return true
}
