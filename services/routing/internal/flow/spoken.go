package flow

import "strings"

// What callers say in place of keys. The words are those of the languages in which the program speaks itself (package
// render), whichever the line's is: a recogniser writes what it heard, and nobody in a hurry minds in which language a menu
// was.

// maxOperatorWords bounds a sentence that asks for a person.
const maxOperatorWords = 12

// wantsPerson says whether words ask for a person, and nothing else: "I want to talk to a human, please". A company's name
// has other words besides.
func wantsPerson(said string) bool {
	words := wordsOf(said)
	if len(words) > maxOperatorWords {
		return false
	}
	asked := false
	for _, w := range words {
		switch {
		case isPerson(w):
			asked = true
		case !isAround(w):
			return false
		}
	}
	return asked
}

func wordsOf(said string) []string {
	return strings.FieldsFunc(strings.ToLower(said), func(r rune) bool { return strings.ContainsRune(" ,.!?¿¡-–'’\t\n", r) })
}

// isPerson says whether a word stands for somebody to talk to.
func isPerson(w string) bool {
	switch w {
	case "operator", "person", "human", "somebody", "someone", "anybody", "anyone", "agent", "representative", "help",
		"mitarbeiter", "mitarbeiterin", "mensch", "menschen", "jemand", "jemanden", "jemandem", "vermittlung", "zentrale", "hilfe",
		"opérateur", "operateur", "opératrice", "personne", "quelqu", "conseiller", "conseillère", "humain",
		"operador", "operadora", "persona", "alguien", "agente", "humano", "ayuda",
		"operatore", "operatrice", "qualcuno", "umano", "aiuto",
		"medewerker", "iemand", "mens", "persoon", "hulp",
		"pessoa", "alguém", "alguem", "atendente", "ajuda":
		return true
	}
	return false
}

// isAround says whether a word is one of those that people put around it.
func isAround(w string) bool {
	switch w {
	case "a", "an", "the", "i", "d", "want", "need", "would", "like", "to", "with", "for", "speak", "talk", "get", "give", "me",
		"let", "can", "could", "may", "you", "put", "through", "connect", "transfer", "please", "just", "now", "real", "live",
		"hello",
		"ich", "will", "möchte", "mochte", "brauche", "bitte", "mit", "einem", "einer", "einen", "ein", "eine", "sprechen",
		"je", "veux", "voudrais", "parler", "à", "avec", "un", "une", "s", "il", "vous", "plaît", "plait", "svp", "de",
		"quiero", "necesito", "hablar", "con", "una", "por", "favor", "vorrei", "voglio", "parlare", "per", "favore",
		"ik", "wil", "graag", "een", "met", "spreken", "alstublieft", "quero", "preciso", "falar", "com", "um", "uma":
		return true
	}
	return false
}

// agreedKey is the key that yes and no stand for, where so many customers are offered: yes to a single one is the first, no
// is none of them. noKey of any other words.
func agreedKey(said string, offered int) int {
	words := wordsOf(said)
	if len(words) != 1 {
		return noKey
	}
	switch words[0] {
	case "yes", "yeah", "yep", "correct", "ja", "jawohl", "richtig", "oui", "sí", "si", "sì", "sim":
		if offered == 1 {
			return 1
		}
	case "no", "nope", "none", "neither", "wrong", "nein", "keine", "falsch", "non", "ninguna", "nessuna", "nee", "geen",
		"não", "nao":
		return noneKey
	}
	return noKey
}

// spokenPIN are spokenDigits, whatever people say before them: "my PIN is two five eight oh".
func spokenPIN(said string) string {
	words := wordsOf(said)
	for len(words) > 1 {
		switch words[0] {
		case "my", "our", "the", "it", "s", "that", "is", "pin", "code", "number", "um", "uh", "okay", "ok", "yes",
			"meine", "die", "der", "ist", "lautet", "nummer", "mon", "le", "c", "est", "mi", "el", "es", "clave":
			words = words[1:]
			continue
		}
		break
	}
	return spokenDigits(strings.Join(words, " "))
}

// spokenDigits are digits said one by one, as figures or as words; empty where anything else was said.
func spokenDigits(said string) string {
	var digits strings.Builder
	times := 1
	for _, word := range wordsOf(said) {
		one := digitOf(word)
		switch {
		case word == "double" && times == 1:
			times = 2
			continue
		case word == "triple" && times == 1:
			times = 3
			continue
		case one == "" && strings.Trim(word, "0123456789") == "":
			one = word
		}
		if one == "" || times > 1 && len(one) > 1 {
			return ""
		}
		digits.WriteString(strings.Repeat(one, times))
		times = 1
	}
	if times > 1 {
		return ""
	}
	return digits.String()
}

// digitOf is the digit that a word is; empty of any other word. "Um" is one in Portuguese, and is not counted: in English it
// is said while thinking.
func digitOf(word string) string {
	switch word {
	case "zero", "oh", "null", "zéro", "cero", "nul":
		return "0"
	case "one", "eins", "un", "une", "uno", "una", "één", "een":
		return "1"
	case "two", "zwei", "zwo", "deux", "dos", "due", "twee", "dois", "duas":
		return "2"
	case "three", "drei", "trois", "tres", "tre", "drie", "três":
		return "3"
	case "four", "vier", "quatre", "cuatro", "quattro", "quatro":
		return "4"
	case "five", "fünf", "funf", "fuenf", "cinq", "cinco", "cinque", "vijf":
		return "5"
	case "six", "sechs", "seis", "sei", "zes":
		return "6"
	case "seven", "sieben", "sept", "siete", "sette", "zeven", "sete":
		return "7"
	case "eight", "acht", "huit", "ocho", "otto", "oito":
		return "8"
	case "nine", "neun", "neuf", "nueve", "nove", "negen":
		return "9"
	}
	return ""
}
