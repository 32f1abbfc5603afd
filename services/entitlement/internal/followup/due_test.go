package followup_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/timeofday"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/followup"
)

// TestTheNextBusinessDayByZone: whoever says nothing but a zone does business as people do there, weekends that are none of
// Saturday and Sunday, changes of the clocks and midnights included.
func TestTheNextBusinessDayByZone(t *testing.T) {
	for _, c := range []struct{ what, zone, at, due string }{
		{"at midnight: that morning", "Europe/Berlin", "2026-11-24T00:00:00+01:00", "2026-11-24T09:00:00+01:00"},
		{"a second before midnight: the next", "Europe/Berlin", "2026-11-24T23:59:59+01:00", "2026-11-25T09:00:00+01:00"},
		{"a second before business begins", "Europe/Berlin", "2026-11-24T08:59:59+01:00", "2026-11-24T09:00:00+01:00"},
		{"as business begins", "Europe/Berlin", "2026-11-24T09:00:00+01:00", "2026-11-25T09:00:00+01:00"},
		{"Friday at midnight, into the weekend", "Europe/Berlin", "2026-11-28T00:00:00+01:00", "2026-11-30T09:00:00+01:00"},
		{"Thursday evening in Riyadh: not on Friday", "Asia/Riyadh", "2026-11-26T20:00:00+03:00", "2026-11-29T09:00:00+03:00"},
		{"on a Friday in Cairo", "Africa/Cairo", "2026-11-27T10:00:00+02:00", "2026-11-29T09:00:00+02:00"},
		{"on a Saturday in Tel Aviv", "Asia/Jerusalem", "2026-11-28T23:00:00+02:00", "2026-11-29T09:00:00+02:00"},
		{"Dubai rests on Saturdays and Sundays", "Asia/Dubai", "2026-11-26T20:00:00+04:00", "2026-11-27T09:00:00+04:00"},
		{"Thursday evening in Tehran: Saturday", "Asia/Tehran", "2026-11-26T20:00:00+03:30", "2026-11-28T09:00:00+03:30"},
		{"Wednesday evening in Kabul: Saturday", "Asia/Kabul", "2026-11-25T20:00:00+04:30", "2026-11-28T09:00:00+04:30"},
		{"a Monday there is a Sunday here", "Pacific/Kiritimati", "2026-11-23T01:00:00+14:00", "2026-11-23T09:00:00+14:00"},
		{"the last zone to end a week", "Pacific/Pago_Pago", "2026-11-27T23:30:00-11:00", "2026-11-30T09:00:00-11:00"},
		{"the night in which clocks go forward", "Europe/Berlin", "2026-03-29T01:59:59+01:00", "2026-03-30T09:00:00+02:00"},
		{"the night in which they go back", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-26T09:00:00+01:00"},
		{"where midnight itself is skipped", "Africa/Cairo", "2026-04-23T23:59:59+02:00", "2026-04-26T09:00:00+03:00"},
		{"half an hour of summer time", "Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", "2026-10-05T09:00:00+11:00"},
		{"in no zone at all", "UTC", "2026-11-27T12:00:00Z", "2026-11-30T09:00:00Z"},
	} {
		at, want := parse(t, c.at), parse(t, c.due)
		loc := zone(t, c.zone)
		day, due := followup.Due(at.Unix(), followup.WeekOf(c.zone), loc, nil)
		if due != want.Unix() || day.String() != want.Format(time.DateOnly) {
			t.Errorf("%s: %s, %s; want %s", c.what, day, time.Unix(due, 0).In(loc).Format(time.RFC3339), c.due)
		}
	}
}

func parse(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestHolidaysInARow: each calendar counts, the first with a date decides, and where all is closed calendars do not count.
func TestHolidaysInARow(t *testing.T) {
	xmas, boxing := closed(2026, 12, 25), closed(2026, 12, 28)
	worked := closed(2026, 12, 25)
	worked.Entries[0].Verdict = schedulev1.CalendarEntry_VERDICT_WORKED
	worked.Entries[0].Spans = []*schedulev1.Span{{Open: &timeofday.TimeOfDay{Hours: 11}, Close: &timeofday.TimeOfDay{Hours: 12}}}
	year := closed(2026, 1, 1)
	year.Entries[0].LastDate = closed(2027, 12, 31).Entries[0].Date
	for name, c := range map[string]struct {
		calendars []*schedulev1.Calendar
		due       string
	}{
		"two calendars, a weekend between":     {[]*schedulev1.Calendar{xmas, boxing}, "2026-12-29T09:00:00Z"},
		"in the other order":                   {[]*schedulev1.Calendar{boxing, xmas}, "2026-12-29T09:00:00Z"},
		"the first says that it is worked":     {[]*schedulev1.Calendar{worked, xmas}, "2026-12-25T11:00:00Z"},
		"the first says that it is closed":     {[]*schedulev1.Calendar{xmas, worked}, "2026-12-28T09:00:00Z"},
		"one that is gone says nothing":        {[]*schedulev1.Calendar{nil, xmas}, "2026-12-28T09:00:00Z"},
		"closed all year: as if it were none":  {[]*schedulev1.Calendar{year}, "2026-12-25T09:00:00Z"},
		"one that cannot be read says nothing": {[]*schedulev1.Calendar{{Name: "calendars/x"}, xmas}, "2026-12-28T09:00:00Z"},
	} {
		if _, due := followup.Due(parse(t, "2026-12-24T12:00:00Z").Unix(), followup.Weekdays(), time.UTC, c.calendars); due != parse(t, c.due).Unix() {
			t.Errorf("%s: %s, want %s", name, time.Unix(due, 0).UTC().Format(time.RFC3339), c.due)
		}
	}
}

// TestHoursOfPlansThatAreNotBusiness: who is helped on Sundays does not work on Sundays.
func TestHoursOfPlansThatAreNotBusiness(t *testing.T) {
	week := &schedulev1.WeeklyHours{Sun: []*schedulev1.Span{
		{Open: &timeofday.TimeOfDay{Hours: 7}, Close: &timeofday.TimeOfDay{Hours: 22}},
	}}
	for name, c := range map[string]struct {
		hours *entitlementv1.PlanHours
		says  bool
	}{
		"business":                {&entitlementv1.PlanHours{Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS, WeeklyHours: week}, true},
		"business as is usual":    {&entitlementv1.PlanHours{Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS}, false},
		"longer than business":    {&entitlementv1.PlanHours{Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_EXTENDED, WeeklyHours: week}, false},
		"round the clock":         {&entitlementv1.PlanHours{Kind: entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_ROUND_THE_CLOCK}, false},
		"that nobody wrote":       {nil, false},
		"of a release after this": {&entitlementv1.PlanHours{Kind: 99, WeeklyHours: week}, false},
	} {
		got, says := followup.WeekOfPlan(&entitlementv1.Plan{Hours: c.hours})
		if says != c.says || says && (len(got[time.Sunday]) != 1 || len(got[time.Monday]) != 0) {
			t.Errorf("%s: %v, %v", name, got, says)
		}
	}
}

// TestADueTimeStands while its day is one of business, and moves on, never back, where a calendar closes it later.
func TestADueTimeStands(t *testing.T) {
	names := []string{"UTC", "Europe/Berlin", "Asia/Riyadh", "Pacific/Kiritimati", "America/St_Johns"}
	zones := map[string]*time.Location{}
	for _, n := range names {
		zones[n] = zone(t, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		loc, week := zones[name], followup.WeekOf(name)
		day, due := followup.Due(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at"), week, loc, nil)
		if same, again := followup.Due(due-1, week, loc, nil); again != due || same != day {
			t.Fatalf("%s (%d) is due on %s (%d)", day, due, same, again)
		}
		off := []*schedulev1.Calendar{closed(int32(day.Year), int32(day.Month), int32(day.Day))}
		next, later := followup.Due(due-1, week, loc, off)
		if later <= due || next == day {
			t.Fatalf("%s is closed, and due on %s", day, next)
		}
		if stays, still := followup.Due(later-1, week, loc, off); still != later || stays != next {
			t.Fatalf("%s moves on to %s", next, stays)
		}
	})
}
