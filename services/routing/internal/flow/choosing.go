package flow

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/daysidehq/dayside/services/internal/roman"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxChoosingWords bounds what is said in place of a key.
const maxChoosingWords = 16

// ChoicesOf are those of offered customers as they were read out, in order; a customer that is gone has an empty one.
func ChoicesOf(v *view.View, offered []string) []view.Label {
	choices := make([]view.Label, len(offered))
	var known []*view.Customer
	var at []int
	for i, id := range offered {
		if c := v.Customer(id); c != nil {
			known, at = append(known, c), append(at, i)
		}
	}
	for i, label := range view.Labels(known) {
		choices[at[i]] = label
	}
	return choices
}

// chosenByWords is the key of the one choice that has all that was said in its name, legal form or town, or whose place in
// the list was said ("two", "the second one"); noKey where nothing fits, or more than one does. What says anything else
// besides ("not Berlin", "Berlin or Boston") chooses nobody.
func chosenByWords(said string, choices []view.Label) int {
	all := wordsToCompare(said)
	if len(all) > maxChoosingWords {
		return noKey
	}
	some := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return isAround(w) || isAroundChoice(w) })
	if len(some) == 0 {
		some = all
	}
	byPlace := noKey
	if len(some) == 1 && placeOf(some[0]) <= len(choices) {
		byPlace = placeOf(some[0])
	}
	byName := onlyOne(some, choices)
	if byName == noKey {
		byName = onlyOne(all, choices) // somebody is called "Company One"
	}
	switch {
	case byName == noKey:
		return byPlace
	case byPlace == noKey || byPlace == byName:
		return byName
	}
	return noKey
}

// onlyOne is the place, from 1 on, of the one choice that has all words; noKey where none has, or several have.
func onlyOne(words []string, choices []view.Label) int {
	only := noKey
	if len(words) == 0 {
		return noKey
	}
	for i, c := range choices {
		has := map[string]bool{}
		text := c.Name + " " + c.Locality + " " + c.Account
		for _, w := range append(wordsToCompare(text), wordsToCompare(roman.Of(text))...) {
			has[w] = true
		}
		all := true
		for _, w := range words {
			all = all && (has[w] || has[roman.Of(w)])
		}
		switch {
		case !all:
		case only != noKey:
			return noKey
		default:
			only = i + 1
		}
	}
	return only
}

// wordsToCompare are the words of a text without case and accents, legal forms shortened; letters that were said one by one
// ("G m b H") are one word.
func wordsToCompare(text string) []string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
		case r == 'ß':
			b.WriteString("ss")
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	var words []string
	letters := false // the last one is of single letters
	for _, w := range strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		single := utf8.RuneCountInString(w) == 1 && unicode.IsLetter([]rune(w)[0])
		if single && letters {
			words[len(words)-1] += w
			continue
		}
		words, letters = append(words, w), single
	}
	for i, w := range words {
		words[i] = shortForm(w)
	}
	return words
}

// shortForm is a word of a legal form as it is abbreviated.
func shortForm(w string) string {
	switch w {
	case "limited":
		return "ltd"
	case "incorporated":
		return "inc"
	case "corporation":
		return "corp"
	case "company":
		return "co"
	case "proprietary":
		return "pty"
	case "aktiengesellschaft":
		return "ag"
	}
	return w
}

// isAroundChoice says whether a word is one of those that people put around what they choose, beside isAround.
func isAroundChoice(w string) bool {
	switch w {
	case "one", "in", "at", "from", "of", "it", "its", "is", "that", "thats", "this", "my", "our", "we", "were", "are", "am",
		"im", "mean", "office", "number", "option", "key", "yes", "uh", "um",
		"der", "die", "das", "dem", "den", "aus", "von", "wir", "sind", "bin", "ist", "es", "nummer", "taste", "ja",
		"celle", "celui", "le", "la", "les", "l", "du", "d", "nous", "sommes", "cest", "est", "numero", "oui",
		"el", "en", "del", "los", "somos", "opcion", "si":
		return true
	}
	return false
}

// placeOf is which place in a list a word is, from 1 on; noKey where it is none.
func placeOf(w string) int {
	switch w {
	case "first", "erste", "ersten", "erster", "premier", "premiere", "primero", "primera":
		return 1
	case "second", "zweite", "zweiten", "zweiter", "deuxieme", "seconde", "segundo", "segunda":
		return 2
	case "third", "dritte", "dritten", "dritter", "troisieme", "tercero", "tercera":
		return 3
	case "fourth", "vierte", "vierten", "vierter", "quatrieme", "cuarto", "cuarta":
		return 4
	}
	if digit := digitOf(w); digit != "" {
		w = digit
	}
	if len(w) == 1 && w[0] >= '1' && w[0] <= '0'+MaxOffered {
		return int(w[0] - '0')
	}
	return noKey
}
