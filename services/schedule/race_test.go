package schedule_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/tzdata"
	"github.com/daysidehq/dayside/services/schedule"
)

// late is an etcd on which somebody else writes just before one's own first commit.
type late struct {
	*coord.Client
	before func()
}

// Commit is coord.Client's.
func (l *late) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	if before := l.before; before != nil {
		l.before = nil
		before()
	}
	return l.Client.Commit(ctx, conditions, writes)
}

// lateWorld is another process of a world's cluster, during whose first commit somebody else writes.
func (w world) lateWorld(t *testing.T, before func()) world {
	t.Helper()
	other := w
	other.store = &late{w.etcd, before}
	other.Service = schedule.New(schedule.Config{
		Store: other.store, Clock: w.clock, Rules: tzdata.Fixed(w.zones), Log: slog.New(slog.DiscardHandler),
	})
	conn := connect(t, other.Service)
	other.calendars, other.rotas = schedulev1.NewCalendarServiceClient(conn), schedulev1.NewRotaServiceClient(conn)
	other.plans = schedulev1.NewPlanServiceClient(conn)
	return other
}

// close closes one date more by a calendar.
func (w world) close(t *testing.T, c *schedulev1.Calendar, y, m, d int32) error {
	t.Helper()
	next := proto.CloneOf(c)
	next.Entries = append(next.Entries, closed("x", y, m, d).GetEntries()...)
	_, err := w.calendars.UpdateCalendar(t.Context(), &schedulev1.UpdateCalendarRequest{
		Calendar: next, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"entries"}},
	})
	return err
}

// away gives a person leave of one date.
func (w world) away(t *testing.T, id string, y, m, d int32) error {
	t.Helper()
	_, err := w.rotas.UpdatePerson(t.Context(), &schedulev1.UpdatePersonRequest{
		Person: &schedulev1.Person{
			Name: "people/" + id, Absences: []*schedulev1.Absence{{FirstDate: &date.Date{Year: y, Month: m, Day: d}}},
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"absences"}},
	})
	return err
}

// Two calendars of the same sites are written at the same moment. Both compile the sites: whichever of the writes is
// accepted, the sites go by it. Of many sites there are more conditions than a transaction holds.
func TestCalendarsOfOneSiteAtOnce(t *testing.T) {
	for _, sites := range []int{1, 120} {
		w := newWorld(t)
		first, second := w.calendar(t, closed("first", 2026, 12, 1)), w.calendar(t, closed("second", 2026, 12, 2))
		for i := range sites {
			s := site(fmt.Sprintf("site-%d", i), "Europe/Dublin")
			s.Calendars = []string{"calendars/first", "calendars/second"}
			w.create(t, s)
		}
		other := w.lateWorld(t, func() {
			if err := w.close(t, second, 2026, 12, 9); err != nil {
				t.Error(err)
			}
		})
		wantReason(t, "the later one", other.close(t, first, 2026, 12, 8), rpcv1.Reason_REASON_CONFLICT)
		if sites == 1 && w.openAt(t, "site-0", time.Date(2026, 12, 9, 10, 0, 0, 0, time.UTC)) {
			t.Error("what was written is lost")
		}
	}
}

// Two people of one rota write their leave at the same moment.
func TestPeopleOfOneRotaAtOnce(t *testing.T) {
	w := newWorld(t)
	w.people(t, "ann", "bob", "cat")
	w.rota(t, weekly("apac", "ann", "bob", "cat"))
	other := w.lateWorld(t, func() {
		if err := w.away(t, "bob", 2026, 11, 24); err != nil {
			t.Error(err)
		}
	})
	wantReason(t, "the later one", other.away(t, "ann", 2026, 12, 9), rpcv1.Reason_REASON_CONFLICT)
	if on := w.roster(t, "apac").At(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Unix()); on.Person.ID == "bob" {
		t.Error("bob is on duty on his leave")
	}
}

