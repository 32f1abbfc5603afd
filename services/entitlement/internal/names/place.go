package names

import (
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/roman"
)

const (
	// maxPlaceWords is how many words at the end of a name are taken for a place: "Rio de Janeiro".
	maxPlaceWords = 3
	// minPlaceRunes is from how many letters on the beginning of a place is that place: "Frankfurt" is Frankfurt am Main.
	minPlaceRunes = 4
)

// Placed is a name that may have a place behind it.
type Placed struct {
	// Name is without the place, Place without the name; both as they are compared.
	Name, Place string
}

// Places are the ways in which the end of a name can be a place: "Acme GmbH Boston", "acme berlin gmbh", "Acme in New York".
// Whether there is such a place, and somebody there, is for others to say. None of a single word.
func Places(said string) (all []Placed) {
	words := foldedWords(said)
	bare, _ := withoutLegalForm(words)
	if len(words) < 2 || len(bare) > maxSaidWords || !slices.Equal(bare, words[:min(len(bare), len(words))]) {
		return nil // its legal form is before it, or part of a word
	}
	form := words[len(bare):]
	for n := 1; n <= min(maxPlaceWords, len(bare)-1); n++ {
		name, place := bare[:len(bare)-n], bare[len(bare)-n:]
		if last := len(name) - 1; last > 0 && isBeforePlace(name[last]) {
			name = name[:last]
		}
		all = append(all, Placed{strings.Join(slices.Concat(name, form), " "), strings.Join(place, " ")})
	}
	return all
}

// isBeforePlace says whether a word stands between a name and where it is.
func isBeforePlace(w string) bool {
	switch w {
	case "in", "from", "of", "at", "aus", "bei", "a", "de", "du", "en":
		return true
	}
	return false
}

// In says whether a place is where somebody is, such as "Frankfurt am Main, Germany": the town or the country, or how one
// of them begins.
func In(place, locality string) bool {
	said := strings.Join(foldedWords(place), " ")
	if said == "" {
		return false
	}
	parts := strings.FieldsFunc(locality, func(r rune) bool { return strings.ContainsRune(",;/()", r) })
	for _, part := range append(parts, locality) {
		for _, twoLetters := range []bool{false, true} {
			words := strings.Join(split(letters(part, twoLetters)), " ")
			if isThere(said, words) || isThere(roman.Of(said), roman.Of(words)) {
				return true
			}
		}
	}
	return false
}

// isThere says whether a place is the words of another, or how they begin or end.
func isThere(said, words string) bool {
	long := len([]rune(said)) >= minPlaceRunes
	return said != "" && words == said || long && (strings.HasPrefix(words, said+" ") || strings.HasSuffix(words, " "+said))
}

func foldedWords(text string) []string {
	if len(text) > maxTextBytes {
		return nil // nobody says where that is
	}
	return split(letters(text, false))
}

// Form says how the legal form of a name is the one that was said: 1 it is, -1 it is another one, 0 one of both has none, or
// is a part of the other ("Ltd" of "Pty Ltd").
func Form(said, name string) int {
	want := formOf(said)
	if len(want) == 0 {
		want = formOf(Introduced(said))
	}
	have := formOf(name)
	switch {
	case len(want) > 0 && slices.Equal(want, have):
		return 1
	case hasAll(want, have) || hasAll(have, want):
		return 0
	}
	return -1
}

// formOf are the words of a legal form, shortened.
func formOf(text string) []string {
	_, form := splitLegalForm(foldedWords(text))
	for i, w := range form {
		form[i] = shortForm(w)
	}
	return form
}

func hasAll(words, some []string) bool {
	return !slices.ContainsFunc(some, func(w string) bool { return !slices.Contains(words, w) })
}
