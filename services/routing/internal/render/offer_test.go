package render_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// promptOf is what a caller hears who is not entitled to a line with offers.
func promptOf(change func(w *viewtest.World), state *routingv1.ContinuationState, can ...routingv1.Capability) *routingv1.Prompt {
	w := world()
	w.Offers = []*publishedv1.Offer{viewtest.Offer("one call")}
	w.Lines = []*routingv1.Line{viewtest.Offering(viewtest.Line("shop", gold, "sydney"), "one call")}
	w.Customers = []*publishedv1.Customer{
		viewtest.Customer("acme", []phone.Number{acme}), viewtest.Customer("twin", []phone.Number{acme + 1}),
		viewtest.Customer("twin-2", []phone.Number{acme + 1}),
	}
	change(&w)
	var d decide.Decision
	can = append(can, routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_FORWARD)
	call := decide.Call{ID: "a", Dialled: gold, Caller: acme, Gateway: decide.CapabilitiesOf(can), State: state}
	if state.GetTries() > 0 || state == nil && len(w.Customers[0].GetNumbers()) == 0 {
		call.Caller = acme + 1
	}
	v := w.View()
	decide.Decide(&d, v, call, viewtest.At(4), decide.MaxSites)
	return render.Route(&d, v, "a", viewtest.At(4), false).GetRoute().GetPrompt()
}

const (
	keys   = routingv1.Capability_CAPABILITY_GATHER_DIGITS
	speech = routingv1.Capability_CAPABILITY_GATHER_SPEECH
)

// The price is always said, in the language of the terms where they say something, with the keys in that language.
func TestHowAnOfferSounds(t *testing.T) {
	terms := func(w *viewtest.World) *entitlementv1.OfferTerms { return w.Offers[0].Offer.Terms[0] }
	german := &entitlementv1.OfferTerms{
		Language: "de", Text: "Zahlbar in 30 Tagen.", Version: "1", Speech: "{offer} kostet {price}, zahlbar in 30 Tagen.",
	}
	for what, c := range map[string]struct {
		change   func(w *viewtest.World)
		gathers  routingv1.Capability
		text     string
		language string
	}{
		"in the program's own words": {
			func(*viewtest.World) {}, keys,
			"This call is not covered by a contract. It costs EUR 100.00. Payment within 30 days. To accept, press 1. Otherwise, press 0, or just wait.", "en",
		},
		"a day": {
			func(w *viewtest.World) { w.Offers[0].Offer.Kind = entitlementv1.OfferKind_OFFER_KIND_DAY_PASS }, keys,
			"one call costs EUR 100.00. Payment within 30 days. To accept, press 1. Otherwise, press 0, or just wait.", "en",
		},
		"by speech": {
			func(*viewtest.World) {}, speech,
			"This call is not covered by a contract. It costs EUR 100.00. Payment within 30 days. To accept, say 1. Otherwise, just wait.", "en",
		},
		"in the words of the offer": {
			func(w *viewtest.World) { terms(w).Speech = "Helping you now costs {price}." }, keys,
			"Helping you now costs EUR 100.00. To accept, press 1. Otherwise, press 0, or just wait.", "en",
		},
		"in words without a price": {
			func(w *viewtest.World) { terms(w).Speech = "We help." }, keys,
			"We help. EUR 100.00. To accept, press 1. Otherwise, press 0, or just wait.", "en",
		},
		"in the language of the line": {
			func(w *viewtest.World) {
				w.Lines[0].Language = "de-AT"
				w.Offers[0].Offer.Terms = append(w.Offers[0].Offer.Terms, german)
				w.Sites[0].Languages = nil
			}, keys,
			"one call kostet 100,00 EUR, zahlbar in 30 Tagen. Um anzunehmen, drücken Sie die 1. Andernfalls drücken Sie die 0, oder warten Sie.", "de",
		},
		"in a currency without decimals": {
			func(w *viewtest.World) { w.Offers[0].Offer.Price = &money.Money{CurrencyCode: "JPY", Units: 9000} }, keys,
			"This call is not covered by a contract. It costs JPY 9000. Payment within 30 days. To accept, press 1. Otherwise, press 0, or just wait.", "en",
		},
	} {
		p := promptOf(c.change, nil, c.gathers)
		if p.GetText() != c.text || p.GetLanguage() != c.language || p.GetKind() != routingv1.PromptKind_PROMPT_KIND_OFFER || !p.GetNoBargeIn() {
			t.Errorf("%s: %q (%s)", what, p.GetText(), p.GetLanguage())
		}
		if wantDigits := c.gathers == keys; (p.GetMaxDigits() == 1) != wantDigits || p.GetSpeech() == wantDigits {
			t.Errorf("%s: %d digits, speech %v", what, p.GetMaxDigits(), p.GetSpeech())
		}
	}
}