// A rota is written at the same moment as a calendar of one of its people.
func TestRotaAndCalendarOfItsPeopleAtOnce(t *testing.T) {
	w := newWorld(t)
	holidays := w.calendar(t, closed("holidays", 2026, 12, 25))
	w.people(t, "ann", "bob")
	if _, err := w.rotas.UpdatePerson(t.Context(), &schedulev1.UpdatePersonRequest{
		Person:     &schedulev1.Person{Name: "people/bob", Calendars: []string{"calendars/holidays"}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"calendars"}},
	}); err != nil {
		t.Fatal(err)
	}
	made := w.rota(t, weekly("apac", "ann", "bob"))
	other := w.lateWorld(t, func() {
		if err := w.close(t, holidays, 2026, 11, 24); err != nil {
			t.Error(err)
		}
	})
	_, err := other.rotas.UpdateRota(t.Context(), &schedulev1.UpdateRotaRequest{
		Rota:       &schedulev1.Rota{Name: made.GetName(), DisplayName: "Asia"},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
	})
	wantReason(t, "the later one", err, rpcv1.Reason_REASON_CONFLICT)
	if on := w.roster(t, "apac").At(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Unix()); on.Person.ID == "bob" {
		t.Error("bob is on duty on his holiday")
	}
}

// A plan compiles a site by a calendar that it brings along and that stays as it is: it is no longer true once somebody else
// changed that calendar.
func TestPlanStandsOnWhatItLeavesAlone(t *testing.T) {
	w := newWorld(t)
	w.calendar(t, closed("first", 2026, 12, 1))
	s := site("dublin", "Europe/Dublin")
	s.Calendars = []string{"calendars/first"}
	w.create(t, s)
	next := site("dublin", "Europe/Dublin")
	next.Calendars, next.DisplayName = s.GetCalendars(), "Dublin"
	plan, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{
		Calendars: []*schedulev1.Calendar{closed("first", 2026, 12, 1)}, Sites: []*schedulev1.Site{next},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.close(t, closed("first", 2026, 12, 1), 2026, 12, 8); err != nil {
		t.Fatal(err)
	}
	_, err = w.etcd.Commit(t.Context(), plan.GetPlan().GetConditions(), plan.GetPlan().GetWrites())
	wantReason(t, "a plan on a calendar that was", err, rpcv1.Reason_REASON_CONFLICT)
}

// A line has a condition of routing's for each of its sites, too: etcd, where it is not told otherwise, takes both.
func TestConditionsOfALineLeaveRoom(t *testing.T) {
	const etcdTakes, routings = 128, 4
	w := newWorld(t)
	line := &schedulev1.LineCoverage{Line: "lines/gold"}
	for i := range 110 {
		line.Sites = append(line.Sites, w.create(t, site(fmt.Sprintf("site-%d", i), "Europe/Dublin")).GetName())
	}
	for _, n := range []int{1, 50, 60, 80, 110} {
		of := &schedulev1.LineCoverage{Line: line.GetLine(), Sites: line.GetSites()[:n]}
		plan, err := w.plans.PlanSchedule(t.Context(), &schedulev1.PlanScheduleRequest{Lines: []*schedulev1.LineCoverage{of}})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(plan.GetPlan().GetConditions()); got == 0 || got+n+routings > etcdTakes {
			t.Errorf("a line of %d sites has %d conditions besides", n, got)
		}
	}
}

// unseen is an etcd on which somebody else writes just after one looked for what is not there.
type unseen struct {
	*coord.Client
	before func()
}

// Get is coord.Client's.
func (u *unseen) Get(ctx context.Context, key string) (coord.Entry, error) {
	e, err := u.Client.Get(ctx, key)
	if before := u.before; before != nil && err != nil {
		u.before = nil
		before()
	}
	return e, err
}

// A first import into a calendar that somebody else makes at the same moment does not write over it.
func TestFirstImportsAtOnce(t *testing.T) {
	w := newWorld(t)
	other := w
	other.Service = schedule.New(schedule.Config{
		Store: &unseen{w.etcd, func() { w.calendar(t, closed("ie", 2026, 12, 1)) }}, Clock: w.clock,
		Rules: tzdata.Fixed(w.zones), Log: slog.New(slog.DiscardHandler),
	})
	_, err := schedulev1.NewCalendarServiceClient(connect(t, other.Service)).ImportCalendar(t.Context(),
		&schedulev1.ImportCalendarRequest{
			Name: "calendars/ie", DisplayName: "Ireland", Ics: ics("Closed"), Source: "ie.ics", TimeZone: "Europe/Dublin",
		})
	wantReason(t, "the later one", err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	got, err := w.calendars.GetCalendar(t.Context(), &schedulev1.GetCalendarRequest{Name: "calendars/ie"})
	if err != nil || len(got.GetEntries()) != 1 || got.GetDisplayName() != "ie" {
		t.Errorf("what was made is gone: %v, %v", got, err)
	}
}
