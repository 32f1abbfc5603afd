package schedule

import (
	"bytes"
	"errors"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// PackedRules are time-zone rules as AdoptTimeZoneRules takes them.
type PackedRules struct {
	// Bundle is a gzipped tar of TZif files (RFC 9636).
	Bundle []byte
	// Release names them, such as "2025c"; Zones is how many there are.
	Release string
	Zones   int
}

// PackRules reads a bundle, or a zoneinfo folder such as /usr/share/zoneinfo, and packs it. The error says what is wrong
// with the path.
func PackRules(path string) (PackedRules, error) {
	b, err := tzdata.Open(path)
	if err != nil {
		var f *fault.Fault
		if errors.As(err, &f) && len(f.Violations) > 0 {
			return PackedRules{}, errors.New(f.Violations[0].Value + " " + f.Violations[0].Rule)
		}
		return PackedRules{}, err
	}
	var packed bytes.Buffer
	if err := b.Pack(&packed); err != nil {
		return PackedRules{}, err
	}
	return PackedRules{packed.Bytes(), b.Release(), len(b.Names())}, nil
}

// EmbeddedRelease is the release of the rules that the program carries.
func EmbeddedRelease() (string, error) {
	b, err := zones.Embedded()
	if err != nil {
		return "", err
	}
	return b.Release(), nil
}

// OlderRelease says whether release a is older than b.
func OlderRelease(a, b string) bool { return zones.ReleaseLess(a, b) }
