package rota

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

// Limits of one rota. They bound what compiling it costs.
const (
	maxLayers    = 16
	maxCrews     = 200 // changes of members of a layer, with the first crew
	maxSlots     = 200
	maxAbsences  = 20_000 // leave and holidays of a crowd over a year
	maxOverrides = 1000
	maxNameChars = 100
	// maxHorizonS is ten years, as a timeline's.
	maxHorizonS = 3660 * hours.DayS
)

// Years that a time may be in; others are typing mistakes.
const minYear, maxYear = 1970, 2100

const (
	ruleWall    = "must be a date and time on the wall clock, in the years 1970 to 2100"
	ruleInstant = "must be in the years 1970 to 2100"
	ruleName    = "must be at most 100 characters, none of them control characters"
	rulePerson  = "must be 1 to 100 characters, none of them control characters or blanks at the ends"
)

// Validate is every rule that the rota breaks, at most 50 of them. Fields are Rota's in snake case, after path, such as
// "rota.": "rota.layers[0].crews[1].slots[2]".
func Validate(path string, r Rota) []fault.Violation {
	v := validator{path: path}
	if r.Zone.Location == nil {
		v.add("time_zone", "", "is required: turns are handed over by a wall clock")
	}
	v.layers(r.Layers)
	v.absences(r.Absences)
	v.overrides(r.Overrides, peopleOf(r))
	return v.broken
}

// maxViolations is what one answer holds; more are neither looked for nor kept.
const maxViolations = 50

type validator struct {
	path   string
	broken []fault.Violation
}

func (v *validator) add(field, value, rule string) {
	if len(v.broken) < maxViolations {
		v.broken = append(v.broken, fault.Violation{Field: v.path + field, Value: value, Rule: rule})
	}
}

// few says whether a list keeps its limit, and is worth looking at.
func (v *validator) few(field string, n, most int) bool {
	if n > most {
		v.add(field, strconv.Itoa(n), fmt.Sprintf("must be at most %d", most))
	}
	return n <= most
}

func (v *validator) layers(list []Layer) {
	if len(list) == 0 {
		v.add("layers", "", "must be at least one: a rota needs people")
	}
	if !v.few("layers", len(list), maxLayers) {
		return
	}
	for i, l := range list {
		v.layer(fmt.Sprintf("layers[%d]", i), l)
	}
}

func (v *validator) layer(field string, l Layer) {
	v.name(field+".name", l.Name)
	v.wall(field+".start", l.Start)
	if l.End != (hours.WallTime{}) && v.wall(field+".end", l.End) && l.End.WallS() <= l.Start.WallS() {
		v.add(field+".end", l.End.String(), "must be after "+field+".start, "+l.Start.String())
	}
	switch {
	case !l.Unit.exists():
		v.add(field+".unit", l.Unit.String(), ruleUnit)
	case l.Every < 1 || l.Every > units[l.Unit].maxEvery:
		v.add(field+".every", strconv.Itoa(l.Every), fmt.Sprintf("must be 1 to %d: a turn of no time is none, "+
			"and one lasts about a year at most", units[l.Unit].maxEvery))
	}
	v.broken = append(v.broken, hours.ValidateWeekly(v.path, field+".restrictions", l.Restrictions)...)
	if len(l.Crews) == 0 {
		v.add(field+".crews", "", "must be at least one: a rota needs people")
	}
	if !v.few(field+".crews", len(l.Crews), maxCrews) {
		return
	}
	for i := range l.Crews {
		v.crew(fmt.Sprintf("%s.crews[%d]", field, i), l, i)
	}
}

