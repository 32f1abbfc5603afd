package calendar_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/zones"
)

// BenchmarkSite400Days compiles a site with two calendars of 200 entries each: the layers once, as for many sites, and
// the site for each of them.
func BenchmarkSite400Days(b *testing.B) {
	bundle, err := zones.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	loc, err := bundle.Location("Europe/Dublin")
	if err != nil {
		b.Fatal(err)
	}
	first := date(b, "2026-11-20")
	var list [2]calendar.Calendar
	for i := range list {
		list[i].Name = fmt.Sprint("calendar ", i)
		for n := range 200 {
			list[i].Entries = append(list[i].Entries, entry(b, "Holiday", first.AddDays(9*n+i-400).String(), ""))
		}
	}
	var h hours.Hours
	for d := time.Monday; d <= time.Friday; d++ {
		h.Weekly[d] = spans(b, "09:00-12:30", "13:30-17:00")
	}
	layers := func() []hours.Calendar {
		return []hours.Calendar{list[0].Layer(first, first.AddDays(402)), list[1].Layer(first, first.AddDays(402))}
	}
	b.Run("layers", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.Calendars = layers()
		}
	})
	h.Calendars = layers()
	from := hours.Begins(loc, first)
	b.Run("site", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := hours.Compile(h, hours.Zone{Location: loc}, from, from+402*86400); err != nil {
				b.Fatal(err)
			}
		}
	})
}
