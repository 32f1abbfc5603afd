package followup_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/followup"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

// helped is a call of a customer who was helped first.
func helped(b entitlementv1.Basis) *ledgerv1.Call {
	return &ledgerv1.Call{
		Name: "calls/1", Customer: "customers/acme", Basis: b, FollowUp: true, Goodwill: true,
		CallerClass: routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED,
	}
}

func TestWhatACallLeavesToBeDone(t *testing.T) {
	stranger := helped(0)
	stranger.Customer, stranger.CallerClass = "", routingv1.CallerClass_CALLER_CLASS_UNKNOWN
	paid, pending := helped(entitlementv1.Basis_BASIS_PROMISE), helped(entitlementv1.Basis_BASIS_PENDING_PROMISE)
	paid.OfferFate, paid.Promise, paid.FollowUp, paid.Goodwill = routingv1.OfferFate_OFFER_FATE_ACCEPTED, "promises/p1", false, false
	pending.OfferFate, pending.Promise = routingv1.OfferFate_OFFER_FATE_PENDING, "promises/p2"
	within := &ledgerv1.Call{Customer: "customers/acme", Basis: entitlementv1.Basis_BASIS_CONTRACT, RestsOn: "C-1"}
	followed := &ledgerv1.Call{Customer: "customers/acme", FollowUp: true, CallerClass: routingv1.CallerClass_CALLER_CLASS_ENTITLED}
	transferred := &ledgerv1.Call{Customer: "customers/acme", FollowUp: true, CallerClass: routingv1.CallerClass_CALLER_CLASS_ENTITLED, Treatment: routingv1.Treatment_TREATMENT_FORWARD}
	none, ended := helped(entitlementv1.Basis_BASIS_NO_CONTRACT), helped(entitlementv1.Basis_BASIS_CONTRACT_ENDED)
	unrecorded, beyond, unknown := helped(entitlementv1.Basis_BASIS_CONTRACT_ENDED), helped(0), helped(0)
	for _, c := range []*ledgerv1.Call{unrecorded, beyond, unknown} {
		c.OfferFate = routingv1.OfferFate_OFFER_FATE_HELPED_FIRST
	}
	unrecorded.Goodwill, unknown.Goodwill = false, false
	unknown.Customer, unknown.CallerClass = "", routingv1.CallerClass_CALLER_CLASS_UNKNOWN
	for name, c := range map[string]struct {
		facts followup.Facts
		want  string
	}{
		"what was accepted is recorded nowhere": {followup.Facts{Call: unrecorded, GoodwillBefore: 2, GoodwillMax: 3, GoodwillDays: 90},
			"PROPOSE: called after the contract ended; accepted an offer that could not be recorded by our own fault, so that nothing is owed "},
		"by nobody known": {followup.Facts{Call: unknown},
			"IDENTIFY: a caller nobody knows; accepted an offer that could not be recorded by our own fault, so that nothing is owed "},
		"more was accepted than may be": {followup.Facts{Call: beyond, GoodwillBefore: 2, GoodwillMax: 3, GoodwillDays: 90},
			"DISCUSS: third call in 90 days without a contract; accepted an offer beyond what may be accepted without being verified, so that nothing is owed "},
		"entitled":                   {followup.Facts{Call: within, UsedCalls: 10, IncludedCalls: 10}, ""},
		"beyond what is included":    {followup.Facts{Call: within, UsedCalls: 11, IncludedCalls: 10}, "DISCUSS: 11 calls in a period of which contract C-1 includes 10 "},
		"the line follows up all":    {followup.Facts{Call: followed}, "DISCUSS: the line follows up calls of entitled customers "},
		"entitled where they got to": {followup.Facts{Call: transferred}, ""},
		"no contract":                {followup.Facts{Call: none}, "PROPOSE: called without a contract "},
		"the second time":            {followup.Facts{Call: ended, GoodwillBefore: 1, GoodwillMax: 3, GoodwillDays: 90}, "PROPOSE: second call in 90 days after the contract ended "},
		"goodwill is used up":        {followup.Facts{Call: none, GoodwillBefore: 2, GoodwillMax: 3, GoodwillDays: 90}, "DISCUSS: third call in 90 days without a contract "},
		"the line sets no limit":     {followup.Facts{Call: none, GoodwillBefore: 11, GoodwillDays: 90}, "PROPOSE: 12th call in 90 days without a contract "},
		"the allowance is used":      {followup.Facts{Call: helped(entitlementv1.Basis_BASIS_ALLOWANCE_USED)}, "DISCUSS: called after the calls that the plan includes were used "},
		"suspended":                  {followup.Facts{Call: helped(entitlementv1.Basis_BASIS_SUSPENDED)}, "DISCUSS: called while suspended "},
		"nobody knows who it is":     {followup.Facts{Call: stranger}, "IDENTIFY: a caller nobody knows "},
		"and again":                  {followup.Facts{Call: stranger, GoodwillBefore: 1, GoodwillDays: 30, GoodwillMax: 1}, "IDENTIFY: second call in 30 days from a number nobody knows "},
		"an offer was accepted":      {followup.Facts{Call: paid}, "BILL: accepted an offer promises/p1"},
		"by somebody not verified":   {followup.Facts{Call: pending}, "BILL: accepted an offer without being verified: have it confirmed promises/p2"},
		"nothing to be followed up":  {followup.Facts{Call: &ledgerv1.Call{}}, ""},
	} {
		got := ""
		for _, task := range followup.Tasks(c.facts) {
			got += task.Kind.String()[len("FOLLOW_UP_KIND_"):] + ": " + task.Reason + " " + task.Promise
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if n := followup.Name("calls/1", ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL); n != "followUps/bill-1" {
		t.Error(n)
	}
}

func closed(y, m, d int32) *schedulev1.Calendar {
	return &schedulev1.Calendar{Name: "calendars/closed", DisplayName: "closed", Entries: []*schedulev1.CalendarEntry{
		{Date: &date.Date{Year: y, Month: m, Day: d}, Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED, DisplayName: "a holiday"},
	}}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := zonestest.Embedded(t).Location(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestDueOnTheNextBusinessDayOfTheCustomer: in its zone, by its hours, without the dates on which it is closed.
func TestDueOnTheNextBusinessDayOfTheCustomer(t *testing.T) {
	clock := func(h int32) *timeofday.TimeOfDay { return &timeofday.TimeOfDay{Hours: h} }
	worked := &schedulev1.Calendar{Name: "calendars/cn", DisplayName: "cn", Entries: []*schedulev1.CalendarEntry{{
		Date: &date.Date{Year: 2026, Month: 11, Day: 28}, Verdict: schedulev1.CalendarEntry_VERDICT_WORKED, DisplayName: "worked",
		Spans: []*schedulev1.Span{{Open: clock(10), Close: clock(14)}},
	}}}
	sunToThu := followup.Week{}
	for d := time.Sunday; d <= time.Thursday; d++ {
		sunToThu[d] = []hours.Span{{OpenS: 0, CloseS: hours.DayS}}
	}
	for name, c := range map[string]struct {
		zone, at  string
		week      followup.Week
		calendars []*schedulev1.Calendar
		day, due  string
	}{
		"in the night":                      {"Europe/Berlin", "2026-11-24T01:00:00Z", followup.Weekdays(), nil, "2026-11-24", "2026-11-24T08:00:00Z"},
		"during the day":                    {"Europe/Berlin", "2026-11-24T10:00:00Z", followup.Weekdays(), nil, "2026-11-25", "2026-11-25T08:00:00Z"},
		"when business begins":              {"Europe/Berlin", "2026-11-24T08:00:00Z", followup.Weekdays(), nil, "2026-11-25", "2026-11-25T08:00:00Z"},
		"on a Friday evening":               {"America/Denver", "2026-11-28T02:00:00Z", followup.Weekdays(), nil, "2026-11-30", "2026-11-30T16:00:00Z"},
		"already tomorrow there":            {"Pacific/Auckland", "2026-11-24T22:30:00Z", followup.Weekdays(), nil, "2026-11-26", "2026-11-25T20:00:00Z"},
		"before a holiday":                  {"UTC", "2026-12-24T12:00:00Z", followup.Weekdays(), []*schedulev1.Calendar{closed(2026, 12, 25)}, "2026-12-28", "2026-12-28T09:00:00Z"},
		"a calendar that is gone":           {"UTC", "2026-12-24T12:00:00Z", followup.Weekdays(), []*schedulev1.Calendar{nil}, "2026-12-25", "2026-12-25T09:00:00Z"},
		"a Saturday that is worked":         {"Asia/Shanghai", "2026-11-27T12:00:00Z", followup.Weekdays(), []*schedulev1.Calendar{worked}, "2026-11-28", "2026-11-28T02:00:00Z"},
		"round the clock, Sunday to Friday": {"Asia/Dubai", "2026-11-25T12:00:00Z", sunToThu, nil, "2026-11-26", "2026-11-25T20:00:00Z"},
		"the clocks go forward":             {"America/Denver", "2026-03-06T23:00:00Z", followup.Weekdays(), nil, "2026-03-09", "2026-03-09T15:00:00Z"},
		"without any business":              {"UTC", "2026-11-24T10:00:00Z", followup.Week{}, nil, "2026-11-25", "2026-11-25T09:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		day, due := followup.Due(at.Unix(), c.week, zone(t, c.zone), c.calendars)
		if got := time.Unix(due, 0).UTC().Format(time.RFC3339); day.String() != c.day || got != c.due {
			t.Errorf("%s: %s, %s; want %s, %s", name, day, got, c.day, c.due)
		}
	}
}

// TestDueIsSoonAndABusinessDay, whenever and wherever.
func TestDueIsSoonAndABusinessDay(t *testing.T) {
	zones := map[string]*time.Location{}
	names := []string{"UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns", "Pacific/Pago_Pago"}
	for _, n := range names {
		zones[n] = zone(t, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := zones[rapid.SampledFrom(names).Draw(t, "zone")]
		at := rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at")
		day, due := followup.Due(at, followup.Weekdays(), loc, nil)
		local := time.Unix(due, 0).In(loc)
		if due <= at || due > at+4*86400 || local.Hour() != 9 || local.Minute() != 0 || local.Weekday() == time.Saturday ||
			local.Weekday() == time.Sunday || local.Format(time.DateOnly) != day.String() {
			t.Fatalf("of %s: %s (%s)", time.Unix(at, 0).In(loc), local, day)
		}
		off := closed(int32(day.Year), int32(day.Month), int32(day.Day))
		if next, later := followup.Due(at, followup.Weekdays(), loc, []*schedulev1.Calendar{off}); next == day || later <= due {
			t.Fatalf("%s is closed, and due", day)
		}
	})
}
