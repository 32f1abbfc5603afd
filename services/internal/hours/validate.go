package hours

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Limits of one site's hours. They stand in the API's proto too, but not all hours come through it.
const (
	maxSpansPerDate = 24
	maxDates        = 1000
	maxNameChars    = 100
	maxCalendars    = 16
	maxCalendarDays = 50_000 // each date from 1970 to 2100
)

// Years of entries; others are typing mistakes, and before 1970 zone rules are not what people remember.
const firstYear, lastYear = 1970, 2100

// Validate is every rule that the hours break. Fields are those of schedule.v1.Site, after path, such as "site.".
func Validate(path string, h Hours) []fault.Violation {
	v := validator{path: path}
	v.weekly("weekly_hours", h.Weekly)
	decided := v.exceptions(h.Exceptions)
	v.holidays(h.Holidays, decided)
	v.calendars(h.Calendars)
	return v.broken
}

// ValidateWeekly is every rule that weekly spans break; they stand in the given field after path: with "layers[0]." and
// "restrictions" a violation is on "layers[0].restrictions.mon[0]".
func ValidateWeekly(path, field string, week [7][]Span) []fault.Violation {
	v := validator{path: path}
	v.weekly(field, week)
	return v.broken
}

// ValidateSpans is every rule that the spans of one date break, on the given field: "entries[0].spans[1]".
func ValidateSpans(field string, spans []Span) []fault.Violation {
	v := validator{}
	v.spans(spans, func(i int) string { return fmt.Sprintf("%s[%d]", field, i) })
	return v.broken
}

type validator struct {
	path   string
	broken []fault.Violation
}

func (v *validator) add(field, value, rule string) {
	v.broken = append(v.broken, fault.Violation{Field: v.path + field, Value: value, Rule: rule})
}

// weekly goes from Monday round to Monday: a span over midnight must leave the next day's first span alone.
func (v *validator) weekly(field string, week [7][]Span) {
	days := Weekdays()
	weeklyField := func(day, i int) string { return fmt.Sprintf("%s.%s[%d]", field, WeekdayName(days[day]), i) }
	for n, day := range days {
		spans := week[day]
		v.spans(spans, func(i int) string { return weeklyField(n, i) })
		next := (n + 1) % len(days)
		if len(spans) > maxSpansPerDate || len(week[days[next]]) > maxSpansPerDate {
			continue // refused already, and not worth comparing each with each
		}
		for i, s := range spans {
			for j, later := range week[days[next]] {
				if later.OpenS < s.endS()-DayS {
					v.add(weeklyField(next, j), later.String(), fmt.Sprintf("must not open before %s, when %s (%s) closes",
						clockText(s.endS()-DayS), weeklyField(n, i), s))
				}
			}
		}
	}
}

// spans checks those of one date.
func (v *validator) spans(spans []Span, field func(i int) string) {
	if len(spans) > maxSpansPerDate {
		v.add(field(maxSpansPerDate), strconv.Itoa(len(spans)), fmt.Sprintf("must be at most %d spans", maxSpansPerDate))
		return
	}
	for i, s := range spans {
		switch {
		case s.OpenS < 0 || s.OpenS >= DayS:
			v.add(field(i), s.String(), ruleOpen)
		case s.CloseS < 0 || s.CloseS > DayS:
			v.add(field(i), s.String(), ruleClose)
		case s.OpenS == s.CloseS:
			v.add(field(i), s.String(), `must not open and close at the same time; a whole day is "00:00-24:00"`)
		}
		if i > 0 && s.OpenS < spans[i-1].endS() {
			v.add(field(i), s.String(), fmt.Sprintf("must not open before %s (%s) closes: spans ascend and do not overlap",
				field(i-1), spans[i-1]))
		}
	}
}

func (v *validator) exceptions(list []Exception) map[Date]string {
	decided := make(map[Date]string, len(list))
	if len(list) > maxDates {
		v.add("exceptions", strconv.Itoa(len(list)), fmt.Sprintf("must be at most %d", maxDates))
		return decided
	}
	for i, e := range list {
		field := fmt.Sprintf("exceptions[%d]", i)
		v.dated(decided, field, e.Date, e.Name)
		v.spans(e.Spans, func(k int) string { return fmt.Sprintf("%s.spans[%d]", field, k) })
		if e.Mode != Replace && e.Mode != Clip {
			v.add(field+".mode", strconv.Itoa(int(e.Mode)), "must be REPLACE or CLIP")
		}
	}
	return decided
}

func (v *validator) holidays(list []Holiday, decided map[Date]string) {
	if len(list) > maxDates {
		v.add("holidays", strconv.Itoa(len(list)), fmt.Sprintf("must be at most %d", maxDates))
		return
	}
	for i, h := range list {
		v.dated(decided, fmt.Sprintf("holidays[%d]", i), h.Date, h.Name)
	}
}

// calendars are checked where they are written, with what their entries are; here is what compiling relies on.
func (v *validator) calendars(list []Calendar) {
	if len(list) > maxCalendars {
		v.add("calendars", strconv.Itoa(len(list)), fmt.Sprintf("must be at most %d", maxCalendars))
		return
	}
	for i, c := range list {
		field := fmt.Sprintf("calendars[%d]", i)
		v.name(field, c.Name)
		if len(c.Days) > maxCalendarDays {
			v.add(field+".days", strconv.Itoa(len(c.Days)), fmt.Sprintf("must be at most %d", maxCalendarDays))
			continue
		}
		decided := make(map[Date]string, len(c.Days))
		for k, d := range c.Days {
			day := fmt.Sprintf("%s.days[%d]", field, k)
			v.dated(decided, day, d.Date, d.Name)
			v.spans(d.Spans, func(n int) string { return fmt.Sprintf("%s.spans[%d]", day, n) })
			if d.LikeISOWeekday < 0 || d.LikeISOWeekday > 7 || (d.LikeISOWeekday != 0 && len(d.Spans) > 0) {
				v.add(day+".like_iso_weekday", strconv.Itoa(d.LikeISOWeekday),
					"must be 1 for Monday to 7 for Sunday, or 0 where spans are given")
			}
		}
	}
}

// dated checks the date and name of an entry, and that it is the only one for its date.
func (v *validator) dated(decided map[Date]string, field string, d Date, name string) {
	switch other, taken := decided[d]; {
	case !d.Exists():
		v.add(field+".date", d.String(), "must be a date of the calendar, with year, month and day")
	case d.Year < firstYear || d.Year > lastYear:
		v.add(field+".date", d.String(), fmt.Sprintf("must be in the years %d to %d", firstYear, lastYear))
	case taken:
		v.add(field+".date", d.String(), "must not be the date of "+other+" too")
	default:
		decided[d] = field
	}
	v.name(field, name)
}

// name checks a name for people.
func (v *validator) name(field, name string) {
	// Names go into rules, and rules to people's terminals.
	if utf8.RuneCountInString(name) > maxNameChars || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		v.add(field+".display_name", name, fmt.Sprintf("must be at most %d characters, none of them control characters",
			maxNameChars))
	}
}
