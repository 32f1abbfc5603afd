// Package roster is who is on duty as instants: what a rota compiles to, and all that custody, coverage and a decision
// know of it. A Roster is immutable, answers "who is on duty at this instant, since when, until when" in nanoseconds and
// without an allocation, and travels between services as publishedv1.Rota.
//
// It knows no layers, no zones' rules and no reasons; those end in package rota. It is not custody: who is on duty need
// not have accepted the phone.
package roster

import (
	"fmt"
	"iter"
	"sort"
	"unicode/utf8"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// Limits of one roster. They protect a process from what it reads.
const (
	// maxHorizonS is ten years; instants are kept as 32-bit seconds since the horizon's start.
	maxHorizonS = 3660 * dayS
	// maxInstantS is the year 9999, so that no sum of instants overflows.
	maxInstantS = 253402300799
	// maxTurns is ten years of hourly turns, each cut in two.
	maxTurns = 1 << 18
	// MaxPeople bounds the members of one rota.
	MaxPeople = 1000
	// MaxClashes bounds the clashes that are told of.
	MaxClashes   = 64
	maxTargets   = 8
	maxTextBytes = 512
	maxRingS     = 180
	maxAcceptS   = dayS
	maxIDBytes   = 63
	maxZoneBytes = 64
	maxReleaseB  = 32
)

const dayS = 86400

// Person is somebody who can be on duty, and how they are reached. Not to be changed.
type Person struct {
	ID, DisplayName string
	// Targets are where calls go, in order: SIP URI or E.164. Without one nothing reaches the person.
	Targets []string
	// RingTimeoutS is how long each target may ring, seconds.
	RingTimeoutS uint32
}

// Turn is a stretch over which one person is on duty, or nobody is. Those that follow one another differ in who that is.
type Turn struct {
	// FromUnixS and ToUnixS are [from, to), Unix seconds. The last one of the horizon ends with it, though it may go on.
	FromUnixS, ToUnixS int64
	// Person is nil where nobody is on duty.
	Person *Person
}

// Known is false for what lies outside the horizon.
func (t Turn) Known() bool { return t.FromUnixS < t.ToUnixS }

// Roster is who is on duty over a horizon. It is immutable and safe for concurrent use. A nil Roster knows nothing.
type Roster struct {
	fromS, toS int64
	// firstFromS is when the first turn began.
	firstFromS int64
	// days[d] is the turn at the start of day d of the horizon; days counts from the horizon's start, not from midnight.
	days []uint32
	// endS[i] is the end of turn i, seconds since the horizon's start; holder[i] who has it.
	endS   []uint32
	holder []*Person
	// What look-ups do not touch comes last.
	sheet Sheet
}

// Sheet is what a roster says besides turns.
type Sheet struct {
	// ID is the rota's, the last part of its name.
	ID, DisplayName string
	// TimeZone is the IANA zone in which local times are shown to people.
	TimeZone string
	// People are the members of the rota, ascending by ID: those on duty at some time, and those who may take over.
	People []*Person
	// AcceptWithinS is how long after a handoff it may stay without being accepted, seconds; 0 where it need not be.
	AcceptWithinS uint32
	// CreateUnixS is when the rota was first written, Unix seconds; 0 says long ago.
	CreateUnixS int64
	// Clashes are stretches over which somebody is on duty who is away: an override put them in by name. At most MaxClashes.
	Clashes []Turn
	// TZDataRelease is the release of the zone rules used; ZoneFingerprint identifies the zone's behaviour.
	TZDataRelease   string
	ZoneFingerprint uint64
}

// Spec is what a Roster is made from.
type Spec struct {
	Sheet
	// FromUnixS and ToUnixS are the horizon [from, to). Outside it nothing is known.
	FromUnixS, ToUnixS int64
	// FirstFromUnixS is when the first turn began, at FromUnixS or before it.
	FirstFromUnixS int64
	// Lengths are those of the turns, seconds, that together fill the horizon. Neighbours may have the same holder.
	Lengths []uint32
	// Holders[i] is 1 + the index in People of who has turn i; 0 for nobody.
	Holders []uint32
}

// New makes a roster, or says what is wrong with the spec: an INVALID_FIELD fault whose fields are those of
// publishedv1.Rota.
func New(s Spec) (*Roster, error) {
	if err := check(s); err != nil {
		return nil, err
	}
	r := &Roster{fromS: s.FromUnixS, toS: s.ToUnixS, firstFromS: s.FirstFromUnixS, sheet: s.Sheet}
	at := int64(0)
	for i, length := range s.Lengths {
		field := fmt.Sprintf("[%d]", i)
		if at += int64(length); length == 0 || at > s.ToUnixS-s.FromUnixS {
			return nil, broken("length_s"+field, fmt.Sprint(length), "turns are not empty and lie within the horizon")
		}
		if int64(s.Holders[i]) > int64(len(s.People)) {
			return nil, broken("holder"+field, fmt.Sprint(s.Holders[i]), "is 0, or 1 + the index of a person")
		}
		var holder *Person
		if h := s.Holders[i]; h > 0 {
			holder = s.People[h-1]
		}
		if n := len(r.holder); n > 0 && r.holder[n-1] == holder {
			r.endS[n-1] = uint32(at)
			continue
		}
		r.endS, r.holder = append(r.endS, uint32(at)), append(r.holder, holder)
	}
	if at != s.ToUnixS-s.FromUnixS {
		return nil, broken("length_s", fmt.Sprint(at), fmt.Sprintf("turns fill the horizon, %d s", s.ToUnixS-s.FromUnixS))
	}
	r.indexDays()
	return r, nil
}

func check(s Spec) error {
	if s.FromUnixS >= s.ToUnixS || s.FromUnixS < -maxInstantS || s.ToUnixS > maxInstantS ||
		s.ToUnixS-s.FromUnixS > maxHorizonS {
		return broken("to_unix_s", fmt.Sprintf("[%d, %d)", s.FromUnixS, s.ToUnixS),
			"the horizon is not empty and at most ten years")
	}
	if s.FirstFromUnixS > s.FromUnixS || s.FirstFromUnixS < -maxInstantS {
		return broken("first_from_unix_s", fmt.Sprint(s.FirstFromUnixS), "is the horizon's start, or before it")
	}
	if len(s.Lengths) > maxTurns || len(s.Lengths) != len(s.Holders) {
		return broken("length_s", fmt.Sprint(len(s.Lengths)), fmt.Sprintf("one for each holder, at most %d", maxTurns))
	}
	if s.AcceptWithinS > maxAcceptS {
		return broken("accept_within_s", fmt.Sprint(s.AcceptWithinS), "at most a day")
	}
	for _, t := range []struct {
		field, text string
		most        int
	}{
		{"id", s.ID, maxIDBytes}, {"display_name", s.DisplayName, maxTextBytes}, {"time_zone", s.TimeZone, maxZoneBytes},
		{"tzdata_release", s.TZDataRelease, maxReleaseB},
	} {
		if err := checkText(t.field, t.text, t.most); err != nil {
			return err
		}
	}
	if s.CreateUnixS < 0 || s.CreateUnixS > maxInstantS {
		return broken("create_unix_s", fmt.Sprint(s.CreateUnixS), "an instant of the years 1970 to 9999")
	}
	if err := checkClashes(s.Clashes); err != nil {
		return err
	}
	return checkPeople(s.People)
}

func checkClashes(clashes []Turn) error {
	if len(clashes) > MaxClashes {
		return broken("clashes", fmt.Sprint(len(clashes)), fmt.Sprintf("at most %d", MaxClashes))
	}
	for _, c := range clashes {
		if !c.Known() || c.Person == nil || c.FromUnixS < -maxInstantS || c.ToUnixS > maxInstantS {
			return broken("clashes", fmt.Sprintf("[%d, %d)", c.FromUnixS, c.ToUnixS),
				"stretches that are not empty, of one person each")
		}
	}
	return nil
}

func checkPeople(people []*Person) error {
	if len(people) > MaxPeople {
		return broken("people", fmt.Sprint(len(people)), fmt.Sprintf("at most %d", MaxPeople))
	}
	for i, p := range people {
		field := fmt.Sprintf("people[%d].", i)
		if p.ID == "" || i > 0 && p.ID <= people[i-1].ID {
			return broken(field+"id", p.ID, "each person once, with an ID, ascending")
		}
		if p.RingTimeoutS > maxRingS {
			return broken(field+"ring_timeout_s", fmt.Sprint(p.RingTimeoutS), fmt.Sprintf("at most %d", maxRingS))
		}
		if err := checkText(field+"id", p.ID, maxIDBytes); err != nil {
			return err
		}
		if err := checkText(field+"display_name", p.DisplayName, maxTextBytes); err != nil {
			return err
		}
		if len(p.Targets) > maxTargets {
			return broken(field+"targets", fmt.Sprint(len(p.Targets)), fmt.Sprintf("at most %d", maxTargets))
		}
		for k, target := range p.Targets {
			if target == "" || len(target) > maxTextBytes || !utf8.ValidString(target) {
				// Without its value: where people are reached is nobody else's business.
				return broken(fmt.Sprintf("%stargets[%d]", field, k), "", fmt.Sprintf("UTF-8, 1 to %d bytes", maxTextBytes))
			}
		}
	}
	return nil
}

func checkText(field, text string, maxBytes int) error {
	if len(text) > maxBytes || !utf8.ValidString(text) {
		return broken(field, text, fmt.Sprintf("UTF-8, at most %d bytes", maxBytes))
	}
	return nil
}

func broken(field, value, rule string) error {
	var v fault.Violations
	v.Add(field, value, rule)
	return v.Err()
}

func (r *Roster) indexDays() {
	r.days = make([]uint32, (r.toS-r.fromS+dayS-1)/dayS)
	i := 0
	for d := range r.days {
		for r.endS[i] <= uint32(d)*dayS {
			i++
		}
		r.days[d] = uint32(i)
	}
}

// find is the turn at an instant of the horizon.
func (r *Roster) find(unixS int64) int {
	off := uint32(unixS - r.fromS)
	day := off / dayS
	lo, hi := int(r.days[day]), len(r.endS)-1
	if int(day)+1 < len(r.days) {
		hi = int(r.days[day+1])
	}
	for lo < hi { // most days have a turn or two
		if mid := int(uint(lo+hi) >> 1); r.endS[mid] > off {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func (r *Roster) turn(i int) Turn {
	t := Turn{FromUnixS: r.firstFromS, ToUnixS: r.fromS + int64(r.endS[i]), Person: r.holder[i]}
	if i > 0 {
		t.FromUnixS = r.fromS + int64(r.endS[i-1])
	}
	return t
}

// At is the turn at an instant, Unix seconds, not Known outside the horizon. It allocates nothing.
func (r *Roster) At(unixS int64) Turn {
	if r == nil || unixS < r.fromS || unixS >= r.toS {
		return Turn{}
	}
	return r.turn(r.find(unixS))
}

// Next is the turn after the one at an instant: another person's, or nobody's. False where the horizon ends before it, or
// does not hold the instant.
func (r *Roster) Next(unixS int64) (Turn, bool) {
	if r == nil || unixS < r.fromS || unixS >= r.toS {
		return Turn{}, false
	}
	i := r.find(unixS) + 1
	if i == len(r.endS) {
		return Turn{}, false
	}
	return r.turn(i), true
}

// Within yields the turns, and the gaps between them, that meet [fromUnixS, toUnixS), clipped to it.
func (r *Roster) Within(fromUnixS, toUnixS int64) iter.Seq[Turn] {
	return func(yield func(Turn) bool) {
		if r == nil {
			return
		}
		from, to := max(fromUnixS, r.fromS), min(toUnixS, r.toS)
		if from >= to {
			return
		}
		for i := r.find(from); i < len(r.endS); i++ {
			t := r.turn(i)
			if t.FromUnixS, t.ToUnixS = max(t.FromUnixS, from), min(t.ToUnixS, to); !t.Known() || !yield(t) {
				return
			}
		}
	}
}

// Horizon is [from, to), Unix seconds: what the roster knows.
func (r *Roster) Horizon() (fromUnixS, toUnixS int64) {
	if r == nil {
		return 0, 0
	}
	return r.fromS, r.toS
}

// Sheet is what the roster says besides turns; the zero value of a nil one. Its people are not to be changed.
func (r *Roster) Sheet() Sheet {
	if r == nil {
		return Sheet{}
	}
	return r.sheet
}

// People are the members of the rota. Not to be changed.
func (r *Roster) People() []*Person { return r.Sheet().People }

// Person is the member of that ID; nil where there is none.
func (r *Roster) Person(id string) *Person {
	people := r.People()
	i := sort.Search(len(people), func(i int) bool { return people[i].ID >= id })
	if i < len(people) && people[i].ID == id {
		return people[i]
	}
	return nil
}
