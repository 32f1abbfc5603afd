// Package rotas reads a rota and its people as the API has them, and compiles them: into what views need, and into
// answers about who is on duty, why, and whose share of it is what. It also works out swaps. It is pure: the zone rules,
// the people, their calendars and the range are arguments.
//
// What a rota means is services/internal/rota's; who has accepted the phone is custody's.
package rotas

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// Names of resources.
const (
	peoplePrefix = "people/"
	rotasPrefix  = "rotas/"
)

// Rules are the time-zone rules of one release.
type Rules interface {
	// Location is the zone of an IANA name; an INVALID_FIELD fault on time_zone says what is wrong with a name.
	Location(name string) (*time.Location, error)
	// Release names the rules, such as "2025c".
	Release() string
}

// Input is a rota with all that it depends on.
type Input struct {
	Rota *schedulev1.Rota
	// Person and Calendar find resources by name; nil where there is none.
	Person   func(name string) *schedulev1.Person
	Calendar func(name string) *schedulev1.Calendar
	Rules    Rules
	// FromUnixS and ToUnixS are the range to compile, [from, to), at most ten years.
	FromUnixS, ToUnixS int64
}

// Compiled is a rota over a range. People in it are called by their IDs.
type Compiled struct {
	// Record is what is published of it.
	Record *publishedv1.Rota
	// Duty is the record, read.
	Duty Duty
	// Roster says why somebody is on duty; Rota is what it was compiled from, in whose words Why speaks.
	Roster *rota.Roster
	Rota   rota.Rota
	// Location is the rota's zone.
	Location *time.Location
	// people by ID, as they were read.
	people map[string]person
}

// Duty is who is on duty, by the names of resources.
type Duty struct{ *roster.Roster }

// At is who is on duty at an instant (people/ID, empty for nobody), and until when that does not change;
// math.MaxInt64 where nothing later is known.
func (d Duty) At(unixS int64) (person string, untilUnixS int64) {
	turn := d.Roster.At(unixS)
	from, _ := d.Horizon()
	switch {
	case !turn.Known() && unixS < from:
		return "", from
	case !turn.Known():
		return "", math.MaxInt64
	case turn.Person == nil:
		return "", turn.ToUnixS
	default:
		return peoplePrefix + turn.Person.ID, turn.ToUnixS
	}
}

// Compile reads and compiles a rota. The error is an INVALID_FIELD fault that names every broken rule with its path
// within the rota ("layers[0].members[2]"), or a MISSING_REFERENCE one that names the people who do not exist.
func Compile(in Input) (Compiled, error) {
	r := reader{in: in, people: map[string]person{}}
	read, err := r.read()
	if err != nil {
		return Compiled{}, err
	}
	compiled, err := rota.Compile(read, in.FromUnixS, in.ToUnixS)
	if err != nil {
		return Compiled{}, renamed(err)
	}
	c := Compiled{Roster: compiled, Rota: read, Location: read.Zone.Location, people: r.people}
	sheet, err := r.sheet(compiled, read)
	if err != nil {
		return Compiled{}, err
	}
	c.Record = roster.ToProto(compiled, sheet, r.began(read, compiled))
	duty, err := roster.FromProto(c.Record)
	if err != nil {
		return Compiled{}, fault.LimitExceeded(fmt.Sprintf("%s cannot be published: %v", in.Rota.GetName(), err))
	}
	c.Duty = Duty{duty}
	return c, nil
}

// sheet is what is published besides turns. Its people are those who hold a turn in the range, and the members of the
// crews from its start on, who may take over: whoever has left the rota may not.
func (r *reader) sheet(compiled *rota.Roster, read rota.Rota) (roster.Sheet, error) {
	ids := map[string]bool{}
	for _, t := range compiled.Turns {
		ids[t.Person] = true
	}
	wall := hours.NewWallClock(read.Zone.Location, compiled.FromUnixS, compiled.ToUnixS)
	for _, l := range read.Layers {
		if l.End != (hours.WallTime{}) && wall.First(l.End.WallS()) <= compiled.FromUnixS {
			continue
		}
		for i, crew := range l.Crews {
			if next := i + 1; next < len(l.Crews) && wall.First(l.Crews[next].From.WallS()) <= compiled.FromUnixS {
				continue
			}
			for _, id := range crew.Slots {
				ids[id] = true
			}
		}
	}
	delete(ids, "")
	if len(ids) > roster.MaxPeople {
		var v fault.Violations
		v.Add("layers", fmt.Sprint(len(ids)), fmt.Sprintf("must have at most %d people", roster.MaxPeople))
		return roster.Sheet{}, v.Err()
	}
	m := r.in.Rota
	s := roster.Sheet{
		ID: strings.TrimPrefix(m.GetName(), rotasPrefix), DisplayName: m.GetDisplayName(), TimeZone: m.GetTimeZone(),
		AcceptWithinS: acceptWithinS(m), CreateUnixS: m.GetCreateTime().GetSeconds(),
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		p := r.people[id]
		s.People = append(s.People, &roster.Person{
			ID: id, DisplayName: p.displayName, Targets: p.targets, RingTimeoutS: p.ringTimeoutS,
		})
	}
	for _, t := range rota.Clashes(compiled.Turns, read.Absences) {
		at, _ := slices.BinarySearchFunc(s.People, t.Person, func(p *roster.Person, id string) int {
			return cmp.Compare(p.ID, id)
		})
		if len(s.Clashes) < roster.MaxClashes {
			s.Clashes = append(s.Clashes, roster.Turn{FromUnixS: t.FromUnixS, ToUnixS: t.ToUnixS, Person: s.People[at]})
		}
	}
	return s, nil
}

// Began looks back by steps, since most turns began some days ago at most. maxBackS with a horizon is ten years.
const (
	firstBackS = 8 * hours.DayS
	maxBackS   = 2500 * hours.DayS
)

// began is when the turn at the start of the range began: the same instant on whatever day it is compiled. Of somebody
// who has held for longer than can be looked back, it is when the rota's first layer began.
func (r *reader) began(read rota.Rota, compiled *rota.Roster) int64 {
	fromS := compiled.FromUnixS
	holder := compiled.At(fromS).Person
	if holder == "" {
		return fromS // nobody waits for nobody
	}
	for backS := int64(firstBackS); backS <= maxBackS; backS *= 4 {
		before := read
		before.Absences = r.absences(fromS-backS, fromS)
		before.Overrides = slices.DeleteFunc(slices.Clone(read.Overrides), func(o rota.Override) bool {
			return o.ToUnixS <= fromS-backS || o.FromUnixS >= fromS
		})
		past, err := rota.Compile(before, fromS-backS, fromS)
		if err != nil {
			return fromS // before 1970
		}
		since := fromS
		for _, t := range slices.Backward(past.Turns) {
			if t.Person != holder || t.ToUnixS != since {
				break
			}
			since = t.FromUnixS
		}
		if since > past.FromUnixS {
			return since
		}
	}
	first := fromS
	for _, l := range read.Layers {
		first = min(first, hours.NewWallClock(read.Zone.Location, l.Start.WallS(), l.Start.WallS()).First(l.Start.WallS()))
	}
	return first
}

// gather moves an error's violations to the others; an error without any is the answer.
func gather(broken *fault.Violations, path string, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) && len(f.Violations) > 0 {
		for _, v := range f.Violations {
			broken.Add(path+v.Field, v.Value, v.Rule)
		}
		return nil
	}
	return err
}
