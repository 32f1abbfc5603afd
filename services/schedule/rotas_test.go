package schedule_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/published"
)

func wantCode(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func onDuty(t *testing.T, w world, rota string, at time.Time) string {
	t.Helper()
	if p := w.roster(t, rota).At(at.Unix()).Person; p != nil {
		return p.ID
	}
	return ""
}

// TestPeopleAndRotas: a rota is published with its people, follows their leave, and holds them.
func TestPeopleAndRotas(t *testing.T) {
	w := newWorld(t)
	_, err := w.rotas.CreateRota(t.Context(), &schedulev1.CreateRotaRequest{Rota: weekly("support", "ann", "bob")})
	wantCode(t, "a rota of people who do not exist", err, codes.FailedPrecondition)
	if err == nil || !strings.Contains(err.Error(), "people/ann") || !strings.Contains(err.Error(), "members[1]") {
		t.Errorf("does not name them: %v", err)
	}
	w.people(t, "ann", "bob")
	w.rota(t, weekly("support", "ann", "bob"))
	if got := onDuty(t, w, "support", sunday); got != "ann" {
		t.Errorf("%q is on duty", got)
	}
	_, err = w.rotas.UpdatePerson(t.Context(), &schedulev1.UpdatePersonRequest{
		Person: &schedulev1.Person{Name: "people/ann", Absences: []*schedulev1.Absence{
			{FirstDate: &date.Date{Year: 2026, Month: 11, Day: 22}, DisplayName: "leave"},
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"absences"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := onDuty(t, w, "support", sunday); got != "bob" {
		t.Errorf("with Ann away, %q is on duty", got)
	}
	_, err = w.rotas.DeletePerson(t.Context(), &schedulev1.DeletePersonRequest{Name: "people/ann"})
	wantCode(t, "deleting a member", err, codes.FailedPrecondition)
	if _, err := w.rotas.DeleteRota(t.Context(), &schedulev1.DeleteRotaRequest{Name: "rotas/support"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rotas.DeletePerson(t.Context(), &schedulev1.DeletePersonRequest{Name: "people/ann"}); err != nil {
		t.Fatal(err)
	}
	for _, key := range w.keys(t) {
		if strings.HasPrefix(key, published.RotaPrefix) || strings.HasPrefix(key, "schedule/rotas/") {
			t.Errorf("%s is left", key)
		}
	}
}

// TestBadRotasWriteNothing: each is refused with the path of what is wrong.
func TestBadRotasWriteNothing(t *testing.T) {
	w := newWorld(t)
	w.people(t, "ann")
	before := len(w.keys(t))
	for field, change := range map[string]func(*schedulev1.Rota){
		"rota.layers[0].members": func(r *schedulev1.Rota) { r.Layers[0].Members = nil },
		"layers[0].start":        func(r *schedulev1.Rota) { r.Layers[0].Start = "2027-02-29T09:00" },
		"rota.layers[0].every":   func(r *schedulev1.Rota) { r.Layers[0].Every = proto.Int32(0) },
		"time_zone":              func(r *schedulev1.Rota) { r.TimeZone = "Europe/Dubin" },
		"layers[0].restrictions": func(r *schedulev1.Rota) {
			r.Layers[0].Restrictions = &schedulev1.WeeklyHours{Mon: []*schedulev1.Span{span(9, 9)}}
		},
		"rota.overrides[0].interval": func(r *schedulev1.Rota) {
			r.Overrides = []*schedulev1.RotaOverride{{Kind: schedulev1.RotaOverride_KIND_REMOVE}}
		},
	} {
		r := weekly("support", "ann")
		change(r)
		_, err := w.rotas.CreateRota(t.Context(), &schedulev1.CreateRotaRequest{Rota: r})
		wantCode(t, field, err, codes.InvalidArgument)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
	if after := len(w.keys(t)); after != before {
		t.Errorf("%d keys, %d before", after, before)
	}
}

func TestQueryDuty(t *testing.T) {
	w := newWorld(t)
	w.people(t, "ann", "bob-unreachable")
	w.rota(t, weekly("support", "ann", "bob-unreachable"))
	got, err := w.rotas.QueryDuty(t.Context(), &schedulev1.QueryDutyRequest{Rota: "rotas/support"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.GetTurns()); n != 5 || got.GetTurns()[1].GetPerson() != "people/bob-unreachable" ||
		!got.GetInterval().GetEndTime().AsTime().Equal(sunday.AddDate(0, 0, 28)) {
		t.Errorf("turns %v", got.GetTurns())
	}
	if len(got.GetShares()) != 2 || len(got.GetUnreachable()) != 1 || got.GetTimeZone() != "Europe/Dublin" ||
		got.GetTzdataRelease() != w.zones.Release() {
		t.Errorf("got %v", got)
	}
	if s := got.GetTurns()[0].GetSentence(); s != "layers[0]: ann's turn" {
		t.Errorf("sentence %q", s)
	}
	// Also of the past, and of what is not compiled.
	if got, err = w.rotas.QueryDuty(t.Context(), &schedulev1.QueryDutyRequest{
		Rota: "rotas/support", Interval: &interval.Interval{StartTime: timestamppb.New(sunday.AddDate(-1, 0, 0))},
	}); err != nil || got.GetTurns()[0].GetReason() != schedulev1.DutyReason_DUTY_REASON_NOT_RUNNING {
		t.Errorf("a year ago: %v, %v", got, err)
	}
	_, err = w.rotas.QueryDuty(t.Context(), &schedulev1.QueryDutyRequest{Rota: "rotas/nowhere"})
	wantCode(t, "an unknown rota", err, codes.NotFound)
	_, err = w.rotas.QueryDuty(t.Context(), &schedulev1.QueryDutyRequest{
		Rota: "rotas/support", Interval: &interval.Interval{EndTime: timestamppb.New(sunday.AddDate(2, 0, 0))},
	})
	wantCode(t, "two years", err, codes.InvalidArgument)
}
