package contacttext_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	moneypb "google.golang.org/genproto/googleapis/type/money"

	"github.com/daysidehq/dayside/services/internal/contacttext"
)

// texts are all strings of a language, by the path of their field.
func texts(t *testing.T, v reflect.Value, path string, into map[string]string) {
	t.Helper()
	switch v.Kind() { //nolint:exhaustive // a language has no others
	case reflect.String:
		into[path] = v.String()
	case reflect.Bool:
	case reflect.Struct:
		for i := range v.NumField() {
			texts(t, v.Field(i), path+"."+v.Type().Field(i).Name, into)
		}
	case reflect.Array:
		for i := range v.Len() {
			texts(t, v.Index(i), path+"["+string(rune('a'+i))+"]", into)
		}
	default:
		t.Fatalf("%s is a %v, which is not looked into", path, v.Kind())
	}
}

func placeholders(text string) []string {
	found := regexp.MustCompile(`\{[^{}]*\}`).FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// TestEveryTextIsInEveryLanguage: with the same things put in, and without markup.
func TestEveryTextIsInEveryLanguage(t *testing.T) {
	english := map[string]string{}
	texts(t, reflect.ValueOf(*contacttext.Of("en")), "", english)
	if len(english) < 120 {
		t.Fatalf("looked at %d texts only", len(english))
	}
	tags := map[string]bool{}
	for _, l := range contacttext.Languages() {
		if tags[l.Tag] || contacttext.Of(l.Tag).Tag != l.Tag {
			t.Errorf("%q is there twice, or is not found by its tag", l.Tag)
		}
		tags[l.Tag] = true
		own := map[string]string{}
		texts(t, reflect.ValueOf(*l), "", own)
		for path, text := range own {
			// A blank on either side is what a part of a sentence has, and is the same in all languages.
			switch {
			case strings.TrimSpace(text) == "":
				t.Errorf("%s%s is missing", l.Tag, path)
			case !slices.Equal(placeholders(text), placeholders(english[path])):
				t.Errorf("%s%s has %v, English has %v", l.Tag, path, placeholders(text), placeholders(english[path]))
			case l.Tag == "fr" && regexp.MustCompile(` [;:?!]`).MatchString(text):
				t.Errorf("%s%s lets a line begin with a mark: %q", l.Tag, path, text)
			case strings.ContainsAny(text, "<>&\r\t") || strings.Contains(text, "  ") || strings.Count(text, "{") != strings.Count(text, "}"):
				t.Errorf("%s%s holds what no text may: %q", l.Tag, path, text)
			}
		}
	}
}

func TestALanguageIsFound(t *testing.T) {
	for want, tags := range map[string][][]string{
		"en": {nil, {""}, {"en-GB"}, {"ja"}, {"", "en", "de"}, {"english"}},
		"de": {{"de"}, {"de-CH", "fr"}, {"DE-at"}, {"ja", "", "de"}},
		"fr": {{"fr-CA"}}, "es": {{"es-419", "en"}},
	} {
		for _, of := range tags {
			if got := contacttext.Of(of...).Tag; got != want {
				t.Errorf("%q: %s, want %s", of, got, want)
			}
		}
	}
}

func TestWhatABrowserAccepts(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-CH,fr;q=0.8": "de", "fr;q=0.5, es;q=0.9, en;q=0.1": "es", "ja, fr;q=0.3": "fr", "*": "en",
		"ja": "en", "de;q=0, es;q=0.1": "es", "EN-us, de": "en", ";;;": "en", "\x00": "en", strings.Repeat("de,", 500): "en",
	} {
		if got := contacttext.Accepted(header).Tag; got != want {
			t.Errorf("%.40q: %s, want %s", header, got, want)
		}
	}
}

// FuzzAccepted: whatever a browser says, there is a language.
func FuzzAccepted(f *testing.F) {
	f.Add("de-CH,fr;q=0.8,*;q=0.1")
	f.Fuzz(func(t *testing.T, header string) {
		if got := contacttext.Accepted(header); got == nil || contacttext.Of(got.Tag).Tag != got.Tag {
			t.Errorf("%q: %v", header, got)
		}
	})
}

func TestFill(t *testing.T) {
	got := contacttext.Fill("{a} and {b}, {a}; {c}", "a", "{b}", "b", "2")
	if got != "{b} and 2, {b}; {c}" { // what is put in is not looked into
		t.Error(got)
	}
}

func TestMomentsAndAmounts(t *testing.T) {
	east := time.FixedZone("CET", 3600)
	offset := time.FixedZone("-03", -3*3600)
	at := time.Date(2026, 11, 30, 23, 5, 0, 0, time.UTC)
	price := &moneypb.Money{CurrencyCode: "EUR", Units: 1500, Nanos: 500_000_000}
	for tag, want := range map[string][4]string{
		"en": {"30 November 2026, 23:05 UTC", "1 December 2026, 00:05 CET", "30 November 2026, 20:05 UTC-03", "EUR 1500.50"},
		"de": {"30. November 2026, 23:05 UTC", "1. Dezember 2026, 00:05 CET", "30. November 2026, 20:05 UTC-03", "1500,50\u00a0EUR"},
		"fr": {"30 novembre 2026 à 23:05 UTC", "1er décembre 2026 à 00:05 CET", "30 novembre 2026 à 20:05 UTC-03", "1500,50\u00a0EUR"},
		"es": {
			"30 de noviembre de 2026, 23:05 UTC", "1 de diciembre de 2026, 00:05 CET", "30 de noviembre de 2026, 20:05 UTC-03",
			"1500,50\u00a0EUR",
		},
	} {
		text := contacttext.Of(tag)
		got := [4]string{text.When(at, time.UTC), text.When(at, east), text.When(at, offset), text.Amount(price)}
		if got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
		if text.Amount(nil) != text.NoAmount || text.Amount(&moneypb.Money{CurrencyCode: "JPY", Units: 5}) == "" {
			t.Errorf("%s: no amount, or one without decimals", tag)
		}
	}
}
