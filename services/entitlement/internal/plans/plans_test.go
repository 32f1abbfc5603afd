package plans_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
)

const (
	always   = entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_ROUND_THE_CLOCK
	business = entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS
	extended = entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_EXTENDED
)

func span(open, closes int32) *schedulev1.Span {
	return &schedulev1.Span{Open: &timeofday.TimeOfDay{Hours: open}, Close: &timeofday.TimeOfDay{Hours: closes}}
}

func of(kind entitlementv1.PlanHoursKind, sat ...*schedulev1.Span) *entitlementv1.PlanHours {
	h := &entitlementv1.PlanHours{Kind: kind}
	if len(sat) > 0 {
		h.WeeklyHours = &schedulev1.WeeklyHours{Sat: sat}
	}
	return h
}

func TestCompiledPlan(t *testing.T) {
	p := &entitlementv1.Plan{
		Name: "plans/days", DisplayName: "Days", Hours: of(business), Lines: []string{"lines/gold"}, Products: []string{"db"},
		Severities: []entitlementv1.Severity{1}, GraceDays: 7, Etag: "x",
		Allowance: &entitlementv1.Allowance{Calls: 10, Period: entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH},
	}
	got, err := plans.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	want := &publishedv1.Plan{
		Id: "days", DisplayName: "Days", HoursId: got.GetHoursId(), Lines: []string{"gold"}, Products: []string{"db"},
		Severities: []entitlementv1.Severity{1}, GraceS: 7 * 86400, AllowanceCalls: 10,
		AllowancePeriod: entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH,
	}
	if !proto.Equal(got, want) || got.GetHoursId() == "" {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPlansWithTheSameHoursShareThem: the spans say when, and not what they are called.
func TestPlansWithTheSameHoursShareThem(t *testing.T) {
	id := func(h *entitlementv1.PlanHours) string {
		w, wrong := plans.Read(h)
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
		return w.ID()
	}
	inFull := &entitlementv1.PlanHours{Kind: extended, WeeklyHours: &schedulev1.WeeklyHours{}}
	for _, day := range []*[]*schedulev1.Span{
		&inFull.WeeklyHours.Mon, &inFull.WeeklyHours.Tue, &inFull.WeeklyHours.Wed, &inFull.WeeklyHours.Thu, &inFull.WeeklyHours.Fri,
	} {
		*day = []*schedulev1.Span{span(9, 17)}
	}
	if id(of(business)) != id(inFull) {
		t.Error("nine to five, written out, is another one")
	}
	without := of(business)
	without.IgnoresCalendars = true
	ids := []string{id(of(business)), id(without), id(of(extended, span(8, 12))), id(of(extended, span(8, 13))), id(of(always))}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 5 {
		t.Errorf("other hours have the same ID: %v", ids)
	}
	if id(nil) != "" || id(of(always)) != "" {
		t.Error("round the clock has an ID")
	}
}

func TestBrokenHoursSayWhatIsWrong(t *testing.T) {
	for what, c := range map[string]struct {
		hours *entitlementv1.PlanHours
		want  string
	}{
		"spans round the clock": {of(always, span(9, 17)), "hours.weekly_hours: must be left out"},
		"extended without":      {of(extended), "hours.weekly_hours: is required"},
		"never":                 {&entitlementv1.PlanHours{Kind: business, WeeklyHours: &schedulev1.WeeklyHours{}}, "must open at some time"},
		"no time of day":        {of(business, span(25, 26)), "hours.weekly_hours.sat[0].open"},
		"overlapping":           {of(business, span(8, 12), span(11, 13)), "hours.weekly_hours.sat[1]"},
	} {
		_, err := plans.Compile(&entitlementv1.Plan{Name: "plans/a", DisplayName: "A", Hours: c.hours})
		var f *fault.Fault
		if !errors.As(err, &f) || !strings.Contains(f.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
	if _, err := plans.Compile(&entitlementv1.Plan{Name: "plans/a", DisplayName: "A\x1b"}); err == nil {
		t.Error("a name with control characters was taken")
	}
}

// TestTimelines: nine to five in the customer's zone, but for what its calendars say, unless the plan ignores them.
func TestTimelines(t *testing.T) {
	bundle := zonestest.Embedded(t)
	loc, err := bundle.Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	from, to := plans.Horizon(now)
	closed := &schedulev1.Calendar{Name: "calendars/ie", DisplayName: "IE", Entries: []*schedulev1.CalendarEntry{
		{Date: &date.Date{Year: 2026, Month: 12, Day: 25}, DisplayName: "Christmas"},
	}}
	open := func(h *entitlementv1.PlanHours, at time.Time) bool {
		w, _ := plans.Read(h)
		u := plans.NewUse(w.ID(), "Europe/Dublin", []string{"ie", "gone"})
		record, err := w.Compile(u, hours.Zone{Location: loc, Release: "2025c"}, []*schedulev1.Calendar{closed, nil}, from, to)
		if err != nil {
			t.Fatal(err)
		}
		if record.GetHoursId() != w.ID() || record.GetTimeZone() != "Europe/Dublin" || !slices.Equal(record.GetCalendars(), []string{"ie", "gone"}) {
			t.Fatalf("it is for %v", record)
		}
		tl, err := timeline.FromProto(record.GetTimeline())
		if err != nil {
			t.Fatal(err)
		}
		state := tl.At(at.Unix())
		if !state.Known {
			t.Fatalf("nothing is known of %v", at)
		}
		return state.Open
	}
	without := of(business)
	without.IgnoresCalendars = true
	for _, c := range []struct {
		hours *entitlementv1.PlanHours
		at    string
		want  bool
	}{
		{of(business), "2026-11-23T08:59:59Z", false},
		{of(business), "2026-11-23T09:00:00Z", true},
		{of(business), "2027-07-01T08:00:00Z", true}, // summer time
		{of(business), "2026-11-28T12:00:00Z", false},
		{of(business), "2026-12-25T12:00:00Z", false},
		{without, "2026-12-25T12:00:00Z", true},
		{of(extended, span(8, 12)), "2026-11-28T08:00:00Z", true},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := open(c.hours, at); got != c.want {
			t.Errorf("%v at %s: open %v", c.hours.GetKind(), c.at, got)
		}
	}
}

// TestUsesAreToldApart: other hours, zones or calendars, also in another order, are other timelines.
func TestUsesAreToldApart(t *testing.T) {
	slug := rapid.StringMatching(`[a-z]{1,3}`)
	draw := func(t *rapid.T) (plans.Use, []string) {
		ids := rapid.SliceOfN(slug, 0, 3).Draw(t, "calendars")
		return plans.NewUse(slug.Draw(t, "hours"), slug.Draw(t, "zone"), ids), ids
	}
	rapid.Check(t, func(t *rapid.T) {
		a, ids := draw(t)
		b, _ := draw(t)
		if (a == b) != (a.ID() == b.ID()) || !slices.Equal(a.CalendarIDs(), ids) {
			t.Fatalf("%+v %s, %+v %s", a, a.ID(), b, b.ID())
		}
	})
	if plans.NewUse("h", "", nil) != plans.NewUse("h", "UTC", nil) {
		t.Error("no zone is not UTC")
	}
}

func FuzzRead(f *testing.F) {
	for _, h := range []*entitlementv1.PlanHours{of(business), of(extended, span(8, 12)), of(always), of(business, span(23, 24), span(25, 1))} {
		value, err := proto.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		h := &entitlementv1.PlanHours{}
		if proto.Unmarshal(value, h) != nil {
			return
		}
		w, wrong := plans.Read(h)
		if len(wrong) > 0 {
			return
		}
		from, to := plans.Horizon(time.Unix(1796000000, 0))
		if _, err := w.Compile(plans.NewUse(w.ID(), "", nil), hours.Zone{Location: time.UTC}, nil, from, to); err != nil {
			t.Fatalf("%v was taken, and does not compile: %v", h, err)
		}
	})
}
