package rota

import (
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
)

// calendar numbers the turns of a layer from 0, and says when they begin on the wall clock and which slot holds them. No
// zone is needed for that; so a change of zone rules never changes whose turn it is, only when it begins.
type calendar struct {
	layer Layer
	// firsts[i] is the number of the first turn of the crew i; ascending.
	firsts []int64
	// startS is when turn 0 begins, and everyS the length of a turn, as a wall clock counts; turns of months have none.
	startS, everyS int64
}

func newCalendar(l Layer) *calendar {
	c := &calendar{
		layer: l, firsts: make([]int64, len(l.Crews)), startS: l.Start.WallS(), everyS: int64(l.Every) * unitS(l.Unit),
	}
	for i, crew := range l.Crews {
		if i > 0 {
			c.firsts[i] = c.from(crew.From.WallS())
		}
	}
	return c
}

// unitS is the length of a unit on a wall clock that never changes; months have none.
func unitS(u Unit) int64 {
	switch u {
	case Hour:
		return 3600
	case Day:
		return hours.DayS
	case Week:
		return 7 * hours.DayS
	default:
		return 0
	}
}

// begins is when turn n begins, as a wall clock counts (hours.WallTime).
func (c *calendar) begins(n int64) int64 {
	if c.layer.Unit != Month {
		return c.startS + n*c.everyS
	}
	start, every := c.layer.Start, int64(c.layer.Every)
	months := monthOf(start.Date) + n*every
	year, month := int(floorDiv(months, 12)), time.Month(months-floorDiv(months, 12)*12+1)
	day := min(start.Date.Day, daysIn(year, month))
	return hours.WallTime{Date: hours.Date{Year: year, Month: month, Day: day}, S: start.S}.WallS()
}

// at is the number of the turn that holds wallS; negative before the first one.
func (c *calendar) at(wallS int64) int64 {
	if c.layer.Unit != Month {
		return floorDiv(wallS-c.startS, c.everyS)
	}
	start, every := c.layer.Start, int64(c.layer.Every)
	y, m, d := time.Unix(wallS, 0).UTC().Date()
	n := floorDiv(monthOf(hours.Date{Year: y, Month: m, Day: d})-monthOf(start.Date), every)
	if c.begins(n) > wallS {
		n--
	}
	return n
}

// from is the number of the first turn that begins at wallS or later.
func (c *calendar) from(wallS int64) int64 { return max(c.at(wallS-1)+1, 0) }

// holder is the slot that holds turn n.
func (c *calendar) holder(n int64) (crew, slot int) {
	crew = len(c.firsts) - 1
	for crew > 0 && c.firsts[crew] > n {
		crew--
	}
	return crew, c.slot(crew, n)
}

func (c *calendar) slot(crew int, n int64) int {
	who := &c.layer.Crews[crew]
	return int((int64(who.First) + n - c.firsts[crew]) % int64(len(who.Slots)))
}

// WithMembers is the layer with other people from a time on, in place of what was planned from then on. It takes effect
// with the first turn that begins then or later, and leaves those before it alone. That turn goes to whoever follows, in
// the new order, the holder of the turn before; where that person is no longer there, to the next of the old order who
// is. The layer must be valid.
func (l Layer) WithMembers(from hours.WallTime, slots []string) Layer {
	slots = slices.Clone(slots)
	if from.WallS() <= l.Start.WallS() {
		l.Crews = []Crew{{Slots: slots}}
		return l
	}
	kept := 1
	for kept < len(l.Crews) && l.Crews[kept].From.WallS() < from.WallS() {
		kept++
	}
	l.Crews = slices.Clone(l.Crews[:kept])
	c := newCalendar(l)
	crew, slot := c.holder(c.from(from.WallS()) - 1)
	l.Crews = append(l.Crews, Crew{From: from, Slots: slots, First: following(l.Crews[crew].Slots, slot, slots)})
	return l
}

// following is the place in the order now of who comes after the one who held a slot of the order before.
func following(before []string, slot int, now []string) int {
	if at := place(now, before[slot]); at >= 0 {
		return (at + 1) % len(now)
	}
	for i := 1; i < len(before); i++ {
		if at := place(now, before[(slot+i)%len(before)]); at >= 0 {
			return at
		}
	}
	return 0
}

// place is where a person stands; negative for nobody, and for who does not stand there.
func place(slots []string, person string) int {
	if person == "" {
		return -1
	}
	return slices.Index(slots, person)
}

// monthOf counts months from the year 0.
func monthOf(d hours.Date) int64 { return int64(d.Year)*12 + int64(d.Month) - 1 }

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
