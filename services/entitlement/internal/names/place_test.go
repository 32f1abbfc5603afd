package names_test

import (
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/entitlement/internal/names"
)

func TestANameMayEndWithAPlace(t *testing.T) {
	for said, want := range map[string]string{
		"Acme GmbH Boston":      "acme gmbh|boston acme|gmbh boston",
		"acme berlin gmbh":      "acme gmbh|berlin",
		"Acme, in New York":     "acme in new|york acme|new york acme|in new york",
		"acme":                  "",
		"":                      "",
		"Acme GmbH":             "",
		"ООО Ромашка Москва":    "",
		"Müller & Söhne Zürich": "muller sohne|zurich muller|sohne zurich",
	} {
		var got []string
		for _, p := range names.Places(said) {
			got = append(got, p.Name+"|"+p.Place)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", said, strings.Join(got, " "), want)
		}
	}
}

func TestWhereSomebodyIs(t *testing.T) {
	for _, c := range []struct {
		place, locality string
		want            bool
	}{
		{"boston", "Boston", true}, {"boston", "Boston, United States", true}, {"united states", "Boston, United States", true},
		{"zurich", "Zürich", true}, {"zuerich", "Zürich", true}, {"frankfurt", "Frankfurt am Main, Germany", true},
		{"germany", "Berlin Germany", true}, {"bern", "Bernau", false}, {"new", "New York", false}, {"am", "Frankfurt am Main", false},
		{"boston", "", false}, {"", "Boston", false}, {"us", "Boston, US", true},
		{"moskva", "Москва, Россия", true}, {"берлин", "Berlin", true}, {"beijing", "北京", true}, {"tver", "Москва", false},
	} {
		if got := names.In(c.place, c.locality); got != c.want {
			t.Errorf("%q in %q: got %v", c.place, c.locality, got)
		}
	}
}

func TestLegalFormThatWasSaid(t *testing.T) {
	for _, c := range []struct {
		said, name string
		want       int
	}{
		{"Acme Inc", "Acme GmbH", -1}, {"acme incorporated", "Acme Inc.", 1}, {"acme", "Acme GmbH", 0}, {"Acme Inc", "Acme", 0},
		{"Hello, this is Acme Inc calling", "Acme GmbH", -1}, {"", "", 0},
		{"Acme Limited", "Acme Pty Ltd", 0}, {"Acme GmbH", "Acme GmbH & Co. KG", 0}, {"Merck & Co., Inc.", "Merck KGaA", -1},
		{"ПАО Ромашка", "ООО Ромашка", -1},
	} {
		if got := names.Form(c.said, c.name); got != c.want {
			t.Errorf("%q of %q: got %d, want %d", c.said, c.name, got, c.want)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add("Acme GmbH Boston", "Boston, United States")
	f.Add("株式会社 東京", "東京")
	f.Fuzz(func(t *testing.T, said, locality string) {
		for _, p := range names.Places(said) {
			if p.Name == "" || p.Place == "" {
				t.Fatalf("%q: %+v", said, p)
			}
		}
		names.In(said, locality)
		names.Form(said, locality)
	})
}
