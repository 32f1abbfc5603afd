package schedule_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const someDays = 12

// write is one write of somebody, on any process.
type write struct {
	what string
	do   func(ctx context.Context, w world, allowGap bool) error
}

// someDay is a date of the next weeks.
func someDay(n int) *date.Date { return &date.Date{Year: 2026, Month: 12, Day: int32(1 + n)} }

// calendarOf closes some days.
func calendarOf(id string, days []int) *schedulev1.Calendar {
	c := &schedulev1.Calendar{Name: "calendars/" + id, DisplayName: id}
	for _, n := range days {
		c.Entries = append(c.Entries, &schedulev1.CalendarEntry{
			Date: someDay(n), Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED, DisplayName: "Closed",
		})
	}
	return c
}

// drawWrite is any write that others depend on, or that depends on others.
func drawWrite(t *rapid.T) write {
	calendars, people := []string{"x", "y"}, []string{"ann", "bob", "cat"}
	id := rapid.SampledFrom(calendars).Draw(t, "calendar")
	days := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.IntRange(0, someDays), 0, 3).Draw(t, "days"))))
	person := rapid.SampledFrom(people).Draw(t, "person")
	members := rapid.Permutation(people).Draw(t, "members")[:rapid.IntRange(1, 3).Draw(t, "of them")]
	uses := []string{"calendars/x", "calendars/y"}[:rapid.IntRange(0, 2).Draw(t, "uses")]
	thing := site("s", "Europe/Dublin")
	thing.Calendars = uses
	next := weekly("r", members...)
	next.Layers[0].Unit = schedulev1.TurnUnit_TURN_UNIT_DAY
	who := &schedulev1.Person{Name: "people/" + person, DisplayName: person, Calendars: uses}
	for _, n := range days {
		who.Absences = append(who.Absences, &schedulev1.Absence{FirstDate: someDay(n)})
	}
	calendar := calendarOf(id, days)
	return rapid.SampledFrom([]write{
		{"calendar " + id + fmt.Sprint(days), func(ctx context.Context, w world, allowGap bool) error {
			_, err := w.calendars.UpdateCalendar(ctx, &schedulev1.UpdateCalendarRequest{Calendar: calendar, AllowGap: allowGap})
			return err
		}},
		{"person " + person + fmt.Sprint(days, uses), func(ctx context.Context, w world, allowGap bool) error {
			_, err := w.rotas.UpdatePerson(ctx, &schedulev1.UpdatePersonRequest{Person: who, AllowGap: allowGap})
			return err
		}},
		{"rota " + fmt.Sprint(members), func(ctx context.Context, w world, allowGap bool) error {
			_, err := w.rotas.UpdateRota(ctx, &schedulev1.UpdateRotaRequest{
				Rota: next, AllowGap: allowGap, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"layers"}},
			})
			return err
		}},
		{"site " + fmt.Sprint(uses), func(ctx context.Context, w world, allowGap bool) error {
			_, err := w.UpdateSite(ctx, &schedulev1.UpdateSiteRequest{Site: thing, AllowGap: allowGap})
			return err
		}},
		{"files", func(ctx context.Context, w world, allowGap bool) error {
			return w.apply(ctx, &schedulev1.PlanScheduleRequest{
				Calendars: []*schedulev1.Calendar{calendar}, Sites: []*schedulev1.Site{thing}, Rotas: []*schedulev1.Rota{next},
				People: []*schedulev1.Person{who}, AllowGap: allowGap,
			})
		}},
		{"take by " + person, func(ctx context.Context, w world, _ bool) error {
			_, err := w.rotas.TakeCustody(ctx, &schedulev1.TakeCustodyRequest{Rota: "rotas/r", Person: "people/" + person})
			return err
		}},
	}).Draw(t, "write")
}

// apply puts a plan in force, as routing does.
func (w world) apply(ctx context.Context, r *schedulev1.PlanScheduleRequest) error {
	planned, err := w.plans.PlanSchedule(ctx, r)
	if err != nil || len(planned.GetPlan().GetWrites()) == 0 {
		return err
	}
	_, err = w.store.Commit(ctx, planned.GetPlan().GetConditions(), planned.GetPlan().GetWrites())
	return err
}

