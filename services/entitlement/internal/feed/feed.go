// Package feed is the resume tokens of the feed of customers: whose truth, and up to which revision, somebody has
// heard. It is pure; who follows etcd is the service.
package feed

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// version is the form of a token, its first byte.
const version = 1

// tokenBytes is how long one is: version, cluster, epoch, revision, part.
const tokenBytes = 1 + 8 + 16 + 8 + 4

// Token is up to where somebody has heard of changes.
type Token struct {
	// ClusterID and Epoch say of which etcd, as coord.Truth does.
	ClusterID uint64
	Epoch     [16]byte
	// Revision is the last one heard whole, and Part is how many changes of the next one were heard, too.
	Revision int64
	Part     uint32
}

// Heard is the token after a change of a revision; last says that it is the last one of that.
func (t Token) Heard(revision int64, last bool) Token {
	switch {
	case last:
		t.Revision, t.Part = revision, 0
	case t.Revision == revision-1:
		t.Part++
	default:
		t.Revision, t.Part = revision-1, 1
	}
	return t
}

// String is the token as clients keep it.
func (t Token) String() string {
	b := make([]byte, 0, tokenBytes)
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, t.ClusterID)
	b = append(b, t.Epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.Revision)) //nolint:gosec // revisions are positive
	b = binary.BigEndian.AppendUint32(b, t.Part)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Parse reads a token. The error is an INVALID_FIELD fault.
func Parse(text string) (t Token, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != tokenBytes || b[0] != version {
		return Token{}, invalid()
	}
	t.ClusterID = binary.BigEndian.Uint64(b[1:])
	copy(t.Epoch[:], b[9:])
	t.Revision = int64(binary.BigEndian.Uint64(b[25:])) //nolint:gosec // checked below
	t.Part = binary.BigEndian.Uint32(b[33:])
	if t.Revision <= 0 {
		return Token{}, invalid()
	}
	return t, nil
}

func invalid() error {
	return fault.Invalid(fault.Violation{Field: "resume_token", Rule: "is not one that an export or this feed gave"})
}
