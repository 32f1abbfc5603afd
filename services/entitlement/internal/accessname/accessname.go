// Package accessname compares the names that customers choose for themselves: two are the same where letters and digits
// are, whatever the case, accents, punctuation and blanks. It is pure; who has which name is the store's to say, and the
// finding of customers by what they are called is package names'.
package accessname

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	// minLetters is the least that a name must hold of letters and digits: less is found too often.
	minLetters = 3
	// MaxRunes is the most that a name is long.
	MaxRunes = 100
)

// Key is what names are compared by: equal of names that are the same; empty of one without letters and digits. Marks that
// are part of letters, such as the vowels of Hindi and the strokes of Japanese, count; accents do not.
func Key(name string) string {
	key := folded(name, func(r rune) bool { return spells(r) || unicode.IsMark(r) && !isAccent(r) })
	return strings.TrimLeftFunc(key, unicode.IsMark)
}

// Heard is letters and digits alone, without any marks: what phrases are compared by, for nobody knows how they are written.
func Heard(said string) string { return folded(said, spells) }

func spells(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// isAccent says whether a mark only changes a letter of the alphabet, or says how to read or to show one that is written
// without it as well: accents, the points of Hebrew and Arabic, and what Unicode chooses forms by.
func isAccent(r rune) bool {
	switch {
	case r >= '\u0300' && r <= '\u036f', r >= '\u0483' && r <= '\u0489', r >= '\u1ab0' && r <= '\u1aff',
		r >= '\u1dc0' && r <= '\u1dff', r >= '\u20d0' && r <= '\u20ff', r >= '\ufe20' && r <= '\ufe2f':
		return true
	case r >= '\u0591' && r <= '\u05c7', r >= '\u0610' && r <= '\u061a', r >= '\u064b' && r <= '\u065f', r == '\u0670',
		r >= '\u06d6' && r <= '\u06ed':
		return true
	}
	return r >= '\ufe00' && r <= '\ufe0f' || r >= '\U000e0100' && r <= '\U000e01ef'
}

// maxFolds is how often folding is repeated until nothing changes: a letter in another case may be made of parts, which are
// letters of their own once it is taken apart. Twice is what any name has needed.
const maxFolds = 4

func folded(name string, keep func(rune) bool) string {
	for range maxFolds {
		next := fold(name, keep)
		if next == name {
			break
		}
		name = next
	}
	return name
}

// fold takes a name apart (NFKD), keeps what is to be kept, and sets it in lower case: by way of upper case, so that what
// has no lower case of its own (the final sigma, the long s) is the same, too.
func fold(name string, keep func(rune) bool) string {
	var key strings.Builder
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(name, " ")) {
		if keep(r) {
			key.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return key.String()
}

// Rule is what is wrong with a name that somebody chooses; empty where nothing is.
func Rule(name string) string {
	letters, last := 0, rune(0)
	for _, r := range name {
		joins := isJoiner(r) && (unicode.IsLetter(last) || unicode.IsMark(last))
		last = r
		switch {
		case joins:
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return "must hold no control characters"
		case unicode.IsLetter(r), unicode.IsDigit(r):
			letters++
		}
	}
	switch runes := []rune(name); {
	case len(runes) > MaxRunes:
		return "must be at most 100 characters"
	case letters < minLetters:
		return "must hold at least 3 letters or digits"
	case isJoiner(last):
		return "must hold no control characters"
	case strings.TrimSpace(name) != name:
		return "must not begin or end with a blank"
	}
	return ""
}

// isJoiner says whether a character joins letters or keeps them apart, as Persian and Hindi are written with.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
