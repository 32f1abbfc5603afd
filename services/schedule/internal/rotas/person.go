package rotas

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/internal/wallclock"
	"github.com/daysidehq/dayside/services/schedule/internal/calendars"
)

const (
	defaultRingTimeoutS = 25
	minRingTimeoutS     = 1
	maxRingTimeoutS     = 180
	maxTargets          = 8
	maxAbsences         = 500
	minYear, maxYear    = 1970, 2100
	ruleDate            = "must be a date of the calendar, in the years 1970 to 2100"
	ruleInstantYears    = "must be in the years 1970 to 2100"
)

// person is a person as rotas need one.
type person struct {
	displayName  string
	targets      []string
	ringTimeoutS uint32
	// location is nil where the person has no zone of their own.
	location  *time.Location
	leave     []rota.Absence // without the person
	calendars []string
}

// ValidatePerson is an INVALID_FIELD fault that names every rule a person breaks, with paths within the person, or nil.
func ValidatePerson(m *schedulev1.Person, rules Rules) error {
	_, wrong := readPerson(m, rules)
	var v fault.Violations
	v.Append(wrong...)
	return v.Err()
}

func readPerson(m *schedulev1.Person, rules Rules) (person, []fault.Violation) {
	r := personReader{ringS: defaultRingTimeoutS}
	if strings.ContainsFunc(m.GetDisplayName(), unicode.IsControl) {
		r.add("display_name", m.GetDisplayName(), ruleControl)
	}
	if m.GetTimeZone() != "" {
		loc, err := rules.Location(m.GetTimeZone())
		var v fault.Violations
		if err := gather(&v, "", err); err != nil {
			r.add("time_zone", m.GetTimeZone(), "cannot be read") // a defect of the rules themselves
		}
		if f, ok := v.Err().(*fault.Fault); ok { //nolint:errorlint // its own type
			r.wrong = append(r.wrong, f.Violations...)
		}
		r.location = loc
	}
	r.readTargets(m.GetTargets())
	r.readRingTimeout(m)
	if len(m.GetAbsences()) > maxAbsences {
		r.add("absences", fmt.Sprint(len(m.GetAbsences())), fmt.Sprintf("must be at most %d", maxAbsences))
	} else {
		for i, a := range m.GetAbsences() {
			r.readAbsence(fmt.Sprintf("absences[%d]", i), a)
		}
	}
	return person{
		displayName: m.GetDisplayName(), targets: r.targets, ringTimeoutS: r.ringS, location: r.location, leave: r.leave,
		calendars: m.GetCalendars(),
	}, r.wrong
}

type personReader struct {
	location *time.Location
	targets  []string
	ringS    uint32
	leave    []rota.Absence
	wrong    []fault.Violation
}

func (r *personReader) add(field, value, rule string) {
	r.wrong = append(r.wrong, fault.Violation{Field: field, Value: value, Rule: rule})
}

func (r *personReader) readTargets(list []*schedulev1.Target) {
	if len(list) > maxTargets {
		r.add("targets", fmt.Sprint(len(list)), fmt.Sprintf("must be at most %d", maxTargets))
		return
	}
	first := map[string]int{}
	for i, t := range list {
		field, text := fmt.Sprintf("targets[%d]", i), target.Text(t)
		if v, ok := target.Broken(field, t); !ok {
			v.Value = shown(t)
			r.wrong = append(r.wrong, v)
			continue
		}
		if was, again := first[text]; again {
			r.add(field, shown(t), fmt.Sprintf("is targets[%d] again; each target once", was))
			continue
		}
		first[text] = i
		r.targets = append(r.targets, text)
	}
}

// shown is a target as errors have it, which travel and are logged: of a number, which is somebody's own, not all of it.
func shown(t *schedulev1.Target) string {
	if t.GetPhoneNumber() != nil {
		return phone.Mask(target.Text(t))
	}
	return target.Text(t)
}

func (r *personReader) readRingTimeout(m *schedulev1.Person) {
	d := m.GetRingTimeout()
	if d == nil {
		return
	}
	if d.GetSeconds() < minRingTimeoutS || d.GetSeconds() > maxRingTimeoutS || d.GetNanos() != 0 {
		r.add("ring_timeout", d.AsDuration().String(),
			fmt.Sprintf("must be whole seconds, %d to %d", minRingTimeoutS, maxRingTimeoutS))
		return
	}
	r.ringS = uint32(d.GetSeconds()) //nolint:gosec // at most 180
}

