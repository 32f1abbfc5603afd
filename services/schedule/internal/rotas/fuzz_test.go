package rotas_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// FuzzCompile: whatever a rota and a person say, they are refused, or compile to a record that reads back.
func FuzzCompile(f *testing.F) {
	r := dublin(weekly, "ann", "bob", "")
	r.Layers[0].Changes = []*schedulev1.CrewChange{{From: "2026-11-05T09:00", Members: names("bob", "ann")}}
	r.Layers[0].Restrictions = &schedulev1.WeeklyHours{Mon: span(22, 6)}
	r.Overrides = []*schedulev1.RotaOverride{{
		Kind: schedulev1.RotaOverride_KIND_REPLACE, Of: "people/ann", By: "people/bob", Interval: between("2026-10-06T09:00", "2026-10-07T09:00"),
	}}
	p := person("ann")
	p.Absences = []*schedulev1.Absence{{FirstDate: on(2026, 10, 8)}, {Interval: between("2026-10-10T09:00", "2026-10-11T09:00")}}
	rotaBytes, err := proto.Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	personBytes, err := proto.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rotaBytes, personBytes)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, rotaBytes, personBytes []byte) {
		r, p := &schedulev1.Rota{}, &schedulev1.Person{}
		if proto.Unmarshal(rotaBytes, r) != nil || proto.Unmarshal(personBytes, p) != nil {
			return
		}
		in := w.input(r, now, now.AddDate(0, 0, 30))
		in.Person = func(string) *schedulev1.Person { return p }
		c, err := rotas.Compile(in)
		if err != nil {
			return
		}
		if _, err := roster.FromProto(c.Record); err != nil {
			t.Fatal(err)
		}
		if _, err := rotas.Answer(c); err != nil {
			t.Fatal(err)
		}
	})
}
