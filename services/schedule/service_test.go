package schedule_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/schedule"
)

const day = 24 * time.Hour

func TestASiteIsPublishedWithItsSource(t *testing.T) {
	w := newWorld(t)
	made := w.create(t, site("dublin", "Europe/Dublin"))
	p, revision := w.record(t, "dublin")
	if source, err := w.etcd.Get(t.Context(), "schedule/sites/dublin"); err != nil || source.ModRevision != revision {
		t.Errorf("the source is not of the record's transaction: %v, %v", source.ModRevision, err)
	}
	tl, err := timeline.FromProto(p.GetTimeline())
	if err != nil {
		t.Fatal(err)
	}
	from, to := tl.Horizon()
	midnight := sunday.Truncate(day)
	if from != midnight.Add(-2*day).Unix() || to < sunday.Add(400*day).Unix() {
		t.Errorf("horizon %s to %s", time.Unix(from, 0).UTC(), time.Unix(to, 0).UTC())
	}
	if tl.TZDataRelease() != w.zones.Release() || tl.ZoneFingerprint() == 0 {
		t.Errorf("release %q, fingerprint %x", tl.TZDataRelease(), tl.ZoneFingerprint())
	}
	if s := tl.At(sunday.Add(day).Unix()); !s.Open || tl.Rule(s) != "weekly hours, Mon 09:00-17:00" {
		t.Errorf("Monday at nine: %+v %q", s, tl.Rule(s))
	}

	made.TimeZone = "America/Denver"
	updated, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{
		Site: made, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"time_zone"}},
	})
	if err != nil || updated.GetEtag() == made.GetEtag() {
		t.Fatalf("updated %v, %v", updated, err)
	}
	if p, _ := w.record(t, "dublin"); p.GetTimeZone() != "America/Denver" {
		t.Errorf("published zone %q", p.GetTimeZone())
	}
	page, err := w.ListSites(t.Context(), &schedulev1.ListSitesRequest{})
	if err != nil || len(page.GetSites()) != 1 || page.GetSites()[0].GetEtag() != updated.GetEtag() {
		t.Errorf("list %v, %v", page, err)
	}
}

func TestABrokenSiteIsNotWritten(t *testing.T) {
	w := newWorld(t)
	for what, change := range map[string]func(*schedulev1.Site){
		"an unknown zone":  func(s *schedulev1.Site) { s.TimeZone = "EST5" },
		"overlapping":      func(s *schedulev1.Site) { s.WeeklyHours.Mon = []*schedulev1.Span{span(9, 17), span(16, 18)} },
		"zero length":      func(s *schedulev1.Site) { s.WeeklyHours.Mon = []*schedulev1.Span{span(9, 9)} },
		"31 November":      func(s *schedulev1.Site) { s.Exceptions[0].Date.Month, s.Exceptions[0].Date.Day = 11, 31 },
		"no target at all": func(s *schedulev1.Site) { s.Targets = nil },
	} {
		s := site("dublin", "Europe/Dublin")
		change(s)
		_, err := w.CreateSite(t.Context(), &schedulev1.CreateSiteRequest{Site: s})
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
		_, err = w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{Sites: []*schedulev1.Site{s}})
		wantReason(t, what+", planned", err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	if _, err := w.CreateSite(t.Context(), &schedulev1.CreateSiteRequest{
		Site: site("dublin", "Europe/Dublin"), ValidateOnly: true,
	}); err != nil {
		t.Error(err)
	}
	if keys := w.keys(t); len(keys) != 0 {
		t.Errorf("something was written: %q", keys)
	}
}

func TestASiteThatALineListsIsKept(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.line(t, "gold", "sydney", "dublin")
	w.line(t, "open", "dublin")
	_, err := w.DeleteSite(t.Context(), &schedulev1.DeleteSiteRequest{Name: "sites/dublin"})
	wantReason(t, "listed by two lines", err, rpcv1.Reason_REASON_IN_USE)
	if err == nil || !strings.Contains(err.Error(), "lines/gold, lines/open") {
		t.Errorf("%v does not name the lines", err)
	}
	w.line(t, "gold", "sydney")
	w.line(t, "open", "sydney")
	if _, err := w.DeleteSite(t.Context(), &schedulev1.DeleteSiteRequest{Name: "sites/dublin"}); err != nil {
		t.Fatal(err)
	}
	if entries, _, err := w.etcd.ListAll(t.Context(), published.SitePrefix); err != nil || len(entries) != 0 {
		t.Errorf("still published: %v, %v", entries, err)
	}
}

// racingStore lets something happen between what a method reads and what it commits.
type racingStore struct {
	schedule.Store
	before func()
}

func (s racingStore) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	s.before()
	return s.Store.Commit(ctx, conditions, writes)
}

