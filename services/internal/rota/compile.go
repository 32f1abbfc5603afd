package rota

import (
	"slices"

	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Compile is the roster of [fromUnixS, toUnixS). The error is an INVALID_FIELD fault that names every rule that the rota
// breaks (Validate), or one on "from" or "to" for a range that is empty, longer than ten years, or not within the years
// 1970 to 2100.
func Compile(r Rota, fromUnixS, toUnixS int64) (*Roster, error) {
	var broken fault.Violations
	broken.Append(Validate("", r)...)
	broken.Append(checkRange(fromUnixS, toUnixS)...)
	if err := broken.Err(); err != nil {
		return nil, err
	}
	c := compiler{
		rota: r, fromS: fromUnixS, toS: toUnixS, people: newPeople(r),
		wall: hours.NewWallClock(r.Zone.Location, fromUnixS, toUnixS),
	}
	c.away = newAway(r.Absences, &c.people)
	held, err := c.layer(0)
	for i := 1; i < len(r.Layers) && err == nil; i++ {
		var upper partition
		upper, err = c.layer(i)
		held = zip(held, upper, stack)
	}
	if err != nil {
		return nil, err
	}
	return c.roster(c.override(held)), nil
}

type compiler struct {
	rota       Rota
	fromS, toS int64
	wall       hours.WallClock
	people     people
	away       away
}

// layer is one layer alone.
func (c *compiler) layer(i int) (partition, error) {
	l := c.rota.Layers[i]
	held := c.turns(i, l)
	if l.unrestricted() {
		return held, nil
	}
	open, err := hours.Compile(hours.Hours{Weekly: l.Restrictions}, c.rota.Zone, c.fromS, c.toS)
	if err != nil {
		return partition{}, err
	}
	mask := partition{fromS: c.fromS, toS: c.toS}
	for iv := range open.Within(c.fromS, c.toS) {
		mask.extend(iv.OpenUnixS, empty(OutsideHours, i))
		mask.extend(iv.CloseUnixS, empty(Unknown, i))
	}
	mask.extend(c.toS, empty(OutsideHours, i))
	return zip(held, mask, shut), nil
}

func (l Layer) unrestricted() bool {
	return !slices.ContainsFunc(l.Restrictions[:], func(spans []hours.Span) bool { return len(spans) > 0 })
}

// turns are those of a layer, without its restrictions.
func (c *compiler) turns(i int, l Layer) partition {
	cal := newCalendar(l)
	crews := c.crews(l)
	endS := c.toS
	if l.End != (hours.WallTime{}) {
		endS = min(endS, c.wall.First(l.End.WallS()))
	}
	// What the clock shows it has shown by then for the first time; so this turn began before the range, or at its start.
	n := max(cal.at(c.wall.WallAt(c.fromS)), 0)
	// How many turns there are, or some more: growing by doubling costs more than making them.
	turns := cal.at(c.wall.WallAt(c.toS)) - n + 2
	out := partition{fromS: c.fromS, toS: c.toS, pieces: make([]piece, 0, max(turns, 0)+2)}
	out.extend(min(c.wall.First(cal.begins(n)), endS), empty(NotRunning, i))
	for ; out.end() < endS; n++ {
		toS := min(c.wall.First(cal.begins(n+1)), endS)
		if toS > out.end() {
			crew, slot := cal.holder(n)
			c.turn(&out, i, crews[crew], slot, toS)
		}
	}
	out.extend(c.toS, empty(NotRunning, i))
	return out
}

// crews are those of a layer, as indexes of people.
func (c *compiler) crews(l Layer) [][]int32 {
	crews := make([][]int32, len(l.Crews))
	for i, crew := range l.Crews {
		crews[i] = make([]int32, len(crew.Slots))
		for k, name := range crew.Slots {
			crews[i][k] = c.people.index(name)
		}
	}
	return crews
}

// turn extends a layer by one turn, up to toS, with those who stand in where its holder is away (R5).
func (c *compiler) turn(out *partition, layer int, crew []int32, slot int, toS int64) {
	own := holder{person: crew[slot], instead: nobody, via: nobody, layer: int16(layer), reason: OwnTurn}
	switch {
	case own.person == nobody:
		out.extend(toS, empty(EmptyTurn, layer))
		return
	case !c.away.ever(own.person):
		out.extend(toS, own)
		return
	}
	for at := out.end(); at < toS; at = out.end() {
		h, absence := own, c.away.at(own.person, at)
		if absence >= 0 {
			h = holder{person: nobody, instead: own.person, via: absence, layer: own.layer, reason: AllAway}
			if person := c.standIn(crew, slot, at); person != nobody {
				h.person, h.reason = person, Cover
			}
		}
		out.extend(min(c.away.changes(at), toS), h)
	}
}

// standIn is the next person of a crew, after a slot, who is not away.
func (c *compiler) standIn(crew []int32, slot int, at int64) int32 {
	for i := 1; i < len(crew); i++ {
		person := crew[(slot+i)%len(crew)]
		if person != nobody && c.away.at(person, at) < 0 {
			return person
		}
	}
	return nobody
}

// override applies the overrides (R7).
func (c *compiler) override(held partition) partition {
	if len(c.rota.Overrides) == 0 {
		return held
	}
	// A mask cuts the range where overrides begin and end; its via is the index of those in force between the cuts.
	cuts := []int64{c.toS}
	for _, o := range c.rota.Overrides {
		cuts = append(cuts, o.FromUnixS, o.ToUnixS)
	}
	slices.Sort(cuts)
	mask, inForce := partition{fromS: c.fromS, toS: c.toS}, [][]int{}
	for _, toS := range slices.Compact(cuts) {
		if toS <= c.fromS {
			continue
		}
		var list []int
		for i, o := range c.rota.Overrides {
			if o.FromUnixS <= mask.end() && mask.end() < o.ToUnixS {
				list = append(list, i)
			}
		}
		mask.extend(toS, holder{via: int32(len(inForce))})
		inForce = append(inForce, list)
	}
	return zip(held, mask, func(h, m holder) holder {
		for _, i := range inForce[m.via] {
			h = c.apply(i, h)
		}
		return h
	})
}

func (c *compiler) apply(i int, h holder) holder {
	o := c.rota.Overrides[i]
	of, by := c.people.index(o.Of), c.people.index(o.By)
	switch {
	case o.Kind == Add && h.person == by:
		return h
	case o.Kind == Add:
		return holder{person: by, instead: h.person, via: int32(i), layer: h.layer, reason: Added}
	case h.person == nobody || of != nobody && of != h.person:
		return h
	case o.Kind == Remove:
		return holder{person: nobody, instead: h.person, via: int32(i), layer: h.layer, reason: Removed}
	default:
		return holder{person: by, instead: h.person, via: int32(i), layer: h.layer, reason: Replaced}
	}
}

// roster is what was compiled, with people's names.
func (c *compiler) roster(held partition) *Roster {
	n := 0
	for _, p := range held.pieces {
		if p.person != nobody {
			n++
		}
	}
	r := &Roster{
		FromUnixS: c.fromS, ToUnixS: c.toS, TZDataRelease: c.rota.Zone.Release, ZoneFingerprint: c.wall.Fingerprint(),
		Turns: make([]Turn, 0, n), Gaps: make([]Turn, 0, len(held.pieces)-n),
	}
	fromS := held.fromS
	for _, p := range held.pieces {
		t := Turn{
			FromUnixS: fromS, ToUnixS: p.toS, Person: c.people.name(p.person), Instead: c.people.name(p.instead),
			Layer: int(p.layer), Via: int(p.via), Reason: p.reason,
		}
		if t.Reason.Held() {
			r.Turns = append(r.Turns, t)
		} else {
			r.Gaps = append(r.Gaps, t)
		}
		fromS = p.toS
	}
	return r
}
