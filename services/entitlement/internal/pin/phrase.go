package pin

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/entitlement/internal/accessname"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

const (
	// minPhraseLetters is the least that a phrase holds of letters and digits, minOtherLetters of different ones.
	minPhraseLetters, minOtherLetters = 8, 4
	// phraseMark keeps a phrase of digits and a PIN apart: neither verifies as the other.
	phraseMark = "phrase\x00"
)

// Phrase is a phrase as Make and Matches take it: its letters and digits, without case, accents, punctuation and
// blanks, for what speech is understood as has none of them for certain.
func Phrase(said string) string { return phraseMark + accessname.Key(said) }

// PhraseRule is what a phrase must be, "" where it is: 8 letters and digits, 4 different ones among them, and no part
// of any of those names, with whatever legal form.
func PhraseRule(said string, of []string) string {
	key := accessname.Key(said)
	different := map[rune]bool{}
	for _, r := range key {
		different[r] = true
	}
	switch {
	case utf8.RuneCountInString(key) < minPhraseLetters:
		return fmt.Sprintf("must hold at least %d letters or digits", minPhraseLetters)
	case len(different) < minOtherLetters:
		return fmt.Sprintf("must hold at least %d different letters or digits", minOtherLetters)
	}
	// With a legal form that the name has not, or another one, it is the name all the same.
	keys := append([]string{key}, names.Bare(said)...)
	for _, name := range of {
		if partOf(name, keys) {
			return "must not be a name of the customer, or a part of one: names find, and prove nothing"
		}
	}
	return ""
}

// partOf says whether a name has any of those keys in it.
func partOf(name string, keys []string) bool {
	for _, key := range append(names.Bare(name), accessname.Key(name)) {
		if slices.ContainsFunc(keys, func(k string) bool { return k != "" && strings.Contains(key, k) }) {
			return true
		}
	}
	return false
}
