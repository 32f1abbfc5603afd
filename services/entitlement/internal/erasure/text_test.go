package erasure_test

import (
	"strings"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// TestWhatPeopleWroteIsLeftWithoutThePerson: their numbers in any usual writing, their addresses and what they are called in
// full; what only looks like it stays.
func TestWhatPeopleWroteIsLeftWithoutThePerson(t *testing.T) {
	c := acme()
	c.Contacts[0].PhoneNumbers[0] = number("+447700900123")
	p := person(t, &entitlementv1.ErasePersonRequest{Customer: "customers/acme", ContactId: "ann"})
	p.Learn(c)
	for text, want := range map[string]string{
		"kitty +447700900123 wrote":                    "kitty (erased) wrote",
		"rang from +44 7700 900123, twice":             "rang from (erased), twice",
		"rang from +44 (0)7700 900-123":                "rang from (erased)",
		"07700 900123":                                 "(erased)",
		"(07700) 900123 or 0044 7700 900 123.":         "(erased) or (erased).",
		"rang 07700/900123 2026-11-22":                 "rang (erased) 2026-11-22",
		"2026-11-22 07700900123":                       "2026-11-22 (erased)",
		"Tel:447700900123;":                            "Tel:(erased);",
		"case 0770090012 and 1447700900123 4477009001": "case 0770090012 and 1447700900123 4477009001",
		"from ANN@acme.example.":                       "from (erased).",
		"from joann@acme.example, ann@acme.examples":   "from joann@acme.example, ann@acme.examples",
		"for Ann  Other: ann other's own":              "for (erased): (erased)'s own",
		"Johann Other, Ann Otherwise, another":         "Johann Other, Ann Otherwise, another",
		"":                                             "",
		"\xff\xfe 7700900123":                          "\xff\xfe (erased)",
	} {
		x := &entitlementv1.Promise{
			Acceptance: &entitlementv1.AcceptOfferRequest{Customer: "customers/acme", How: text},
			Trail:      []*entitlementv1.PromiseEvent{{Reason: text}},
		}
		g := &entitlementv1.Grant{Customer: "customers/acme", Reason: text}
		changed, also := p.Reasons(x), p.Reason(g)
		if x.GetTrail()[0].GetReason() != want || x.GetAcceptance().GetHow() != want || g.GetReason() != want {
			t.Errorf("of %q is left %q, %q", text, x.GetTrail()[0].GetReason(), g.GetReason())
		}
		if changed != (text != want) || also != changed || x.GetErased() != changed || p.Reasons(x) {
			t.Errorf("%q: changed %v, %v", text, changed, also)
		}
	}
	other := &entitlementv1.Grant{Customer: "customers/bolt", Reason: "for Ann Other of ours"}
	if p.Reason(other) {
		t.Errorf("a namesake is gone: %v", other)
	}
}

// TestWhoConfirmedLaterIsErased, and what they are called in that promise goes from what people wrote in it.
func TestWhoConfirmedLaterIsErased(t *testing.T) {
	p := person(t, &entitlementv1.ErasePersonRequest{Numbers: []string{mobile}})
	x := &entitlementv1.Promise{
		Acceptance: &entitlementv1.AcceptOfferRequest{Customer: "customers/acme", Number: desk, Person: "Ben"},
		Trail: []*entitlementv1.PromiseEvent{
			{Reason: "Olga Ek will call"}, {Person: "Olga Ek", Number: mobile, RecordingUri: "s3://x", CallId: "c2"},
		},
	}
	spoke, names := p.Promise(x)
	if !spoke || strings.Join(names, "") != "Olga Ek" || !p.Reasons(x, names...) {
		t.Fatalf("%v, %v", spoke, names)
	}
	if e := x.GetTrail(); e[0].GetReason() != "(erased) will call" || e[1].GetPerson()+e[1].GetNumber()+e[1].GetRecordingUri() != "" ||
		e[1].GetCallId() != "c2" || x.GetAcceptance().GetPerson() != "Ben" || !x.GetErased() {
		t.Errorf("left: %v", x)
	}
}

// FuzzText: whatever people wrote is read without harm, and what is left holds nothing more to erase.
func FuzzText(f *testing.F) {
	f.Add("rang +44 (0)7700 900123 Ann")
	f.Add("07700 900123 07700 9001234 (+447700900123)")
	p := person(f, &entitlementv1.ErasePersonRequest{Numbers: []string{"+447700900123"}})
	f.Fuzz(func(t *testing.T, text string) {
		g := &entitlementv1.Grant{Reason: text}
		p.Reason(g)
		if left := g.GetReason(); p.Reason(g) {
			t.Errorf("%q leaves %q, and that %q", text, left, g.GetReason())
		}
	})
}
