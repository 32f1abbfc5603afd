package schedule_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const companyCalendar = "calendars/company"

// manySites creates sites all over the world that use one calendar, and lines of fifty sites each.
func (w world) manySites(t testing.TB, n int) {
	t.Helper()
	zones := []string{
		"Europe/Dublin", "America/Denver", "Australia/Sydney", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Casablanca",
		"Asia/Tokyo", "Pacific/Auckland",
	}
	var line []string
	for i := range n {
		id := fmt.Sprintf("site-%04d", i)
		s := site(id, zones[i%len(zones)])
		s.Calendars = []string{companyCalendar}
		w.create(t, s)
		if line = append(line, id); len(line) == 50 {
			w.line(t, fmt.Sprintf("line-%04d", i), line...)
			line = nil
		}
	}
}

// working is the company's calendar: closed at New Year, and worked on so many Saturdays in a row, from ten to noon.
func working(saturdays int) *schedulev1.Calendar {
	c := &schedulev1.Calendar{
		Name: companyCalendar, DisplayName: "Company", Entries: []*schedulev1.CalendarEntry{closedOn(2027, 1, 1, "New Year")},
	}
	first := time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC)
	for i := range saturdays {
		d := first.AddDate(0, 0, 7*i)
		c.Entries = append(c.Entries, &schedulev1.CalendarEntry{
			Date:    &date.Date{Year: int32(d.Year()), Month: int32(d.Month()), Day: int32(d.Day())},
			Verdict: schedulev1.CalendarEntry_VERDICT_WORKED, Spans: []*schedulev1.Span{span(10, 12)}, DisplayName: "Inventory",
		})
	}
	return c
}

// opened is a view as routing has one: it reads every record it is shown. It tells how many sites each batch brought.
func (w world) opened(t testing.TB) <-chan int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	batches := make(chan int, 1000)
	var done sync.WaitGroup
	done.Go(func() {
		_ = generation.Through(w.etcd, w.clock).Follow(ctx, coord.Prefix(published.SitePrefix), func(b coord.Batch) {
			for _, e := range b.Events {
				s, err := published.Site(e.Value)
				if err != nil {
					t.Error(err)
				}
				if _, err := timeline.FromProto(s.GetTimeline()); err != nil {
					t.Error(err)
				}
			}
			if len(b.Events) > 0 {
				batches <- len(b.Events)
			}
		})
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	await.Receive(t, "the list", batches)
	return batches
}

// A calendar of more sites than a transaction holds: its change is shown to views at one revision, folded soon after, and
// neither a later change of one site nor a deletion is undone by it.
func TestACalendarOfManySitesIsInForceWhole(t *testing.T) {
	const sites = 300
	w := newWorld(t)
	w.createCalendar(t, working(0))
	w.manySites(t, sites)
	shown := w.opened(t)
	update := func(saturdays int) {
		t.Helper()
		if _, err := w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{Calendar: working(saturdays)}); err != nil {
			t.Fatal(err)
		}
		if got := await.Receive(t, "the sites", shown); got != sites {
			t.Fatalf("a view was shown %d sites at once, want all %d", got, sites)
		}
	}
	update(1)
	staged := func() int {
		keys, _, err := w.etcd.Keys(t.Context(), published.StagedPrefix)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	if staged() != sites {
		t.Errorf("%d records were staged, want %d: was it one transaction?", staged(), sites)
	}
	update(2) // before anybody folded
	renamed := site("site-0007", "Pacific/Auckland")
	renamed.DisplayName, renamed.Calendars = "Auckland", []string{companyCalendar}
	if _, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: renamed}); err != nil {
		t.Fatal(err)
	}
	if got := await.Receive(t, "the renamed site", shown); got != 1 {
		t.Errorf("one site was changed, and %d shown", got)
	}

	run(t, w.Service)
	await.True(t, "the fold", func() bool { w.clock.Advance(time.Second); return staged() == 0 })
	record, _ := w.record(t, "site-0007")
	if record.GetDisplayName() != "Auckland" {
		t.Errorf("folding put back %q", record.GetDisplayName())
	}
	for _, id := range []string{"site-0000", "site-0007", "site-0299"} {
		record, _ := w.record(t, id)
		if got := countRule(record, "Inventory"); got != 2 {
			t.Errorf("%s is worked on %d Saturdays, want 2", id, got)
		}
	}
	select {
	case n := <-shown:
		t.Errorf("folding showed %d sites anew", n)
	default:
	}
}

// countRule is how often a record is open by a rule whose text holds a name.
func countRule(r *publishedv1.Site, name string) (n int) {
	for _, i := range r.GetTimeline().GetRuleIndex() {
		if strings.Contains(r.GetTimeline().GetRules()[i], name) {
			n++
		}
	}
	return n
}

// BenchmarkUpdateCalendar2000Sites is the change of a calendar that 2,000 sites use, with the proof that none of their
// lines loses coverage: from the call until a view has read all of it, shown at once; on an etcd that syncs to disk.
func BenchmarkUpdateCalendar2000Sites(b *testing.B) {
	const sites = 2000
	w := worldOn(b, embed.Config{})
	if _, err := w.calendars.CreateCalendar(b.Context(), &schedulev1.CreateCalendarRequest{Calendar: working(0)}); err != nil {
		b.Fatal(err)
	}
	w.manySites(b, sites)
	run(b, w.Service)
	shown := w.opened(b)
	var sum, longest time.Duration
	n := 0
	for b.Loop() {
		n++
		if _, err := generation.Fold(b.Context(), w.etcd, generation.EtcdLimits()); err != nil { // as Run does; its clock stands
			b.Fatal(err)
		}
		start := clock.System{}.Now()
		r := &schedulev1.UpdateCalendarRequest{Calendar: working(n)}
		if _, err := w.calendars.UpdateCalendar(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		if got := await.Receive(b, "the sites", shown); got != sites {
			b.Fatalf("a view was shown %d sites, want all %d at once", got, sites)
		}
		took := clock.System{}.Now().Sub(start)
		sum, longest = sum+took, max(longest, took)
	}
	b.ReportMetric((sum / time.Duration(n)).Seconds(), "s/change")
	b.ReportMetric(longest.Seconds(), "s-longest")
}
