package rotas_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// world is people and calendars to compile with.
type world struct {
	people    map[string]*schedulev1.Person
	calendars map[string]*schedulev1.Calendar
	rules     *zones.Bundle
}

func newWorld(t testing.TB) world {
	t.Helper()
	rules := zonestest.Embedded(t)
	w := world{people: map[string]*schedulev1.Person{}, calendars: map[string]*schedulev1.Calendar{}, rules: rules}
	for _, id := range []string{"ann", "bob", "carol"} {
		w.people["people/"+id] = person(id)
	}
	return w
}

func (w world) input(r *schedulev1.Rota, from, to time.Time) rotas.Input {
	return rotas.Input{
		Rota: r, Rules: w.rules, FromUnixS: from.Unix(), ToUnixS: to.Unix(),
		Person:   func(name string) *schedulev1.Person { return w.people[name] },
		Calendar: func(name string) *schedulev1.Calendar { return w.calendars[name] },
	}
}

func (w world) compile(t testing.TB, r *schedulev1.Rota, from, to time.Time) rotas.Compiled {
	t.Helper()
	c, err := rotas.Compile(w.input(r, from, to))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func person(id string) *schedulev1.Person {
	return &schedulev1.Person{Name: "people/" + id, DisplayName: id, Targets: []*schedulev1.Target{number("+61255500101")}}
}

func number(s string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
		Kind: &phone_number.PhoneNumber_E164Number{E164Number: s},
	}}}
}

func names(ids ...string) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		if id != "" {
			list[i] = "people/" + id
		}
	}
	return list
}

// dublin is a rota of turns that begin in Dublin on a Monday at nine.
func dublin(unit schedulev1.TurnUnit, ids ...string) *schedulev1.Rota {
	return &schedulev1.Rota{
		Name: "rotas/support", DisplayName: "Support", TimeZone: "Europe/Dublin",
		Layers: []*schedulev1.RotaLayer{{DisplayName: "primary", Start: "2026-10-05T09:00", Unit: unit, Members: names(ids...)}},
	}
}

func utc(text string) time.Time {
	at, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		panic(err)
	}
	return at
}

func between(from, to string) *interval.Interval {
	return &interval.Interval{StartTime: timestamppb.New(utc(from)), EndTime: timestamppb.New(utc(to))}
}

func on(year, month, day int32) *date.Date { return &date.Date{Year: year, Month: month, Day: day} }

func span(fromH, toH int32) []*schedulev1.Span {
	return []*schedulev1.Span{{Open: &timeofday.TimeOfDay{Hours: fromH}, Close: &timeofday.TimeOfDay{Hours: toH}}}
}

// turns are those of an answer: "Mon 30 Nov 09:00 167h0m0s ann OWN_TURN", in the rota's local time.
func turns(t testing.TB, c rotas.Compiled) []string {
	t.Helper()
	answer, err := rotas.Answer(c)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, turn := range answer.GetTurns() {
		list = append(list, text(turn, c.Location))
	}
	return list
}

func text(turn *schedulev1.DutyTurn, loc *time.Location) string {
	from, to := turn.GetInterval().GetStartTime().AsTime(), turn.GetInterval().GetEndTime().AsTime()
	who := "-"
	if turn.GetPerson() != "" {
		who = turn.GetPerson()[len("people/"):]
	}
	return from.In(loc).Format("02 Jan 15:04 ") + to.Sub(from).String() + " " + who + " " +
		turn.GetReason().String()[len("DUTY_REASON_"):]
}
