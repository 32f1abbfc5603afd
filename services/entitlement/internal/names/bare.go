package names

import (
	"slices"
	"strings"
)

// Bare is what a name is compared by, once for each way to spell it: without case, accents, punctuation, blanks and legal
// form. Two names are the same where they have one in common.
func Bare(name string) (keys []string) {
	for _, f := range spellings(name) {
		if key := strings.ReplaceAll(f.words, " ", ""); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Heard are Bare's keys, and those of the name in Latin letters where it has others.
func Heard(name string) (keys []string) {
	for _, f := range readings(name) {
		if key := strings.ReplaceAll(f.words, " ", ""); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Across says whether two names are the same but for that and for the script in which they are written.
func Across(a, b string) bool {
	return slices.ContainsFunc(readings(a), func(one folded) bool {
		return slices.ContainsFunc(readings(b), func(other folded) bool {
			return one.from != other.from && strings.ReplaceAll(one.words, " ", "") == strings.ReplaceAll(other.words, " ", "")
		})
	})
}

// Spelled is a name as its letters are pressed on a keypad, with its legal form and without, once for each way to read it:
// what FindDigits finds it by.
func Spelled(name string) (digits []string) {
	for _, f := range readings(name) {
		for _, text := range []string{strings.ReplaceAll(f.words, " ", ""), f.full} {
			if pressed, ok := keypad(text); ok && !slices.Contains(digits, pressed) {
				digits = append(digits, pressed)
			}
		}
	}
	return digits
}

// Same says whether two names are the same but for that.
func Same(a, b string) bool {
	keys := Bare(a)
	return slices.ContainsFunc(Bare(b), func(key string) bool { return slices.Contains(keys, key) })
}
