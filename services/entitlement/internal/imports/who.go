package imports

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	customers = "customers/"
	// maxIDBytes is how long an id may be.
	maxIDBytes = 63
	// hashBytes tell external ids apart that look alike as a slug.
	hashBytes = 8
	// maxNamed is how many customers a rule names.
	maxNamed = 3
)

var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Who is the name of the customer that a row is of: the one that has its key, else the one that it names, else one made
// from the key, always the same. have are the ids of those who have the key. The error is an INVALID_FIELD fault.
func Who(row *entitlementv1.ImportRow, have []string) (string, error) {
	name, key := row.GetCustomer().GetName(), row.GetKey()
	id, named := strings.CutPrefix(name, customers)
	switch {
	case name != "" && (!named || !slug.MatchString(id)):
		return "", invalid("name", name,
			"must be customers/ID, where ID is a slug: lower-case letters, digits and hyphens, at most 63")
	case key == nil && name == "":
		return "", invalid("name", "", "is required where there is no external id to find the customer by")
	case key == nil:
		return name, nil
	case key.GetId() == "":
		return "", invalid("key", "", "is required: the customer's id in "+key.GetSystem())
	case !slug.MatchString(key.GetSystem()):
		return "", invalid("key", key.GetSystem(), "must name a system by a slug, such as crm")
	case len(have) > 1:
		return "", invalid("key", key.GetId(), fmt.Sprintf("is the id in %s of several customers: %s", key.GetSystem(),
			strings.Join(have[:min(len(have), maxNamed)], ", ")))
	case len(have) == 1 && name != "" && id != have[0]:
		return "", invalid("name", name, fmt.Sprintf("does not agree: %s in %s is %s%s", key.GetId(), key.GetSystem(), customers,
			have[0]))
	case len(have) == 1:
		return customers + have[0], nil
	case name != "":
		return name, nil
	}
	return customers + NewID(key), nil
}

// Agrees refuses a row that would give a second id of its key's system to the customer it is of: that one is another.
func Agrees(stands *entitlementv1.Customer, key *entitlementv1.ExternalId) error {
	if key == nil || Has(stands, key) {
		return nil
	}
	for _, e := range stands.GetExternalIds() {
		if e.GetSystem() == key.GetSystem() {
			return invalid("key", key.GetId(),
				fmt.Sprintf("does not agree: %s is %s in %s", stands.GetName(), e.GetId(), e.GetSystem()))
		}
	}
	return nil
}

// Has says whether a customer has an external id.
func Has(c *entitlementv1.Customer, key *entitlementv1.ExternalId) bool {
	for _, e := range c.GetExternalIds() {
		if e.GetSystem() == key.GetSystem() && e.GetId() == key.GetId() {
			return true
		}
	}
	return false
}

// NewID is the id of a customer that is made from an external id: that itself, where it can be read back from it, else
// what can be read of it and a hash, for case counts in external ids.
func NewID(key *entitlementv1.ExternalId) string {
	plain := key.GetSystem() + "-" + key.GetId()
	if slug.MatchString(plain) && !strings.Contains(key.GetSystem(), "-") { // else the first hyphen does not end the system
		return plain
	}
	sum := sha256.Sum256([]byte(key.GetSystem() + "\x00" + key.GetId()))
	tail := "-" + hex.EncodeToString(sum[:hashBytes])
	var b strings.Builder
	for _, r := range strings.ToLower(plain) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxIDBytes-len(tail) {
			break
		}
	}
	return strings.Trim(b.String(), "-") + tail
}

func invalid(field, value, rule string) error {
	var broken fault.Violations
	broken.Add(field, value, rule)
	return broken.Err()
}
