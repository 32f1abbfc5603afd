// Package rota is on-duty rotations of people ("hot potato"), and how they become instants: Compile turns layers of
// turns, absences and overrides, in a zone, into a Roster that says who holds the phone when, and when nobody does.
//
// The semantics:
//
//	R1  A turn lasts every x unit, counted on the wall clock of the rota's zone, never in seconds: a weekly turn from
//	    Monday 09:00 lasts 167 hours in the week that the clock springs forward. A handoff takes the first occurrence of a
//	    repeated wall time, and the instant of the transition for a skipped one; an hourly turn in a skipped hour vanishes.
//	R2  Monthly turns begin on the day of the month of the first one; in a month without that day, on its last day, and
//	    the next one on the day itself again: 31 January, 28 February, 31 March.
//	R3  Turns go round the slots of a crew. They go on while nobody is on duty (restrictions, an empty slot). A change of
//	    members takes effect with the next turn that begins, and touches neither the present turn nor those before it.
//	R4  Restrictions are weekly hours (package hours, S1 to S7) outside which a layer holds nobody.
//	R5  What falls on somebody who is away goes, for that time only, to the next person of the crew who is not; to nobody
//	    where all are away. An empty slot stays empty.
//	R6  A later layer wins over an earlier one where it holds somebody; where it does not, the earlier one shows through.
//	R7  Overrides come last, in their order, each upon the outcome of those before it. What an override removes stays
//	    empty, and whom it puts in stays, even where they are away: somebody decided so by name (Clashes lists that).
//	R8  Turns are half-open, ascend, and are united where they touch and have the same holder for the same reason. They
//	    do not depend on the range that is compiled, but for being clipped to it.
//
// It is not custody (who accepted the phone), targets of people, or how anybody is paged.
package rota

import (
	"fmt"
	"strconv"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Rota is an on-duty rotation, as people write it.
type Rota struct {
	// Zone is the clock by which turns are handed over.
	Zone hours.Zone
	// Layers in their order: a later one wins over an earlier one (R6).
	Layers []Layer
	// Absences of people; those of one person may overlap. Of people who are not in the rota they say nothing.
	Absences []Absence
	// Overrides in the order in which they apply (R7).
	Overrides []Override
}

// Layer is one round of turns.
type Layer struct {
	// Name is for people, such as "primary"; may be empty.
	Name string
	// Start is when the first turn begins.
	Start hours.WallTime
	// End is when the last turn is over, whole or not; the zero value says never.
	End hours.WallTime
	// Every and Unit are the length of a turn: every 2 weeks.
	Every int
	Unit  Unit
	// Crews are who takes turns, ascending by From. The first one's From is empty: it begins with the first turn.
	Crews []Crew
	// Restrictions are weekly hours, by time.Weekday, outside which the layer holds nobody. None at all means always.
	Restrictions [7][]hours.Span
}

// Crew is the order of people from a time on. WithMembers makes the next one from a layer's present one.
type Crew struct {
	// From is when the change was meant to take effect; it does with the first turn that begins then or later.
	From hours.WallTime
	// Slots are the people in their order, each once. An empty slot is a turn that nobody holds.
	Slots []string
	// First is the index of the slot that holds this crew's first turn.
	First int
}

// Absence is leave or a holiday of one person.
type Absence struct {
	Person string
	// FromUnixS and ToUnixS are [from, to), Unix seconds. For whole dates, hours.Begins is their first instant.
	FromUnixS, ToUnixS int64
	// Name says why, for people; may be empty.
	Name string
}

// Kind is what an override does.
type Kind int

const (
	// Replace puts By in where Of holds.
	Replace Kind = iota + 1
	// Remove leaves nobody where Of holds; where anybody holds, if Of is empty.
	Remove
	// Add puts By in throughout, whoever held or not. Of is empty.
	Add
)

// Override changes who holds over [FromUnixS, ToUnixS), Unix seconds.
type Override struct {
	Kind               Kind
	Of, By             string
	FromUnixS, ToUnixS int64
	// Name says why, for people; may be empty.
	Name string
}

// Unit is a unit of a turn's length.
type Unit int

// Units.
const (
	Hour Unit = iota + 1
	Day
	Week
	Month
)

// units are the names in files, and the most of each that a turn may last: about a year.
var units = [...]struct {
	name     string
	maxEvery int
}{Hour: {"hour", 8784}, Day: {"day", 366}, Week: {"week", 53}, Month: {"month", 12}}

func (u Unit) exists() bool { return u >= Hour && u <= Month }

// String is "hour", "day", "week" or "month".
func (u Unit) String() string {
	if !u.exists() {
		return strconv.Itoa(int(u))
	}
	return units[u].name
}

const ruleUnit = `must be "hour", "day", "week" or "month"`

// ParseUnit reads "hour", "day", "week" or "month". The error is an INVALID_FIELD fault on the given field.
func ParseUnit(field, s string) (Unit, error) {
	for u := Hour; u.exists(); u++ {
		if units[u].name == s {
			return u, nil
		}
	}
	var v fault.Violations
	v.Add(field, s, ruleUnit)
	return 0, v.Err()
}

// Swap is the pair of overrides by which two people take each other's turn.
func Swap(a, b Turn) []Override {
	name := fmt.Sprintf("swap of %s and %s", a.Person, b.Person)
	return []Override{
		{Kind: Replace, Of: a.Person, By: b.Person, FromUnixS: a.FromUnixS, ToUnixS: a.ToUnixS, Name: name},
		{Kind: Replace, Of: b.Person, By: a.Person, FromUnixS: b.FromUnixS, ToUnixS: b.ToUnixS, Name: name},
	}
}
