package phone_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/phone"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in         string
		strict     phone.Number
		signalled  phone.Number
		strictOK   bool
		signallOK  bool
		maskedWant string
	}{
		{"+353123456789", 353123456789, 353123456789, true, true, "+35…89"},
		{"353123456789", 0, 353123456789, false, true, "353…89"},
		{"00353123456789", 0, 353123456789, false, true, "003…89"},
		{"+353 (12) 345-67.89", 0, 353123456789, false, true, "+35…89"},
		{"+0123456789", 0, 0, false, false, "+01…89"},
		{"+1234567890123456", 0, 0, false, false, "+12…56"},
		{"123456", 0, 0, false, false, "…"},
		{"anonymous", 0, 0, false, false, "ano…us"},
		{"", 0, 0, false, false, ""},
		{"+", 0, 0, false, false, "…"},
		{"1+234567890", 0, 0, false, false, "1+2…90"},
		{"+٣٥٣١٢٣٤٥٦", 0, 0, false, false, "+٣…٦"},
		{"abü@acme.exämplé", 0, 0, false, false, "ab…é"},
	} {
		if n, ok := phone.Parse(c.in); n != c.strict || ok != c.strictOK {
			t.Errorf("Parse(%q) = %d, %v; want %d, %v", c.in, n, ok, c.strict, c.strictOK)
		}
		if n, ok := phone.ParseSignalled(c.in); n != c.signalled || ok != c.signallOK {
			t.Errorf("ParseSignalled(%q) = %d, %v; want %d, %v", c.in, n, ok, c.signalled, c.signallOK)
		}
		if c.maskedWant != "" && phone.Mask(c.in) != c.maskedWant {
			t.Errorf("Mask(%q) = %q, want %q", c.in, phone.Mask(c.in), c.maskedWant)
		}
	}
}

func FuzzParseSignalled(f *testing.F) {
	for _, s := range []string{"+353123456789", "00353", "sip:anonymous", "+1 (555) 010-0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := phone.ParseSignalled(s)
		if !ok {
			return
		}
		if again, ok := phone.Parse(n.String()); !ok || again != n {
			t.Fatalf("%q read as %d, whose own form %q reads as %d", s, n, n, again)
		}
	})
}

// What a network signals is read in one go, and says what one reads step by step.
func TestSignalledIsReadAsStepByStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`\+?0{0,3}[0-9]{5,18}`), rapid.StringMatching(`[+0]{0,3}[-0-9.() ]{0,22}`), rapid.StringN(0, 20, 30),
		).Draw(t, "text")
		plain := strings.Map(func(r rune) rune {
			if strings.ContainsRune("-.() ", r) {
				return -1
			}
			return r
		}, text)
		several := strings.LastIndex(plain, "+") > 0
		if !strings.HasPrefix(plain, "+") && len(plain) > 2 {
			plain = strings.TrimPrefix(plain, "00")
		}
		want, ok := phone.Parse("+" + strings.TrimPrefix(plain, "+"))
		if several {
			want, ok = 0, false
		}
		if got, read := phone.ParseSignalled(text); got != want || read != ok {
			t.Fatalf("%q: %d, %v, want %d, %v", text, got, read, want, ok)
		}
	})
}
