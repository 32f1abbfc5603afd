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
	if accessname.Key("–!") != "" {
		t.Error("none is no name")
	}
	for _, c := range [][2]string{{"Acme", "Acme 2"}, {"カワ", "ガワ"}, {"はは", "ぱぱ"}, {"राम", "रमा"}, {"มานี", "มานู"}} {
		if accessname.Key(c[0]) == accessname.Key(c[1]) {
			t.Errorf("%q and %q are other names", c[0], c[1])
		}
	}
}

// TestHeard: a phrase is compared by letters alone, whatever marks they have, as those were that are stored.
func TestHeard(t *testing.T) {
	for said, want := range map[string]string{"Der Reiher, um 12!": "derreiherum12", "ガワ": "カワ", "राम": "रम", "Ä": "a"} {
		if got := accessname.Heard(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestRule(t *testing.T) {
	for name, ok := range map[string]bool{
		"Heron": true, "A 1 b": true, "日本橋": true, "مرحبا": true,
		"ab": false, "": false, "!!!": false, " Heron": false, "Heron\u202e": false, "He\nron": false,
		"می\u200cخواهم": true, "क्\u200dषम": true, "Heron\u200c": false, "\u200dHeron": false, "a\u200c\u200cbc": false,
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
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			t.Fatalf("%q: %q holds %q", name, key, r)
		}
	}
}
