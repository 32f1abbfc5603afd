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

// Key is what names are compared by: equal of names that are the same; empty of one without letters and digits.
func Key(name string) string {
	for range maxFolds {
		folded := fold(name)
		if folded == name {
			break
		}
		name = folded
	}
	return name
}

// maxFolds is how often folding is repeated until nothing changes: a letter in another case may be made of parts, which are
// letters of their own once it is taken apart. Twice is what any name has needed.
const maxFolds = 4

// fold takes a name apart (NFKD), keeps its letters and digits, and sets them in lower case: by way of upper case, so that
// what has no lower case of its own (the final sigma, the long s) is the same, too.
func fold(name string) string {
	var key strings.Builder
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(name, " ")) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			key.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return key.String()
}

// Rule is what is wrong with a name that somebody chooses; empty where nothing is.
func Rule(name string) string {
	letters := 0
	for _, r := range name {
		switch {
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
	case strings.TrimSpace(name) != name:
		return "must not begin or end with a blank"
	}
	return ""
}
