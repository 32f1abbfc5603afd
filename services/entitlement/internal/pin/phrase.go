package pin

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/entitlement/internal/accessname"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

const (
	// minPhraseLetters is the least that a phrase holds of letters and digits, minOtherLetters of different ones.
	minPhraseLetters, minOtherLetters = 8, 4
	// minNameLetters is from how many letters on a name is left out of what a phrase holds besides it.
	minNameLetters = 4
	// phraseMark keeps a phrase of digits and a PIN apart: neither verifies as the other.
	phraseMark = "phrase\x00"
)

// Phrase is a phrase as Make and Matches take it: its letters and digits, without case, accents, punctuation and
// blanks, for what speech is understood as has none of them for certain.
func Phrase(said string) string { return phraseMark + accessname.Heard(said) }

// PhraseRule is what a phrase must be, "" where it is: 8 letters and digits, 4 different ones among them, and nothing that
// is guessed first: no name of the customer's, whatever the legal form, no number or address of its, and nothing that many
// people choose.
func PhraseRule(said string, of Known) string {
	key := accessname.Heard(said)
	switch {
	case utf8.RuneCountInString(key) < minPhraseLetters:
		return "must hold at least 8 letters or digits"
	case different(key) < minOtherLetters:
		return "must hold at least 4 different letters or digits"
	case isName(said, key, of.Names):
		return "must not be a name of the customer, or a part of one: names find, and prove nothing"
	case utf8.RuneCountInString(besides(key, of.Names)) < minPhraseLetters:
		return "must hold at least 8 letters or digits besides names of the customer"
	case isNumber(key, of.Numbers):
		return "must not be a number that others know: " + knownNumbers
	case slices.ContainsFunc(of.Addresses, func(a string) bool { return strings.Contains(accessname.Heard(a), key) }):
		return "must not be an address of the customer"
	case repeats(key):
		return "must not be the same again and again"
	case inOrder(key):
		return "must not be letters, digits or keys in their order"
	case isCommon(key):
		return "must not be a password or a saying that many people choose"
	}
	return ""
}

// isName says whether a phrase is a name, or a part of one. With a legal form that the name has not, or another one, it is
// the name all the same.
func isName(said, key string, of []string) bool {
	keys := append([]string{key}, names.Heard(said)...)
	return slices.ContainsFunc(of, func(name string) bool { return partOf(name, keys) })
}

// partOf says whether a name has any of those keys in it.
func partOf(name string, keys []string) bool {
	for _, key := range append(names.Heard(name), accessname.Heard(name)) {
		if slices.ContainsFunc(keys, func(k string) bool { return k != "" && strings.Contains(key, k) }) {
			return true
		}
	}
	return false
}

// besides is what a phrase holds that is no name of the customer's.
func besides(key string, of []string) string {
	var known []string
	for _, name := range of {
		for _, k := range append(names.Heard(name), accessname.Heard(name)) {
			if utf8.RuneCountInString(k) >= minNameLetters {
				known = append(known, k)
			}
		}
	}
	slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) })
	for _, k := range known {
		key = strings.ReplaceAll(key, k, "")
	}
	return key
}

// isNumber says whether a phrase is one of some numbers, or a part of one; the zeros of a prefix do not count.
func isNumber(key string, of []string) bool {
	bare := strings.TrimLeft(key, "0")
	return slices.ContainsFunc(of, func(n string) bool {
		n = accessname.Heard(n)
		return n != "" && (n == key || strings.Contains(n, key) || len(bare) >= minPhraseLetters && strings.Contains(n, bare))
	})
}

// isCommon says whether a phrase is one that many people choose, with digits before or behind it, or in place of letters.
func isCommon(key string) bool {
	letters := strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t")
	bare := strings.Trim(key, "0123456789")
	for _, k := range []string{key, bare, letters.Replace(key), letters.Replace(bare)} {
		if slices.Contains(commonPhrases(), k) {
			return true
		}
	}
	return false
}

// inOrder says whether a phrase is letters, digits or keys in an order that everybody knows, or the other way round.
func inOrder(key string) bool {
	back := reversed(key)
	return slices.ContainsFunc(rows(), func(row string) bool {
		return strings.Contains(row, key) || strings.Contains(row, back)
	})
}

func reversed(text string) string {
	runes := []rune(text)
	slices.Reverse(runes)
	return string(runes)
}
