package rotas_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// crowd is a rota of 20 people with leave, by name and by a calendar of 12 holidays a year.
func crowd(w world) *schedulev1.Rota {
	cal := &schedulev1.Calendar{Name: "calendars/ie", DisplayName: "Ireland"}
	for year := int32(2026); year < 2037; year++ {
		for month := int32(1); month <= 12; month++ {
			cal.Entries = append(cal.Entries, &schedulev1.CalendarEntry{
				Date: on(year, month, 17), DisplayName: "holiday", Verdict: schedulev1.CalendarEntry_VERDICT_CLOSED,
			})
		}
	}
	w.calendars[cal.GetName()] = cal
	r := dublin(daily)
	for i := range 20 {
		p := person(fmt.Sprintf("person-%02d", i))
		p.Calendars = []string{cal.GetName()}
		for year := int32(2026); year < 2037; year++ {
			p.Absences = append(p.Absences, &schedulev1.Absence{FirstDate: on(year, 7, 1), LastDate: on(year, 7, 14)})
		}
		w.people[p.GetName()] = p
		r.Layers[0].Members = append(r.Layers[0].Members, p.GetName())
	}
	return r
}

func BenchmarkCompile20People(b *testing.B) {
	w := newWorld(b)
	r := crowd(w)
	for days, name := range map[int]string{404: "404 days", 3650: "10 years"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			in := w.input(r, now, now.AddDate(0, 0, days))
			for b.Loop() {
				if _, err := rotas.Compile(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAnswer28Days(b *testing.B) {
	w := newWorld(b)
	in := w.input(crowd(w), now, now.AddDate(0, 0, 28))
	b.ReportAllocs()
	for b.Loop() {
		c, err := rotas.Compile(in)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rotas.Answer(c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileAtAllLimits: 16 layers of hourly turns, 200 people with leave, 1000 overrides.
func BenchmarkCompileAtAllLimits(b *testing.B) {
	w := newWorld(b)
	r := dublin(hourly)
	for i := range 200 {
		p := person(fmt.Sprintf("person-%03d", i))
		for k := range 90 {
			d := now.AddDate(0, 0, 4*k+i%4)
			p.Absences = append(p.Absences, &schedulev1.Absence{FirstDate: on(int32(d.Year()), int32(d.Month()), int32(d.Day()))}) //nolint:gosec // a date
		}
		w.people[p.GetName()] = p
		r.Layers[0].Members = append(r.Layers[0].Members, p.GetName())
	}
	for range 15 {
		r.Layers = append(r.Layers, proto.CloneOf(r.Layers[0]))
	}
	for i := range 1000 {
		from := now.Add(time.Duration(i) * 9 * time.Hour)
		r.Overrides = append(r.Overrides, &schedulev1.RotaOverride{
			Kind: schedulev1.RotaOverride_KIND_ADD, By: r.GetLayers()[0].GetMembers()[i%200],
			Interval: &interval.Interval{StartTime: timestamppb.New(from), EndTime: timestamppb.New(from.Add(time.Hour))},
		})
	}
	in := w.input(r, now, now.AddDate(0, 0, 404))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rotas.Compile(in); err != nil {
			b.Fatal(err)
		}
	}
}