// A price is said as people who speak the language of the terms write it, with the decimals that its currency has.
func TestHowAPriceIsSaid(t *testing.T) {
	for _, c := range []struct {
		language string
		price    *money.Money
		want     string
	}{
		{"de", &money.Money{CurrencyCode: "EUR", Units: 1290, Nanos: 500_000_000}, "1290,50 EUR"},
		{"de-AT", &money.Money{CurrencyCode: "JPY", Units: 9000}, "9000 JPY"},
		{"de-CH", &money.Money{CurrencyCode: "CHF", Units: 90}, "90.00 CHF"},
		{"fr-CA", &money.Money{CurrencyCode: "BHD", Units: 1, Nanos: 5_000_000}, "1,005 BHD"},
		{"es", &money.Money{CurrencyCode: "EUR", Units: 90}, "90,00 EUR"},
		{"es-MX", &money.Money{CurrencyCode: "MXN", Units: 90}, "90.00 MXN"},
		{"es-419-x-mx", &money.Money{CurrencyCode: "USD", Units: 90}, "90.00 USD"},
		{"es-x-mx", &money.Money{CurrencyCode: "USD", Units: 90}, "90,00 USD"},
		{"sr-Latn-RS", &money.Money{CurrencyCode: "RSD", Units: 90}, "90,00 RSD"},
		{"en-IE", &money.Money{CurrencyCode: "EUR", Units: 90}, "EUR 90.00"},
		{"ja", &money.Money{CurrencyCode: "JPY", Units: 9000}, "JPY 9000"},
	} {
		p := promptOf(func(w *viewtest.World) {
			o := w.Offers[0].Offer
			o.Price, o.Terms[0].Language, o.Terms[0].Speech = c.price, c.language, "<{price}>"
		}, nil, keys)
		if !strings.HasPrefix(p.GetText(), "<"+c.want+">") {
			t.Errorf("%s: %q, want %s", c.language, p.GetText(), c.want)
		}
	}
}

// What is said of terms is all of their text, in their language where its words are known; and what is recorded as agreed
// to is what was said.
func TestTheTermsAreSaidAsTheyAreRecorded(t *testing.T) {
	const pass = entitlementv1.OfferKind_OFFER_KIND_DAY_PASS
	terms := func(language, text string) *entitlementv1.OfferTerms {
		return &entitlementv1.OfferTerms{Language: language, Text: text, Version: "of " + language}
	}
	en, de := terms("en", "Payment in 30 days."), terms("de", "Zahlbar in 30 Tagen")
	ja := terms("ja", "30日以内にお支払いください。")
	for what, c := range map[string]struct {
		line, customer string
		kind           entitlementv1.OfferKind
		terms          []*entitlementv1.OfferTerms
		language, text string
	}{
		"the first, where nobody says a language": {"", "", pass, []*entitlementv1.OfferTerms{de, en}, "de",
			"one call kostet 100,00 EUR. Zahlbar in 30 Tagen. Um anzunehmen, drücken Sie die 1. " +
				"Andernfalls drücken Sie die 0, oder warten Sie."},
		"the customer's": {"en", "de", 0, []*entitlementv1.OfferTerms{en, de}, "de",
			"Dieser Anruf ist von keinem Vertrag gedeckt. Er kostet 100,00 EUR. Zahlbar in 30 Tagen. " +
				"Um anzunehmen, drücken Sie die 1. Andernfalls drücken Sie die 0, oder warten Sie."},
		"the line's": {"de-AT", "", pass, []*entitlementv1.OfferTerms{en, de}, "de",
			"one call kostet 100,00 EUR. Zahlbar in 30 Tagen. Um anzunehmen, drücken Sie die 1. " +
				"Andernfalls drücken Sie die 0, oder warten Sie."},
		"the line's, for a customer of another": {"en", "fr", pass, []*entitlementv1.OfferTerms{de, en}, "en",
			"one call costs EUR 100.00. Payment in 30 days. To accept, press 1. Otherwise, press 0, or just wait."},
		"Spanish": {"", "", pass, []*entitlementv1.OfferTerms{terms("es", "A 30 días.")}, "es",
			"one call cuesta 100,00 EUR. A 30 días. Para aceptar, pulse 1. De lo contrario, pulse 0 o espere."},
		"French": {"", "", pass, []*entitlementv1.OfferTerms{terms("fr-CA", "À 30 jours.")}, "fr-CA",
			"one call coûte 100,00 EUR. À 30 jours. Pour accepter, appuyez sur 1. Sinon, appuyez sur 0 ou patientez."},
		"Italian": {"", "", 0, []*entitlementv1.OfferTerms{terms("it", "A 30 giorni.")}, "it",
			"Questa chiamata non è coperta da alcun contratto. Costa 100,00 EUR. A 30 giorni. " +
				"Per accettare, prema 1. Altrimenti, prema 0 o attenda."},
		"Dutch": {"", "", pass, []*entitlementv1.OfferTerms{terms("nl", "Binnen 30 dagen.")}, "nl",
			"one call kost 100,00 EUR. Binnen 30 dagen. Om te accepteren, toets 1. Toets anders 0, of wacht."},
		"Portuguese": {"", "", pass, []*entitlementv1.OfferTerms{terms("pt", "A 30 dias.")}, "pt",
			"one call custa 100,00 EUR. A 30 dias. Para aceitar, prima 1. Caso contrário, prima 0 ou aguarde."},
		"a language without words": {"", "ja", pass, []*entitlementv1.OfferTerms{en, ja}, "ja",
			"one call costs EUR 100.00. 30日以内にお支払いください。 To accept, press 1. Otherwise, press 0, or just wait."},
	} {
		w := world()
		w.Offers = []*publishedv1.Offer{viewtest.Offer("one call")}
		w.Offers[0].Offer.Kind, w.Offers[0].Offer.Terms = max(c.kind, w.Offers[0].Offer.GetKind()), c.terms
		w.Lines = []*routingv1.Line{viewtest.Offering(viewtest.Line("shop", gold, "sydney"), "one call")}
		w.Lines[0].Language = c.line
		w.Customers = []*publishedv1.Customer{viewtest.Customer("acme", []phone.Number{acme})}
		w.Customers[0].Language = c.customer
		var d decide.Decision
		v := w.View()
		can := decide.CapabilitiesOf([]routingv1.Capability{
			keys, routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_FORWARD,
		})
		decide.Decide(&d, v, decide.Call{ID: "a", Dialled: gold, Caller: acme, Gateway: can}, viewtest.At(4), decide.MaxSites)
		p, made := render.Route(&d, v, "a", viewtest.At(4), false).GetRoute().GetPrompt(), flow.Made(&d)
		if p.GetText() != c.text || p.GetLanguage() != c.language {
			t.Errorf("%s: %q (%s)", what, p.GetText(), p.GetLanguage())
		}
		if len(made) != 1 || made[0].GetTermsLanguage() != c.language || made[0].GetTermsVersion() != "of "+c.language {
			t.Errorf("%s: recorded as %v", what, made)
		}
	}
}

