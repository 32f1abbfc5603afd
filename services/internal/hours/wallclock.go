package hours

import (
	"time"

	"github.com/daysidehq/dayside/services/internal/zones"
)

// wallClock turns wall-clock time into instants. Wall time is counted in seconds since 1970-01-01T00:00 on the local
// clock, as if that clock never changed. time.Date is not used: it resolves a skipped time backwards west of Greenwich
// and forwards east of it, and of a repeated one gives whichever it likes.
type wallClock struct{ offsets []zones.Offset }

// marginS is how far beyond a range its wall times may reach: a day for the zone's distance from UTC (at most 14 h, 26
// where a zone changes sides of the date line), and two for spans that open on the dates before.
const marginS = 4 * DayS

func newWallClock(loc *time.Location, fromUnixS, toUnixS int64) wallClock {
	return wallClock{zones.Offsets(loc, fromUnixS-marginS, toUnixS+marginS)}
}

// first is the first instant at which the clock shows wallS; the transition where it never does.
func (w wallClock) first(wallS int64) int64 {
	last := len(w.offsets) - 1
	for k, o := range w.offsets {
		at := wallS - o.EastS
		if k < last && at >= w.offsets[k+1].FromUnixS {
			continue // shown after this offset ended, if at all
		}
		if k > 0 && at < o.FromUnixS {
			return o.FromUnixS // neither before the change nor after it: skipped
		}
		return at
	}
	return wallS
}

// last is the last instant at which the clock shows wallS; the transition where it never does.
func (w wallClock) last(wallS int64) int64 {
	for k := len(w.offsets) - 1; k >= 0; k-- {
		at := wallS - w.offsets[k].EastS
		if k > 0 && at < w.offsets[k].FromUnixS {
			continue // shown before this offset began, if at all
		}
		if k+1 < len(w.offsets) && at >= w.offsets[k+1].FromUnixS {
			return w.offsets[k+1].FromUnixS
		}
		return at
	}
	return wallS
}

// begins is the first instant of a date (S2).
func (w wallClock) begins(number int64) int64 { return w.first(number * DayS) }

// exists says whether the zone has the date: Pacific/Apia went from 2011-12-29 to 2011-12-31 (S5).
func (w wallClock) exists(number int64) bool { return w.dateAt(w.begins(number)) == number }

// dateAt is the local date of an instant.
func (w wallClock) dateAt(unixS int64) int64 {
	east := w.offsets[0].EastS
	for _, o := range w.offsets {
		if o.FromUnixS > unixS {
			break
		}
		east = o.EastS
	}
	return floorDiv(unixS+east, DayS)
}

// opens is the instant at which a span opens, closes the one at which it closes; the span opens on the date (S2, S3).
func (w wallClock) opens(number int64, s Span) int64 { return w.first(number*DayS + int64(s.OpenS)) }

func (w wallClock) closes(number int64, s Span) int64 {
	if s.endS() == DayS {
		return w.begins(number + 1)
	}
	return w.last(number*DayS + int64(s.endS()))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
