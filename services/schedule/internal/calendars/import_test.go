package calendars_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/dayofweek"
	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/zones"
	"github.com/daysidehq/dayside/services/internal/zones/zonestest"
	"github.com/daysidehq/dayside/services/schedule/internal/calendars"
)

func bundle(t testing.TB) *zones.Bundle {
	t.Helper()
	b := zonestest.Embedded(t)
	return b
}

// file is one of all-day events: "UID FIRST SUMMARY", the day after the last where there is a second date.
func file(events ...string) []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	for _, e := range events {
		uid, rest, _ := strings.Cut(e, " ")
		dates, summary, _ := strings.Cut(rest, " ")
		first, end, long := strings.Cut(dates, "/")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:%s\r\n", uid, first)
		if long {
			fmt.Fprintf(&b, "DTEND;VALUE=DATE:%s\r\n", end)
		}
		fmt.Fprintf(&b, "SUMMARY:%s\r\nEND:VEVENT\r\n", summary)
	}
	b.WriteString("END:VCALENDAR\r\n")
	return []byte(b.String())
}

func request(source string, events ...string) *schedulev1.ImportCalendarRequest {
	return &schedulev1.ImportCalendarRequest{
		Name: "calendars/test", DisplayName: "Test", Ics: file(events...), Source: source, TimeZone: "Europe/Dublin",
	}
}

// lines are the entries of a calendar, in its order.
func lines(t *testing.T, c *schedulev1.Calendar) (list []string) {
	t.Helper()
	read, wrong := calendars.Read(c)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for _, e := range read.Entries {
		list = append(list, e.String()+" "+e.Says())
	}
	return list
}

// noon is that of a day in UTC.
func noon(t *testing.T, text string) time.Time {
	t.Helper()
	d := day(t, text)
	return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC)
}

// mustImport imports on a day.
func mustImport(t *testing.T, stored *schedulev1.Calendar, r *schedulev1.ImportCalendarRequest, today string) *schedulev1.Calendar {
	t.Helper()
	c, err := calendars.Import(stored, r, bundle(t), noon(t, today))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestImport goes through the life of a calendar: made by an import, added to by hand, imported again with an event gone,
// one moved and one new, and from another source.
func TestImport(t *testing.T) {
	c := mustImport(t, nil, request("ie.ics", "1 20261225 Christmas Day", "2 20270101 New Year's Day", "3 20261020 Long ago"), "2026-11-22")
	want := []string{
		`2026-12-25 "Christmas Day" (imported from ie.ics, UID 1) closed`,
		`2027-01-01 "New Year's Day" (imported from ie.ics, UID 2) closed`,
	}
	if got := lines(t, c); !slices.Equal(got, want) || c.GetName() != "calendars/test" || c.GetDisplayName() != "Test" {
		t.Fatalf("made: %q as %s\nwant %q", got, c.GetDisplayName(), want)
	}
	c.Entries = append(c.Entries, entry(on(2026, 12, 24), half, "Christmas Eve", span(9, 12)))
	c.DisplayName = "Renamed"
	typed := `2026-12-24 "Christmas Eve" (typed) half day 09:00-12:00`

	again := request("ie.ics", "1 20261225/20261227 Christmas", "4 20270317 Saint Patrick's Day")
	c = mustImport(t, c, again, "2026-11-22")
	want = []string{
		typed, `2026-12-25 to 2026-12-26 "Christmas" (imported from ie.ics, UID 1) closed`,
		`2027-03-17 "Saint Patrick's Day" (imported from ie.ics, UID 4) closed`,
	}
	if got := lines(t, c); !slices.Equal(got, want) || c.GetDisplayName() != "Renamed" {
		t.Fatalf("again: %q as %s\nwant %q", got, c.GetDisplayName(), want)
	}
	if same := mustImport(t, c, again, "2026-11-22"); !proto.Equal(same, c) {
		t.Errorf("the same file once more: %v\nwant %v", lines(t, same), lines(t, c))
	}
	c = mustImport(t, c, request("company.ics", "9 20270402 Founder's Day"), "2026-11-22")
	want = append(want, `2027-04-02 "Founder's Day" (imported from company.ics, UID 9) closed`)
	if got := lines(t, c); !slices.Equal(got, want) {
		t.Errorf("another source: %q\nwant %q", got, want)
	}
	// On the second day of an event, and years later: what was stays as it was, and no event is cut.
	for _, today := range []string{"2026-12-26", "2031-05-05"} {
		later := mustImport(t, c, again, today)
		got, wanted := lines(t, later), slices.Clone(want)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("on %s: %q\nwant %q", today, got, wanted)
		}
	}
}

