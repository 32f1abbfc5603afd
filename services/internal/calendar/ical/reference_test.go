package ical_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/calendar/ical"
)

// weekdayNames are those of RFC 5545, by time.Weekday.
var weekdayNames = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// repeated is a rule as the reference understands it: it asks of every date whether the rule means it.
type repeated struct {
	freq       string
	interval   int
	weekdays   []int // for WEEKLY; weeks begin on Monday
	count      int   // 0: none
	until      int   // days after the start, inclusive; negative: none
	exceptions []int // days after the start
}

func (r repeated) text() string {
	text := fmt.Sprintf("RRULE:FREQ=%s;INTERVAL=%d", r.freq, r.interval)
	if len(r.weekdays) > 0 {
		var names []string
		for _, d := range r.weekdays {
			names = append(names, weekdayNames[d])
		}
		text += ";BYDAY=" + strings.Join(names, ",")
	}
	if r.count > 0 {
		text += fmt.Sprintf(";COUNT=%d", r.count)
	}
	return text
}

// named says whether the rule means the date that is n days after its start.
func (r repeated) named(start time.Time, n int) bool {
	d := start.AddDate(0, 0, n)
	switch r.freq {
	case "DAILY":
		return n%r.interval == 0
	case "WEEKLY":
		sinceMonday := (int(start.Weekday()) + 6) % 7
		return (n+sinceMonday)/7%r.interval == 0 && slices.Contains(r.weekdays, int(d.Weekday()))
	case "MONTHLY":
		months := (d.Year()-start.Year())*12 + int(d.Month()-start.Month())
		return d.Day() == start.Day() && months%r.interval == 0
	default:
		return d.Day() == start.Day() && d.Month() == start.Month() && (d.Year()-start.Year())%r.interval == 0
	}
}

// days are those after the start on which the event happens, among the first three years.
func (r repeated) days(start time.Time) (days []int) {
	met := 0
	for n := range 3 * 366 {
		if !r.named(start, n) || (r.until >= 0 && n > r.until) || (r.count > 0 && met == r.count) {
			continue
		}
		if met++; !slices.Contains(r.exceptions, n) {
			days = append(days, n)
		}
	}
	return days
}

// TestExpansionEqualsAskingEveryDate: for random rules, ends and exceptions, of all-day and of zoned events in zones that
// change their clocks, the occurrences are those that a slow reference finds date by date.
func TestExpansionEqualsAskingEveryDate(t *testing.T) {
	o := options(t, "2025-12-01", "2029-01-01")
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 1, 1, 9, 30, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 400).Draw(t, "start"))
		r := repeated{
			freq:     rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "freq"),
			interval: rapid.IntRange(1, 5).Draw(t, "interval"), until: -1,
		}
		if r.freq == "WEEKLY" { // the start among them, as RFC 5545 asks
			r.weekdays = rapid.SliceOfDistinct(rapid.IntRange(0, 6), rapid.ID).Draw(t, "weekdays")
			if !slices.Contains(r.weekdays, int(start.Weekday())) {
				r.weekdays = append(r.weekdays, int(start.Weekday()))
			}
		}
		allDay := rapid.Bool().Draw(t, "all day")
		zone := rapid.SampledFrom([]string{"America/New_York", "Europe/Dublin", "Australia/Lord_Howe"}).Draw(t, "zone")
		loc, err := o.Lookup(zone)
		if err != nil {
			t.Fatal(err)
		}
		at := func(n int) string {
			if allDay {
				return ";VALUE=DATE:" + start.AddDate(0, 0, n).Format("20060102")
			}
			return ";TZID=" + zone + ":" + start.AddDate(0, 0, n).Format("20060102T150405")
		}
		end := ""
		switch rapid.SampledFrom([]string{"none", "count", "until a date", "until an instant"}).Draw(t, "end") {
		case "count":
			r.count = rapid.IntRange(1, 30).Draw(t, "count")
		case "until a date":
			r.until = rapid.IntRange(0, 700).Draw(t, "until")
			end = ";UNTIL=" + start.AddDate(0, 0, r.until).Format("20060102")
		case "until an instant":
			r.until = rapid.IntRange(0, 700).Draw(t, "until")
			d := start.AddDate(0, 0, r.until)
			end = ";UNTIL=" + time.Date(d.Year(), d.Month(), d.Day(), 9, 30, 0, 0, loc).UTC().Format("20060102T150405Z")
			if allDay {
				end = ";UNTIL=" + d.Format("20060102")
			}
		}
		lines := "a DTSTART" + at(0) + " " + r.text() + end
		for range rapid.IntRange(0, 3).Draw(t, "exceptions") {
			n := rapid.IntRange(1, 60).Draw(t, "exception")
			r.exceptions = append(r.exceptions, n)
			lines += " EXDATE" + at(n)
		}
		var want []string
		for _, n := range r.days(start) {
			d := start.AddDate(0, 0, n)
			if allDay && d.Year() > 2028 {
				break
			} else if allDay {
				want = append(want, "a "+d.Format("2006-01-02")+"/"+d.Format("2006-01-02"))
				continue
			}
			// Half past nine comes once a day in these zones, so that time.Date is right of it.
			u := time.Date(d.Year(), d.Month(), d.Day(), 9, 30, 0, 0, loc).UTC().Format("2006-01-02T15:04")
			if u >= "2029" { // Dublin is on UTC by then
				break
			}
			want = append(want, "a "+u+"/"+u)
		}
		found, err := ical.Read(strings.NewReader(file(lines)), o)
		if err != nil {
			t.Fatalf("%s: %v", lines, err)
		}
		var got []string
		for _, occurrence := range found {
			got = append(got, show(occurrence))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s:\ngot  %q\nwant %q", lines, got, want)
		}
	})
}
