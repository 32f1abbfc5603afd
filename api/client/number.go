package client

// ITU-T E.164 (11/2010), 6.2.1: at most 15 digits, country code included. Shorter than 7 is nobody's full number.
const (
	maxDigits = 15
	minDigits = 7
)

// number is an E.164 number as an integer; 0 is none.
type number uint64

// parseNumber reads a number as routing does: E.164 with or without the plus sign, or with the prefix 00; visual separators
// (RFC 3966: - . ( )) and blanks are passed over. 0 where it is none.
func parseNumber(s string) number {
	var digits [maxDigits + 3]byte
	n, plus := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if n == len(digits) {
				return 0
			}
			digits[n] = c
			n++
		case c == '+' && n == 0 && !plus:
			plus = true
		case c == '-' || c == '.' || c == '(' || c == ')' || c == ' ':
		default:
			return 0
		}
	}
	d := digits[:n]
	if !plus && n > 2 && d[0] == '0' && d[1] == '0' {
		d = d[2:]
	}
	if len(d) < minDigits || len(d) > maxDigits || d[0] == '0' {
		return 0
	}
	var v number
	for _, c := range d {
		v = v*10 + number(c-'0')
	}
	return v
}
