package card_test

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/card"
)

// TestWhatLooksLikeACard: numbers that card schemes publish for tests.
func TestWhatLooksLikeACard(t *testing.T) {
	for text, want := range map[string]bool{
		"4111111111111111": true,
		"pays by card 4111 1111 1111 1111, exp 12/29": true,
		"4111-1111-1111-1111":                         true,
		"5555.5555.5555.4444":                         true,
		"378282246310005":                             true,
		"3782 822463 10005":                           true,
		"6011111111111117":                            true,
		"30569309025904":                              true,
		"3530111333300000":                            true,
		"2223003122003222":                            true,
		"4222222222222":                               true,
		"４１１１１１１１１１１１１１１１":          true,
		"20261122 4111111111111111": true,
		"card:4111111111111111.":    true,
		"4111111111111112":          false, // the check digit
		"+4111111111111111":         false, // a telephone number, or at least no card's
		"call +61 2 5550 0123 back": false,
		"20261122093000":            false,
		"promise 0000000000000000":  false,
		"four one one one":          false,
		"INV-2026-000123":           false,
		"":                          false,
		"12":                        false,
		"4111  1111  1111  1111":    false, // two blanks part two numbers
	} {
		if got := card.In(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestACardIsFoundHoweverItIsGrouped, and wherever it stands.
func TestACardIsFoundHoweverItIsGrouped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := "4" + rapid.StringMatching(`[0-9]{14}`).Draw(t, "number")
		for d := range 10 {
			if card.In(number + strconv.Itoa(d)) {
				number += strconv.Itoa(d)
				break
			}
		}
		if len(number) != 16 {
			t.Fatalf("no check digit makes %s a card's", number)
		}
		var text strings.Builder
		text.WriteString(rapid.SampledFrom([]string{"", "card ", "12 ", "+1;"}).Draw(t, "before"))
		for i, r := range number {
			if i > 0 && rapid.Bool().Draw(t, "part") {
				text.WriteString(rapid.SampledFrom([]string{" ", "-", "."}).Draw(t, "by"))
			}
			text.WriteRune(r)
		}
		text.WriteString(rapid.SampledFrom([]string{"", " thanks", ", 12/29"}).Draw(t, "behind"))
		if !card.In(text.String()) {
			t.Fatalf("%q passes", text.String())
		}
	})
}

func FuzzIn(f *testing.F) {
	f.Add("4111 1111 1111 1111")
	f.Add("\xff4１")
	f.Fuzz(func(t *testing.T, text string) {
		if card.In(text) && strings.IndexFunc(text, func(r rune) bool { return r >= '0' && r <= '9' || r >= '０' && r <= '９' }) < 0 {
			t.Errorf("%q holds no digit", text)
		}
	})
}
