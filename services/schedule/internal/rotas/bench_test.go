package rotas_test

import (
	"fmt"
	"testing"

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
