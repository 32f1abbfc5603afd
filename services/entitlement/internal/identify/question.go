package identify

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// maxAsked is how many customers one question names: more are not kept in mind.
	maxAsked = 4
	// leastAsked is how well a customer fits whom a question names, where nothing is the same, and maxBehind how much less than
	// the one who fits best: of many customers some are a little like whatever is said.
	leastAsked, maxBehind = 0.5, 0.2
)

// Asked are those of some candidates whom a question names: who was stated, and whose number it is; and who is much like
// what was said.
func Asked(ranked []Candidate) (some []Candidate) {
	best := 0.0
	for _, c := range ranked {
		best = max(best, c.Confidence)
	}
	for _, c := range ranked {
		if slices.ContainsFunc(c.Evidence, strong) || c.Confidence >= max(leastAsked, best-maxBehind) {
			some = append(some, c)
		}
	}
	return some
}

// Choice is a customer as a question names it.
type Choice struct {
	// ID of the customer.
	ID string
	// Name is for people; Locality tells it from others of like names, and may be empty.
	Name, Locality string
}

// words are those of one language. %s stands for choices.
type words struct {
	who, one, other, in, or, many string
}

func wordsOf(language string) words {
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	switch primary {
	case "de":
		return words{
			"Für welche Firma rufen Sie an?", "Meinen Sie ", "", " in ", " oder ",
			"Mehrere Firmen heißen so. Wie lautet der vollständige Name, und in welcher Stadt?",
		}
	case "fr":
		return words{
			"Pour quelle société appelez-vous ?", "S'agit-il de ", " ", " à ", " ou ",
			"Plusieurs sociétés portent ce nom. Quel est le nom complet, et dans quelle ville ?",
		}
	case "es":
		return words{
			"¿De qué empresa llama?", "¿Se refiere a ", "", " en ", " o ",
			"Varias empresas se llaman así. ¿Cuál es el nombre completo, y en qué ciudad?",
		}
	}
	return words{
		"Which company are you calling for?", "Is that ", "", " in ", " or ",
		"Several companies are called so. What is the full name, and in which town?",
	}
}

// Question is what to ask a caller of whom these can be meant, the likeliest first: "Acme GmbH in Berlin or Acme Inc in
// Boston?". more says that there are others besides. Plain text, in the language (a BCP 47 tag) where it is one of English,
// French, German and Spanish, else in English.
func Question(choices []Choice, more bool, language string) string {
	w := wordsOf(language)
	switch {
	case len(choices) == 0:
		return w.who
	case more || len(choices) > maxAsked:
		return w.many
	}
	labels := make([]string, len(choices))
	count := map[string]int{}
	for i, c := range choices {
		labels[i] = label(c, w)
		count[labels[i]]++
	}
	for i, c := range choices {
		if count[labels[i]] > 1 { // nothing that callers know tells them apart
			labels[i] += " (" + c.ID + ")"
		}
	}
	if len(labels) == 1 {
		return w.one + labels[0] + w.other + "?"
	}
	last := len(labels) - 1
	return strings.Join(labels[:last], ", ") + w.or + labels[last] + w.other + "?"
}

func label(c Choice, w words) string {
	if c.Locality == "" || says(c.Name, c.Locality) {
		return c.Name
	}
	return c.Name + w.in + c.Locality
}

// says whether a name has the words of a place in it: Bernstein is not in Bern for that.
func says(name, place string) bool {
	words := func(text string) string {
		apart := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }
		return " " + strings.Join(strings.FieldsFunc(strings.ToLower(text), apart), " ") + " "
	}
	return strings.Contains(words(name), words(place))
}
