package pin_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
)

func TestWhatAPhraseMustBe(t *testing.T) {
	known := pin.Known{
		Names:   []string{"acme-widgets", "Acme Widgets GmbH", "Blue Heron Nebula", "Ada Lovelace", "Al", "Ромашка Север"},
		Numbers: []string{"+493055500111", "C-4711/2026", "CUST 00815-X"}, Addresses: []string{"widgets.example", "ada.l@widgets.example"},
	}
	const (
		besides = "must hold at least 8 letters or digits besides names of the customer"
		number  = "must not be a number that others know: a phone's, a contract's, or what another system calls the customer"
		address = "must not be an address of the customer"
		again   = "must not be the same again and again"
		row     = "must not be letters, digits or keys in their order"
		common  = "must not be a password or a saying that many people choose"
	)
	for _, c := range []struct{ said, want string }{
		{"the heron sleeps at noon", ""},
		{"日本橋の青い鷺です", ""},
		{"short 1", "must hold at least 8 letters or digits"},
		{"------------", "must hold at least 8 letters or digits"},
		{"ab ab ab ab ab", "must hold at least 4 different letters or digits"},
		{"ACME Widgets GmbH!", "must not be a name of the customer, or a part of one: names find, and prove nothing"},
		{"heron nebula", "must not be a name of the customer, or a part of one: names find, and prove nothing"},
		{"acme widgets of the north", ""},
		{"Acme Widgets Inc", "must not be a name of the customer, or a part of one: names find, and prove nothing"},
		{"the Blue Heron Nebula Ltd.", besides},
		{"Acme Widgets 2026", besides},
		{"romashka sever", "must not be a name of the customer, or a part of one: names find, and prove nothing"},
		{"Romashka Sever 2026", besides},
		{"Ada Lovelace at Acme Widgets", besides},
		{"all alone in the night", ""},
		{"+49 30 555 00111", number},
		{"030 55500111", number},
		{"0049 30 55500111", number},
		{"C 4711 2026", number},
		{"cust 00815 x", number},
		{"ada.l@widgets.example", address},
		{"widgets example", address},
		{"alpha beta alpha beta", again},
		{"heron heron heron", again},
		{"abcd1234abcd1234", again},
		{"abcdefgh", row},
		{"ABC-DEF-GHI", row},
		{"8765 4321", row},
		{"qwertzuiop", row},
		{"poiuytrewq", row},
		{"one two three four", row},
		{"password", common},
		{"P a s s w o r d !!! 123", common},
		{"2026 Passw0rd", common},
		{"I love you, 2", common},
		{"correct horse battery staple", common},
		{"Open Sesame!", common},
		{"Mein Passwort", common},
		{"welcome 2026", common},
		{"the password of nobody here", ""},
		{"7 herons and 12 kites", ""},
		{"83 61 70 52", ""},
		{"Blue Heron Nebula Pty Ltd", "must not be a name of the customer, or a part of one: names find, and prove nothing"},
	} {
		if got := pin.PhraseRule(c.said, known); got != c.want {
			t.Errorf("%q: %q, want %q", c.said, got, c.want)
		}
	}
}

// TestAPhraseIsComparedAsItIsHeard: without case, accents, punctuation and blanks; and with nothing else left out.
func TestAPhraseIsComparedAsItIsHeard(t *testing.T) {
	v := pin.Make("acme", pin.Phrase("Der Fischreiher schläft, um 12!"), salt(), cheap())
	for said, want := range map[string]bool{
		"der fischreiher schlaft um 12": true, "DER FISCH-REIHER  SCHLÄFT UM 12.": true,
		"der fischreiher schläft um 13": false, "der fischreiher schläft": false, "": false,
	} {
		if got, err := pin.Matches(v, "acme", pin.Phrase(said)); err != nil || got != want {
			t.Errorf("%q: %v, %v", said, got, err)
		}
	}
}

// TestAPhraseOfDigitsIsNoPIN, nor the other way round.
func TestAPhraseOfDigitsIsNoPIN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{8,12}`).Draw(t, "digits")
		asPIN, asPhrase := pin.Make("acme", digits, salt(), cheap()), pin.Make("acme", pin.Phrase(digits), salt(), cheap())
		for verifier, shown := range map[string]string{asPIN: pin.Phrase(digits), asPhrase: digits} {
			if ok, err := pin.Matches(verifier, "acme", shown); ok || err != nil {
				t.Fatalf("%q: %v, %v", shown, ok, err)
			}
		}
	})
}

// FuzzPhrase: whatever is said, what is compared is made of it alone, and said again in capitals it is the same.
func FuzzPhrase(f *testing.F) {
	f.Add("the heron sleeps at noon")
	f.Add("ǅ İ ß ſ \xff")
	f.Fuzz(func(t *testing.T, said string) {
		if rule := pin.PhraseRule(said, pin.Known{Names: []string{said}}); rule == "" {
			t.Errorf("%q is not recognised as a name", said)
		}
		if pin.Phrase(strings.ToLower(said)) != pin.Phrase(" "+said+".") && strings.ToLower(said) == said {
			t.Errorf("%q", said)
		}
	})
}
