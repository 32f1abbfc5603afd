// Package phone reads and shows telephone numbers on the hot path: as signalled by a network, with or without the plus
// sign, and compared as integers. It costs nanoseconds and knows nothing of national plans; what people type into
// configuration is checked by the same rule, E.164.
package phone

import (
	"strconv"
	"strings"
)

// Number is an E.164 number: its digits, without the plus sign, as an integer. 15 digits fit in 64 bits, and no country
// code begins with 0, so nothing is lost. 0 is no number.
type Number uint64

// ITU-T E.164 (11/2010), 6.2.1: at most 15 digits, country code included. Shorter than 7 is nobody's full number.
const (
	maxDigits = 15
	minDigits = 7
)

// Parse reads "+353123456789", as E.164 is written: a plus sign, then 7 to 15 digits, the first not 0.
func Parse(s string) (Number, bool) {
	if len(s) == 0 || s[0] != '+' {
		return 0, false
	}
	return digits(s[1:])
}

// ParseSignalled reads what a network signals: E.164 with or without the plus sign, or with the prefix 00; visual
// separators (RFC 3966: - . ( )) and blanks are passed over. Anything else is not a number: "anonymous", a short code.
func ParseSignalled(s string) (Number, bool) {
	var v uint64
	n, zeros, plus := 0, 0, false // zeros: those that it begins with
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if n == maxDigits+len("00") {
				return 0, false
			}
			if zeros == n && c == '0' {
				zeros++
			}
			v = v*10 + uint64(c-'0')
			n++
		case c == '+' && n == 0 && !plus:
			plus = true
		case c == '-' || c == '.' || c == '(' || c == ')' || c == ' ':
		default:
			return 0, false
		}
	}
	if !plus && n > 2 && zeros >= 2 {
		n, zeros = n-2, zeros-2
	}
	if n < minDigits || n > maxDigits || zeros > 0 {
		return 0, false
	}
	return Number(v), true
}

func digits(s string) (Number, bool) {
	if len(s) < minDigits || len(s) > maxDigits || s[0] == '0' {
		return 0, false
	}
	var v uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		v = v*10 + uint64(c)
	}
	return Number(v), true
}

// String is the number in E.164. It is for the wire, never for a log: use Masked there.
func (n Number) String() string {
	if n == 0 {
		return ""
	}
	return "+" + strconv.FormatUint(uint64(n), 10)
}

// Masked shows the first two digits and the last two: "+35…89". Too little to ring, enough to recognise.
func (n Number) Masked() string { return Mask(n.String()) }

// Mask shows the first three and the last two bytes of a number of whatever form, or of an address, as far as they are whole
// characters; shorter ones are hidden whole.
func Mask(s string) string {
	if s == "" {
		return ""
	}
	if len(s) < minDigits+1 {
		return "…"
	}
	return strings.ToValidUTF8(s[:3], "") + "…" + strings.ToValidUTF8(s[len(s)-2:], "")
}
