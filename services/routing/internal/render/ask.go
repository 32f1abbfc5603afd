package render

import (
	"strconv"
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// askWords are how a language asks callers who they are. {of} stands for whose PIN it is, {who} for a customer, {key} for
// what to do to choose it, and {0}, {1} and {9} for what to do for these keys.
type askWords struct {
	press, say, person, wait, in, of, nth            string // parts of sentences
	nameBoth, nameTyped, nameSaid, theName, theWhole string // the name: asked for again, the whole one is
	notFound, tooMany, noneOfThese, wrong            string // why it is asked again
	choice, onlyChoice, noChoice                     string
	phraseOnly, typedOrPhrase, saidOrPhrase          string
	pinTyped, pinSaid                                string
}

// askWordsOf are the words of the line's language, and its tag; English ones of a language that is not known here.
func askWordsOf(d *decide.Decision) (words askWords, language string) {
	language = d.Line.LanguageTag()
	switch view.PrimaryLanguage(language) {
	case "de":
		return germanAsks(), language
	case "fr":
		return frenchAsks(), language
	case "es":
		return spanishAsks(), language
	}
	return englishAsks(), builtInLanguage
}

func englishAsks() askWords {
	return askWords{
		press: "press ", say: "say ", in: " in ", of: " of ", nth: ", number ",
		person: " For a person, {0}.", wait: " For a person, just wait.",
		nameBoth:  "Please say the name of your company, or type it on the keypad and press hash.",
		nameTyped: "Please type the name of your company on the keypad and press hash.",
		nameSaid:  "Please say the name of your company.",
		theName:   "the name", theWhole: "the whole name",
		notFound: "Sorry, that was not found. ", tooMany: "That fits several companies. ",
		noneOfThese: "Sorry, that was none of these. ", wrong: "Sorry, that was not right. ",
		choice: "For {who}, {key}. ", onlyChoice: "If it is {who}, {1}. If not, {9}.", noChoice: "For none of these, {9}.",
		phraseOnly:    "Please say the phrase{of}.",
		typedOrPhrase: "Please type the PIN{of} and press hash, or say the phrase.",
		saidOrPhrase:  "Please say the phrase{of}, or the PIN, digit by digit.",
		pinTyped:      "Please type the PIN{of} and press hash.", pinSaid: "Please say the PIN{of}, digit by digit.",
	}
}

func germanAsks() askWords {
	return askWords{
		press: "drücken Sie die ", say: "sagen Sie ", in: " in ", of: " von ", nth: ", Nummer ",
		person: " Um mit jemandem zu sprechen, {0}.", wait: " Um mit jemandem zu sprechen, warten Sie einfach.",
		nameBoth: "Bitte sagen Sie den Namen Ihrer Firma, oder geben Sie ihn über die Tasten ein und drücken Sie die " +
			"Rautetaste.",
		nameTyped: "Bitte geben Sie den Namen Ihrer Firma über die Tasten ein und drücken Sie die Rautetaste.",
		nameSaid:  "Bitte sagen Sie den Namen Ihrer Firma.",
		theName:   "den Namen", theWhole: "den vollständigen Namen",
		notFound: "Das wurde leider nicht gefunden. ", tooMany: "Das passt auf mehrere Firmen. ",
		noneOfThese: "Das war leider keine davon. ", wrong: "Das war leider nicht richtig. ",
		choice: "Für {who} {key}. ", onlyChoice: "Wenn es {who} ist, {1}. Wenn nicht, {9}.", noChoice: "Für keine davon {9}.",
		phraseOnly:    "Bitte sagen Sie das Kennwort{of}.",
		typedOrPhrase: "Bitte geben Sie die PIN{of} ein und drücken Sie die Rautetaste, oder sagen Sie das Kennwort.",
		saidOrPhrase:  "Bitte sagen Sie das Kennwort{of}, oder die PIN, Ziffer für Ziffer.",
		pinTyped:      "Bitte geben Sie die PIN{of} ein und drücken Sie die Rautetaste.",
		pinSaid:       "Bitte sagen Sie die PIN{of}, Ziffer für Ziffer.",
	}
}

func frenchAsks() askWords {
	return askWords{
		press: "appuyez sur ", say: "dites ", in: " à ", of: " de ", nth: ", numéro ",
		person: " Pour parler à quelqu’un, {0}.", wait: " Pour parler à quelqu’un, patientez.",
		nameBoth:  "Veuillez dire le nom de votre société, ou le saisir sur le clavier et appuyer sur dièse.",
		nameTyped: "Veuillez saisir le nom de votre société sur le clavier et appuyer sur dièse.",
		nameSaid:  "Veuillez dire le nom de votre société.",
		theName:   "le nom", theWhole: "le nom complet",
		notFound: "Désolé, cela n’a pas été trouvé. ", tooMany: "Cela correspond à plusieurs sociétés. ",
		noneOfThese: "Désolé, ce n’est aucun de ces choix. ", wrong: "Désolé, ce n’était pas exact. ",
		choice: "Pour {who}, {key}. ", onlyChoice: "Si c’est {who}, {1}. Sinon, {9}.", noChoice: "Pour aucun de ces choix, {9}.",
		phraseOnly:    "Veuillez dire la phrase secrète{of}.",
		typedOrPhrase: "Veuillez saisir le code PIN{of} et appuyer sur dièse, ou dire la phrase secrète.",
		saidOrPhrase:  "Veuillez dire la phrase secrète{of}, ou le code PIN, chiffre par chiffre.",
		pinTyped:      "Veuillez saisir le code PIN{of} et appuyer sur dièse.",
		pinSaid:       "Veuillez dire le code PIN{of}, chiffre par chiffre.",
	}
}

func spanishAsks() askWords {
	return askWords{
		press: "pulse ", say: "diga ", in: " en ", of: " de ", nth: ", número ",
		person: " Para hablar con una persona, {0}.", wait: " Para hablar con una persona, espere.",
		nameBoth:  "Diga el nombre de su empresa, o escríbalo en el teclado y pulse almohadilla.",
		nameTyped: "Escriba el nombre de su empresa en el teclado y pulse almohadilla.",
		nameSaid:  "Diga el nombre de su empresa.",
		theName:   "el nombre", theWhole: "el nombre completo",
		notFound: "Lo siento, no se ha encontrado. ", tooMany: "Coincide con varias empresas. ",
		noneOfThese: "Lo siento, no es ninguna de estas. ", wrong: "Lo siento, no es correcto. ",
		choice: "Para {who}, {key}. ", onlyChoice: "Si es {who}, {1}. Si no, {9}.", noChoice: "Para ninguna de estas, {9}.",
		phraseOnly:    "Diga la frase secreta{of}.",
		typedOrPhrase: "Marque el PIN{of} y pulse almohadilla, o diga la frase secreta.",
		saidOrPhrase:  "Diga la frase secreta{of}, o el PIN, cifra por cifra.",
		pinTyped:      "Marque el PIN{of} y pulse almohadilla.", pinSaid: "Diga el PIN{of}, cifra por cifra.",
	}
}

// do is what to do for a key.
func (w *askWords) do(digits bool, key int) string {
	if digits {
		return w.press + strconv.Itoa(key)
	}
	return w.say + strconv.Itoa(key)
}

// fill puts into a text what to do for the keys of a menu.
func (w *askWords) fill(text string, digits bool) string {
	return strings.NewReplacer("{0}", w.do(digits, 0), "{1}", w.do(digits, 1), "{9}", w.do(digits, 9)).Replace(text)
}

func (w *askWords) name(p *routingv1.Prompt) string {
	switch {
	case p.GetMaxDigits() > 0 && p.GetSpeech():
		return w.nameBoth + w.fill(w.person, true)
	case p.GetMaxDigits() > 0:
		return w.nameTyped + w.fill(w.person, true)
	}
	return w.nameSaid + w.wait
}

// nameAgain asks for a name once more, and says why.
func (w *askWords) nameAgain(d *decide.Decision, question string) string {
	if d.Call().State.GetTooMany() {
		return w.tooMany + strings.Replace(question, w.theName, w.theWhole, 1)
	}
	return w.notFound + question
}

func (w *askWords) which(d *decide.Decision, digits bool) string {
	var b strings.Builder
	if d.Again() {
		b.WriteString(w.noneOfThese)
	}
	labels := view.Labels(d.Candidates())
	if len(labels) == 1 {
		return b.String() + strings.ReplaceAll(w.fill(w.onlyChoice+w.person, digits), "{who}", w.label(labels[0]))
	}
	for i, l := range labels {
		b.WriteString(strings.NewReplacer("{who}", w.label(l), "{key}", w.do(digits, i+1)).Replace(w.choice))
	}
	return b.String() + w.fill(w.noChoice+w.person, digits)
}

// label is a customer's name, told from those of others.
func (w *askWords) label(l view.Label) string {
	text := l.Name
	if l.Locality != "" {
		text += w.in + l.Locality
	}
	switch {
	case l.Account != "":
		text += ", " + l.Account
	case l.Nth > 0:
		text += w.nth + strconv.Itoa(l.Nth)
	}
	return text
}

// asksWords says that words are an answer where keys are one, too: a name, a town, a phrase.
func asksWords(d *decide.Decision) bool {
	name, which := routingv1.PromptKind_PROMPT_KIND_NAME, routingv1.PromptKind_PROMPT_KIND_WHICH
	return d.Prompt == name || d.Prompt == which || asksPhrase(d)
}

// asksPhrase says that the only candidate has a phrase to say, and is asked for it.
func asksPhrase(d *decide.Decision) bool {
	c := d.Candidates()
	return d.Prompt == routingv1.PromptKind_PROMPT_KIND_PIN && len(c) == 1 && c[0].HasPhrase
}

func (w *askWords) pin(d *decide.Decision, digits, spoken bool) string {
	of, hasPIN := "", true
	if c := d.Candidates(); len(c) == 1 {
		of, hasPIN = w.of+c[0].DisplayName, c[0].HasPIN
	}
	phrase := spoken && asksPhrase(d)
	text := w.pinSaid
	switch {
	case phrase && !hasPIN:
		text = w.phraseOnly
	case phrase && digits:
		text = w.typedOrPhrase
	case phrase:
		text = w.saidOrPhrase
	case digits:
		text = w.pinTyped
	}
	person := w.wait
	if digits {
		person = w.fill(w.person, true)
	}
	return strings.Replace(text, "{of}", of, 1) + person
}