func (v *validator) crew(field string, l Layer, i int) {
	crew := l.Crews[i]
	switch {
	case i == 0:
		if crew.From != (hours.WallTime{}) {
			v.add(field+".from", crew.From.String(), "must be empty: the first crew begins with the layer's first turn")
		}
	case v.wall(field+".from", crew.From):
		before := l.Start
		if i > 1 {
			before = l.Crews[i-1].From
		}
		if crew.From.WallS() <= before.WallS() {
			v.add(field+".from", crew.From.String(), "must be after "+before.String()+", when the crew before it begins")
		}
	}
	if !v.few(field+".slots", len(crew.Slots), maxSlots) {
		return
	}
	v.slots(field, crew.Slots)
	if crew.First < 0 || crew.First >= max(len(crew.Slots), 1) {
		v.add(field+".first", strconv.Itoa(crew.First), "must be the index of a slot, from 0")
	}
}

func (v *validator) slots(field string, slots []string) {
	met := make(map[string]int, len(slots))
	for i, person := range slots {
		at := fmt.Sprintf("%s.slots[%d]", field, i)
		if person == "" {
			continue
		}
		v.person(at, person)
		if was, again := met[person]; again {
			v.add(at, person, fmt.Sprintf("is slots[%d] again; each person once", was))
			continue
		}
		met[person] = i
	}
	if len(met) == 0 {
		v.add(field+".slots", "", "must hold at least one person: a crew of nobody is no crew")
	}
}

func (v *validator) absences(list []Absence) {
	if !v.few("absences", len(list), maxAbsences) {
		return
	}
	for i, a := range list {
		field := fmt.Sprintf("absences[%d]", i)
		v.person(field+".person", a.Person)
		v.name(field+".name", a.Name)
		v.span(field, a.FromUnixS, a.ToUnixS)
	}
}

// wall checks a time on the wall clock, and says whether it is one.
func (v *validator) wall(field string, w hours.WallTime) bool {
	if w == (hours.WallTime{}) {
		v.add(field, "", "is required: "+ruleWall)
		return false
	}
	if !w.Exists() || w.Date.Year < minYear || w.Date.Year > maxYear {
		v.add(field, w.String(), ruleWall)
		return false
	}
	return true
}

// span checks [from, to).
func (v *validator) span(field string, fromUnixS, toUnixS int64) {
	for _, end := range []struct {
		name  string
		unixS int64
	}{{".from", fromUnixS}, {".to", toUnixS}} {
		if !inYears(end.unixS) {
			v.add(field+end.name, strconv.FormatInt(end.unixS, 10), ruleInstant)
			return
		}
	}
	if toUnixS <= fromUnixS {
		v.add(field+".to", utc(toUnixS), "must be after "+field+".from, "+utc(fromUnixS))
	}
}

func (v *validator) person(field, id string) {
	if id == "" || strings.TrimSpace(id) != id || !printable(id) {
		v.add(field, visible(id), rulePerson)
	}
}

func (v *validator) name(field, s string) {
	if !printable(s) {
		v.add(field, visible(s), ruleName)
	}
}

// printable says whether text can be shown to people; names go into reasons, and reasons to terminals.
func printable(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxNameChars && !strings.ContainsFunc(s, unicode.IsControl)
}

// visible keeps an error from carrying to a terminal what it complains of.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// checkRange is what is wrong with a range to compile.
func checkRange(fromUnixS, toUnixS int64) []fault.Violation {
	var v validator
	switch {
	case !inYears(fromUnixS):
		v.add("from", strconv.FormatInt(fromUnixS, 10), ruleInstant)
	case !inYears(toUnixS):
		v.add("to", strconv.FormatInt(toUnixS, 10), ruleInstant)
	case fromUnixS >= toUnixS:
		v.add("to", utc(toUnixS), "must be after from, "+utc(fromUnixS))
	case toUnixS-fromUnixS > maxHorizonS:
		v.add("to", utc(toUnixS), fmt.Sprintf("must be at most %d days after from, %s", maxHorizonS/hours.DayS, utc(fromUnixS)))
	}
	return v.broken
}

// inYears says whether an instant, Unix seconds, is in the years that a time may be in; the end of the last one is.
func inYears(unixS int64) bool {
	return unixS >= time.Date(minYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix() &&
		unixS <= time.Date(maxYear+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
}

func utc(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }
