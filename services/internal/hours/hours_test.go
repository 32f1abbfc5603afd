package hours_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

func span(t testing.TB, s string) hours.Span {
	t.Helper()
	sp, err := hours.ParseSpan("span", s)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func spans(t testing.TB, list ...string) (out []hours.Span) {
	t.Helper()
	for _, s := range list {
		out = append(out, span(t, s))
	}
	return out
}

func date(t testing.TB, s string) hours.Date {
	t.Helper()
	d, err := hours.ParseDate("date", s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseSpan(t *testing.T) {
	for in, want := range map[string]hours.Span{
		"09:00-17:30":       {OpenS: 9 * 3600, CloseS: 17*3600 + 1800},
		"22:00-06:00":       {OpenS: 22 * 3600, CloseS: 6 * 3600},
		"00:00-24:00":       {OpenS: 0, CloseS: 86400},
		"16:00-00:00":       {OpenS: 16 * 3600, CloseS: 0},
		"09:00:01-23:59:59": {OpenS: 9*3600 + 1, CloseS: 86399},
	} {
		if got := span(t, in); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
		if got := want.String(); got != in {
			t.Errorf("%+v is written %s, want %s", want, got, in)
		}
	}
	for in, rule := range map[string]string{
		"": "OPEN-CLOSE", "09:00": "OPEN-CLOSE", "9:00-17:00": "must open", "24:00-06:00": "must open",
		"09:60-17:00": "must open", "09:00-24:01": "must close", "09:00-25:00": "must close", "09:00-17": "must close",
		"09:00-17:00-18:00": "must close", "09:00 - 17:00": "must open", "09:00–17:00": "OPEN-CLOSE",
		"-1:00-17:00":    "must open",
		"09:00-17:00:60": "must close", "٠٩:٠٠-١٧:٠٠": "must open", "09:00-9 AM": "must close",
	} {
		_, err := hours.ParseSpan("weekly_hours.mon[0]", in)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%q: %v, want INVALID_FIELD", in, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, "weekly_hours.mon[0]") || !strings.Contains(text, in) ||
			!strings.Contains(text, rule) {
			t.Errorf("%q: %q does not name field, value and %q", in, text, rule)
		}
	}
}

func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"09:00-17:30", "22:00-06:00", "00:00-24:00", "09:00:01-00:00", "9-5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sp, err := hours.ParseSpan("span", s)
		if err != nil {
			return
		}
		again, err := hours.ParseSpan("span", sp.String())
		if err != nil || again != sp {
			t.Fatalf("%q is %+v, whose own form %q is %+v, %v", s, sp, sp.String(), again, err)
		}
	})
}

func TestParseDate(t *testing.T) {
	if got := date(t, "2028-02-29"); got != (hours.Date{Year: 2028, Month: 2, Day: 29}) || got.String() != "2028-02-29" {
		t.Errorf("%v", got)
	}
	for _, in := range []string{
		"", "2027-02-29", "2026-13-01", "2026-1-1", "0000-01-01", "24.12.2026", "2026-12-24T00:00:00Z",
	} {
		if _, err := hours.ParseDate("date", in); fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
			t.Errorf("%q: %v, want INVALID_FIELD", in, err)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2026-12-24")
	f.Add("2027-02-29")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := hours.ParseDate("date", s); err == nil && d.String() != s {
			t.Fatalf("%q is %v", s, d)
		}
	})
}

