package render

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	moneypb "google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// offerWords are how a language says what something costs, and which key does what; % stands for the price, or the key.
type offerWords struct{ call, costs, press, say, pressElse, sayElse string }

// wordsIn are the words of a language, by its primary subtag; English ones of any other.
func wordsIn(language string) offerWords {
	switch view.PrimaryLanguage(language) {
	case "de":
		return offerWords{
			"Dieser Anruf ist von keinem Vertrag gedeckt. Er kostet %.", " kostet %.",
			"Um anzunehmen, drücken Sie die %.", "Um anzunehmen, sagen Sie %.",
			"Andernfalls drücken Sie die 0, oder warten Sie.", "Andernfalls warten Sie.",
		}
	case "es":
		return offerWords{
			"Esta llamada no está cubierta por ningún contrato. Cuesta %.", " cuesta %.",
			"Para aceptar, pulse %.", "Para aceptar, diga %.",
			"De lo contrario, pulse 0 o espere.", "De lo contrario, espere.",
		}
	case "fr":
		return offerWords{
			"Cet appel n’est couvert par aucun contrat. Il coûte %.", " coûte %.",
			"Pour accepter, appuyez sur %.", "Pour accepter, dites %.",
			"Sinon, appuyez sur 0 ou patientez.", "Sinon, patientez.",
		}
	case "it":
		return offerWords{
			"Questa chiamata non è coperta da alcun contratto. Costa %.", " costa %.",
			"Per accettare, prema %.", "Per accettare, dica %.",
			"Altrimenti, prema 0 o attenda.", "Altrimenti, attenda.",
		}
	case "nl":
		return offerWords{
			"Dit gesprek valt niet onder een contract. Het kost %.", " kost %.",
			"Om te accepteren, toets %.", "Om te accepteren, zeg %.",
			"Toets anders 0, of wacht.", "Wacht anders.",
		}
	case "pt":
		return offerWords{
			"Esta chamada não está coberta por nenhum contrato. Custa %.", " custa %.",
			"Para aceitar, prima %.", "Para aceitar, diga %.",
			"Caso contrário, prima 0 ou aguarde.", "Caso contrário, aguarde.",
		}
	}
	return offerWords{
		"This call is not covered by a contract. It costs %.", " costs %.",
		"To accept, press %.", "To accept, say %.", "Otherwise, press 0, or just wait.", "Otherwise, just wait.",
	}
}

// askOffer is what the offers of a step sound like, and in which language: that of the terms that are said, and recorded
// with a promise (flow.Made). Terms in a language whose words are not known here stand behind English ones.
func askOffer(d *decide.Decision, digits bool) (text, language string) {
	wanted, language := d.OfferLanguage(), builtInLanguage
	var b strings.Builder
	for i, o := range d.Offers() {
		terms := o.Terms(wanted)
		if i == 0 {
			language = terms.GetLanguage()
		}
		words := wordsIn(terms.GetLanguage())
		accept := words.press
		if !digits {
			accept = words.say
		}
		b.WriteString(saidOf(o, terms) + " " + strings.ReplaceAll(accept, "%", strconv.Itoa(i+1)) + " ")
	}
	if words := wordsIn(language); digits {
		b.WriteString(words.pressElse)
	} else {
		b.WriteString(words.sayElse)
	}
	return b.String(), language
}

// saidOf is one offer as its terms are said: in words of their own, else the program's with the whole of their text, for
// what was not said is agreed to by nobody. The price is always said.
func saidOf(o *view.Offer, terms *entitlementv1.OfferTerms) string {
	price, name := priceIn(o.Source.GetPrice(), terms.GetLanguage()), o.Source.GetDisplayName()
	if terms.GetSpeech() == "" {
		words := wordsIn(terms.GetLanguage())
		costs, text := strings.NewReplacer("%", price), sentence(terms.GetText())
		if o.Source.GetKind() == entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL {
			return costs.Replace(words.call) + " " + text
		}
		return name + costs.Replace(words.costs) + " " + text
	}
	said := strings.NewReplacer("{price}", price, "{offer}", name, "{terms}", terms.GetText()).Replace(terms.GetSpeech())
	if !strings.Contains(terms.GetSpeech(), "{price}") {
		said += " " + price + "."
	}
	return said
}

// priceIn is a price as a voice of a language reads it out: "100,00 EUR" where people write a comma before decimals (CLDR),
// for there a point parts thousands; the program's own way elsewhere.
func priceIn(price *moneypb.Money, languageTag string) string {
	text := money.String(price)
	code, amount, _ := strings.Cut(text, " ")
	switch primary := view.PrimaryLanguage(languageTag); {
	case !slices.Contains(commaLanguages(), primary):
		return text
	case !slices.Contains(pointRegions(primary), region(languageTag)):
		amount = strings.Replace(amount, ".", ",", 1)
	}
	return amount + " " + code
}

func commaLanguages() []string {
	return strings.Fields("bg ca cs da de el es et eu fi fr gl hr hu id is it lt lv nb nl nn no pl pt ro ru sk sl sr sv tr " +
		"uk vi")
}

// pointRegions are where people who speak a language of those write a point all the same.
func pointRegions(primary string) []string {
	switch primary {
	case "de", "it":
		return []string{"CH", "LI"}
	case "es":
		return strings.Fields("419 DO GT HN MX NI PA PE PR SV US")
	}
	return nil
}

// region is the subtag of a language tag that names one, in capitals; empty where none does (RFC 5646, 2.2.4).
func region(languageTag string) string {
	for i, subtag := range strings.Split(languageTag, "-") {
		digits := strings.Trim(subtag, "0123456789") == ""
		switch {
		case i == 0:
		case len(subtag) == 1: // extensions begin
			return ""
		case len(subtag) == 2 && !digits, len(subtag) == 3 && digits:
			return strings.ToUpper(subtag)
		}
	}
	return ""
}

// sentence is a text that ends as one, so that what is said behind it is not run into it.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if last, _ := utf8.DecodeLastRuneInString(text); unicode.IsLetter(last) || unicode.IsDigit(last) {
		return text + "."
	}
	return text
}

// offers tells what was offered, or accepted, in the explanation.
func (a *answer) offers(d *decide.Decision) {
	e, st := &a.explanation, d.Call().State
	e.Offer = d.Offer
	for _, o := range d.Offers() {
		e.Offers = append(e.Offers, o.Name)
	}
	if accepted := st.GetAccepted(); accepted != nil && len(e.Offers) == 0 {
		e.Offers = []string{"offers/" + accepted.GetOffer()}
	}
	if st.GetPromise() != "" {
		e.Promise = "promises/" + st.GetPromise()
	}
}

// basis tells on what the caller is entitled, or why not.
func (a *answer) basis(d *decide.Decision) {
	e := &a.explanation
	e.Basis, e.Plan, e.RestsOn, e.GoodwillCalls = d.Basis, d.PlanID(), d.Contract(), int32(d.GoodwillCalls)
	if id := d.Grant(); id != "" {
		e.RestsOn = "grants/" + id
	}
	if id := d.Via(); id != "" {
		e.Via = customerNames + id
	}
	if d.Partner != nil {
		e.Partner = d.Partner.Name
	}
	if d.Offer != routingv1.OfferFate_OFFER_FATE_UNSPECIFIED {
		a.offers(d)
	}
}

const customerNames = "customers/"