func TestALineWrittenMeanwhileKeepsItsSite(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	racing := schedule.New(schedule.Config{
		Store: racingStore{w.etcd, func() { w.line(t, "gold", "dublin") }}, Clock: w.clock, Rules: tzdata.Fixed(w.zones),
	})
	_, err := racing.DeleteSite(t.Context(), &schedulev1.DeleteSiteRequest{Name: "sites/dublin"})
	wantReason(t, "a line came in between", err, rpcv1.Reason_REASON_CONFLICT)
	if _, err := w.GetSite(t.Context(), &schedulev1.GetSiteRequest{Name: "sites/dublin"}); err != nil {
		t.Error(err)
	}
}

func TestQueriesFollowWhatIsPublished(t *testing.T) {
	w := newWorld(t)
	_, err := w.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{})
	wantReason(t, "before the view is listed", err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	run(t, w.Service)
	w.create(t, site("sydney", "Australia/Sydney"))
	w.create(t, site("dublin", "Europe/Dublin"))
	w.line(t, "gold", "sydney", "dublin")
	var open *schedulev1.QueryOpenSitesResponse
	await.True(t, "the line", func() bool {
		open, err = w.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{Line: "lines/gold"})
		return err == nil && len(open.GetSites()) == 2
	})
	// Sunday 09:00 UTC: both are closed; Sydney opens on Monday at 09:00 AEDT, 22:00 UTC.
	if open.GetSites()[0].GetSite() != "sites/sydney" || open.GetSites()[0].GetOpen() || !open.GetAt().AsTime().Equal(sunday) ||
		!open.GetNextChange().AsTime().Equal(time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)) ||
		open.GetTzdataRelease() != w.zones.Release() {
		t.Errorf("got %v", open)
	}
	open, err = w.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{At: timestamppb.New(sunday.Add(day))})
	if err != nil || open.GetSites()[0].GetSite() != "sites/dublin" || !open.GetSites()[0].GetOpen() || open.GetSites()[1].GetOpen() {
		t.Errorf("Monday at nine, all sites: %v, %v", open, err)
	}

	week, err := w.QueryCoverage(t.Context(), &schedulev1.QueryCoverageRequest{Line: "lines/gold"})
	if err != nil || week.GetCoveredTime().AsDuration() != 10*8*time.Hour ||
		!week.GetInterval().GetEndTime().AsTime().Equal(sunday.Add(7*day)) {
		t.Errorf("a week: %v, %v", week, err)
	}
	for what, r := range map[string]*schedulev1.QueryCoverageRequest{
		"backwards":       {Line: "lines/gold", Interval: between(sunday, sunday.Add(-time.Hour))},
		"over 400 days":   {Line: "lines/gold", Interval: between(sunday, sunday.Add(401*day))},
		"before it knows": {Line: "lines/gold", Interval: between(sunday.Add(-9*day), sunday)},
		"no time": {Line: "lines/gold", Interval: &interval.Interval{
			StartTime: &timestamppb.Timestamp{Seconds: 1 << 60}, EndTime: timestamppb.New(sunday),
		}},
	} {
		_, err := w.QueryCoverage(t.Context(), r)
		wantReason(t, what, err, rpcv1.Reason_REASON_INVALID_FIELD)
	}
	if _, err := w.QueryCoverage(t.Context(), &schedulev1.QueryCoverageRequest{
		Line: "lines/gold", Interval: between(sunday, sunday.Add(400*day)),
	}); err != nil {
		t.Errorf("400 days: %v", err)
	}
	_, err = w.QueryCoverage(t.Context(), &schedulev1.QueryCoverageRequest{Line: "lines/silver"})
	wantReason(t, "no such line", err, rpcv1.Reason_REASON_NOT_FOUND)
	_, err = w.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{At: timestamppb.New(sunday.Add(1000 * day))})
	wantReason(t, "beyond what is compiled", err, rpcv1.Reason_REASON_INVALID_FIELD)
}

func between(from, to time.Time) *interval.Interval {
	return &interval.Interval{StartTime: timestamppb.New(from), EndTime: timestamppb.New(to)}
}

func TestPlanIsCommittedAsOne(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("old", "Europe/Dublin"))
	planned, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{
		Sites: []*schedulev1.Site{site("sydney", "Australia/Sydney"), site("dublin", "Europe/Dublin")}, Prune: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.etcd.Commit(t.Context(), planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites()); err != nil {
		t.Fatal(err)
	}
	keys := w.keys(t)
	want := []string{"pub/schedule/sites/dublin", "pub/schedule/sites/sydney", "schedule/sites/dublin", "schedule/sites/sydney"}
	if !slices.Equal(keys, want) {
		t.Errorf("keys %q, want %q", keys, want)
	}
}