// Customers of like names are told apart by where they are; a phrase is asked for where there is one, and can be heard.
func TestHowCustomersAreToldApartAndShown(t *testing.T) {
	identify := func(w *viewtest.World) {
		w.Lines[0].Treatments.Unknown = routingv1.Treatment_TREATMENT_IDENTIFY
		w.Lines[0].Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_ALWAYS}
	}
	which := promptOf(func(w *viewtest.World) {
		identify(w)
		w.Customers[0].Numbers = nil
		w.Customers[1].Locality, w.Customers[1].DisplayName = "Berlin", "Acme GmbH"
	}, nil, keys)
	if want := "For Acme GmbH in Berlin, press 1. For twin-2, press 2. For none of these, press 9. For a person, press 0."; which.GetText() != want {
		t.Error(which.GetText())
	}
	for what, c := range map[string]struct {
		pin, phrase bool
		gathers     []routingv1.Capability
		want        string
		speech      bool
	}{
		"a PIN": {true, false, []routingv1.Capability{keys, speech}, "Please type the PIN of acme and press hash. For a person, press 0.", false},
		"a phrase": {
			false, true, []routingv1.Capability{keys, speech}, "Please say the phrase of acme. For a person, press 0.", true,
		},
		"either": {
			true, true, []routingv1.Capability{keys, speech},
			"Please type the PIN of acme and press hash, or say the phrase. For a person, press 0.", true,
		},
		"either, by speech": {
			true, true, []routingv1.Capability{speech}, "Please say the phrase of acme, or the PIN, digit by digit. For a person, just wait.", true,
		},
		"a phrase that cannot be heard": {
			true, true, []routingv1.Capability{keys}, "Please type the PIN of acme and press hash. For a person, press 0.", false,
		},
	} {
		p := promptOf(func(w *viewtest.World) {
			identify(w)
			w.Customers[0].HasPin, w.Customers[0].HasPhrase = c.pin, c.phrase
		}, &routingv1.ContinuationState{Line: "shop", Customer: "acme", Named: true, Asked: routingv1.PromptKind_PROMPT_KIND_NAME},
			c.gathers...)
		if p.GetText() != c.want || p.GetSpeech() != c.speech {
			t.Errorf("%s: %q, speech %v", what, p.GetText(), p.GetSpeech())
		}
	}
}
