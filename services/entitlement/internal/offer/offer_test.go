package offer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/offer"
	"github.com/daysidehq/dayside/services/internal/fault"
)

func euros(units int64, nanos int32) *money.Money {
	return &money.Money{CurrencyCode: "EUR", Units: units, Nanos: nanos}
}

func callOffer() *entitlementv1.Offer {
	return &entitlementv1.Offer{
		Name: "offers/call", DisplayName: "One call", Kind: entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL, Price: euros(90, 0),
		Terms: []*entitlementv1.OfferTerms{
			{Language: "en", Text: "One call, and calls back about it, for 4 hours.", Version: "2026-07"},
			{Language: "de-DE", Text: "Ein Anruf und Rückrufe, 4 Stunden.", Version: "2026-08", Speech: "{offer} kostet {price}. {terms}"},
		},
	}
}

// TestWhatAnOfferMustBe names the field of each broken rule, and no other.
func TestWhatAnOfferMustBe(t *testing.T) {
	for _, c := range []struct {
		name, field string
		change      func(o *entitlementv1.Offer)
	}{
		{"as it is", "", func(*entitlementv1.Offer) {}},
		{"too many decimals", "price", func(o *entitlementv1.Offer) { o.Price = euros(90, 5_000_000) }},
		{"yen with decimals", "price", func(o *entitlementv1.Offer) {
			o.Price = &money.Money{CurrencyCode: "JPY", Units: 9000, Nanos: 500_000_000}
		}},
		{"dinar with three", "", func(o *entitlementv1.Offer) {
			o.Price = &money.Money{CurrencyCode: "KWD", Units: 9, Nanos: 5_000_000}
		}},
		{"nothing", "price", func(o *entitlementv1.Offer) { o.Price = euros(0, 0) }},
		{"less than nothing", "price", func(o *entitlementv1.Offer) { o.Price = euros(-90, 0) }},
		{"no price", "price", func(o *entitlementv1.Offer) { o.Price = nil }},
		{"a currency of yesterday", "price", func(o *entitlementv1.Offer) { o.Price = &money.Money{CurrencyCode: "DEM", Units: 90} }},
		{"a limit of 0", "", func(o *entitlementv1.Offer) { o.MaxUnverifiedPerDay = euros(0, 0) }},
		{"a limit in another currency", "max_unverified_per_day", func(o *entitlementv1.Offer) {
			o.MaxUnverifiedPerDay = &money.Money{CurrencyCode: "USD", Units: 90}
		}},
		{"a limit with too many decimals", "max_unverified_per_day", func(o *entitlementv1.Offer) { o.MaxUnverifiedPerDay = euros(1, 1) }},
		{"an upgrade to nothing", "plan", func(o *entitlementv1.Offer) { o.Kind = entitlementv1.OfferKind_OFFER_KIND_UPGRADE }},
		{"parts of a second", "covers", func(o *entitlementv1.Offer) { o.Covers = durationpb.New(time.Hour + time.Millisecond) }},
		{"parts of a second to confirm", "confirm_within", func(o *entitlementv1.Offer) { o.ConfirmWithin = durationpb.New(time.Hour + 1) }},
		{"a language twice", "terms[1].language", func(o *entitlementv1.Offer) { o.Terms[1].Language = "EN" }},
		{"a price that is not said", "terms[0].speech", func(o *entitlementv1.Offer) { o.Terms[0].Speech = "Press 1." }},
		{"a placeholder nobody knows", "terms[0].speech", func(o *entitlementv1.Offer) { o.Terms[0].Speech = "{price} for {name}" }},
		{"an address with a password", "terms[0].uri", func(o *entitlementv1.Offer) { o.Terms[0].Uri = "https://me:secret@terms.example/" }},
		{"no address", "terms[0].uri", func(o *entitlementv1.Offer) { o.Terms[0].Uri = "javascript:alert(1)" }},
		{"an address", "", func(o *entitlementv1.Offer) { o.Terms[0].Uri = "https://terms.example/2026-07" }},
		{"a card's number", "terms[0].text", func(o *entitlementv1.Offer) { o.Terms[0].Text = "pay to 4111 1111 1111 1111" }},
		{"a bell", "display_name", func(o *entitlementv1.Offer) { o.DisplayName = "One\acall" }},
		{"a blank", "terms[0].version", func(o *entitlementv1.Offer) { o.Terms[0].Version = " " }},
	} {
		o := callOffer()
		c.change(o)
		err := offer.Check(o)
		var f *fault.Fault
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.field != "" && (!errors.As(err, &f) || len(f.Violations) != 1 || f.Violations[0].Field != c.field):
			t.Errorf("%s: %v, want %s alone", c.name, err, c.field)
		case err != nil && (strings.Contains(err.Error(), "4111") || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v shows what it must not", c.name, err)
		}
	}
}

