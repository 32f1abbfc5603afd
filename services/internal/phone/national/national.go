// Package national reads telephone numbers as people write them: E.164, or national where it is said of which country. It
// knows the plans of all countries (libphonenumber's, by nyaruka/phonenumbers) and takes microseconds: it is for what people
// type and files hold, never for a ringing phone. That is package phone's.
package national

import (
	"errors"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/daysidehq/dayside/services/internal/phone"
)

// maxBytes is far more than any number has, extension and punctuation included.
const maxBytes = 64

// The rules that a number can break.
var (
	// ErrRegion: it is no E.164 number, and no country is known in which it could be one.
	ErrRegion = errors.New("must be E.164 (a plus sign and the country code first), since no default region is given")
	// ErrNumber: it is a number in no country, or not in that one.
	ErrNumber = errors.New("must be a telephone number: E.164, or a national one of the default region")
	// ErrExtension: an extension cannot be a caller's number.
	ErrExtension = errors.New("must be a number without an extension")
)

// KnownRegion says whether a code is one of a country with a plan (ISO 3166-1 alpha-2, upper-case).
func KnownRegion(region string) bool { return phonenumbers.GetSupportedRegions()[region] }

// Parse reads a number. region is that of numbers without a country code, ISO 3166-1 alpha-2; none where it is empty. What
// is E.164 is taken as it is, whether or not a plan has it: plans grow faster than programs.
func Parse(text, region string) (phone.Number, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxBytes {
		return 0, ErrNumber
	}
	if strings.HasPrefix(text, "+") {
		text = strings.Replace(text, "(0)", "", 1) // "+44 (0)20 ...": the zero is for callers within the country
	}
	if n, ok := phone.Parse(stripped(text)); ok {
		return n, nil
	}
	if region == "" && !strings.HasPrefix(text, "+") {
		return 0, ErrRegion
	}
	p, err := phonenumbers.Parse(text, region)
	switch {
	case err != nil:
		return 0, ErrNumber
	case p.GetExtension() != "":
		return 0, ErrExtension
	case !phonenumbers.IsPossibleNumber(p):
		return 0, ErrNumber
	}
	n, ok := phone.Parse(phonenumbers.Format(p, phonenumbers.E164))
	if !ok {
		return 0, ErrNumber
	}
	return n, nil
}

// stripped is a number without its visual separators (RFC 3966, section 5.1.1) and blanks.
func stripped(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() \u00a0\u202f", r) {
			return -1
		}
		return r
	}, text)
}
