package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/hours"
)

func date(t testing.TB, s string) hours.Date {
	t.Helper()
	d, err := hours.ParseDate("date", s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func spans(t testing.TB, list ...string) (out []hours.Span) {
	t.Helper()
	for _, s := range list {
		sp, err := hours.ParseSpan("span", s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sp)
	}
	return out
}

// entry is one typed by anna, closed where no hours are given.
func entry(t testing.TB, name, first, last string, open ...string) calendar.Entry {
	t.Helper()
	e := calendar.Entry{
		First: date(t, first), Verdict: calendar.Closed, Name: name, Spans: spans(t, open...),
		Provenance: calendar.Provenance{Origin: calendar.Typed, Source: "anna"},
	}
	if last != "" {
		e.Last = date(t, last)
	}
	if len(open) > 0 {
		e.Verdict = calendar.SpecialHours
	}
	return e
}

func worked(e calendar.Entry, like int) calendar.Entry {
	e.Verdict, e.LikeISOWeekday = calendar.Worked, like
	return e
}

// TestChinaInFebruary2027 compiles a holiday of a week with a Saturday that is worked instead, for two sites that have
// different hours and use one calendar.
func TestChinaInFebruary2027(t *testing.T) {
	c := calendar.Calendar{Name: "china", Entries: []calendar.Entry{
		entry(t, "Spring Festival", "2027-02-05", "2027-02-11"),
		worked(entry(t, "Spring Festival, made up for", "2027-02-13", ""), 5),
	}}
	if broken := calendar.Validate("", c); len(broken) > 0 {
		t.Fatal(broken)
	}
	for open, want := range map[string][]string{
		"09:00-18:00": {"Thu 04 09:00", "Fri 12 09:00", "Sat 13 09:00", "Mon 15 09:00"},
		"08:00-16:00": {"Thu 04 08:00", "Fri 12 08:00", "Sat 13 08:00", "Mon 15 08:00"},
	} {
		h := hours.Hours{Calendars: []hours.Calendar{c.Layer(date(t, "2027-01-01"), date(t, "2027-12-31"))}}
		for d := time.Monday; d <= time.Friday; d++ {
			h.Weekly[d] = spans(t, open)
		}
		loc := time.FixedZone("", 8*3600)
		from := time.Date(2027, 2, 4, 0, 0, 0, 0, loc).Unix()
		tl, err := hours.Compile(h, hours.Zone{Location: loc}, from, from+12*86400)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for iv := range tl.Within(tl.Horizon()) {
			got = append(got, time.Unix(iv.OpenUnixS, 0).In(loc).Format("Mon 02 15:04"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", open, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	observed := entry(t, "New Year's Day", "2027-12-31", "")
	observed.Observes = date(t, "2028-01-01")
	unknown := entry(t, "Odd", "2027-01-01", "")
	unknown.Verdict, unknown.Provenance.Origin = 9, 9
	christmas := entry(t, "Christmas", "2026-12-24", "2026-12-26")
	of := func(d hours.Date) calendar.Entry { e := entry(t, "Day", "2027-01-01", ""); e.First = d; return e }
	for _, c := range []struct {
		what    string
		entries []calendar.Entry
		broken  []string // "field: value" of each violation
		rule    string   // a part of the first one's
	}{
		{"nothing", nil, nil, ""},
		{"an observed day of the year before", []calendar.Entry{observed}, nil, ""},
		{"29 February of a leap year", []calendar.Entry{entry(t, "Leap", "2028-02-29", "")}, nil, ""},
		{"29 February of another", []calendar.Entry{of(hours.Date{Year: 2027, Month: 2, Day: 29})},
			[]string{"entries[0].date: 2027-02-29"}, "date of the calendar"},
		{"29 February 2100", []calendar.Entry{of(hours.Date{Year: 2100, Month: 2, Day: 29})},
			[]string{"entries[0].date: 2100-02-29"}, "date of the calendar"},
		{"no date", []calendar.Entry{of(hours.Date{})}, []string{"entries[0].date: 0000-00-00"}, "date of the calendar"},
		{"1969", []calendar.Entry{entry(t, "Old", "1969-12-31", "")}, []string{"entries[0].date: 1969-12-31"}, "1970 to 2100"},
		{"2101", []calendar.Entry{entry(t, "New", "2101-01-01", "")}, []string{"entries[0].date: 2101-01-01"}, "1970 to 2100"},
		{"backwards", []calendar.Entry{entry(t, "Back", "2027-01-02", "2027-01-01")},
			[]string{"entries[0].last_date: 2027-01-01"}, "before the first date"},
		{"366 dates", []calendar.Entry{entry(t, "Long", "2027-01-01", "2028-01-01")}, nil, ""},
		{"367 dates", []calendar.Entry{entry(t, "Long", "2027-01-01", "2028-01-02")},
			[]string{"entries[0].last_date: 2028-01-02"}, "at most 366"},
		{"unknown verdict and origin", []calendar.Entry{unknown},
			[]string{"entries[0].verdict: 9", "entries[0].provenance.origin: 9"}, "must be closed"},
		{"a span of no length", []calendar.Entry{entry(t, "Zero", "2027-01-01", "", "09:00-09:00")},
			[]string{"entries[0].spans[0]: 09:00-09:00"}, "same time"},
		{"worked, without hours", []calendar.Entry{worked(entry(t, "W", "2027-01-02", ""), 0)},
			[]string{"entries[0].spans: worked"}, "either spans"},
		{"worked like an eighth weekday", []calendar.Entry{worked(entry(t, "W", "2027-01-02", ""), 8)},
			[]string{"entries[0].like_weekday: 8"}, "1 for Monday"},
		{"a bell in a name", []calendar.Entry{entry(t, "\a", "2027-01-02", "")},
			[]string{"entries[0].display_name: \a"}, "control characters"},
		{"closed twice", []calendar.Entry{christmas, entry(t, "Christmas Day", "2026-12-25", "")}, nil, ""},
		{"closed, and half a day", []calendar.Entry{christmas, entry(t, "Christmas Eve", "2026-12-24", "", "09:00-12:00")},
			[]string{`entries[1]: 2026-12-24 "Christmas Eve" (typed by anna)`},
			`says special hours 09:00-12:00 of 2026-12-24, of which entries[0], ` +
				`2026-12-24 to 2026-12-26 "Christmas" (typed by anna), says closed`},
	} {
		broken := calendar.Validate("", calendar.Calendar{Name: "test", Entries: c.entries})
		var got []string
		for _, v := range broken {
			got = append(got, v.Field+": "+v.Value)
		}
		if !slices.Equal(got, c.broken) {
			t.Errorf("%s: broken %q, want %q", c.what, got, c.broken)
		} else if len(broken) > 0 && !strings.Contains(broken[0].Rule, c.rule) {
			t.Errorf("%s: %q does not say %q", c.what, broken[0].Rule, c.rule)
		}
	}
}

func TestDiff(t *testing.T) {
	half := entry(t, "Christmas Eve", "2026-12-24", "", "09:00-12:00")
	half.Verdict = calendar.HalfDay
	a := calendar.Calendar{Name: "a", Entries: []calendar.Entry{
		entry(t, "Easter", "2026-04-03", "2026-04-06"), half, entry(t, "Only here", "2026-01-01", ""),
		entry(t, "Labor Day", "2026-09-07", ""),
	}}
	b := calendar.Calendar{Name: "b", Entries: []calendar.Entry{
		entry(t, "Labour Day", "2026-09-07", ""), entry(t, "Christmas Eve", "2026-12-24", ""),
		entry(t, "Easter", "2026-04-03", "2026-04-04"), entry(t, "Easter", "2026-04-05", ""), entry(t, "Easter", "2026-04-06", "2026-04-07"),
	}}
	var got []string
	for _, c := range calendar.Diff(a, b) {
		got = append(got, c.String())
	}
	want := []string{
		"- 2026-01-01 Only here: closed",
		"+ 2026-04-07 Easter: closed",
		"~ 2026-09-07 Labor Day: closed -> Labour Day: closed",
		"~ 2026-12-24 Christmas Eve: half day 09:00-12:00 -> Christmas Eve: closed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestLayerOnAndDiffAgree: for random calendars, a layer has exactly the dates for which On finds an entry with the same
// effect, a calendar equals itself, and what Diff tells, applied to the first, makes the second.
func TestLayerOnAndDiffAgree(t *testing.T) {
	base := date(t, "2027-12-20")
	first, last := base.AddDays(-5), base.AddDays(60)
	draw := func(t *rapid.T, name string) calendar.Calendar {
		c := calendar.Calendar{Name: name}
		for at := 0; at < 40; {
			at += rapid.IntRange(1, 9).Draw(t, "gap")
			n := rapid.IntRange(0, 4).Draw(t, "more days")
			e := calendar.Entry{
				First: base.AddDays(at), Last: base.AddDays(at + n), Verdict: calendar.Closed, Name: "N",
				Provenance: calendar.Provenance{Origin: calendar.Typed},
			}
			if rapid.Bool().Draw(t, "open") {
				e.Verdict = calendar.SpecialHours
				e.Spans = []hours.Span{{OpenS: 3600 * rapid.IntRange(0, 2).Draw(t, "hour"), CloseS: 40000}}
			}
			c.Entries = append(c.Entries, e)
			at += n
		}
		c.Entries = rapid.Permutation(c.Entries).Draw(t, "order")
		return c
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		if broken := calendar.Validate("", a); len(broken) > 0 {
			t.Fatal(broken)
		}
		if same := calendar.Diff(a, a); len(same) != 0 {
			t.Fatalf("a calendar differs from itself: %v", same)
		}
		days := map[hours.Date]hours.CalendarDay{}
		for _, d := range a.Layer(first, last).Days {
			days[d.Date] = d
		}
		changed := map[hours.Date]calendar.Change{}
		for _, c := range calendar.Diff(a, b) {
			changed[c.Date] = c
		}
		for d := first; d != last; d = d.AddDays(1) {
			before, has := a.On(d)
			if day, in := days[d]; in != has || !slices.Equal(day.Spans, before.Spans) {
				t.Fatalf("%s: layer has %v, %v; the entry is %v, %v", d, day, in, before, has)
			}
			after, will := b.On(d)
			c := changed[d]
			want := calendar.ChangeKind(0)
			switch {
			case has && !will:
				want = calendar.Removed
			case !has && will:
				want = calendar.Added
			case has && before.Says() != after.Says():
				want = calendar.Changed
			}
			if c.Kind != want {
				t.Fatalf("%s: told of %v, want kind %d", d, c, want)
			}
		}
	})
}