func TestWhatAnOfferMeansWhereItDoesNotSay(t *testing.T) {
	o := callOffer()
	for kind, want := range map[entitlementv1.OfferKind]time.Duration{
		entitlementv1.OfferKind_OFFER_KIND_PAY_PER_CALL: 4 * time.Hour,
		entitlementv1.OfferKind_OFFER_KIND_DAY_PASS:     24 * time.Hour,
		entitlementv1.OfferKind_OFFER_KIND_UPGRADE:      31 * 24 * time.Hour,
	} {
		if o.Kind = kind; offer.Covers(o) != want {
			t.Errorf("%v covers %v", kind, offer.Covers(o))
		}
	}
	if offer.ConfirmWithin(o) != 30*24*time.Hour {
		t.Error(offer.ConfirmWithin(o))
	}
	o.Covers, o.ConfirmWithin = durationpb.New(time.Minute), durationpb.New(time.Hour)
	if offer.Covers(o) != time.Minute || offer.ConfirmWithin(o) != time.Hour {
		t.Error(offer.Covers(o), offer.ConfirmWithin(o))
	}
}

func TestWhichTermsWereRead(t *testing.T) {
	o := callOffer()
	for _, c := range []struct{ language, version, want string }{
		{"", "", "en"}, {"en", "", "en"}, {"de", "", "de-DE"}, {"de-AT", "", "de-DE"}, {"DE-de", "", "de-DE"}, {"fr", "", "en"},
		{"en", "2026-08", "de-DE"}, {"", "2026-07", "en"}, {"de", "2026-07", "en"}, {"en", "2026-06", ""},
	} {
		got, ok := offer.Read(o, c.language, c.version)
		if got.GetLanguage() != c.want || ok != (c.want != "") {
			t.Errorf("%q of %q: %v, %v", c.language, c.version, got, ok)
		}
	}
}

// TestCheckNeverFails: whatever an offer holds, an answer; and the price of one that passes can be counted.
func TestCheckNeverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := callOffer()
		o.Price = &money.Money{
			CurrencyCode: rapid.SampledFrom([]string{"EUR", "JPY", "XXX", ""}).Draw(t, "currency"),
			Units:        rapid.Int64().Draw(t, "units"), Nanos: rapid.Int32().Draw(t, "nanos"),
		}
		o.Terms[0].Speech, o.Terms[0].Uri = rapid.String().Draw(t, "speech"), rapid.String().Draw(t, "uri")
		if offer.Check(o) == nil && (o.GetPrice().GetUnits() < 0 || o.GetPrice().GetNanos() < 0) {
			t.Fatalf("%v passes", o.GetPrice())
		}
	})
}

// TestWhenAnOfferStands: until it is withdrawn, or ends.
func TestWhenAnOfferStands(t *testing.T) {
	ends := &timestamppb.Timestamp{Seconds: 1000}
	for what, c := range map[string]struct {
		offer *entitlementv1.Offer
		at    int64
		want  bool
	}{
		"for good":       {&entitlementv1.Offer{}, 1 << 40, true},
		"withdrawn":      {&entitlementv1.Offer{Withdrawn: true}, 0, false},
		"before its end": {&entitlementv1.Offer{EndTime: ends}, 999, true},
		"at its end":     {&entitlementv1.Offer{EndTime: ends}, 1000, false},
		"none":           {nil, 0, false},
	} {
		if got := offer.Stands(c.offer, c.at); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
