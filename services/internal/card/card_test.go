package card_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/card"
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
		"４１１１１１１１１１１１１１１１":                   true,
		"20261122 4111111111111111":          true,
		"card:4111111111111111.":             true,
		"4111111111111112":                   false, // the check digit
		"+4111111111111111":                  true,  // more digits than a telephone number has
		"+378282246310005":                   false, // as many as one has
		"call +61 2 5550 0123 back":          false,
		"20261122093000":                     false,
		"promise 0000000000000000":           false,
		"four one one one":                   false,
		"INV-2026-000123":                    false,
		"":                                   false,
		"12":                                 false,
		"4111  1111  1111  1111":             true,
		"4111 - 1111 - 1111 - 1111":          true,
		"4111/1111/1111/1111":                true,
		"4111_1111\t1111\n1111":              true,
		"4111\u200b1111\u200b11111111":       true, // blanks that nobody sees
		"4111\u22121111\u20141111\u20091111": true, // minus sign, dash, thin space
		"٤١١١ ١١١١ ١١١١ ١١١١":                true, // Arabic-Indic
		"४१११११११११११११११":                         true, // Devanagari
		"𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏":                         true, // mathematical
		"call +61 2 5550 0111 4111 1111 1111 1111": true,
		"+61255500111, or 4111111111111111":        true,
		"4111 to 1111, 1111; 1111":                 false,
		"5550 0111, 5550 0112, 5550 0113":          false,
		"paid from DE32 4111 1111 1111 1111 04":    true,  // an account's number that holds a whole card's, by chance
		"paid from DE89 3704 0044 0532 0130 00":    false, // one that does not, though some digits within its groups would
		"tracked as 00441111111111111111":          false, // longer than any card's, in one piece
		"2026-11-22 09:00, 2026-11-23 17:30":       false,
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
				text.WriteString(rapid.SampledFrom([]string{" ", "-", ".", " - ", "  ", "/", "\u200b"}).Draw(t, "by"))
			}
			text.WriteRune(r)
		}
		text.WriteString(rapid.SampledFrom([]string{"", " thanks", ", 12/29"}).Draw(t, "behind"))
		if !card.In(text.String()) {
			t.Fatalf("%q passes", text.String())
		}
	})
}

// TestDigitsOfEveryScript are read as what they are: in the place of the digits of a card they are one, of one digit less none.
func TestDigitsOfEveryScript(t *testing.T) {
	const number = "4111111111111111"
	for zero := rune('0'); zero <= unicode.MaxRune; zero++ {
		if !unicode.IsDigit(zero) || !unicode.IsDigit(zero+9) {
			continue
		}
		text := strings.Map(func(r rune) rune { return zero + r - '0' }, number)
		// A row begins with its 0: only from there do ten make a number of ours. Rows that touch begin anew after ten.
		if row := unicode.IsDigit(zero - 1); !row && !card.In(text) {
			t.Errorf("%q (U+%04X) passes", text, zero)
		}
	}
}

func FuzzIn(f *testing.F) {
	f.Add("4111 1111 1111 1111")
	f.Add("\xff4１")
	f.Fuzz(func(t *testing.T, text string) {
		if card.In(text) && strings.IndexFunc(text, unicode.IsDigit) < 0 {
			t.Errorf("%q holds no digit", text)
		}
	})
}
