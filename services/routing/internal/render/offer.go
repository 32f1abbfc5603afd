package render

import (
	"strconv"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/money"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// keyWords are how a language says which key does what; % stands for the key.
type keyWords struct{ press, say, pressElse, sayElse string }

// keysIn are the words of a language, by its primary subtag; English ones of any other.
func keysIn(language string) keyWords {
	switch view.PrimaryLanguage(language) {
	case "de":
		return keyWords{
			"Um anzunehmen, drücken Sie die %.", "Um anzunehmen, sagen Sie %.",
			"Andernfalls drücken Sie die 0, oder warten Sie.", "Andernfalls warten Sie.",
		}
	case "es":
		return keyWords{
			"Para aceptar, pulse %.", "Para aceptar, diga %.",
			"De lo contrario, pulse 0 o espere.", "De lo contrario, espere.",
		}
	case "fr":
		return keyWords{
			"Pour accepter, appuyez sur %.", "Pour accepter, dites %.",
			"Sinon, appuyez sur 0 ou patientez.", "Sinon, patientez.",
		}
	case "it":
		return keyWords{
			"Per accettare, prema %.", "Per accettare, dica %.",
			"Altrimenti, prema 0 o attenda.", "Altrimenti, attenda.",
		}
	case "nl":
		return keyWords{
			"Om te accepteren, toets %.", "Om te accepteren, zeg %.",
			"Toets anders 0, of wacht.", "Wacht anders.",
		}
	case "pt":
		return keyWords{
			"Para aceitar, prima %.", "Para aceitar, diga %.",
			"Caso contrário, prima 0 ou aguarde.", "Caso contrário, aguarde.",
		}
	}
	return keyWords{
		"To accept, press %.", "To accept, say %.", "Otherwise, press 0, or just wait.", "Otherwise, just wait.",
	}
}

// askOffer is what the offers of a step sound like, and in which language: that of their terms where all of them say
// something in one, else the program's.
func askOffer(d *decide.Decision, digits bool) (text, language string) {
	wanted := d.OfferLanguage()
	offers := d.Offers()
	language = builtInLanguage
	if len(offers) > 0 {
		language = offers[0].Terms(wanted).GetLanguage()
	}
	for _, o := range offers {
		if t := o.Terms(wanted); t.GetSpeech() == "" || t.GetLanguage() != language {
			language = builtInLanguage
			break
		}
	}
	words := keysIn(language)
	accept, otherwise := words.press, words.pressElse
	if !digits {
		accept, otherwise = words.say, words.sayElse
	}
	var b strings.Builder
	for i, o := range offers {
		b.WriteString(saidOf(o, o.Terms(wanted), language))
		b.WriteString(" " + strings.ReplaceAll(accept, "%", strconv.Itoa(i+1)) + " ")
	}
	b.WriteString(otherwise)
	return b.String(), language
}

// saidOf is one offer in a language: its own words where they are in that one. The price is always said.
func saidOf(o *view.Offer, terms *entitlementv1.OfferTerms, language string) string {
	price, name := money.String(o.Source.GetPrice()), o.Source.GetDisplayName()
	if terms.GetSpeech() == "" || terms.GetLanguage() != language {
		if o.Source.GetKind() == entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL {
			return "This call is not covered by a contract. It costs " + price + "."
		}
		return name + " costs " + price + "."
	}
	said := strings.NewReplacer("{price}", price, "{offer}", name, "{terms}", terms.GetText()).Replace(terms.GetSpeech())
	if !strings.Contains(terms.GetSpeech(), "{price}") {
		said += " " + price + "."
	}
	return said
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
