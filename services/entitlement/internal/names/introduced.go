package names

import (
	"slices"
	"strings"
	"unicode"
)

// Introduced is a name without what people say before and behind it: "Hello, this is Acme calling" is Acme. It says nothing
// of whether anybody is called so, and is all that was said where that has nothing of the kind.
func Introduced(said string) string {
	words := strings.Fields(said)
	word := func(i int) string { return strings.ToLower(strings.Trim(words[i], ".,!?:;¡¿…")) }
	for len(words) > 1 && isSaidBefore(word(0)) {
		words = words[1:]
	}
	for len(words) > 1 && isSaidBehind(word(len(words)-1)) {
		words = words[:len(words)-1]
	}
	if len(words) == len(strings.Fields(said)) {
		return said
	}
	return strings.Join(words, " ")
}

// IsGreeting says whether all that was said is what people say before and behind a name: who says "hello" greets, though
// somebody may be called so.
func IsGreeting(said string) bool {
	words := strings.FieldsFunc(strings.ToLower(said), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(".,!?:;¡¿…", r)
	})
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !isSaidBefore(w) && !isSaidBehind(w) })
}

func isSaidBefore(w string) bool {
	return slices.Contains(strings.Fields(`
		hello hi hey yes yeah um uh er ok okay good morning afternoon evening this that it it's it’s is i'm i’m i am
		we we're we’re are calling call from for with my our the company company's customer name called here hallo
		guten tag morgen abend ja hier ist spricht ich bin wir sind von der die firma bonjour bonsoir oui ici c'est
		c’est je suis de la société entreprise hola buenos buenas días tardes noches sí soy habla llamo somos empresa
	`), w)
}

func isSaidBehind(w string) bool {
	return slices.Contains(strings.Fields(`
		calling speaking here please thanks thank you hello hier bitte danke merci gracias
	`), w)
}
