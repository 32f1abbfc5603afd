package calendars_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/dayofweek"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
	"github.com/daysidehq/dayside/services/schedule/internal/calendars"
)

const (
	closed  = schedulev1.CalendarEntry_VERDICT_CLOSED
	special = schedulev1.CalendarEntry_VERDICT_SPECIAL_HOURS
	half    = schedulev1.CalendarEntry_VERDICT_HALF_DAY
	worked  = schedulev1.CalendarEntry_VERDICT_WORKED
)

func day(t testing.TB, text string) hours.Date {
	t.Helper()
	d, err := hours.ParseDate("date", text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// on is the message of a date, also of one that does not exist.
func on(year, month, day int32) *date.Date { return &date.Date{Year: year, Month: month, Day: day} }

func span(fromH, toH int32) *schedulev1.Span {
	return &schedulev1.Span{Open: &timeofday.TimeOfDay{Hours: fromH}, Close: &timeofday.TimeOfDay{Hours: toH}}
}

func entry(d *date.Date, v schedulev1.CalendarEntry_Verdict, name string, spans ...*schedulev1.Span) *schedulev1.CalendarEntry {
	return &schedulev1.CalendarEntry{Date: d, Verdict: v, DisplayName: name, Spans: spans}
}

func lasting(e *schedulev1.CalendarEntry, last *date.Date) *schedulev1.CalendarEntry {
	e.LastDate = last
	return e
}

func like(e *schedulev1.CalendarEntry, d dayofweek.DayOfWeek) *schedulev1.CalendarEntry {
	e.LikeWeekday = d
	return e
}

func of(entries ...*schedulev1.CalendarEntry) *schedulev1.Calendar {
	return &schedulev1.Calendar{Name: "calendars/test", DisplayName: "Test", Entries: entries}
}

// TestReadNamesWhatIsBroken: every kind of bad calendar is refused by the path of its field, and a rule in words.
func TestReadNamesWhatIsBroken(t *testing.T) {
	feb29 := func(year int32) *schedulev1.CalendarEntry { return entry(on(year, 2, 29), closed, "Leap") }
	eve := on(2026, 12, 24)
	for _, c := range []struct {
		what   string
		c      *schedulev1.Calendar
		broken []string // paths
		rule   string   // a part of the first one's
	}{
		{"nothing", of(), nil, ""},
		{"no name", &schedulev1.Calendar{}, []string{"display_name"}, "must not be empty"},
		{"an escape sequence", &schedulev1.Calendar{DisplayName: "\x1b[2J"}, []string{"display_name"}, "control characters"},
		{"no verdict", of(entry(eve, 0, "Eve")), nil, ""},
		{"no verdict, with hours", of(entry(eve, 0, "Eve", span(9, 12))), []string{"entries[0].spans"}, "empty where the entry is closed"},
		{"no date", of(entry(nil, closed, "")), []string{"entries[0].date"}, "with year, month and day"},
		{"a date of every year", of(entry(on(0, 12, 24), closed, "")), []string{"entries[0].date"}, "with year, month and day"},
		{"29 February 2028", of(feb29(2028)), nil, ""},
		{"29 February 2027", of(feb29(2027)), []string{"entries[0].date"}, "must be a date of the calendar"},
		{"29 February 2100", of(feb29(2100)), []string{"entries[0].date"}, "must be a date of the calendar"},
		{"31 December 1969", of(entry(on(1969, 12, 31), closed, "")), []string{"entries[0].date"}, "1970 to 2100"},
		{"1 January 2101", of(entry(on(2101, 1, 1), closed, "")), []string{"entries[0].date"}, "1970 to 2100"},
		{"until 2101", of(lasting(entry(on(2100, 12, 31), closed, ""), on(2101, 1, 1))), []string{"entries[0].last_date"}, "1970 to 2100"},
		{"the smallest and the largest of numbers", of(entry(on(-1<<31, -1<<31, -1<<31), closed, ""), entry(on(1<<31-1, 1<<31-1, 1<<31-1), closed, "")),
			[]string{"entries[0].date", "entries[1].date"}, "1970 to 2100"},
		{"backwards", of(lasting(entry(eve, closed, ""), on(2026, 12, 23))), []string{"entries[0].last_date"}, "before the first date"},
		{"two years", of(lasting(entry(eve, closed, ""), on(2028, 12, 24))), []string{"entries[0].last_date"}, "at most 366"},
		{"a span of no length", of(entry(eve, special, "", span(9, 9))), []string{"entries[0].spans[0]"}, "same time"},
		{"overlapping", of(entry(eve, special, "", span(9, 12), span(11, 13))), []string{"entries[0].spans[1]"}, "do not overlap"},
		{"25 o'clock", of(entry(eve, special, "", span(9, 12), span(13, 25))), []string{"entries[0].spans[1].close"}, "24:00:00"},
		{"no close", of(entry(eve, special, "", &schedulev1.Span{Open: &timeofday.TimeOfDay{}})), []string{"entries[0].spans[0].close"}, "required"},
		{"half a day of no hours", of(entry(eve, half, "")), []string{"entries[0].spans"}, "says which"},
		{"worked like no day", of(entry(eve, worked, "")), []string{"entries[0].spans"}, "either spans"},
		{"worked like Friday, and by spans", of(like(entry(eve, worked, "", span(9, 12)), dayofweek.DayOfWeek_FRIDAY)),
			[]string{"entries[0].spans"}, "either spans"},
		{"closed like Friday", of(like(entry(eve, closed, ""), dayofweek.DayOfWeek_FRIDAY)), []string{"entries[0].like_weekday"}, "worked date"},
		{"an eighth weekday", of(like(entry(eve, worked, ""), 8)), []string{"entries[0].like_weekday"}, "1 for Monday"},
		{"a verdict from the future", of(entry(eve, 9, "")), []string{"entries[0].verdict"}, "must be closed"},
		{"an origin from the future", of(&schedulev1.CalendarEntry{Date: eve, Provenance: &schedulev1.Provenance{Origin: 9}}),
			[]string{"entries[0].provenance.origin"}, "must be typed"},
		{"observes 30 February", of(&schedulev1.CalendarEntry{Date: eve, Observes: on(2027, 2, 30)}), []string{"entries[0].observes"}, "date of the calendar"},
		{"the same of one date, twice", of(lasting(entry(eve, closed, "Christmas"), on(2026, 12, 26)), entry(on(2026, 12, 25), 0, "Christmas Day")), nil, ""},
		{"two things of one date", of(lasting(entry(on(2026, 12, 23), closed, "Christmas"), on(2026, 12, 26)), entry(eve, half, "Christmas Eve", span(9, 12))),
			[]string{"entries[1]"}, `says half day 09:00-12:00 of 2026-12-24, of which entries[0], ` +
				`2026-12-23 to 2026-12-26 "Christmas" (typed), says closed`},
		{"5,001 entries", of(slices.Repeat([]*schedulev1.CalendarEntry{entry(eve, closed, "")}, 5001)...), []string{"entries"}, "at most 5000"},
		{"more bytes than etcd takes", of(slices.Repeat([]*schedulev1.CalendarEntry{
			{Date: eve, Verdict: closed, DisplayName: strings.Repeat("é", 100), Provenance: &schedulev1.Provenance{Uid: strings.Repeat("u", 255)}},
		}, 4000)...), []string{"entries"}, "bytes in all"},
	} {
		_, wrong := calendars.Read(c.c)
		var got []string
		for _, v := range wrong {
			got = append(got, v.Field)
		}
		if !slices.Equal(got, c.broken) {
			t.Errorf("%s: broken %q, want %q", c.what, got, c.broken)
		} else if len(wrong) > 0 && !strings.Contains(wrong[0].Rule, c.rule) {
			t.Errorf("%s: %q does not say %q", c.what, wrong[0].Rule, c.rule)
		}
		if err := calendars.Check(c.c); (err != nil) != (len(c.broken) > 0) ||
			(err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestThereAndBack: a calendar that is read and written is the same, but for what zero values mean.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &schedulev1.Calendar{DisplayName: "Random"}
		at := hours.Date{Year: 2026, Month: 1, Day: 1}
		for range rapid.IntRange(0, 10).Draw(t, "entries") {
			at = at.AddDays(rapid.IntRange(1, 400).Draw(t, "gap"))
			e := &schedulev1.CalendarEntry{
				Date: wallclock.WriteDate(at), DisplayName: rapid.StringMatching(`[A-Za-zé ]{0,20}`).Draw(t, "name"),
				Verdict: schedulev1.CalendarEntry_Verdict(rapid.Int32Range(1, 4).Draw(t, "verdict")),
				Provenance: &schedulev1.Provenance{
					Origin: schedulev1.Provenance_Origin(rapid.Int32Range(1, 3).Draw(t, "origin")),
					Source: rapid.StringMatching(`[a-z.]{0,9}`).Draw(t, "source"), Uid: rapid.StringMatching(`[a-z@]{0,9}`).Draw(t, "uid"),
					Review: rapid.Bool().Draw(t, "review"),
				},
			}
			switch e.Verdict { //nolint:exhaustive // the others have neither
			case worked:
				e.LikeWeekday = dayofweek.DayOfWeek(rapid.Int32Range(1, 7).Draw(t, "like"))
			case special, half:
				e.Spans = []*schedulev1.Span{span(8, 12), span(13, 24)}
			}
			if more := rapid.IntRange(0, 5).Draw(t, "more days"); more > 0 {
				at = at.AddDays(more)
				e.LastDate = wallclock.WriteDate(at)
			}
			if rapid.Bool().Draw(t, "observed") {
				e.Observes = wallclock.WriteDate(at.AddDays(3))
			}
			c.Entries = append(c.Entries, e)
		}
		read, wrong := calendars.Read(c)
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
		if again := calendars.Write(read); !proto.Equal(again, c) {
			t.Fatalf("%v\nbecame\n%v", c, again)
		}
	})
}

// opened compiles a site of Monday to Friday, 09:00 to 18:00, with calendars in an order, for the dates first to last.
func opened(t *testing.T, first, last string, list ...*schedulev1.Calendar) []string {
	t.Helper()
	from, to := day(t, first), day(t, last).AddDays(1)
	layers, err := calendars.LayersOf(list, from, to)
	if err != nil {
		t.Fatal(err)
	}
	h := hours.Hours{Calendars: layers}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Weekly[d] = []hours.Span{{OpenS: 9 * 3600, CloseS: 18 * 3600}}
	}
	loc := time.FixedZone("", 8*3600)
	tl, err := hours.Compile(h, hours.Zone{Location: loc}, hours.Begins(loc, from), hours.Begins(loc, to))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for iv, rule := range tl.Within(tl.Horizon()) {
		got = append(got, time.Unix(iv.OpenUnixS, 0).In(loc).Format("Mon 2006-01-02 15:04")+
			time.Unix(iv.CloseUnixS, 0).In(loc).Format("-15:04 ")+rule)
	}
	return got
}

// TestChinaInFebruary2027: a week of holidays, with the weekend days before and after it worked as other weekdays.
func TestChinaInFebruary2027(t *testing.T) {
	china := of(
		lasting(entry(on(2027, 2, 5), closed, "Spring Festival"), on(2027, 2, 11)),
		like(entry(on(2027, 2, 13), worked, "for Spring Festival"), dayofweek.DayOfWeek_FRIDAY),
		entry(on(2027, 2, 14), worked, "a short Sunday", span(10, 12)),
	)
	want := []string{
		"Thu 2027-02-04 09:00-18:00 weekly hours, Thu 09:00-18:00",
		"Fri 2027-02-12 09:00-18:00 weekly hours, Fri 09:00-18:00",
		"Sat 2027-02-13 09:00-18:00 calendar Test 2027-02-13 (for Spring Festival): 09:00-18:00",
		"Sun 2027-02-14 10:00-12:00 calendar Test 2027-02-14 (a short Sunday): 10:00-12:00",
		"Mon 2027-02-15 09:00-18:00 weekly hours, Mon 09:00-18:00",
	}
	if got := opened(t, "2027-02-04", "2027-02-15", china); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestAcrossTheYearsEnd: 1 January 2028 is a Saturday and observed on Friday 31 December 2027; an entry of several days
// goes from one year into the next; and of two calendars the first with a date decides.
func TestAcrossTheYearsEnd(t *testing.T) {
	observed := entry(on(2027, 12, 31), closed, "New Year's Day")
	observed.Observes = on(2028, 1, 1)
	us := of(observed, entry(on(2028, 1, 1), closed, "New Year's Day"))
	got := opened(t, "2027-12-30", "2028-01-03", us)
	want := []string{
		"Thu 2027-12-30 09:00-18:00 weekly hours, Thu 09:00-18:00", "Mon 2028-01-03 09:00-18:00 weekly hours, Mon 09:00-18:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("observed: got  %q\nwant %q", got, want)
	}
	company := of(lasting(entry(on(2027, 12, 29), half, "Year's end", span(9, 12)), on(2028, 1, 3)))
	company.DisplayName = "Company"
	got = opened(t, "2027-12-28", "2028-01-04", us, company)
	want = []string{
		"Tue 2027-12-28 09:00-18:00 weekly hours, Tue 09:00-18:00",
		"Wed 2027-12-29 09:00-12:00 calendar Company 2027-12-29 (Year's end): 09:00-12:00",
		"Thu 2027-12-30 09:00-12:00 calendar Company 2027-12-30 (Year's end): 09:00-12:00",
		"Sun 2028-01-02 09:00-12:00 calendar Company 2028-01-02 (Year's end): 09:00-12:00",
		"Mon 2028-01-03 09:00-12:00 calendar Company 2028-01-03 (Year's end): 09:00-12:00",
		"Tue 2028-01-04 09:00-18:00 weekly hours, Tue 09:00-18:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("in order: got  %q\nwant %q", got, want)
	}
}

func TestLayersOfABrokenCalendar(t *testing.T) {
	bad := of(entry(on(2027, 2, 29), closed, "Leap"))
	_, err := calendars.LayersOf([]*schedulev1.Calendar{of(), bad}, day(t, "2027-01-01"), day(t, "2027-12-31"))
	if err == nil || !strings.Contains(err.Error(), "calendars/test.entries[0].date") {
		t.Errorf("got %v", err)
	}
}

// TestClosedDates: a person's leave is what their calendar closes whole, within the dates that are asked for.
func TestClosedDates(t *testing.T) {
	c := of(
		lasting(entry(on(2027, 8, 2), closed, "Leave"), on(2027, 8, 5)),
		entry(on(2027, 7, 1), half, "Half a day of leave", span(9, 12)),
		like(entry(on(2027, 7, 3), worked, "A Saturday"), dayofweek.DayOfWeek_MONDAY),
		entry(on(2027, 7, 2), 0, "Leave"),
	)
	var got []string
	for _, d := range calendars.ClosedDates(c, day(t, "2027-07-01"), day(t, "2027-08-03")) {
		got = append(got, d.String())
	}
	if want := []string{"2027-07-02", "2027-08-02", "2027-08-03"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// BenchmarkLayer reads, checks and lays out a calendar of ten years for 400 days.
func BenchmarkLayer(b *testing.B) {
	c := of()
	first := day(b, "2026-11-20")
	for n := range 200 {
		c.Entries = append(c.Entries, entry(wallclock.WriteDate(first.AddDays(18*n-400)), closed, "Holiday"))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := calendars.Layer(c, first, first.AddDays(402)); err != nil {
			b.Fatal(err)
		}
	}
}