func TestValidate(t *testing.T) {
	week := func(mon, tue string) (h hours.Hours) {
		h.Weekly[time.Monday] = spans(t, strings.Fields(mon)...)
		h.Weekly[time.Tuesday] = spans(t, strings.Fields(tue)...)
		return h
	}
	with := func(h hours.Hours, change func(*hours.Hours)) hours.Hours { change(&h); return h }
	christmas := date(t, "2026-12-25")
	for _, c := range []struct {
		what   string
		h      hours.Hours
		broken []string // field: value, of each violation
	}{
		{"nothing is always closed", hours.Hours{}, nil},
		{"two spans", week("09:00-12:30 13:30-17:00", ""), nil},
		{"touching within a day", week("09:00-12:00 12:00-17:00", ""), nil},
		{"touching over midnight", week("22:00-06:00", "06:00-14:00"), nil},
		{"touching at midnight", week("16:00-24:00", "00:00-08:00"), nil},
		{"ended at 00:00", week("16:00-00:00", "00:00-08:00"), nil},
		{"open always", week("00:00-24:00", "00:00-24:00"), nil},
		{"zero length", week("09:00-09:00", ""), []string{"site.weekly_hours.mon[0]: 09:00-09:00"}},
		{"zero length at midnight", week("00:00-00:00", ""), []string{"site.weekly_hours.mon[0]: 00:00-00:00"}},
		{"overlapping", week("09:00-13:00 12:00-18:00", ""), []string{"site.weekly_hours.mon[1]: 12:00-18:00"}},
		{"descending", week("13:00-18:00 09:00-12:00", ""), []string{"site.weekly_hours.mon[1]: 09:00-12:00"}},
		{"two nights", week("20:00-02:00 22:00-04:00", ""), []string{"site.weekly_hours.mon[1]: 22:00-04:00"}},
		{"over midnight into the next day", week("22:00-06:00", "05:00-14:00"),
			[]string{"site.weekly_hours.tue[0]: 05:00-14:00"}},
		{"from Sunday into Monday", with(week("05:59-06:30", ""), func(h *hours.Hours) {
			h.Weekly[time.Sunday] = spans(t, "22:00-06:00")
		}), []string{"site.weekly_hours.mon[0]: 05:59-06:30"}},
		{"beyond the clock", hours.Hours{Weekly: [7][]hours.Span{
			time.Monday: {{OpenS: 90000, CloseS: 3600}, {OpenS: 100000, CloseS: 90000}},
		}}, []string{"site.weekly_hours.mon[0]: 25:00-01:00", "site.weekly_hours.mon[1]: 27:46:40-25:00"}},
		{"25 spans a day", hours.Hours{Weekly: [7][]hours.Span{time.Sunday: make([]hours.Span, 25)}},
			[]string{"site.weekly_hours.sun[24]: 25"}},
		{"a holiday and an exception for one date", hours.Hours{
			Exceptions: []hours.Exception{{Date: christmas}}, Holidays: []hours.Holiday{{Date: christmas}},
		}, []string{"site.holidays[0].date: 2026-12-25"}},
		{"two exceptions for one date", hours.Hours{Exceptions: []hours.Exception{{Date: christmas}, {Date: christmas}}},
			[]string{"site.exceptions[1].date: 2026-12-25"}},
		{"29 February 2027", hours.Hours{Holidays: []hours.Holiday{{Date: hours.Date{Year: 2027, Month: 2, Day: 29}}}},
			[]string{"site.holidays[0].date: 2027-02-29"}},
		{"before 1970, and after 2100", hours.Hours{
			Exceptions: []hours.Exception{{Date: date(t, "1969-12-31")}}, Holidays: []hours.Holiday{{Date: date(t, "2101-01-01")}},
		}, []string{"site.exceptions[0].date: 1969-12-31", "site.holidays[0].date: 2101-01-01"}},
		{"no date", hours.Hours{Exceptions: []hours.Exception{{}}}, []string{"site.exceptions[0].date: 0000-00-00"}},
		{"overlapping in an exception", hours.Hours{Exceptions: []hours.Exception{
			{Date: christmas, Spans: spans(t, "09:00-12:00", "11:00-13:00")},
		}}, []string{"site.exceptions[0].spans[1]: 11:00-13:00"}},
		{"an unknown mode", hours.Hours{Exceptions: []hours.Exception{{Date: christmas, Mode: 7}}},
			[]string{"site.exceptions[0].mode: 7"}},
		{"a date twice in one calendar", hours.Hours{Calendars: []hours.Calendar{
			{Name: "a", Days: []hours.CalendarDay{{Date: christmas}, {Date: christmas}}},
			{Name: "b", Days: []hours.CalendarDay{{Date: christmas}}},
		}}, []string{"site.calendars[0].days[1].date: 2026-12-25"}},
		{"an eighth weekday, and a weekday besides spans", hours.Hours{Calendars: []hours.Calendar{
			{Name: "a", Days: []hours.CalendarDay{
				{Date: christmas, LikeISOWeekday: 8},
				{Date: christmas.AddDays(1), LikeISOWeekday: 1, Spans: spans(t, "09:00-12:00")},
			}},
		}}, []string{"site.calendars[0].days[0].like_iso_weekday: 8", "site.calendars[0].days[1].like_iso_weekday: 1"}},
		{"17 calendars", hours.Hours{Calendars: make([]hours.Calendar, 17)}, []string{"site.calendars: 17"}},
		{"a long name", hours.Hours{Holidays: []hours.Holiday{{Date: christmas, Name: strings.Repeat("x", 101)}}},
			[]string{"site.holidays[0].display_name: " + strings.Repeat("x", 101)}},
	} {
		var got []string
		for _, v := range hours.Validate("site.", c.h) {
			got = append(got, v.Field+": "+v.Value)
			if v.Rule == "" {
				t.Errorf("%s: no rule", c.what)
			}
		}
		if !slices.Equal(got, c.broken) {
			t.Errorf("%s: broken %q, want %q", c.what, got, c.broken)
		}
	}
}