func TestTimelinesAreExtendedEveryDayByWhoeverComesFirst(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.create(t, site("sydney", "Australia/Sydney"))
	_, before := w.record(t, "dublin")
	first, second := w.Service, w.another()
	run(t, first)
	run(t, second)
	ends := func(id string) time.Time {
		p, _ := w.record(t, id)
		return time.Unix(p.GetTimeline().GetToUnixS(), 0).UTC()
	}
	was := ends("dublin")
	for i := 1; i <= 3; i++ {
		// The clock is pushed on until a service has seen the new day: its timer may be set a moment later.
		await.True(t, "the next day's timelines", func() bool {
			w.clock.Advance(time.Hour)
			now := w.clock.Now().Truncate(day)
			return ends("dublin").Equal(now.Add(402*day)) && ends("sydney").Equal(now.Add(402*day)) &&
				!ends("dublin").Equal(was)
		})
		was = ends("dublin")
	}
	p, after := w.record(t, "dublin")
	tl, err := timeline.FromProto(p.GetTimeline())
	if err != nil || after == before {
		t.Fatalf("revision %d after %d, %v", after, before, err)
	}
	if s := tl.At(time.Date(2027, 12, 24, 10, 0, 0, 0, time.UTC).Unix()); !s.Open {
		t.Error("Friday, 24 December 2027, became known and is not open")
	}
}

// TestExtendingIsIdempotent: a restart on the same day writes nothing, nor does a second process.
func TestExtendingIsIdempotent(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	_, before := w.record(t, "dublin")
	for range 3 {
		s := w.another()
		if n, err := schedule.Extend(t.Context(), s); n != 0 || err != nil {
			t.Errorf("extended %d, %v", n, err)
		}
	}
	if _, after := w.record(t, "dublin"); after != before {
		t.Errorf("revision %d became %d", before, after)
	}
	// What is missing or unreadable is made anew, and a source that cannot be compiled does not hinder the others.
	w.create(t, site("sydney", "Australia/Sydney"))
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{
		coord.Delete(published.SitePrefix + "dublin"), coord.Put(published.SitePrefix+"sydney", []byte("\xff")),
		coord.Put("schedule/sites/aaa", []byte("\xff")),
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := schedule.Extend(t.Context(), w.Service); n != 2 || err != nil {
		t.Errorf("made anew %d, %v; want 2", n, err)
	}
	w.record(t, "dublin")
}

// TestExtendingLosesAgainstAWrite: a timeline of an old source never replaces that of a new one.
func TestExtendingLosesAgainstAWrite(t *testing.T) {
	w := newWorld(t)
	made := w.create(t, site("dublin", "Europe/Dublin"))
	w.clock.Advance(day)
	once := false
	racing := schedule.New(schedule.Config{
		Store: racingStore{w.etcd, func() {
			if once {
				return
			}
			once = true
			made.TimeZone = "America/Denver"
			if _, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: made}); err != nil {
				t.Error(err)
			}
		}}, Clock: w.clock, Rules: tzdata.Fixed(w.zones),
	})
	if n, err := schedule.Extend(t.Context(), racing); n != 0 || err != nil {
		t.Errorf("extended %d, %v; want it to stand back", n, err)
	}
	if p, _ := w.record(t, "dublin"); p.GetTimeZone() != "America/Denver" {
		t.Errorf("published zone %q", p.GetTimeZone())
	}
}

func TestPreview(t *testing.T) {
	s := site("dublin", "Europe/Dublin")
	from := time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC)
	got, err := schedule.Preview(s, nil, from, from.Add(3*day))
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, o := range got.Openings {
		text = append(text, o.Open.Format("02 15:04 MST")+o.Close.Format("-15:04 ")+o.Rule)
	}
	want := []string{
		"23 12:00 GMT-17:00 weekly hours, Wed 09:00-17:00",
		"24 09:00 GMT-12:00 exception 2026-12-24 (Christmas Eve): 09:00-12:00",
		"25 09:00 GMT-17:00 weekly hours, Fri 09:00-17:00",
	}
	if !slices.Equal(text, want) || got.TZDataRelease == "" {
		t.Errorf("got  %q\nwant %q", text, want)
	}
	_, err = schedule.Preview(s, nil, from, from)
	wantReason(t, "an empty range", err, rpcv1.Reason_REASON_INVALID_FIELD)
	s.DisplayName = "" // a rule of the proto
	_, err = schedule.Preview(s, nil, from, from.Add(day))
	wantReason(t, "no display_name", err, rpcv1.Reason_REASON_INVALID_FIELD)
	s = site("dublin", "Local")
	_, err = schedule.Preview(s, nil, from, from.Add(day))
	wantReason(t, "no zone", err, rpcv1.Reason_REASON_INVALID_FIELD)
	if f, ok := err.(*fault.Fault); !ok || f.Violations[0].Field != "time_zone" { //nolint:errorlint // its own type
		t.Errorf("%v does not name the field", err)
	}
}