// TestImportOfEventsThatOverlap: on a date on which one event has ended and another that overlaps it goes on, both stay as
// they were, whichever comes first.
func TestImportOfEventsThatOverlap(t *testing.T) {
	for _, events := range [][]string{
		{"1 20261220/20261225 Before", "2 20261224/20261227 Christmas"}, {"2 20261224/20261227 Christmas", "1 20261220/20261225 Before"},
	} {
		r := request("ie.ics", events...)
		c := mustImport(t, nil, r, "2026-11-22")
		if again := mustImport(t, c, r, "2026-12-25"); !proto.Equal(again, c) {
			t.Errorf("%q\nbecame %q", lines(t, c), lines(t, again))
		}
	}
}

// TestImportContradicts: what the file says against an entry from elsewhere is an error that names both and says what to
// do; two events of the file against each other are told of too. Nothing else is an error.
func TestImportContradicts(t *testing.T) {
	stored := of(entry(on(2026, 12, 24), half, "Christmas Eve", span(9, 12)), entry(on(2026, 12, 25), closed, "Christmas"))
	_, err := calendars.Import(stored, request("ie.ics", "1 20261224/20261227 Feast"), bundle(t), noon(t, "2026-11-22"))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, part := range []string{
		`ics: `, `2026-12-24 to 2026-12-26`, `Feast`, `(imported from ie.ics, UID 1)`, `says closed of 2026-12-24`,
		`2026-12-24 "Christmas Eve" (typed) says half day 09:00-12:00`, `change or remove that entry, or import into another calendar`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v\ndoes not say %q", err, part)
		}
	}
	if len(stored.GetEntries()) != 2 {
		t.Error("the stored calendar was changed")
	}
	if _, err := calendars.Import(stored, request("ie.ics", "1 20261225 Christmas Day"), bundle(t), noon(t, "2026-11-22")); err != nil {
		t.Errorf("two entries that agree: %v", err)
	}
}