func TestRulesSayWhatOpened(t *testing.T) {
	h := hours.Hours{
		Exceptions: []hours.Exception{
			{Date: date(t, "2026-12-24"), Spans: spans(t, "09:00-12:00"), Name: "Christmas Eve"},
			{Date: date(t, "2026-12-27"), Spans: spans(t, "10:00-11:00")},
		},
		Holidays: []hours.Holiday{{Date: date(t, "2026-12-25"), Name: "Christmas Day"}},
	}
	for _, d := range []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday} {
		h.Weekly[d] = spans(t, "09:00-17:00")
	}
	from := time.Date(2026, 12, 23, 0, 0, 0, 0, time.UTC).Unix()
	tl, err := hours.Compile(h, zone(t, bundle(t), "Europe/Dublin"), from, from+6*86400)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for iv, rule := range tl.Within(tl.Horizon()) {
		got = append(got, time.Unix(iv.OpenUnixS, 0).UTC().Format("02 15:04 ")+rule)
	}
	want := []string{
		"23 09:00 weekly hours, Wed 09:00-17:00",
		"24 09:00 exception 2026-12-24 (Christmas Eve): 09:00-12:00",
		"27 10:00 exception 2026-12-27: 10:00-11:00",
		"28 09:00 weekly hours, Mon 09:00-17:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCalendarsDecideInOrder: exception, then holiday, then the first calendar with the date, then weekly hours.
func TestCalendarsDecideInOrder(t *testing.T) {
	on := func(s string, like int, open ...string) hours.CalendarDay {
		return hours.CalendarDay{Date: date(t, s), LikeISOWeekday: like, Spans: spans(t, open...), Name: "N"}
	}
	h := hours.Hours{
		Exceptions: []hours.Exception{{Date: date(t, "2027-02-01"), Spans: spans(t, "01:00-02:00")}},
		Holidays:   []hours.Holiday{{Date: date(t, "2027-02-02")}},
		Calendars: []hours.Calendar{
			{Name: "first", Days: []hours.CalendarDay{
				on("2027-02-06", 5), on("2027-02-04", 0), on("2027-02-03", 0, "03:00-04:00"), on("2027-02-02", 0, "05:00-06:00"),
			}},
			{Name: "second", Days: []hours.CalendarDay{
				on("2027-02-01", 0), on("2027-02-04", 0, "07:00-08:00"), on("2027-02-05", 7), on("2027-02-07", 0, "22:00-02:00"),
			}},
		},
	}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Weekly[d] = spans(t, "09:00-17:00")
	}
	h.Weekly[time.Friday] = spans(t, "09:00-15:00")
	from := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC).Unix() // a Monday
	tl, err := hours.Compile(h, hours.Zone{Location: time.UTC}, from, from+8*86400)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for iv, rule := range tl.Within(tl.Horizon()) {
		got = append(got, time.Unix(iv.OpenUnixS, 0).UTC().Format("02 ")+rule)
	}
	want := []string{
		"01 exception 2027-02-01: 01:00-02:00", // though the second calendar is closed
		// 02: the site's holiday, though the first calendar opens
		"03 calendar first 2027-02-03 (N): 03:00-04:00",
		// 04: closed by the first calendar, though the second one opens; 05: like a Sunday, which is closed
		"06 calendar first 2027-02-06 (N): 09:00-15:00", // a Saturday worked as a Friday
		"07 calendar second 2027-02-07 (N): 22:00-02:00",
		"08 weekly hours, Mon 09:00-17:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCompileTakesTheFullest: hours at every limit still make a timeline.
func TestCompileTakesTheFullest(t *testing.T) {
	var full []hours.Span
	for i := range 24 {
		full = append(full, hours.Span{OpenS: i * 3600, CloseS: i*3600 + 1800})
	}
	var h hours.Hours
	for d := range h.Weekly {
		h.Weekly[d] = full
	}
	from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		y, m, d := from.AddDate(0, 0, i-300).Date()
		h.Exceptions = append(h.Exceptions, hours.Exception{
			Date: hours.Date{Year: y, Month: m, Day: d}, Spans: full, Mode: hours.Clip, Name: strings.Repeat("ü", 100),
		})
	}
	if broken := hours.Validate("", h); len(broken) != 0 {
		t.Fatal(broken)
	}
	if _, err := hours.Compile(h, zone(t, bundle(t), "Antarctica/Troll"), from.Unix(), from.Unix()+402*86400); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCompile400Days(b *testing.B) {
	var h hours.Hours
	for _, d := range []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday} {
		h.Weekly[d] = spans(b, "09:00-12:30", "13:30-17:00")
	}
	from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for i := range 20 {
		y, m, d := from.AddDate(0, 0, i*19).Date()
		h.Exceptions = append(h.Exceptions, hours.Exception{Date: hours.Date{Year: y, Month: m, Day: d}, Mode: hours.Clip})
	}
	for _, name := range []string{"Europe/Dublin", "Asia/Kolkata", "Africa/Casablanca"} {
		b.Run(strings.ReplaceAll(name, "/", "_"), func(b *testing.B) {
			z := zone(b, bundle(b), name)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := hours.Compile(h, z, from.Unix(), from.Unix()+402*86400); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
