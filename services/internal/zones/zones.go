// Package zones is the one source of time-zone rules: a Bundle holds the rules of every zone in one known release of
// the IANA database, and Offsets says how a zone behaves over a range of time.
//
// It never asks the machine: time.LoadLocation takes whatever copy the machine has, of whatever age, before the one in
// the binary, and does not say which. The embedded bundle is made by mkbundle; others are read with Read. It knows no
// hours and no dates; those are package hours.
package zones

import (
	_ "embed"
	"slices"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/fault"
)

//go:embed tzdata.tar.gz
var embedded string

// Bundle is one release of the rules of all zones. It is immutable and safe for concurrent use.
type Bundle struct {
	release string
	zones   map[string][]byte // TZif bytes (RFC 9636) by name
}

// Embedded is the bundle in the binary. Reading it costs some milliseconds: keep it.
func Embedded() (*Bundle, error) { return Read(strings.NewReader(embedded)) }

// Release is the IANA release of the rules, such as "2025c".
func (b *Bundle) Release() string { return b.release }

// Names are all zones that Location accepts, ascending.
func (b *Bundle) Names() []string {
	names := make([]string, 0, len(b.zones))
	for name := range b.zones {
		if regional(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const (
	ruleZone  = `must be the IANA name of a region, such as "Europe/Dublin" or "America/New_York", or "UTC"`
	ruleFixed = ruleZone + `: a fixed offset or an abbreviation does not follow a region's clock changes`
)

// Location is the zone of that name. It accepts "UTC" and the names of the IANA database that name a region
// (Area/Location). It refuses, with an INVALID_FIELD fault on time_zone, what is empty, relative to the machine
// ("Local"), or an offset in disguise ("EST5EDT", "UTC+2", "Etc/GMT-2" whose sign is the opposite of what people mean).
func (b *Bundle) Location(name string) (*time.Location, error) {
	data, ok := b.zones[name]
	if !ok || !regional(name) {
		rule := ruleZone
		if ok || looksFixed(name) {
			rule = ruleFixed
		} else if near := b.near(name); near != "" {
			rule += `; did you mean "` + near + `"?`
		}
		var v fault.Violations
		v.Add("time_zone", name, rule)
		return nil, v.Err()
	}
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fault.Internal(err) // Read has parsed it before
	}
	return loc, nil
}

// regional says whether a name of the database names a region, or UTC.
func regional(name string) bool {
	if name == "UTC" || name == "Etc/UTC" {
		return true
	}
	return strings.Contains(name, "/") && !strings.HasPrefix(name, "Etc/")
}

// looksFixed is true for "EST5", "UTC+2", "+02:00", "GMT", "CEST": no slash, and not a word.
func looksFixed(name string) bool {
	return name != "" && !strings.Contains(name, "/") &&
		(strings.ContainsAny(name, "0123456789+-") || (len(name) <= 5 && strings.ToUpper(name) == name))
}

// near is the accepted name that differs in case or blanks only, or whose last part was given alone.
func (b *Bundle) near(name string) string {
	plain := strings.ReplaceAll(strings.TrimSpace(name), " ", "_")
	if plain == "" {
		return ""
	}
	names := b.Names()
	for _, n := range names {
		if strings.EqualFold(n, plain) {
			return n
		}
	}
	for _, n := range names {
		if strings.EqualFold(n[strings.LastIndexByte(n, '/')+1:], plain) {
			return n
		}
	}
	return ""
}
