package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule"
)

const (
	embeddedSource   = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_EMBEDDED
	configuredSource = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_CONFIGURED
	systemSource     = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SYSTEM
	sentSource       = schedulev1.TimeZoneSource_TIME_ZONE_SOURCE_SENT

	vectorsPath = "../internal/zones/testdata/tzdata-release-vectors.json"
)

// zoned is a process of a cluster whose rules are adopted.
type zoned struct {
	world
	rules *tzdata.Current
}

// newZoned starts a cluster with the newest of the candidates, as host does, and the whole service on it.
func newZoned(t *testing.T, candidates ...tzdata.Candidate) zoned {
	t.Helper()
	return newWorld(t).zoned(t, candidates...)
}

// zoned is another process of the cluster.
func (w world) zoned(t *testing.T, candidates ...tzdata.Candidate) zoned {
	t.Helper()
	first, err := tzdata.AdoptFirst(t.Context(), w.etcd, w.clock, candidates)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	rules, err := tzdata.New(first, tzdata.Deps{Log: log, MeterProvider: noop.NewMeterProvider()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = rules.Run(ctx, w.etcd) }()
	t.Cleanup(func() { cancel(); <-done })
	w.Service = schedule.New(schedule.Config{
		Store: generation.Through(w.etcd, w.clock), Clock: w.clock, Rules: rules, TimeZoneSources: candidates, Log: log,
	})
	conn := connect(t, w.Service)
	w.plans, w.rotas = schedulev1.NewPlanServiceClient(conn), schedulev1.NewRotaServiceClient(conn)
	w.timeZones = schedulev1.NewTimeZoneServiceClient(conn)
	run(t, w.Service)
	return zoned{w, rules}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A process that begins while etcd is away knows no rules yet. That is no error, and when it knows them it extends what has
// come due meanwhile, and not an hour later.
func TestTimelinesAreExtendedOnceTheRulesAreKnown(t *testing.T) {
	w := newWorld(t)
	w.create(t, site("dublin", "Europe/Dublin"))
	w.clock.Advance(3 * day)
	var log lines
	rules, err := tzdata.New(nil, tzdata.Deps{Log: slog.New(slog.DiscardHandler), MeterProvider: noop.NewMeterProvider()})
	if err != nil {
		t.Fatal(err)
	}
	run(t, schedule.New(schedule.Config{
		Store: w.etcd, Clock: w.clock, Rules: rules, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}))
	candidates := []tzdata.Candidate{{Source: embeddedSource, Bundle: w.zones}}
	if _, err := tzdata.AdoptFirst(t.Context(), w.etcd, w.clock, candidates); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = rules.Run(ctx, w.etcd) }()
	t.Cleanup(func() { cancel(); <-done })
	await.True(t, "dublin to be known for as long as today's horizon", func() bool {
		p, _ := w.record(t, "dublin")
		return p.GetTimeline().GetToUnixS() == w.clock.Now().Truncate(day).Add(402*day).Unix()
	})
	if said := log.String(); strings.Contains(said, "ERROR") {
		t.Error(said)
	}
}

func (z zoned) adopt(t *testing.T, r *schedulev1.AdoptTimeZoneRulesRequest) *schedulev1.AdoptTimeZoneRulesResponse {
	t.Helper()
	answer, err := z.timeZones.AdoptTimeZoneRules(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (z zoned) inForce(t *testing.T) *tzdata.Rules {
	t.Helper()
	r, err := tzdata.InForce(t.Context(), z.etcd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func refused(t *testing.T, what string, err error, code codes.Code, want string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), want) {
		t.Errorf("%s: %v, want %v with %q", what, err, code, want)
	}
}

// utcHours is such as 2026-11-23 17:00-01:00.
func utcHours(open, close time.Time) string {
	return open.UTC().Format("2006-01-02 15:04") + close.UTC().Format("-15:04")
}

// TestAdoptingMovesOpeningsWhileRunning is the case of the 8th of March 2026: British Columbia keeps its summer time, which
// 2025c does not know and 2026f does. Openings of the winter move an hour earlier; those of the summer, and of other
// places, stay.
func TestAdoptingMovesOpeningsWhileRunning(t *testing.T) {
	old, newer := zonestest.Vectors(t, vectorsPath, "2025c"), zonestest.Vectors(t, vectorsPath, "2026f")
	z := newZoned(t, tzdata.Candidate{Source: embeddedSource, Bundle: old})
	z.create(t, site("vancouver", "America/Vancouver"))
	z.create(t, site("dublin", "Europe/Dublin"))
	_, dublinBefore := z.record(t, "dublin")
	before, _ := z.record(t, "vancouver")
	if got := before.GetTimeline().GetTzdataRelease(); got != "2025c" {
		t.Fatalf("compiled by %s", got)
	}
	watching := z.zoned(t, tzdata.Candidate{Source: embeddedSource, Bundle: newer}) // a process with a newer program
	if z.inForce(t).Release() != "2025c" {
		t.Fatal("the start of a process with newer rules put them in force")
	}

	request := &schedulev1.AdoptTimeZoneRulesRequest{
		Source: sentSource, Bundle: zonestest.Packed(t, newer), ValidateOnly: true, ExpectedRelease: "2025c",
	}
	shown := z.adopt(t, request)
	if shown.GetRevision() != 0 || z.inForce(t).Release() != "2025c" {
		t.Fatal("looking at it wrote something")
	}
	if len(shown.GetZones()) != 1 || shown.GetZones()[0].GetTimeZone() != "America/Vancouver" ||
		shown.GetZones()[0].GetUsedBy()[0] != "sites/vancouver" {
		t.Errorf("zones: %v", shown.GetZones())
	}
	impact := shown.GetImpact().GetSites()
	if len(impact) != 1 || impact[0].GetSite() != "sites/vancouver" {
		t.Fatalf("moves: %v", shown.GetImpact())
	}
	// Monday the 23rd of November, nine to five at -08, and at -07.
	first := impact[0].GetOpenings()[0]
	if b, a := first.GetBefore(), first.GetAfter(); utcHours(b.GetStartTime().AsTime(), b.GetEndTime().AsTime()) != "2026-11-23 17:00-01:00" ||
		utcHours(a.GetStartTime().AsTime(), a.GetEndTime().AsTime()) != "2026-11-23 16:00-00:00" {
		t.Errorf("the first opening: %v", first)
	}
	// Until the 14th of March 2027, when 2025c would have put the clock forward, then not again until November.
	for _, o := range impact[0].GetOpenings() {
		if at := o.GetBefore().GetStartTime().AsTime(); at.After(time.Date(2027, 3, 14, 0, 0, 0, 0, time.UTC)) &&
			at.Before(time.Date(2027, 11, 7, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("an opening of the summer moves: %v", o)
		}
	}

	request.ValidateOnly = false
	done := z.adopt(t, request)
	if done.GetRevision() == 0 || done.GetReleaseBefore() != "2025c" || done.GetReleaseAfter() != "2026f" {
		t.Fatalf("adopted: %v", done)
	}
	after, at := z.record(t, "vancouver")
	if at != done.GetRevision() || z.inForce(t).Revision != done.GetRevision() {
		t.Errorf("record at %d, rules at %d, answered %d: not together", at, z.inForce(t).Revision, done.GetRevision())
	}
	dublin, dublinAt := z.record(t, "dublin")
	if after.GetTimeline().GetTzdataRelease() != "2026f" || dublin.GetTimeline().GetTzdataRelease() != "2026f" || dublinAt == dublinBefore {
		t.Error("a timeline does not say by which rules it was compiled")
	}
	if z.rules.Load().Release() != "2026f" {
		t.Error("the process that adopted them does not go by them")
	}
	await.True(t, "the other process", func() bool { return watching.rules.Load().Release() == "2026f" })

	// What is written from now on is compiled by them, at either process.
	watching.create(t, site("victoria", "America/Vancouver"))
	victoria, _ := z.record(t, "victoria")
	if victoria.GetTimeline().GetZoneFingerprint() != after.GetTimeline().GetZoneFingerprint() {
		t.Error("two sites of one zone, compiled by different rules")
	}
	if again := z.adopt(t, request2(zonestest.Packed(t, newer))); again.GetRevision() != 0 || len(again.GetZones()) != 0 {
		t.Errorf("adopted again: %v", again)
	}
}

func request2(bundle []byte) *schedulev1.AdoptTimeZoneRulesRequest {
	return &schedulev1.AdoptTimeZoneRulesRequest{Source: sentSource, Bundle: bundle}
}

func TestAnAdoptionIsRefused(t *testing.T) {
	newer := zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": "MST7"})
	z := newZoned(t,
		tzdata.Candidate{Source: embeddedSource, Bundle: zonestest.Changed(t, "2031a", nil)},
		tzdata.Candidate{Source: systemSource, Problem: "its release is not known"})
	z.create(t, site("vancouver", "America/Vancouver"))
	revision := z.inForce(t).Revision
	ask := func(r *schedulev1.AdoptTimeZoneRulesRequest) error {
		_, err := z.timeZones.AdoptTimeZoneRules(t.Context(), r)
		return err
	}
	refused(t, "no such rules", ask(&schedulev1.AdoptTimeZoneRulesRequest{Source: configuredSource}), codes.InvalidArgument, "--tzdata")
	refused(t, "unusable rules", ask(&schedulev1.AdoptTimeZoneRulesRequest{Source: systemSource}), codes.InvalidArgument,
		"release is not known")
	refused(t, "an unreadable bundle", ask(request2([]byte("Europe/Dublin"))), codes.InvalidArgument, "bundle")
	refused(t, "a bundle, and another source", ask(&schedulev1.AdoptTimeZoneRulesRequest{
		Source: embeddedSource, Bundle: zonestest.Packed(t, newer),
	}), codes.InvalidArgument, "SENT")

	expecting := request2(zonestest.Packed(t, newer))
	expecting.ExpectedRelease = "2030z"
	refused(t, "another release than expected", ask(expecting), codes.Aborted, "2031a, no longer 2030z")

	older := request2(zonestest.Packed(t, zonestest.Changed(t, "2030a", nil)))
	refused(t, "an older release", ask(older), codes.FailedPrecondition, "2030a is older than 2031a")

	less := request2(zonestest.Packed(t, zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": ""})))
	refused(t, "rules without a zone in use", ask(less), codes.FailedPrecondition, "America/Vancouver (used by sites/vancouver)")
	if z.inForce(t).Revision != revision {
		t.Fatal("a refused adoption was written")
	}

	older.AllowOlder = true
	if z.adopt(t, older); z.inForce(t).Release() != "2030a" {
		t.Error("an older release was not adopted although the request allows it")
	}
}

// TestAnAdoptionThatOpensAGapIsRefused: one site closes at the instant the other opens; by other rules that one opens two
// hours later.
func TestAnAdoptionThatOpensAGapIsRefused(t *testing.T) {
	z := newZoned(t, tzdata.Candidate{
		Source: embeddedSource, Bundle: zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": "PST8", "Pacific/Auckland": "XXX-16"}),
	})
	day := []*schedulev1.Span{span(0, 24)}
	west, east := site("west", "America/Vancouver"), site("east", "Pacific/Auckland")
	west.Exceptions, east.Exceptions = nil, nil
	// West serves Mondays, which end at -08 as Wednesdays begin at +16, which east serves. At +14 they begin two hours later.
	west.WeeklyHours, east.WeeklyHours = &schedulev1.WeeklyHours{Mon: day}, &schedulev1.WeeklyHours{Wed: day}
	z.create(t, west)
	z.create(t, east)
	z.line(t, "gold", "west", "east")
	moved := request2(zonestest.Packed(t, zonestest.Changed(t, "2031b", map[string]string{
		"America/Vancouver": "PST8", "Pacific/Auckland": "XXX-14",
	})))
	_, err := z.timeZones.AdoptTimeZoneRules(t.Context(), moved)
	refused(t, "a gap", err, codes.FailedPrecondition, "lines/gold: \"Tue 2026-11-24 08:00 to 10:00 UTC (2h)\"")
	if z.inForce(t).Release() != "2031a" {
		t.Fatal("it was written")
	}
	moved.AllowGap = true
	answer := z.adopt(t, moved)
	if z.inForce(t).Release() != "2031b" || len(answer.GetImpact().GetLines()) != 1 ||
		len(answer.GetImpact().GetLines()[0].GetGapsCreated()) == 0 {
		t.Errorf("with allow_gap: %v", answer.GetImpact().GetLines())
	}
}

func TestStatusComparesWhatIsAtHand(t *testing.T) {
	old := zonestest.Vectors(t, vectorsPath, "2025c")
	z := newZoned(t,
		tzdata.Candidate{Source: embeddedSource, Bundle: old},
		tzdata.Candidate{Source: systemSource, Problem: "its release is not known"})
	z.create(t, site("vancouver", "America/Vancouver"))
	got, err := z.timeZones.GetTimeZoneRules(t.Context(), &schedulev1.GetTimeZoneRulesRequest{
		Bundle: zonestest.Packed(t, zonestest.Vectors(t, vectorsPath, "2026f")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.GetRelease() != "2025c" || got.GetSource() != embeddedSource || got.GetAdoptTime().AsTime() != sunday {
		t.Errorf("in force: %v", got)
	}
	list := got.GetCandidates()
	if len(list) != 3 || list[0].GetSource() != sentSource || list[1].GetSource() != embeddedSource || list[2].GetSource() != systemSource {
		t.Fatalf("candidates: %v", list)
	}
	sent := list[0]
	if sent.GetRelease() != "2026f" || sent.GetFingerprint() == got.GetFingerprint() || sent.GetDifferingZones() != 6 ||
		len(sent.GetUsedZones()) != 1 {
		t.Errorf("sent: %v", sent)
	}
	if list[1].GetFingerprint() != got.GetFingerprint() || list[1].GetDifferingZones() != 0 {
		t.Errorf("embedded: %v", list[1])
	}
	if list[2].GetProblem() == "" {
		t.Errorf("system: %v", list[2])
	}
	_, err = z.timeZones.GetTimeZoneRules(t.Context(), &schedulev1.GetTimeZoneRulesRequest{Bundle: []byte("x")})
	refused(t, "an unreadable bundle", err, codes.InvalidArgument, "bundle")
}

// TestWritesAndAdoptionsMeet: while sites are written at one process, another one adopts rules, there and back. In the end
// every record was compiled by the rules in force.
func TestWritesAndAdoptionsMeet(t *testing.T) {
	a := zonestest.Changed(t, "2031a", map[string]string{"America/Vancouver": "PST8"})
	b := zonestest.Changed(t, "2031b", map[string]string{"America/Vancouver": "MST7"})
	z := newZoned(t, tzdata.Candidate{Source: embeddedSource, Bundle: a}, tzdata.Candidate{Source: configuredSource, Bundle: a})
	other := z.zoned(t, tzdata.Candidate{Source: embeddedSource, Bundle: a})
	const sites, rounds = 12, 4
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range sites {
			s := site("s"+string(rune('a'+i)), "America/Vancouver")
			for {
				_, err := other.CreateSite(t.Context(), &schedulev1.CreateSiteRequest{Site: s})
				if err == nil || t.Context().Err() != nil {
					break
				}
			}
		}
	}()
	for i := range rounds {
		next := []*zones.Bundle{b, a}[i%2]
		for {
			_, err := z.timeZones.AdoptTimeZoneRules(t.Context(), &schedulev1.AdoptTimeZoneRulesRequest{
				Source: sentSource, Bundle: zonestest.Packed(t, next), AllowOlder: true,
			})
			if err == nil {
				break
			}
			if status.Code(err) != codes.Aborted {
				t.Fatal(err)
			}
		}
	}
	await.Receive(t, "all sites", written)
	want := z.inForce(t).Release()
	entries, _, err := z.etcd.ListAll(t.Context(), published.SitePrefix)
	if err != nil || len(entries) != sites {
		t.Fatalf("%d records, %v", len(entries), err)
	}
	for _, e := range entries {
		p, err := published.Site(e.Value)
		if err != nil || p.GetTimeline().GetTzdataRelease() != want {
			t.Errorf("%s was compiled by %s, and %s is in force (%v)", e.Key, p.GetTimeline().GetTzdataRelease(), want, err)
		}
	}
}

// TestManySitesMoveTogether: more records than one transaction holds come in force with the rules at one revision; nobody
// who asks meanwhile sees some of them.
func TestManySitesMoveTogether(t *testing.T) {
	const sites = 300
	z := newZoned(t, tzdata.Candidate{Source: embeddedSource, Bundle: zonestest.Changed(t, "2031a", nil)})
	for part := range sites / 100 {
		plan := &schedulev1.PlanScheduleRequest{}
		for i := range 100 {
			plan.Sites = append(plan.Sites, site(fmt.Sprintf("s%d", part*100+i), "America/Vancouver"))
		}
		answer, err := z.plans.PlanSchedule(t.Context(), plan)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.etcd.Commit(t.Context(), answer.GetPlan().GetConditions(), answer.GetPlan().GetWrites()); err != nil {
			t.Fatal(err)
		}
	}
	releases := func() string {
		r, err := z.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{})
		if err != nil || len(r.GetSites()) != sites {
			return ""
		}
		return r.GetTzdataRelease()
	}
	await.True(t, "all sites", func() bool { return releases() == "2031a" })
	adopted := make(chan *schedulev1.AdoptTimeZoneRulesResponse, 1)
	go func() {
		r, _ := z.timeZones.AdoptTimeZoneRules(t.Context(), request2(zonestest.Packed(t, zonestest.Changed(t, "2031b",
			map[string]string{"America/Vancouver": "MST7"}))))
		adopted <- r
	}()
	await.True(t, "the new rules everywhere", func() bool {
		switch got := releases(); got {
		case "2031a":
			return false
		case "2031b":
			return true
		default:
			t.Fatalf("a part of the sites goes by other rules: %q", got)
			return false
		}
	})
	answer := await.Receive(t, "the answer", adopted)
	if answer.GetRevision() == 0 || z.inForce(t).Revision != answer.GetRevision() || len(answer.GetImpact().GetSites()) != sites {
		t.Errorf("at %d, rules at %d, %d sites told", answer.GetRevision(), z.inForce(t).Revision, len(answer.GetImpact().GetSites()))
	}
}