// TestImportMeaning: all-day events may be worked days, and events with times may close their dates or be hours.
func TestImportMeaning(t *testing.T) {
	r := request("cn.ics", "1 20270213 for Spring Festival")
	r.AllDay = like(entry(nil, worked, "not looked at"), dayofweek.DayOfWeek_FRIDAY)
	if got, want := lines(t, mustImport(t, nil, r, "2026-11-22")),
		[]string{`2027-02-13 "for Spring Festival" (imported from cn.ics, UID 1) worked as on Friday`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	eve := strings.NewReplacer("DTSTART;VALUE=DATE:20261224", "DTSTART;TZID=GMT Standard Time:20261224T090000",
		"SUMMARY", "DURATION:PT3H\r\nSUMMARY").Replace(string(file("1 20261224 Eve")))
	for timed, want := range map[schedulev1.ImportCalendarRequest_Timed]string{
		schedulev1.ImportCalendarRequest_TIMED_UNSPECIFIED: "",
		schedulev1.ImportCalendarRequest_TIMED_REFUSE:      "",
		schedulev1.ImportCalendarRequest_TIMED_CLOSE:       `2026-12-24 "Eve" (imported from x.ics, UID 1) closed`,
		schedulev1.ImportCalendarRequest_TIMED_OPEN:        `2026-12-24 "Eve" (imported from x.ics, UID 1) special hours 09:00-12:00`,
	} {
		r := request("x.ics")
		r.Ics, r.Timed = []byte(eve), timed
		c, err := calendars.Import(nil, r, bundle(t), noon(t, "2026-11-22"))
		switch {
		case want == "" && (err == nil || !strings.Contains(err.Error(), `ics: event "1"`)):
			t.Errorf("%v: %v, want an error that names the event", timed, err)
		case want != "" && err != nil:
			t.Errorf("%v: %v", timed, err)
		case want != "" && !slices.Equal(lines(t, c), []string{want}):
			t.Errorf("%v: %q, want %q", timed, lines(t, c), want)
		}
	}
}

// TestImportDates: without dates an import goes from today for two years, and it may go for ten.
func TestImportDates(t *testing.T) {
	every := string(file("1 20200229 Leap day"))
	every = strings.Replace(every, "SUMMARY", "RRULE:FREQ=DAILY;UNTIL=21991231\r\nSUMMARY", 1)
	for _, c := range []struct {
		what, today string
		change      func(*schedulev1.ImportCalendarRequest)
		dates       int
		broken      string
	}{
		{"two years, one of them leap", "2027-11-22", func(*schedulev1.ImportCalendarRequest) {}, 732, ""},
		{"from 29 February to 1 March", "2028-02-29", func(*schedulev1.ImportCalendarRequest) {}, 732, ""},
		{"no further than 2100", "2100-12-30", func(*schedulev1.ImportCalendarRequest) {}, 2, ""},
		{"one date", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.FirstDate, r.LastDate = on(2027, 1, 1), on(2027, 1, 1) }, 1, ""},
		{"ten years", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.LastDate = on(2036, 11, 22) }, 3654, ""},
		{"a day more", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.LastDate = on(2036, 11, 23) }, 0, "last_date"},
		{"backwards", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.LastDate = on(2026, 11, 21) }, 0, "last_date"},
		{"from 30 February", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.FirstDate = on(2027, 2, 30) }, 0, "first_date"},
		{"from 1969", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.FirstDate = on(1969, 12, 31) }, 0, "first_date"},
		{"no zone", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.TimeZone = "" }, 0, "time_zone"},
		{"a zone that does not exist", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.TimeZone = "Mars/Olympus" }, 0, "time_zone"},
		{"no source", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.Source = "" }, 0, "source"},
		{"no file", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.Ics = nil }, 0, "ics"},
		{"more than 2 MiB", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.Ics = make([]byte, 2<<20+1) }, 0, "ics"},
		{"50 MB", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.Ics = make([]byte, 50_000_000) }, 0, "ics"},
		{"a page", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.Ics = []byte("<html>") }, 0, "ics: line 1"},
		{"all day, in half", "2026-11-22", func(r *schedulev1.ImportCalendarRequest) { r.AllDay = entry(nil, half, "") }, 0, "all_day.spans"},
	} {
		r := request("x.ics")
		r.Ics = []byte(every)
		c.change(r)
		got, err := calendars.Import(nil, r, bundle(t), noon(t, c.today))
		if c.broken != "" {
			if err == nil || !strings.Contains(err.Error(), "invalid: "+c.broken+":") {
				t.Errorf("%s: %v, want %s refused", c.what, err, c.broken)
			}
			continue
		}
		if err != nil || len(got.GetEntries()) != c.dates {
			t.Errorf("%s: %d entries, %v; want %d", c.what, len(got.GetEntries()), err, c.dates)
		}
	}
}

// TestImportBeginsTodayWhereTheZoneIs: it is the 22nd in Los Angeles and the 23rd in Auckland at once.
func TestImportBeginsTodayWhereTheZoneIs(t *testing.T) {
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for zone, want := range map[string]int{"America/Los_Angeles": 2, "Pacific/Auckland": 1} {
		r := request("x.ics", "1 20261122 Today there", "2 20261123 Today elsewhere")
		r.TimeZone = zone
		if c, err := calendars.Import(nil, r, bundle(t), at); err != nil || len(c.GetEntries()) != want {
			t.Errorf("%s: %v, %v; want %d entries", zone, c.GetEntries(), err, want)
		}
	}
}

