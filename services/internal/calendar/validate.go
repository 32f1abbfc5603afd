package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Limits of one calendar.
const (
	maxEntries      = 5000
	maxDaysPerEntry = 366
	maxDays         = 50_000 // more than there are from MinYear to MaxYear
	maxNameChars    = 100
	maxSourceChars  = 200
	maxUIDChars     = 255
)

// Years of the dates that a calendar may have.
const (
	MinYear = 1970
	MaxYear = 2100
)

const (
	ruleDate = "must be a date of the calendar, with year, month and day"
	ruleYear = "must be in the years 1970 to 2100"
)

// Validate is every rule that the calendar breaks. Fields are those of schedule.v1.Calendar, after path:
// "entries[3].last_date".
func Validate(path string, c Calendar) []fault.Violation {
	v := validator{path: path}
	v.text("display_name", c.Name, maxNameChars)
	if c.Name == "" {
		v.add("display_name", "", "must not be empty")
	}
	if len(c.Entries) > maxEntries {
		v.add("entries", strconv.Itoa(len(c.Entries)), fmt.Sprintf("must be at most %d", maxEntries))
		return v.broken
	}
	for i, e := range c.Entries {
		v.entry(fmt.Sprintf("entries[%d]", i), e)
	}
	if len(v.broken) == 0 {
		v.contradictions(c.Entries)
	}
	return v.broken
}

type validator struct {
	path   string
	broken []fault.Violation
}

func (v *validator) add(field, value, rule string) {
	v.broken = append(v.broken, fault.Violation{Field: v.path + field, Value: value, Rule: rule})
}

func (v *validator) entry(field string, e Entry) {
	if v.date(field+".date", e.First) && v.date(field+".last_date", e.last()) {
		switch last := e.last(); {
		case compare(last, e.First) < 0:
			v.add(field+".last_date", last.String(), "must not be before the first date, "+e.First.String())
		case compare(e.First.AddDays(maxDaysPerEntry), last) <= 0:
			v.add(field+".last_date", last.String(), fmt.Sprintf("must make at most %d dates with the first, %s",
				maxDaysPerEntry, e.First))
		}
	}
	if e.Observes != (hours.Date{}) {
		v.date(field+".observes", e.Observes)
	}
	v.verdict(field, e)
	v.text(field+".display_name", e.Name, maxNameChars)
	v.text(field+".provenance.source", e.Provenance.Source, maxSourceChars)
	v.text(field+".provenance.uid", e.Provenance.UID, maxUIDChars)
	if o := e.Provenance.Origin; o < Typed || o > Seeded {
		v.add(field+".provenance.origin", strconv.Itoa(int(o)), "must be typed, imported or seeded")
	}
}

// verdict checks that the entry has the hours that its verdict needs, and no others.
func (v *validator) verdict(field string, e Entry) {
	switch e.Verdict {
	case Closed:
		if len(e.Spans) > 0 {
			v.add(field+".spans", e.Says(), "must be empty where the entry is closed")
		}
	case SpecialHours, HalfDay:
		if len(e.Spans) == 0 {
			v.add(field+".spans", "", "must be given: an entry of "+e.Verdict.String()+" says which; one without is closed")
		}
	case Worked:
		if (len(e.Spans) > 0) == (e.LikeISOWeekday != 0) {
			v.add(field+".spans", e.Says(), "a worked date must have either spans, or the weekday whose hours it has")
		}
	default:
		v.add(field+".verdict", strconv.Itoa(int(e.Verdict)), "must be closed, special hours, half day or worked")
	}
	if e.LikeISOWeekday != 0 && (e.Verdict != Worked || e.LikeISOWeekday < 0 || e.LikeISOWeekday > 7) {
		v.add(field+".like_weekday", strconv.Itoa(e.LikeISOWeekday),
			"must be 1 for Monday to 7 for Sunday, on a worked date; else 0")
	}
	v.broken = append(v.broken, hours.ValidateSpans(v.path+field+".spans", e.Spans)...)
}

// date says whether one is right.
func (v *validator) date(field string, d hours.Date) bool {
	switch {
	case d.Year != 0 && (d.Year < MinYear || d.Year > MaxYear):
		v.add(field, d.String(), ruleYear)
	case !d.Exists():
		v.add(field, d.String(), ruleDate)
	default:
		return true
	}
	return false
}

// text checks what goes to people's terminals.
func (v *validator) text(field, text string, maxChars int) {
	if utf8.RuneCountInString(text) > maxChars || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		v.add(field, text, fmt.Sprintf("must be at most %d characters, none of them control characters", maxChars))
	}
}

// Contradiction is two entries that say different things of one date.
type Contradiction struct {
	// Earlier and Later are their places in the list, Date the first date that both have.
	Earlier, Later int
	Date           hours.Date
}

// Contradictions are the pairs of entries that say different things of one date; each later entry is told of once. Their
// dates must be right.
func Contradictions(entries []Entry) []Contradiction {
	var list []Contradiction
	decided := make(map[hours.Date]int, len(entries))
	for i, e := range entries {
		told := false
		for d := e.First; compare(d, e.last()) <= 0; d = d.AddDays(1) {
			if other, taken := decided[d]; !taken {
				decided[d] = i
			} else if !told && !e.agrees(entries[other]) {
				told = true
				list = append(list, Contradiction{Earlier: other, Later: i, Date: d})
			}
		}
	}
	return list
}

// contradictions needs entries whose dates are right, since it walks them.
func (v *validator) contradictions(entries []Entry) {
	days := int64(0)
	for _, e := range entries {
		days += (hours.WallTime{Date: e.last()}.WallS()-hours.WallTime{Date: e.First}.WallS())/hours.DayS + 1
	}
	if days > maxDays {
		v.add("entries", strconv.Itoa(len(entries)), fmt.Sprintf("must have at most %d dates in all", maxDays))
		return
	}
	for _, c := range Contradictions(entries) {
		e, before := entries[c.Later], entries[c.Earlier]
		v.add(fmt.Sprintf("entries[%d]", c.Later), e.String(), fmt.Sprintf("says %s of %s, of which entries[%d], %s, says %s",
			e.Says(), c.Date, c.Earlier, before, before.Says()))
	}
}

// weekday is that of ISO 8601, of which 7 is Sunday.
func weekday(iso int) time.Weekday { return time.Weekday(iso % 7) }
