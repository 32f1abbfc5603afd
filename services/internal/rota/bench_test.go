package rota_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
)

func twenty() []string {
	var people []string
	for i := range 20 {
		people = append(people, fmt.Sprintf("person-%02d", i))
	}
	return people
}

// busy has 20 people, leave for each every year, 100 overrides, and a second layer with restrictions.
func busy(b *testing.B, unit rota.Unit) rota.Rota {
	r := weekly(b, twenty()...)
	r.Layers[0].Unit = unit
	week := [7][]hours.Span{}
	for day := range week {
		week[day] = []hours.Span{span(b, "22:00-06:00")}
	}
	r.Layers = append(r.Layers, rota.Layer{
		Name: "nights", Start: wall(b, "2026-01-05T22:00"), Unit: rota.Week, Every: 1, Crews: crew(twenty()...), Restrictions: week,
	})
	from := at(b, "2026-01-05")
	for i := range int64(200) {
		r.Absences = append(r.Absences, rota.Absence{
			Person: fmt.Sprintf("person-%02d", i%20), FromUnixS: from + i*18*86400, ToUnixS: from + (i*18+14)*86400,
		})
	}
	for i := range int64(100) {
		r.Overrides = append(r.Overrides, rota.Override{
			Kind: rota.Add, By: fmt.Sprintf("person-%02d", i%20), FromUnixS: from + i*36*86400, ToUnixS: from + i*36*86400 + 7200,
		})
	}
	return r
}

func BenchmarkCompile20People10Years(b *testing.B) {
	from := at(b, "2026-01-05")
	to := from + 3652*86400
	plain := func(unit rota.Unit) rota.Rota {
		r := weekly(b, twenty()...)
		r.Layers[0].Unit = unit
		return r
	}
	for _, c := range []struct {
		name string
		rota rota.Rota
	}{
		{"weekly", plain(rota.Week)}, {"daily", plain(rota.Day)}, {"hourly", plain(rota.Hour)},
		{"daily_nights_leave_overrides", busy(b, rota.Day)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var roster *rota.Roster
			for b.Loop() {
				roster = compile(b, c.rota, from, to)
			}
			b.ReportMetric(float64(len(roster.Turns)), "turns")
		})
	}
}

func BenchmarkAt(b *testing.B) {
	from := at(b, "2026-01-05")
	roster := compile(b, busy(b, rota.Day), from, from+400*86400)
	step := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		step = (step + 7919*60) % (400 * 86400)
		if roster.At(from+step).Reason == rota.Unknown {
			b.Fatal(time.Unix(from+step, 0))
		}
	}
}

func BenchmarkShares(b *testing.B) {
	from := at(b, "2026-01-05")
	r := busy(b, rota.Day)
	roster := compile(b, r, from, from+365*86400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rota.Shares(roster.Turns, r.Zone, from, from+365*86400); err != nil {
			b.Fatal(err)
		}
	}
}
