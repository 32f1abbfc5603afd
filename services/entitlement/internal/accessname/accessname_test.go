package accessname_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/entitlement/internal/accessname"
)

func TestKey(t *testing.T) {
	for _, c := range []struct{ name, one, other string }{
		{"case", "Blue Heron", "BLUE heron"},
		{"accents", "Café Zürich", "cafe\u0301 zurich"},
		{"punctuation and blanks", "A.C.M.E. - 24/7", "acme 247"},
		{"full-width digits", "Route ６６", "route 66"},
		{"final sigma", "ΟΔΟΣ", "οδος"},
		{"Arabic with vowel signs", "مَرْحَبًا", "مرحبا"},
	} {
		if a, b := accessname.Key(c.one), accessname.Key(c.other); a != b || a == "" {
			t.Errorf("%s: %q and %q", c.name, a, b)
		}
	}
	if accessname.Key("Acme") == accessname.Key("Acme 2") || accessname.Key("–!") != "" {
		t.Error("another name, or none, is not the same")
	}
}

func TestRule(t *testing.T) {
	for name, ok := range map[string]bool{
		"Heron": true, "A 1 b": true, "日本橋": true, "مرحبا": true,
		"ab": false, "": false, "!!!": false, " Heron": false, "Heron\u202e": false, "He\nron": false,
		strings.Repeat("a", 100): true, strings.Repeat("a", 101): false,
	} {
		if got := accessname.Rule(name) == ""; got != ok {
			t.Errorf("%q: %q", name, accessname.Rule(name))
		}
	}
}

// FuzzKey: a key is made of letters and digits, and is its own key: what is stored under it is found by it.
func FuzzKey(f *testing.F) {
	f.Add("Blue Heron – 24/7")
	f.Add("ǅ İ ß ſ ͅ")
	f.Fuzz(func(t *testing.T, name string) { isKey(t, name) })
}

func TestKeyOfAKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { isKey(t, rapid.String().Draw(t, "name")) })
}

func isKey(t interface{ Fatalf(string, ...any) }, name string) {
	key := accessname.Key(name)
	if again := accessname.Key(key); again != key {
		t.Fatalf("%q: %q has the key %q", name, key, again)
	}
	for _, r := range key {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			t.Fatalf("%q: %q holds %q", name, key, r)
		}
	}
}
