package simulation

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/internal/hours"
)

// oracle says whether a site is open, from what its owner wrote and nothing else: it asks the wall clock of the instant,
// day by day, and shares no code with the compiler, timelines or views. It is what the answers of all those are held
// against.
//
// What a wall time means where clocks change (design, section 5) it turns round: a span that opens at wall time W has
// opened by an instant if the wall clock has shown W, or anything later, by then; and a span that closes at W has not
// closed while the wall clock shows anything before W, or will show W or anything before it again.
type oracle struct {
	// zones are the periods between two changes of the clocks that were asked about last.
	zones map[*time.Location]period
	// near are the spans of each site, by its ID, around the date that was asked about last.
	near map[string]*nearby
}

func newOracle() oracle { return oracle{map[*time.Location]period{}, map[string]*nearby{}} }

// nearby is what a site's owner wrote of a date and those around it.
type nearby struct {
	of    *site
	today int64
	spans []wallSpan
}

// wallSpan is [from, to) in seconds since 1970-01-01T00:00 on the wall.
type wallSpan struct{ from, to int64 }

// period is [fromS, toS) in which a wall clock is offS ahead of UTC.
type period struct{ fromS, toS, offS int64 }

// at is the period of an instant.
func (o oracle) at(unixS int64, loc *time.Location) period {
	if p, ok := o.zones[loc]; ok && p.fromS <= unixS && unixS < p.toS {
		return p
	}
	t := time.Unix(unixS, 0).In(loc)
	_, off := t.Zone()
	p := period{math.MinInt64, math.MaxInt64, int64(off)}
	from, to := t.ZoneBounds()
	if !from.IsZero() {
		p.fromS = from.Unix()
	}
	if !to.IsZero() {
		p.toS = to.Unix()
	}
	if p.toS <= unixS { // Go ends every year of a rule after 365 days, so that 31 December of a leap year is outside of it
		p.toS = (unixS/86400 + 1) * 86400
	}
	o.zones[loc] = p
	return p
}

// nearS is how near a change of the clocks must be to matter for what the wall clock has shown, or will.
const nearS = 2 * 86400

// shown is the latest wall time that the wall clock has shown by an instant, in seconds since 1970-01-01T00:00 on the wall.
func (o oracle) shown(unixS int64, loc *time.Location) int64 {
	p := o.at(unixS, loc)
	wall := unixS + p.offS
	for p.fromS > unixS-nearS {
		last := p.fromS - 1 // before the clock was turned
		p = o.at(last, loc)
		wall = max(wall, last+p.offS)
	}
	return wall
}

// coming is the earliest wall time that the wall clock shows from an instant on.
func (o oracle) coming(unixS int64, loc *time.Location) int64 {
	p := o.at(unixS, loc)
	wall := unixS + p.offS
	for p.toS < unixS+nearS {
		first := p.toS // once the clock is turned
		p = o.at(first, loc)
		wall = min(wall, first+p.offS)
	}
	return wall
}

// wall is what the wall clock has shown by an instant, will show from it on, and from a second later on.
func (o oracle) wall(unixS int64, loc *time.Location) (has, will, later int64) {
	if p := o.at(unixS, loc); p.fromS <= unixS-nearS && unixS+1+nearS <= p.toS { // no change is near
		return unixS + p.offS, unixS + p.offS, unixS + 1 + p.offS
	}
	return o.shown(unixS, loc), o.coming(unixS, loc), o.coming(unixS+1, loc)
}

// dayOf is the date of a wall time, as a number of days.
func dayOf(wallS int64) int64 {
	number := wallS / 86400
	if wallS < 0 && wallS%86400 != 0 {
		number--
	}
	return number
}

// dateOf is the name of a date.
func dateOf(number int64) hours.Date {
	y, m, d := time.Unix(number*86400, 0).UTC().Date()
	return hours.Date{Year: y, Month: m, Day: d}
}

// open says whether a site is open by its hours at an instant; drains are another matter.
func (o oracle) open(one *site, unixS int64) bool {
	has, will, later := o.wall(unixS, one.loc)
	for _, span := range o.around(one, has) {
		if has >= span.from && (will < span.to || later <= span.to) {
			return true
		}
	}
	return false
}

// around are a site's spans that may hold a wall time, and some more.
func (o oracle) around(one *site, wallS int64) []wallSpan {
	today := dayOf(wallS)
	n := o.near[one.id]
	if n == nil {
		n = &nearby{}
		o.near[one.id] = n
	}
	if n.of == one && n.today == today { // neither what was written nor the date is another one
		return n.spans
	}
	*n = nearby{one, today, n.spans[:0]}
	name := dateOf(today)
	clipped := slices.ContainsFunc(one.hours.Exceptions, func(e hours.Exception) bool {
		return e.Date == name && e.Mode == hours.Clip
	})
	for number := today + 1; number >= today-2; number-- {
		if clipped && number != today {
			continue // nothing of another date reaches into this one
		}
		for _, span := range spansOf(&one.hours, dateOf(number)) {
			from, to := number*86400+int64(span.OpenS), number*86400+int64(span.CloseS)
			if span.CloseS == 0 || span.CloseS < span.OpenS {
				to += 86400
			}
			if from < to {
				n.spans = append(n.spans, wallSpan{from, to})
			}
		}
	}
	return n.spans
}

// spansOf are the spans that open on a date.
func spansOf(h *hours.Hours, on hours.Date) []hours.Span {
	for _, e := range h.Exceptions {
		if e.Date == on {
			return e.Spans
		}
	}
	for _, c := range h.Calendars {
		i, known := slices.BinarySearchFunc(c.Days, on, func(d hours.CalendarDay, on hours.Date) int { // they ascend
			return cmp.Or(d.Date.Year-on.Year, int(d.Date.Month-on.Month), d.Date.Day-on.Day)
		})
		if known {
			return c.Days[i].Spans
		}
	}
	weekday := time.Date(on.Year, on.Month, on.Day, 12, 0, 0, 0, time.UTC).Weekday()
	return h.Weekly[weekday]
}

// drained says whether a site gets no calls at an instant, since it, or each of its targets, is drained.
func (oracle) drained(w *world, one *site, unixS int64) bool {
	gone := 0
	for _, target := range one.targets {
		for _, d := range w.drains {
			if d.site == one.id && (d.target == "" || d.target == target) && d.fromS <= unixS && unixS < d.toS {
				gone++
				break
			}
		}
	}
	return gone == len(one.targets)
}

// holder is who is on duty at an instant: the next of the crew who is not away, in the order of weekly turns on the wall
// of the rota; empty where all are away.
func (o oracle) holder(d *duty, unixS int64) string {
	start := d.start.Date
	startS := time.Date(start.Year, start.Month, start.Day, 0, 0, d.start.S, 0, time.UTC).Unix()
	turn := int((o.shown(unixS, d.loc) - startS) / (7 * 86400))
	for i := range d.people {
		person := d.people[(turn+i)%len(d.people)]
		away := false
		for _, a := range d.away {
			away = away || a.Person == person && a.FromUnixS <= unixS && unixS < a.ToUnixS
		}
		if !away {
			return person
		}
	}
	return ""
}
