package pin_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
)

func TestWhatAPhraseMustBe(t *testing.T) {
	names := []string{"acme-widgets", "Acme Widgets GmbH", "Blue Heron Nebula"}
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
		{"the Blue Heron Nebula Ltd.", ""},
		{"Blue Heron Nebula Pty Ltd", "must not be a name of the customer, or a part of one: names find, and prove nothing"},
	} {
		if got := pin.PhraseRule(c.said, names); got != c.want {
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
		if rule := pin.PhraseRule(said, []string{said}); rule == "" {
			t.Errorf("%q is not recognised as a name", said)
		}
		if pin.Phrase(strings.ToLower(said)) != pin.Phrase(" "+said+".") && strings.ToLower(said) == said {
			t.Errorf("%q", said)
		}
	})
}
