package hours_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/hours"
)

func TestExplainNamesTheEntryThatDecided(t *testing.T) {
	loc, err := bundle(t).Location("Europe/Dublin")
	if err != nil {
		t.Fatal(err)
	}
	h := hours.Hours{
		Exceptions: []hours.Exception{
			{Date: date(t, "2026-12-24"), Spans: spans(t, "08:00-12:00"), Name: "Christmas Eve"},
			{Date: date(t, "2026-12-31"), Mode: hours.Clip},
			{Date: date(t, "2027-01-07"), Name: "stocktaking"},
		},
		Holidays: []hours.Holiday{{Date: date(t, "2026-12-25"), Name: "Christmas Day"}},
		Calendars: []hours.Calendar{{Name: "ireland", Days: []hours.CalendarDay{
			{Date: date(t, "2027-01-18"), Name: "a day off"}, {Date: date(t, "2027-01-23"), LikeISOWeekday: 1},
		}}},
	}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Weekly[d] = spans(t, "08:00-12:30", "13:30-17:00")
	}
	h.Weekly[time.Wednesday] = spans(t, "22:00-06:00")
	h.Weekly[time.Thursday] = spans(t, "22:00-06:00")
	from, to := time.Date(2026, 12, 1, 0, 0, 0, 0, loc), time.Date(2027, 2, 1, 0, 0, 0, 0, loc)
	for _, c := range []struct {
		at           string
		open         bool
		kind         hours.Kind
		rule         string
		since, until string
	}{
		{"2026-12-22T10:00", true, hours.ByWeekly, "weekly hours, Tue 08:00-12:30", "2026-12-22T08:00", "2026-12-22T12:30"},
		{"2026-12-22T12:30", false, hours.ByWeekly, "weekly hours, Tue 08:00-12:30, 13:30-17:00", "2026-12-22T12:30", "2026-12-22T13:30"},
		{"2026-12-20T12:00", false, hours.ByWeekly, "weekly hours, Sun closed", "2026-12-18T17:00", "2026-12-21T08:00"},
		{"2026-12-24T05:00", true, hours.ByWeekly, "weekly hours, Wed 22:00-06:00", "2026-12-23T22:00", "2026-12-24T06:00"},
		{"2026-12-24T09:00", true, hours.ByException, "exception 2026-12-24 (Christmas Eve): 08:00-12:00", "2026-12-24T08:00", "2026-12-24T12:00"},
		// Thursday's night does not open: until six on Christmas Day it is Christmas Eve that keeps the site closed.
		{"2026-12-25T05:00", false, hours.ByException, "exception 2026-12-24 (Christmas Eve): 08:00-12:00", "2026-12-24T12:00", "2026-12-28T08:00"},
		{"2026-12-25T09:00", false, hours.ByHoliday, "holiday 2026-12-25 (Christmas Day): closed", "2026-12-24T12:00", "2026-12-28T08:00"},
		{"2026-12-27T09:00", false, hours.ByWeekly, "weekly hours, Sun closed", "2026-12-24T12:00", "2026-12-28T08:00"},
		{"2026-12-30T23:00", true, hours.ByWeekly, "weekly hours, Wed 22:00-06:00", "2026-12-30T22:00", "2026-12-31T00:00"},
		{"2026-12-31T05:00", false, hours.ByException, "exception 2026-12-31: closed", "2026-12-31T00:00", "2027-01-01T08:00"}, // cut
		{"2027-01-07T05:00", true, hours.ByWeekly, "weekly hours, Wed 22:00-06:00", "2027-01-06T22:00", "2027-01-07T06:00"},
		{"2027-01-07T23:00", false, hours.ByException, "exception 2027-01-07 (stocktaking): closed", "2027-01-07T06:00", "2027-01-08T08:00"},
		{"2027-01-18T09:00", false, hours.ByCalendar, "calendar ireland 2027-01-18 (a day off): closed", "2027-01-15T17:00", "2027-01-19T08:00"},
		{"2027-01-23T09:00", true, hours.ByCalendar, "calendar ireland 2027-01-23: 08:00-12:30", "2027-01-23T08:00", "2027-01-23T12:30"},
	} {
		instant := func(s string) int64 {
			at, err := time.ParseInLocation("2006-01-02T15:04", s, loc)
			if err != nil {
				t.Fatal(err)
			}
			return at.Unix()
		}
		want := hours.Reason{
			Open: c.open, Kind: c.kind, Rule: c.rule, SinceUnixS: instant(c.since), UntilUnixS: instant(c.until),
		}
		if got := hours.Explain(h, hours.Zone{Location: loc}, instant(c.at), from.Unix(), to.Unix()); got != want {
			t.Errorf("%s: got %+v, want %+v", c.at, got, want)
		}
	}
}

// TestExplainAgreesWithCompile: whatever the hours, both say the same of every instant, and the ends of the range are
// what stands where a stretch goes beyond it.
func TestExplainAgreesWithCompile(t *testing.T) {
	b := bundle(t)
	names := b.Names()
	rapid.Check(t, func(t *rapid.T) {
		loc, err := b.Location(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		from, quarter := drawStart(t, loc)
		to := from + 86400*rapid.Int64Range(2, 6).Draw(t, "days")
		var h hours.Hours
		for d := range h.Weekly {
			h.Weekly[d] = drawSpans(t, quarter)
		}
		for n := range int64(3) {
			y, m, d := time.Unix(from+86400*n, 0).UTC().Date()
			on := hours.Date{Year: y, Month: m, Day: d}
			switch rapid.IntRange(0, 3).Draw(t, "entry") {
			case 0:
				h.Holidays = append(h.Holidays, hours.Holiday{Date: on})
			case 1:
				mode := rapid.SampledFrom([]hours.Mode{hours.Replace, hours.Clip}).Draw(t, "mode")
				h.Exceptions = append(h.Exceptions, hours.Exception{Date: on, Spans: drawSpans(t, quarter), Mode: mode})
			}
		}
		h.Calendars = drawCalendars(t, from, quarter)
		zone := hours.Zone{Location: loc}
		tl, err := hours.Compile(h, zone, from, to)
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.Int64Range(from, to-1).Draw(t, "at")
		why := hours.Explain(h, zone, at, from, to)
		want := tl.At(at)
		if why.Open != want.Open || why.UntilUnixS != want.UntilUnixS || why.Rule == "" {
			t.Fatalf("explained %+v, compiled %+v", why, want)
		}
		if why.SinceUnixS > at || (why.SinceUnixS > from && tl.At(why.SinceUnixS-1).Open == why.Open) ||
			tl.At(why.SinceUnixS).UntilUnixS != want.UntilUnixS {
			t.Fatalf("since %d: %+v", why.SinceUnixS, why)
		}
	})
}
