package names

import (
	"bytes"
	"math/bits"
	"strings"
)

const (
	// maxSortedDigits is by how many digits names are in order; the rest is compared one by one.
	maxSortedDigits = 16
	// maxSpelled bounds one question, in names.
	maxSpelled = 20_000
	// spelledConfidence is that of a name whose keys were all pressed: others are spelled with the same.
	spelledConfidence = 0.9
)

// keypad is a folded name as it is spelled on a keypad (ITU-T E.161); false where a letter is on no key.
func keypad(folded string) (string, bool) {
	const keys = "22233344455566677778889999" // a to z
	digits := make([]byte, len(folded))
	for i := range len(folded) {
		switch c := folded[i]; {
		case c >= 'a' && c <= 'z':
			digits[i] = keys[c-'a']
		case c >= '0' && c <= '9':
			digits[i] = c
		default:
			return "", false
		}
	}
	return string(digits), len(digits) > 0
}

// appendKeypads appends what a keypad can spell of a name: with its legal form, and without.
func appendKeypads(out []entry, f folded, row uint32) []entry {
	short, ok := keypad(strings.ReplaceAll(f.words, " ", ""))
	if ok {
		out = append(out, entry{digitsKey(short), row})
	}
	long, ok := keypad(f.full)
	if ok && long != short {
		out = append(out, entry{digitsKey(long), row})
	}
	return out
}

// digitsKey is the first digits as a number; those that begin others come first.
func digitsKey(digits string) (key uint64) {
	for i := range maxSortedDigits {
		key <<= 4
		if i < len(digits) {
			key |= uint64(digits[i]-'0') + 1
		}
	}
	return key
}

// FindDigits is Find for a name whose letters were pressed on a keypad, all or the first of them, three at least. What no
// key of a letter sends ("*", "#") is passed over; "0" and "1", which some press for a blank, where nobody has them there.
func (x *Index) FindDigits(digits string, limit int) (found []Match, more bool) {
	digits = keysOnly(digits, '0')
	if found, more = x.findDigits(digits, limit); len(found) > 0 {
		return found, more
	}
	if letters := keysOnly(digits, '2'); letters != digits {
		return x.findDigits(letters, limit)
	}
	return found, more
}

// keysOnly are the digits of a text from the least one on.
func keysOnly(text string, least rune) string {
	return strings.Map(func(r rune) rune {
		if r >= least && r <= '9' {
			return r
		}
		return -1
	}, text[:min(len(text), maxTextBytes)])
}

func (x *Index) findDigits(digits string, limit int) (found []Match, more bool) {
	s := x.now.Load()
	best := newTop(s, limit)
	if digits == "" {
		return nil, false
	}
	from := digitsKey(digits)
	until := from | (1<<(4*max(0, maxSortedDigits-len(digits))) - 1)
	left := maxSpelled
	for key, row := range s.keypads.from(func(key uint64, _ uint32) bool { return key < from }) {
		if key > until {
			break
		}
		if key != from && len(digits) < minPrefixRunes {
			break // those that are not longer come first
		}
		if left--; left < 0 {
			break
		}
		if row >= s.n {
			continue
		}
		confidence := s.spelled(key, row, digits)
		if s.row(row).from != 0 {
			confidence *= inOtherLetters
		}
		if confidence > 0 {
			best.offer(row, confidence, Digits, false)
		}
	}
	return best.matches(left < 0)
}

// spelled is how well digits spell a row that is sorted by a key which fits; 0 where they do not.
func (s *state) spelled(key uint64, row uint32, digits string) float64 {
	if n := maxSortedDigits - bits.TrailingZeros64(key)/4; n < maxSortedDigits {
		return spelledBy(len(digits), n)
	}
	if len(digits) < maxSortedDigits { // the key has them all, and the name is as long as it at least
		folded := s.folded(row)
		return spelledBy(len(digits), max(maxSortedDigits, len(folded)-bytes.Count(folded, []byte(" "))))
	}
	best := 0.0
	for _, f := range readings(string(s.text(row))) {
		for _, text := range []string{strings.ReplaceAll(f.words, " ", ""), f.full} {
			if have, ok := keypad(text); ok && strings.HasPrefix(have, digits) {
				best = max(best, spelledBy(len(digits), len(have)))
			}
		}
	}
	return best
}

// spelledBy is how well some of a name's digits spell it: the more of them the better, and never as well as all.
func spelledBy(some, all int) float64 {
	if some == all {
		return spelledConfidence
	}
	return spelledConfidence * (0.5 + 0.4*float64(some)/float64(all))
}
