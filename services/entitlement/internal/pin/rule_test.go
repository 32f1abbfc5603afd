package pin_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/pin"
)

func TestWhatAPINMustBe(t *testing.T) {
	const (
		digits = "must be 4 to 12 digits"
		few    = "must hold at least 3 different digits"
		again  = "must not be the same digits again and again"
		steps  = "must not go up or down in equal steps"
		year   = "must not be a year"
		common = "must not be one of those that many people choose"
	)
	for _, c := range []struct{ digits, want string }{
		{"4711", ""}, {"7294", ""}, {"2063", year}, {"903817", ""}, {"20640", ""}, {"1812", common}, {"739184620517", ""}, {"3300471", ""},
		{"", digits}, {"123", digits}, {"1234567890123", digits}, {"12a4", digits}, {"12 4", digits},
		{"\u0661\u0662\u0663\u0664", digits}, // digits, but none that a keypad sends
		{"7777", few}, {"000000000000", few}, {"0001", few}, {"1212", few}, {"1122", few}, {"6969", few},
		{"123123", again}, {"47114711", again}, {"258258258", again},
		{"1234", steps}, {"0123", steps}, {"4321", steps}, {"7890", steps}, {"0987", steps}, {"2468", steps}, {"1470", steps}, {"28406", ""}, {"97531", steps},
		{"123456789012", steps}, {"112233", steps}, {"665544", steps},
		{"1984", year}, {"2026", year}, {"1900", year}, {"19841", ""},
		{"2580", common}, {"0852", common}, {"159753", common}, {"5683", common}, {"123321", common},
	} {
		if got := pin.Rule(c.digits); got != c.want {
			t.Errorf("%q: %q, want %q", c.digits, got, c.want)
		}
	}
}

func TestAPINIsNothingThatOthersKnow(t *testing.T) {
	of := pin.Known{
		Names:   []string{"Acme Widgets GmbH", "Müller", "東芝", "Ромашка"},
		Numbers: []string{"+493055500111", "C-4711/2027", "0815", "X"}, Addresses: []string{"acme8.example"},
	}
	const number = "must not be the end of a number that others know: a phone's, a contract's, or what another system calls the customer"
	const name = "must not spell a name of the customer: callers type it where they are asked for that"
	for digits, want := range map[string]string{
		"0111": number, "00111": number, "55500111": number, "5550": "", "4711": number, "2027": number, "0815": number,
		"47112027": number, "7112": "",
		"2263": name, "226394": name, "2263943": name, "22639434387": name, "6855": name, "6835": name, "9438": "",
		"7294": "", "7662": name,
	} {
		if got := pin.RuleOf(digits, of); got != want {
			t.Errorf("%q: %q, want %q", digits, got, want)
		}
	}
}

// TestMostPINsAreLeft: rules that refuse much would tell whoever guesses what is left.
func TestMostPINsAreLeft(t *testing.T) {
	refused := 0
	for i := range 10_000 {
		if pin.Rule(fmt.Sprintf("%04d", i)) != "" {
			refused++
		}
	}
	if refused < 700 || refused > 1200 {
		t.Errorf("of the PINs of 4 digits %d are refused", refused)
	}
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-9]{6,12}`).Draw(t, "digits")
		rule := pin.Rule(digits)
		if rule != "" && strings.Contains(rule, digits) {
			t.Fatalf("%q shows the PIN", rule)
		}
	})
}