// TestDiff: two calendars, and what one line says of each kind of difference.
func TestDiff(t *testing.T) {
	a := of(entry(on(2026, 12, 24), half, "Eve", span(9, 12)), entry(on(2026, 12, 25), closed, "Xmas"), entry(on(2027, 1, 1), closed, "New Year"))
	b := of(lasting(entry(on(2026, 12, 24), closed, "Christmas"), on(2026, 12, 26)))
	changes, err := calendars.Diff(a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"KIND_CHANGED ~ 2026-12-24 Eve: half day 09:00-12:00 -> Christmas: closed",
		"KIND_RENAMED ~ 2026-12-25 Xmas: closed -> Christmas: closed",
		"KIND_ADDED + 2026-12-26 Christmas: closed",
		"KIND_REMOVED - 2027-01-01 New Year: closed",
	}
	var got []string
	for i, c := range changes {
		got = append(got, c.GetKind().String()+" "+c.GetSentence())
		if (c.GetBefore() == nil) != (i == 2) || (c.GetAfter() == nil) != (i == 3) {
			t.Errorf("%s: before %v, after %v", c.GetSentence(), c.GetBefore(), c.GetAfter())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	_, err = calendars.Diff(of(entry(on(2027, 2, 29), closed, "")), of(entry(nil, closed, "")))
	if err == nil || !strings.Contains(err.Error(), "before_calendar.entries[0].date") || !strings.Contains(err.Error(), "after_calendar.entries[0].date") {
		t.Errorf("two broken ones: %v", err)
	}
}

// TestSeed: what is computed is a calendar that can be created as it is, marked to be reviewed, with its doubts.
func TestSeed(t *testing.T) {
	for _, c := range []struct {
		r       *schedulev1.SeedCalendarRequest
		first   string // of its entries
		entries int
		doubts  string
	}{
		{&schedulev1.SeedCalendarRequest{Place: "IE"}, `2026-01-01 "New Year's Day"`, 20, ""},
		{&schedulev1.SeedCalendarRequest{Place: "NZ", FirstYear: 2027, LastYear: 2027}, `2027-01-01 "New Year's Day"`, 10, "Matariki"},
	} {
		got, err := calendars.Seed(c.r, 2026)
		if err != nil {
			t.Fatal(err)
		}
		list := lines(t, got.GetCalendar())
		if !strings.HasPrefix(list[0], c.first) || len(list) < c.entries || !strings.Contains(got.GetDoubts(), c.doubts) {
			t.Errorf("%v: %d entries from %s, doubts %q", c.r, len(list), list[0], got.GetDoubts())
		}
		for _, e := range got.GetCalendar().GetEntries() {
			if p := e.GetProvenance(); !p.GetReview() || p.GetOrigin() != schedulev1.Provenance_ORIGIN_SEEDED || p.GetSource() == "" {
				t.Fatalf("%v is not marked", e)
			}
		}
		if created := of(got.GetCalendar().GetEntries()...); calendars.Check(created) != nil {
			t.Error(calendars.Check(created))
		}
	}
	if got, err := calendars.Seed(&schedulev1.SeedCalendarRequest{}, 2026); err != nil || !slices.Contains(got.GetPlaces(), "AU-NSW") {
		t.Errorf("places: %v, %v", got, err)
	}
	for _, r := range []*schedulev1.SeedCalendarRequest{
		{Place: "CN"}, {Place: "IE", FirstYear: 2027, LastYear: 2026}, {Place: "IE", FirstYear: 2027, LastYear: 2038},
		{Place: "IE", FirstYear: 1969}, {Place: "IE", FirstYear: 2100, LastYear: 2101}, {Place: "IE", FirstYear: -1 << 31, LastYear: 1<<31 - 1},
	} {
		if _, err := calendars.Seed(r, 2026); err == nil {
			t.Errorf("%v was taken", r)
		}
	}
}

// TestEndlessEventsNeedALastDate: without one, nobody would be told that a yearly holiday ends with the import.
func TestEndlessEventsNeedALastDate(t *testing.T) {
	endless := request("feed.ics", "xmas 20261225 Christmas Day\r\nRRULE:FREQ=YEARLY")
	_, err := calendars.Import(nil, endless, bundle(t), noon(t, "2026-11-22"))
	if err == nil || !strings.Contains(err.Error(), "xmas") || !strings.Contains(err.Error(), "RRULE") ||
		!strings.Contains(err.Error(), "COUNT or UNTIL") {
		t.Errorf("no last date: %v; want the event, its rule and what is missing", err)
	}
	endless.LastDate = &date.Date{Year: 2029, Month: 12, Day: 31}
	if got := lines(t, mustImport(t, nil, endless, "2026-11-22")); len(got) != 4 {
		t.Errorf("up to the end of 2029: %q, want four Christmases", got)
	}
	for _, end := range []string{";COUNT=2", ";UNTIL=20271225"} {
		r := request("feed.ics", "xmas 20261225 Christmas Day\r\nRRULE:FREQ=YEARLY"+end)
		if got := lines(t, mustImport(t, nil, r, "2026-11-22")); len(got) != 2 {
			t.Errorf("%s: %q, want two", end, got)
		}
	}
}