// Whatever two processes write at the same moment: what is published afterwards is what the sources compile to.
func TestWhatIsPublishedIsOfTheSources(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"x", "y"} {
		w.calendar(t, calendarOf(id, []int{1}))
	}
	w.people(t, "ann", "bob", "cat")
	w.rota(t, weekly("r", "ann", "bob"))
	w.create(t, site("s", "Europe/Dublin"))
	refused := 0
	rapid.Check(t, func(r *rapid.T) {
		first, second := drawWrite(r), drawWrite(r)
		other := w.lateWorld(t, func() { _ = first.do(t.Context(), w, true) }) // refused or not
		if fault.ReasonOf(rpc.Fault(second.do(t.Context(), other, true))) == rpcv1.Reason_REASON_CONFLICT {
			refused++
		}
		w.compiledAs(t, r, first.what+", then "+second.what)
	})
	if refused == 0 {
		t.Error("no two writes had anything to do with each other: this shows nothing")
	}
}

// compiledAs compares what is published with what it compiles to when it is written once more.
func (w world) compiledAs(t *testing.T, r *rapid.T, after string) {
	t.Helper()
	name := &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}
	for key, again := range map[string]func() error{
		published.SitePrefix + "s": func() error {
			_, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{
				Site: &schedulev1.Site{Name: "sites/s", DisplayName: "s"}, UpdateMask: name,
			})
			return err
		},
		published.RotaPrefix + "r": func() error {
			_, err := w.rotas.UpdateRota(t.Context(), &schedulev1.UpdateRotaRequest{
				Rota: &schedulev1.Rota{Name: "rotas/r", DisplayName: "r"}, UpdateMask: name,
			})
			return err
		},
	} {
		stood, err := w.etcd.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
		stands, err := w.etcd.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stood.Value, stands.Value) {
			r.Fatalf("after %s: %s is not what its sources compile to", after, key)
		}
	}
}

// A write is refused if and only if it takes from a line time in which somebody served it. It is looked every half hour
// what is published, and compared.
func TestWritesThatUncoverAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"x", "y"} {
		w.calendar(t, calendarOf(id, nil))
	}
	w.people(t, "ann", "bob", "cat")
	w.rota(t, weekly("r", "ann", "bob"))
	w.create(t, site("s", "Europe/Dublin"))
	w.lineOf(t, &publishedv1.Line{Id: "gold", Sites: []string{"s"}, Rotas: []string{"r"}})
	accepted, refused := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		next := drawWrite(r)
		before := w.uncovered(t)
		err := next.do(t.Context(), w, false)
		reason := fault.ReasonOf(rpc.Fault(err))
		if reason == rpcv1.Reason_REASON_COVERAGE_GAP {
			refused++
			if !slices.Equal(w.uncovered(t), before) {
				r.Fatalf("%s was refused, and changed something", next.what)
			}
			if err := next.do(t.Context(), w, true); err != nil {
				r.Fatalf("%s, allowed: %v", next.what, err)
			}
		}
		more := slices.ContainsFunc(w.uncovered(t), func(unixS int64) bool {
			_, was := slices.BinarySearch(before, unixS)
			return !was
		})
		if err == nil {
			accepted++
		}
		if more != (reason == rpcv1.Reason_REASON_COVERAGE_GAP) {
			r.Fatalf("%s uncovers: %t, but %v", next.what, more, err)
		}
	})
	if accepted == 0 || refused == 0 {
		t.Errorf("%d writes accepted, %d refused: this shows nothing", accepted, refused)
	}
}

// uncovered are the half hours of the next weeks in which neither the site is open nor anybody on duty.
func (w world) uncovered(t *testing.T) (list []int64) {
	t.Helper()
	record, _ := w.record(t, "s")
	open, err := timeline.FromProto(record.GetTimeline())
	if err != nil {
		t.Fatal(err)
	}
	duty := w.roster(t, "r")
	for at := w.clock.Now(); at.Before(sunday.AddDate(0, 0, 30)); at = at.Add(30 * time.Minute) {
		if !open.At(at.Unix()).Open && duty.At(at.Unix()).Person == nil {
			list = append(list, at.Unix())
		}
	}
	return list
}
