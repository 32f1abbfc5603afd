package names_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

func TestIntroduced(t *testing.T) {
	for said, want := range map[string]string{
		"Hello, this is Acme Widgets calling.": "Acme Widgets", "hi it\u2019s Bank of Ireland here": "Bank of Ireland",
		"Guten Tag, hier ist die Firma M\u00fcller": "M\u00fcller", "bonjour, je suis de la soci\u00e9t\u00e9 Dupont": "Dupont",
		"I'm calling from Initech, please": "Initech,", "acme": "acme", "  acme ": "  acme ", "": "", "hello": "hello", "the": "the",
		"this is": "is", "Company of Heroes": "of Heroes",
	} {
		if got := names.Introduced(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
	for said, want := range map[string]bool{
		"Hello?": true, "yes, hello": true, "we are here": true, "Hier.": true, "hello acme": false, "acme": false, "": false, "!": false,
	} {
		if got := names.IsGreeting(said); got != want {
			t.Errorf("%q greets: %v", said, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.String().Draw(t, "said")
		got := names.Introduced(said)
		if len(got) > len(said) || strings.TrimSpace(said) != "" && strings.TrimSpace(got) == "" {
			t.Fatalf("%q: %q", said, got)
		}
	})
}
