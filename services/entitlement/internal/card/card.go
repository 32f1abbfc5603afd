// Package card tells text that holds what looks like the number of a payment card, so that no field of ours ever keeps
// one. It is a guard against mistakes, not a reader of cards: numbers that are spelled in words pass.
package card

import "unicode/utf8"

const (
	// minDigits and maxDigits of a card's number: ISO/IEC 7812-1.
	minDigits, maxDigits = 13, 19
	// Rule is what is said of a text that holds one.
	Rule = "must not hold what looks like a payment card's number: no card data is taken"
)

// In says whether text holds a number of 13 to 19 digits, in one piece or in groups that blanks, hyphens or dots part,
// that begins as cards of payment schemes do and whose check digit is right (ISO/IEC 7812-1, Annex B). One behind a
// plus sign is a telephone number.
func In(text string) bool {
	var digits []byte
	gap, telephone := 0, false
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		d, isDigit := digitOf(r)
		switch {
		case isDigit:
			digits, gap = append(digits, d), 0
		case parts(r) && len(digits) > 0 && gap == 0:
			gap++
		default:
			if !telephone && anyIn(digits) {
				return true
			}
			digits, gap, telephone = digits[:0], 0, r == '+'
		}
	}
	return !telephone && anyIn(digits)
}

// digitOf reads a digit, one of full width too.
func digitOf(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r - '0'), true
	case r >= '０' && r <= '９':
		return byte(r - '０'), true
	}
	return 0, false
}

func parts(r rune) bool {
	switch r {
	case ' ', '-', '.', '\u00a0', '\u2011', '\u2010', '\u2013', '\u202f':
		return true
	}
	return false
}

// anyIn says whether a card's number stands somewhere in a run of digits: what is before and behind it may be a date or
// an amount.
func anyIn(digits []byte) bool {
	for from := 0; from+minDigits <= len(digits); from++ {
		for n := minDigits; n <= maxDigits && from+n <= len(digits); n++ {
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
