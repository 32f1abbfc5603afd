package manifest_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const catalogInFull = `
kind: Plan
id: early
display_name: Early
hours: {kind: EXTENDED, weekly_hours: {mon-fri: ["06:00-22:00"]}}
severities: [P1, p2]
lines: [gold]
allowance: 10 a contract year
---
kind: Plan
id: days
display_name: Days
hours: business
---
kind: Offer
id: more
display_name: More
offer_kind: UPGRADE
plan: early
price: EUR 90.5
covers: 48h
terms:
  - {language: en, text: Terms., version: "1"}
---
kind: Customer
id: sub
display_name: Sub
parent: group
partners: [{partner: ops, product: db}]
calendars: [ie]
contracts:
  - {contract_id: A, plan: early, start_date: 2026-01-01, grace_days: 0, suspension: {start_date: 2026-02-01}}
`

func TestPlansAndOffers(t *testing.T) {
	set, err := read(catalogInFull)
	if err != nil {
		t.Fatal(err)
	}
	wants := []proto.Message{&entitlementv1.Plan{}, &entitlementv1.Plan{}, &entitlementv1.Offer{}, &entitlementv1.Customer{}}
	for i, text := range []string{
		`name: "plans/days" display_name: "Days" hours { kind: PLAN_HOURS_KIND_BUSINESS }`,
		`name: "plans/early" display_name: "Early" hours {
			kind: PLAN_HOURS_KIND_EXTENDED weekly_hours {
				mon { open { hours: 6 } close { hours: 22 } } tue { open { hours: 6 } close { hours: 22 } }
				wed { open { hours: 6 } close { hours: 22 } } thu { open { hours: 6 } close { hours: 22 } }
				fri { open { hours: 6 } close { hours: 22 } }
			}
		} severities: [SEVERITY_P1, SEVERITY_P2] lines: "lines/gold" allowance { calls: 10 period: ALLOWANCE_PERIOD_CONTRACT_YEAR }`,
		`name: "offers/more" display_name: "More" kind: OFFER_KIND_UPGRADE plan: "plans/early"
			price { currency_code: "EUR" units: 90 nanos: 500000000 } covers { seconds: 172800 }
			terms { language: "en" text: "Terms." version: "1" }`,
		`name: "customers/sub" display_name: "Sub" parent: "customers/group" partners { partner: "customers/ops" product: "db" }
			calendars: "calendars/ie" contracts {
				contract_id: "A" plan: "early" start_date { year: 2026 month: 1 day: 1 } grace_days: 0
				suspension { start_date { year: 2026 month: 2 day: 1 } }
			}`,
	} {
		if err := prototext.Unmarshal([]byte(text), wants[i]); err != nil {
			t.Fatal(err)
		}
		if got := set.Resources()[i]; !proto.Equal(got, wants[i]) {
			t.Errorf("got  %v\nwant %v", got, wants[i])
		}
	}
}

func TestShortFormsOfTheCatalogAreExact(t *testing.T) {
	for text, want := range map[string]string{
		"price: EUR 90":            "",
		"price: EUR 90.123456789":  "",
		"price: EUR 90,50":         "price",
		"price: EUR 1e3":           "price",
		"price: EUR -1":            "price",
		"price: 90":                "price",
		"price: EUR 90.1234567891": "price",
		"price: eur 90":            "",
		"price: 90 EUR":            "",
		"price: EURO 90":           "price",
	} {
		_, err := read("kind: Offer\nid: a\ndisplay_name: A\noffer_kind: DAY_PASS\nterms: [{language: en, text: T., version: \"1\"}]\n" + text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want+": ") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for text, ok := range map[string]bool{
		"2026-12-31T23:59Z": true, "2026-12-31T23:59:30+01:00": true, "2026-12-31": false, "..": false, "soon": false,
	} {
		offer := "kind: Offer\nid: a\ndisplay_name: A\noffer_kind: DAY_PASS\nprice: EUR 9\nterms: [{language: en, text: T., version: \"1\"}]\n"
		set, err := read(offer + "end_time: " + text)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "end_time: ") {
			t.Errorf("end_time: %s: %v", text, err)
		}
		if err != nil {
			continue
		}
		if o, _ := set.Resources()[0].(*entitlementv1.Offer); o.GetEndTime().GetSeconds()/86400 != 20818 {
			t.Errorf("end_time: %s: %v", text, o)
		}
	}
	for text, ok := range map[string]bool{
		"hours: BUSINESS": true, "hours: round-the-clock": true, "hours: 24x7": false, "allowance: 5 a MONTH": true,
		"allowance: 5 a day": false, "allowance: five a MONTH": false, "allowance: -5 a MONTH": false,
	} {
		if _, err := read("kind: Plan\nid: a\ndisplay_name: A\n" + text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := read("kind: Offer\nid: a\ndisplay_name: A\nprice: EUR 1\nterms: [{language: en, text: T., version: \"1\"}]")
	if err == nil || !strings.Contains(err.Error(), "offer_kind: ") {
		t.Errorf("an offer of no kind: %v", err)
	}
}

func drawPlan(t *rapid.T) *entitlementv1.Plan {
	p := &entitlementv1.Plan{
		Name: "plans/" + slug(t), DisplayName: display(t), Lines: names(t, "lines"), GraceDays: rapid.Int32Range(0, 366).Draw(t, "grace"),
		Severities: rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) entitlementv1.Severity {
			return entitlementv1.Severity(rapid.Int32Range(1, 4).Draw(t, "severity"))
		}), func(s entitlementv1.Severity) entitlementv1.Severity { return s }).Draw(t, "severities"),
	}
	if rapid.Bool().Draw(t, "limited") {
		p.Hours = &entitlementv1.PlanHours{
			Kind: entitlementv1.PlanHoursKind(rapid.Int32Range(1, 3).Draw(t, "hours")), IgnoresCalendars: rapid.Bool().Draw(t, "ignores"),
		}
		if rapid.Bool().Draw(t, "its own") {
			p.Hours.WeeklyHours = &schedulev1.WeeklyHours{Sat: drawSpans(t)}
		}
	}
	if rapid.Bool().Draw(t, "counted") {
		p.Allowance = &entitlementv1.Allowance{
			Calls: rapid.Int32Range(0, 1_000_000).Draw(t, "calls"), Period: entitlementv1.AllowancePeriod(rapid.Int32Range(1, 3).Draw(t, "period")),
		}
	}
	return p
}

func drawOffer(t *rapid.T) *entitlementv1.Offer {
	o := &entitlementv1.Offer{
		Name: "offers/" + slug(t), DisplayName: display(t), Kind: entitlementv1.OfferKind(rapid.Int32Range(1, 3).Draw(t, "offered")),
		Price: &money.Money{
			CurrencyCode: rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency"),
			Units:        rapid.Int64Range(0, 1<<60).Draw(t, "units"), Nanos: rapid.Int32Range(0, 999_999_999).Draw(t, "nanos"),
		},
		Withdrawn: rapid.Bool().Draw(t, "withdrawn"), Plan: rapid.SampledFrom([]string{"", "plans/gold"}).Draw(t, "plan"),
		Terms: []*entitlementv1.OfferTerms{{Language: "en", Text: "Terms: all of them.", Version: "2026-11", Speech: "{price}, please"}},
	}
	if rapid.Bool().Draw(t, "covers") {
		o.Covers = durationpb.New(90e9)
	}
	return o
}