func (r *personReader) readAbsence(field string, m *schedulev1.Absence) {
	if strings.ContainsFunc(m.GetDisplayName(), unicode.IsControl) {
		r.add(field+".display_name", m.GetDisplayName(), ruleControl)
	}
	a := rota.Absence{Name: m.GetDisplayName()}
	switch dates := m.GetFirstDate() != nil || m.GetLastDate() != nil; {
	case dates && m.GetInterval() != nil:
		r.add(field, "", "must have dates or an interval, not both")
		return
	case dates:
		first, last := wallclock.Date(m.GetFirstDate()), wallclock.Date(m.GetLastDate())
		if m.GetLastDate() == nil {
			last = first
		}
		if !r.date(field+".first_date", first) || !r.date(field+".last_date", last) {
			return
		}
		if hours.Begins(time.UTC, last) < hours.Begins(time.UTC, first) {
			r.add(field+".last_date", last.String(), "must not be before first_date, "+first.String())
			return
		}
		a.FromUnixS, a.ToUnixS = hours.Begins(r.zone(), first), hours.Begins(r.zone(), last.AddDays(1))
		a.Name = named(a.Name, first.String(), last.String())
	default:
		var v fault.Violations
		a.FromUnixS, a.ToUnixS = readInterval(&v, field+".interval", m.GetInterval())
		if f, ok := v.Err().(*fault.Fault); ok { //nolint:errorlint // its own type
			r.wrong = append(r.wrong, f.Violations...)
			return
		}
		if !r.instant(field+".interval.start_time", a.FromUnixS) || !r.instant(field+".interval.end_time", a.ToUnixS) {
			return
		}
		if a.ToUnixS <= a.FromUnixS {
			r.add(field+".interval.end_time", utc(a.ToUnixS), "must be after start_time, "+utc(a.FromUnixS))
			return
		}
		a.Name = named(a.Name, utc(a.FromUnixS), utc(a.ToUnixS))
	}
	if a.FromUnixS < a.ToUnixS { // a date that the zone skipped is no time at all
		r.leave = append(r.leave, a)
	}
}

// named is why somebody is away; when, where nobody said why.
func named(name, first, last string) string {
	switch {
	case name != "":
		return name
	case first == last:
		return first
	default:
		return first + " to " + last
	}
}

// zone is that of the dates of absences.
func (r *personReader) zone() *time.Location { return zoneOr(r.location, time.UTC) }

func (r *personReader) date(field string, d hours.Date) bool {
	if d.Exists() && d.Year >= minYear && d.Year <= maxYear {
		return true
	}
	value := d.String()
	if d == (hours.Date{}) {
		value = ""
	}
	r.add(field, value, ruleDate)
	return false
}

func (r *personReader) instant(field string, unixS int64) bool {
	year := time.Unix(unixS, 0).UTC().Year()
	if year >= minYear && year <= maxYear {
		return true
	}
	r.add(field, utc(unixS), ruleInstantYears)
	return false
}

// away is when a person is away in [fromUnixS, toUnixS): leave, and the dates that their calendars close, some of which may
// lie around it.
func (p person) away(id string, closings []closing, fromUnixS, toUnixS int64) []rota.Absence {
	var list []rota.Absence
	for _, a := range p.leave {
		if a.FromUnixS < toUnixS && fromUnixS < a.ToUnixS {
			a.Person = id
			list = append(list, a)
		}
	}
	loc := zoneOr(p.location, time.UTC)
	for _, c := range closings {
		for _, dates := range c.dates {
			a := rota.Absence{
				Person: id, Name: c.name, FromUnixS: hours.Begins(loc, dates[0]), ToUnixS: hours.Begins(loc, dates[1].AddDays(1)),
			}
			if a.FromUnixS < a.ToUnixS {
				list = append(list, a)
			}
		}
	}
	return list
}

// closing is the dates that a calendar closes, as stretches: first and last.
type closing struct {
	name  string
	dates [][2]hours.Date
}

// marginDays is how far beyond a range calendars are read: a date of some zone begins before, or ends after, that of UTC.
const marginDays = 2

func newClosing(c *schedulev1.Calendar, fromUnixS, toUnixS int64) closing {
	first, last := dateOf(fromUnixS, -marginDays), dateOf(toUnixS, marginDays)
	return closing{name: c.GetDisplayName(), dates: runs(calendars.ClosedDates(c, first, last))}
}

// runs are ascending dates as stretches of dates that follow one another, first and last.
func runs(dates []hours.Date) [][2]hours.Date {
	var list [][2]hours.Date
	for _, d := range dates {
		if n := len(list); n > 0 && list[n-1][1].AddDays(1) == d {
			list[n-1][1] = d
			continue
		}
		list = append(list, [2]hours.Date{d, d})
	}
	return list
}

func dateOf(unixS int64, addDays int) hours.Date {
	y, m, d := time.Unix(unixS, 0).UTC().Date()
	return hours.Date{Year: y, Month: m, Day: d}.AddDays(addDays)
}

func zoneOr(loc, otherwise *time.Location) *time.Location {
	if loc == nil {
		return otherwise
	}
	return loc
}

func utc(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }
