// Package card tells text that holds what looks like the number of a payment card, so that no field of ours ever keeps
// one. It is a guard against mistakes, not a reader of cards: numbers that are spelled in words pass.
//
// It is pure.
package card

import "unicode"

const (
	// minDigits and maxDigits of a card's number: ISO/IEC 7812-1.
	minDigits, maxDigits = 13, 19
	// maxPhoneDigits of a telephone number: E.164.
	maxPhoneDigits = 15
	// maxGap is how many characters part two groups of one number: a hyphen between blanks.
	maxGap = 3
	// Rule is what is said of a text that holds one.
	Rule = "must not hold what looks like a payment card's number: no card data is taken"
)

// In says whether text holds a number of 13 to 19 digits, of whatever script, in one piece or in groups that blanks, dashes,
// dots, slashes or underscores part, that begins as cards of payment schemes do and whose check digit is right (ISO/IEC
// 7812-1, Annex B). It is made of whole groups: digits within a longer piece are of something else, such as a parcel's
// number. As many digits as a telephone number has, behind a plus sign, are one.
func In(text string) bool {
	var digits []byte
	var begins []bool // digits of them that begin a group
	gap, telephone := 0, false
	ends := func() bool { return !(telephone && len(digits) <= maxPhoneDigits) && anyIn(digits, begins) }
	for _, r := range text {
		d, isDigit := digitOf(r)
		switch {
		case isDigit:
			digits, begins, gap = append(digits, d), append(begins, gap > 0 || len(digits) == 0), 0
		case unicode.Is(unicode.Cf, r): // nobody sees it
		case parts(r) && len(digits) > 0 && gap < maxGap:
			gap++
		default:
			if ends() {
				return true
			}
			digits, begins, gap, telephone = digits[:0], begins[:0], 0, r == '+'
		}
	}
	return ends()
}

// digitOf reads a decimal digit of any script. Those of a script stand in a row, 0 first (Unicode, 4.6).
func digitOf(r rune) (byte, bool) {
	if r <= unicode.MaxASCII {
		return byte(r - '0'), r >= '0' && r <= '9'
	}
	const base = 10
	for _, row := range unicode.Nd.R16 {
		if r <= rune(row.Hi) {
			return byte((r - rune(row.Lo)) % base), r >= rune(row.Lo)
		}
	}
	for _, row := range unicode.Nd.R32 {
		if r <= rune(row.Hi) {
			return byte((r - rune(row.Lo)) % base), r >= rune(row.Lo)
		}
	}
	return 0, false
}

func parts(r rune) bool {
	switch r {
	case '.', '/', '_', '\u00b7', '\u2212': // the latter two: middle dot, minus sign
		return true
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
}

// anyIn says whether some groups of a run of digits are a card's number: what is before and behind them may be a date or an
// amount.
func anyIn(digits []byte, begins []bool) bool {
	for from := 0; from+minDigits <= len(digits); from++ {
		for n := minDigits; begins[from] && n <= maxDigits && from+n <= len(digits); n++ {
			if from+n < len(digits) && !begins[from+n] {
				continue
			}
			if number := digits[from : from+n]; scheme(number) && checked(number) {
				return true
			}
		}
	}
	return false
}

// scheme says whether a number begins as, and is as long as, one of a payment scheme in use.
func scheme(n []byte) bool {
	two := int(n[0])*10 + int(n[1])
	switch {
	case n[0] == 4: // Visa
		return len(n) == 13 || len(n) == 16 || len(n) == 19
	case two >= 51 && two <= 55: // Mastercard
		return len(n) == 16
	case two >= 22 && two <= 27: // Mastercard, since 2017
		four := two*100 + int(n[2])*10 + int(n[3])
		return len(n) == 16 && four >= 2221 && four <= 2720
	case two == 34, two == 37: // American Express
		return len(n) == 15
	case two == 30, two == 36, two == 38, two == 39: // Diners Club
		return len(n) >= 14
	case two == 35: // JCB
		return len(n) >= 16
	case two == 50, two >= 56 && two <= 69: // Maestro, Discover, UnionPay
		return len(n) >= 16
	}
	return false
}

// checked is Luhn's formula.
func checked(n []byte) bool {
	sum := 0
	for i, d := range n {
		v := int(d)
		if (len(n)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
