package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/types/known/durationpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/schedule"
)

// events are those in etcd: "id" each, and "id ended" of one that is over.
func (w world) events(t *testing.T) string {
	t.Helper()
	var all []string
	for _, e := range w.eventEntries(t) {
		ev, err := published.Event(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		text := ev.GetId()
		if ev.GetEndTime() != nil {
			text += " ended"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func (w world) eventEntries(t *testing.T) []coord.Entry {
	t.Helper()
	entries, _, err := w.etcd.ListAll(t.Context(), published.EventPrefix)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// eventsAre waits until the events are those, while the clock stands at an instant.
func (w world) eventsAre(t *testing.T, at time.Time, want string) {
	t.Helper()
	got := ""
	defer func() {
		if got != want {
			t.Errorf("at %s: got %q, want %q", at, got, want)
		}
	}()
	await.True(t, "events", func() bool {
		w.clock.Set(at) // the timer of a loop that was busy is set a moment later
		got = w.events(t)
		return got == want
	})
}

// told is what the API lists, "id" each.
func (w world) told(t *testing.T, ended bool) string {
	t.Helper()
	r, err := w.coverage.ListEvents(t.Context(), &schedulev1.ListEventsRequest{IncludeEnded: ended})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range r.GetEvents() {
		ids = append(ids, e.GetId())
	}
	return strings.Join(ids, ", ")
}

const overdue = "handoff-not-accepted.support.bob.20261123T090000Z"

// TestAHandoffThatNobodyAcceptsIsAnEvent: at the instant itself, until somebody accepts.
func TestAHandoffThatNobodyAcceptsIsAnEvent(t *testing.T) {
	w := handed(t)
	w.clock.Set(sunday.Add(14*time.Minute + 59*time.Second))
	schedule.LookForEvents(t.Context(), w.Service)
	if got := w.events(t); got != "" {
		t.Errorf("though there was no rota when ann's turn began: %s", got)
	}
	late := sunday.Add(15 * time.Minute)
	w.eventsAre(t, late, "handoff-not-accepted.support.ann.20261116T090000Z")
	if _, err := w.acceptCustody(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	const before = "handoff-not-accepted.support.ann.20261116T090000Z ended"
	w.eventsAre(t, late, before)

	due := monday.Add(15 * time.Minute)
	w.clock.Set(due.Add(-time.Second))
	if next := schedule.LookForEvents(t.Context(), w.Service); !next.Equal(due) {
		t.Errorf("a second before, it is looked again at %s", next)
	}
	if got := w.events(t); got != before {
		t.Errorf("a second before: %s", got)
	}
	w.eventsAre(t, due, before+", "+overdue)
	await.True(t, "the event in the view", func() bool { return w.told(t, false) == overdue })
	r, err := w.coverage.ListEvents(t.Context(), &schedulev1.ListEventsRequest{})
	if e := r.GetEvents()[0]; err != nil || e.GetPerson() != "people/bob" || e.GetSubject() != "rotas/support" ||
		!e.GetCreateTime().AsTime().Equal(due) || !strings.Contains(e.GetSentence(), "the phone is still with ann") {
		t.Errorf("the event is %v, %v", e, err)
	}

	if _, err := w.acceptCustody(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	w.eventsAre(t, due, before+", "+overdue+" ended")
	await.True(t, "no event", func() bool { return w.told(t, false) == "" })
	await.True(t, "both that ended", func() bool { return len(strings.Split(w.told(t, true), ", ")) == 2 })
	w.eventsAre(t, due.AddDate(0, 0, 6), before+", "+overdue+" ended")
}

// TestAcceptedInTimeIsNoEvent: neither for who has it, nor for who accepted ahead, nor for who took it.
func TestAcceptedInTimeIsNoEvent(t *testing.T) {
	w := handed(t)
	w.clock.Set(monday)
	if _, err := w.acceptCustody(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(monday.AddDate(0, 0, 7).Add(-time.Hour))
	if _, err := w.acceptCustody(t.Context(), "carol"); err != nil {
		t.Fatal(err)
	}
	w.clock.Set(monday.AddDate(0, 0, 9))
	if _, err := w.takeCustody(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	w.custodyIs(t, "ann", "ann", true)
	for _, days := range []int{9, 10, 13} {
		w.clock.Set(monday.AddDate(0, 0, days))
		schedule.LookForEvents(t.Context(), w.Service)
		for id := range strings.SplitSeq(w.events(t), ", ") {
			if !strings.HasPrefix(id, "handoff-not-accepted.support.ann.20261116") && id != "" { // before bob's
				t.Errorf("after %d days: %s", days, id)
			}
		}
	}
}

// TestProcessesThatRaceMakeOneEvent: several look at the same instant, and each thing is written once.
func TestProcessesThatRaceMakeOneEvent(t *testing.T) {
	w := handed(t)
	for range 3 {
		run(t, w.another())
	}
	w.clock.Set(monday)
	if _, err := w.acceptCustody(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	w.line(t, "gold") // no site at all
	w.clock.Set(monday.AddDate(0, 0, 7).Add(16 * time.Minute))
	await.True(t, "the events", func() bool {
		got := w.events(t)
		return strings.Contains(got, "handoff-not-accepted.support.carol") && strings.Contains(got, "uncovered-ahead.gold.before")
	})
	for range 20 { // and nobody does it again
		w.clock.Advance(time.Second)
	}
	for _, e := range w.eventEntries(t) {
		if ev, err := published.Event(e.Value); err != nil || (e.ModRevision != e.CreateRevision && ev.GetEndTime() == nil) {
			t.Errorf("%s was written more than once: %v, %v", e.Key, ev, err)
		}
	}
	// A process that was not there goes on with what stands.
	s := w.another()
	run(t, s)
	before := fmt.Sprint(w.eventEntries(t))
	schedule.LookForEvents(t.Context(), s)
	if after := fmt.Sprint(w.eventEntries(t)); after != before {
		t.Errorf("a process that came later wrote %s over %s", after, before)
	}
}

// TestEventsAreForgottenAfterAMonth once they ended, and not before.
func TestEventsAreForgottenAfterAMonth(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.line(t, "gold")
	w.eventsAre(t, sunday, "uncovered-ahead.gold.before")
	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete(published.LinePrefix + "gold")}); err != nil {
		t.Fatal(err)
	}
	w.eventsAre(t, sunday, "uncovered-ahead.gold.before ended")
	w.clock.Set(sunday.AddDate(0, 0, 30))
	schedule.LookForEvents(t.Context(), w.Service)
	if got := w.events(t); got != "uncovered-ahead.gold.before ended" {
		t.Errorf("after 30 days: %q", got)
	}
	w.eventsAre(t, sunday.AddDate(0, 0, 30).Add(time.Minute), "") // which is when it looks again
}

// TestWhatCannotBeJudgedIsLeftAsItIs: a line whose service hours need a calendar that this process has not read.
func TestWhatCannotBeJudgedIsLeftAsItIs(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.line(t, "gold")
	w.eventsAre(t, sunday, "uncovered-ahead.gold.before")
	w.lineOf(t, &publishedv1.Line{Id: "gold", ServiceHours: &schedulev1.ServiceHours{TimeZone: "UTC", Calendars: []string{"calendars/none"}}})
	w.line(t, "silver") // and another, to see that it was looked
	w.eventsAre(t, sunday, "uncovered-ahead.gold.before, uncovered-ahead.silver.before")
}

// TestReadinessIsToldAheadOfTime: who has no target, and who was put on duty although away.
func TestReadinessIsToldAheadOfTime(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.people(t, "ann", "bob-unreachable", "carol")
	rota := weekly("support", "ann", "bob-unreachable", "carol")
	rota.NoAcceptance = true
	rota.Overrides = []*schedulev1.RotaOverride{{
		Kind: schedulev1.RotaOverride_KIND_ADD, By: "people/carol", Interval: within(sunday.AddDate(0, 0, 3)), DisplayName: "concert",
	}}
	rota.Overrides[0].Interval.EndTime = stamp(sunday.AddDate(0, 0, 4))
	if _, err := w.rotas.UpdatePerson(t.Context(), &schedulev1.UpdatePersonRequest{Person: &schedulev1.Person{
		Name: "people/carol", Absences: []*schedulev1.Absence{{Interval: rota.Overrides[0].Interval}},
	}}); err != nil {
		t.Fatal(err)
	}
	w.rota(t, rota)
	w.eventsAre(t, sunday.Add(-time.Second), "away-on-duty.support.carol.20261125T090000Z")
	w.eventsAre(t, sunday.Add(2*time.Minute), // it looks every minute
		"away-on-duty.support.carol.20261125T090000Z, not-reachable.support.bob-unreachable.20261123T090000Z")
}

// TestEventsAreCounted by kind, with a zero for what there is none of.
func TestEventsAreCounted(t *testing.T) {
	w := newWorld(t)
	reader := sdkmetric.NewManualReader()
	s := schedule.New(schedule.Config{
		Store: w.etcd, Clock: w.clock, Rules: tzdata.Fixed(w.zones), Log: slog.New(slog.DiscardHandler),
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	})
	run(t, s)
	w.line(t, "gold")
	await.True(t, "one gap, and no other event", func() bool {
		counts := gauges(t, reader)
		return len(counts) == 5 && counts["uncovered_ahead"] == 1 && counts["handoff_not_accepted"] == 0
	})
}

// gauges are the values of dayside.schedule.events by kind.
func gauges(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var m metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &m); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, scope := range m.ScopeMetrics {
		for _, metric := range scope.Metrics {
			if g, ok := metric.Data.(metricdata.Gauge[int64]); ok && metric.Name == "dayside.schedule.events" {
				for _, p := range g.DataPoints {
					kind, _ := p.Attributes.Value("kind")
					counts[kind.AsString()] = p.Value
				}
			}
		}
	}
	return counts
}

// TestShortTurns: hourly turns that must be accepted within a minute, by people of whom one sleeps.
func TestShortTurns(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.people(t, "ann", "bob")
	rota := weekly("support", "ann", "bob")
	rota.Layers[0].Start, rota.Layers[0].Unit = "2026-11-22T09:00", schedulev1.TurnUnit_TURN_UNIT_HOUR
	rota.AcceptWithin = durationpb.New(time.Minute)
	w.rota(t, rota)
	w.custodyIs(t, "ann", "", false)
	if _, err := w.acceptCustody(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	w.custodyIs(t, "ann", "ann", true)
	const bobs = "handoff-not-accepted.support.bob.20261122T100000Z"
	w.eventsAre(t, sunday.Add(61*time.Minute), bobs)
	w.custodyIs(t, "bob", "ann", false)
	w.eventsAre(t, sunday.Add(120*time.Minute), bobs+" ended") // his turn is over
	w.eventsAre(t, sunday.Add(121*time.Minute), "handoff-not-accepted.support.ann.20261122T110000Z, "+bobs+" ended")
}
