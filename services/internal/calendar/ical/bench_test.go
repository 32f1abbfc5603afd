package ical_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/calendar/ical"
)

func BenchmarkImport(b *testing.B) {
	events := make([]string, 500)
	for i := range events {
		events[i] = fmt.Sprintf("u%d DTSTART;VALUE=DATE:2020%02d%02d RRULE:FREQ=YEARLY SUMMARY:Holiday", i, i%12+1, i%28+1)
	}
	for name, text := range map[string]string{
		"one": file("a DTSTART;TZID=America/New_York:20270601T090000 DTEND;TZID=America/New_York:20270601T100000"), "500_yearly": file(events...),
		// The slowest rule known that is not refused at once.
		"never": file("a DTSTART;VALUE=DATE:19700101 RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO;BYMONTH=2"),
	} {
		o := options(b, "2027-03-01", "2028-03-01")
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, err := ical.Import(strings.NewReader(text), o, ical.Meaning{Timed: ical.CloseTimed})
				if (err != nil) != (name == "never") {
					b.Fatal(err)
				}
			}
		})
	}
}
