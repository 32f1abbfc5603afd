package routing_test

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// fakeSchedule plans as schedule does: sites open nine to five UTC, with a target named after the site; rotas have their
// first member on duty for thirty days. A line without sites has a gap that it had not before, and service hours in the
// zone Local are refused.
type fakeSchedule struct {
	schedulev1.PlanServiceClient
	sites     *collection.Collection[*schedulev1.Site]
	calendars *collection.Collection[*schedulev1.Calendar]
	people    *collection.Collection[*schedulev1.Person]
	rotas     *collection.Collection[*schedulev1.Rota]

	mu sync.Mutex
	// asked is every request.
	asked []*schedulev1.PlanScheduleRequest
	// gap is a line that would get an uncovered gap, whatever is asked.
	gap string
	// down: it does not answer.
	down bool
	// condition is among those of every plan.
	condition *rpcv1.Condition
}

func newFakeSchedule(etcd *coord.Client, clk clock.Clock) *fakeSchedule {
	return &fakeSchedule{
		sites: collection.New(etcd, clk, "sites", "schedule/sites/", collection.Owner[*schedulev1.Site](siteOwner{})),
		calendars: collection.New(etcd, clk, "calendars", "schedule/calendars/",
			collection.Owner[*schedulev1.Calendar](sourceOwner[*schedulev1.Calendar]{})),
		people: collection.New(etcd, clk, "people", "schedule/people/",
			collection.Owner[*schedulev1.Person](sourceOwner[*schedulev1.Person]{})),
		rotas: collection.New(etcd, clk, "rotas", "schedule/rotas/", collection.Owner[*schedulev1.Rota](rotaOwner{})),
	}
}

// last is the last request, and how many there were.
func (f *fakeSchedule) last() (*schedulev1.PlanScheduleRequest, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.asked) == 0 {
		return nil, 0
	}
	return f.asked[len(f.asked)-1], len(f.asked)
}

func (f *fakeSchedule) PlanSchedule(ctx context.Context, r *schedulev1.PlanScheduleRequest, _ ...grpc.CallOption) (
	*schedulev1.PlanScheduleResponse, error,
) {
	f.mu.Lock()
	f.asked = append(f.asked, proto.CloneOf(r))
	f.mu.Unlock()
	if f.down {
		return nil, status.Error(codes.Unavailable, "nobody listens")
	}
	resp, err := f.plan(ctx, r)
	if err != nil {
		return nil, rpc.Status(err).Err()
	}
	return resp, nil
}

func (f *fakeSchedule) plan(ctx context.Context, r *schedulev1.PlanScheduleRequest) (*schedulev1.PlanScheduleResponse, error) {
	resp := &schedulev1.PlanScheduleResponse{Plan: &rpcv1.Plan{}, Impact: &schedulev1.Impact{}}
	for _, err := range []error{
		merge(ctx, resp.GetPlan(), f.calendars, "calendars", r.GetCalendars(), r),
		merge(ctx, resp.GetPlan(), f.people, "people", r.GetPeople(), r),
		merge(ctx, resp.GetPlan(), f.rotas, "rotas", r.GetRotas(), r),
		merge(ctx, resp.GetPlan(), f.sites, "sites", r.GetSites(), r),
	} {
		if err != nil {
			return nil, err
		}
	}
	for _, l := range r.GetLines() {
		if l.GetServiceHours().GetTimeZone() == "Local" {
			return nil, fault.Invalid(fault.Violation{Field: l.GetLine() + ": service_hours.time_zone", Value: "Local", Rule: "is no zone"})
		}
		resp.Impact.Lines = append(resp.Impact.Lines, &schedulev1.LineImpact{Line: l.GetLine()})
	}
	if f.gap != "" && !r.GetAllowGap() {
		return nil, fault.CoverageGap(fault.Violation{
			Field: f.gap, Value: "Fri 2026-12-25 08:00 to 16:00 UTC", Rule: "no site would be open, and nobody on duty",
		})
	}
	if f.condition != nil {
		resp.Plan.Conditions = append(resp.Plan.Conditions, f.condition)
	}
	return resp, nil
}

// merge adds what a collection would write.
func merge[T proto.Message](ctx context.Context, to *rpcv1.Plan, c *collection.Collection[T], kind string, items []T,
	r *schedulev1.PlanScheduleRequest,
) error {
	var remove []string
	for _, name := range r.GetDelete() {
		if strings.HasPrefix(name, kind+"/") {
			remove = append(remove, name)
		}
	}
	p, err := c.Plan(ctx, items, remove, r.GetPrune(), func(id string) []string {
		if kind == "sites" || kind == "rotas" {
			return []string{"pub/schedule/" + kind + "/" + id}
		}
		return nil
	})
	if err == nil {
		proto.Merge(to, p.Plan)
	}
	return err
}

type siteOwner struct{}

func (siteOwner) Compile(_ context.Context, s *schedulev1.Site) (collection.Effect, error) {
	if s.GetTimeZone() == "Local" {
		return collection.Effect{}, fault.Invalid(fault.Violation{Field: "time_zone", Value: "Local", Rule: "is no zone"})
	}
	id := strings.TrimPrefix(s.GetName(), "sites/")
	r := viewtest.SiteRecord(viewtest.Site(id, viewtest.Daily(9, 17, 20)...))
	return collection.Effect{Writes: []*rpcv1.Write{coord.Put(r.Key, r.Value)}}, nil
}

func (siteOwner) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

type rotaOwner struct{}

func (rotaOwner) Compile(_ context.Context, m *schedulev1.Rota) (collection.Effect, error) {
	id := strings.TrimPrefix(m.GetName(), "rotas/")
	first := strings.TrimPrefix(m.GetLayers()[0].GetMembers()[0], "people/")
	r := viewtest.RotaRecord(viewtest.Rota(id, 30*24, viewtest.Turn{From: 0, Person: first}))
	return collection.Effect{Writes: []*rpcv1.Write{coord.Put(r.Key, r.Value)}}, nil
}

func (rotaOwner) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

// sourceOwner publishes nothing.
type sourceOwner[T proto.Message] struct{}

func (sourceOwner[T]) Compile(context.Context, T) (collection.Effect, error) {
	return collection.Effect{}, nil
}

func (sourceOwner[T]) Remove(context.Context, string) (collection.Effect, error) {
	return collection.Effect{}, nil
}

// Resources as a person would write them.

func person(id string) *schedulev1.Person {
	return &schedulev1.Person{
		Name: "people/" + id, DisplayName: id,
		Targets: []*schedulev1.Target{{Address: &schedulev1.Target_SipUri{SipUri: "sip:" + id + "@people.example.com"}}},
	}
}

func rota(id string, members ...string) *schedulev1.Rota {
	l := &schedulev1.RotaLayer{Start: "2026-11-23T09:00", Unit: schedulev1.TurnUnit_TURN_UNIT_WEEK}
	for _, m := range members {
		l.Members = append(l.Members, "people/"+m)
	}
	return &schedulev1.Rota{
		Name: "rotas/" + id, DisplayName: id, TimeZone: "Europe/Dublin", Layers: []*schedulev1.RotaLayer{l},
	}
}

func calendar(id string) *schedulev1.Calendar {
	return &schedulev1.Calendar{Name: "calendars/" + id, DisplayName: id}
}

func serviceHours(zone string) *schedulev1.ServiceHours {
	return &schedulev1.ServiceHours{TimeZone: zone, WeeklyHours: &schedulev1.WeeklyHours{}}
}
