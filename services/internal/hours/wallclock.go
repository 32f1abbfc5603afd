package hours

import (
	"sort"
	"time"

	"github.com/daysidehq/dayside/services/internal/zones"
)

// WallClock turns times on a zone's wall clock into instants. Wall time is counted in seconds since 1970-01-01T00:00 on
// the local clock, as if that clock never changed. time.Date is not used: it resolves a skipped time backwards west of
// Greenwich and forwards east of it, and of a repeated one gives whichever it likes.
type WallClock struct{ offsets []zones.Offset }

// marginS is how far beyond a range its wall times may reach: a day for the zone's distance from UTC (at most 14 h, 26
// where a zone changes sides of the date line), and two for spans that open on the dates before.
const marginS = 4 * DayS

// NewWallClock is the wall clock of a zone over [fromUnixS, toUnixS) and some days around it; farther away it goes on
// as if it never changed there.
func NewWallClock(loc *time.Location, fromUnixS, toUnixS int64) WallClock {
	return WallClock{zones.Offsets(loc, fromUnixS-marginS, toUnixS+marginS)}
}

// First is the first instant, Unix seconds, at which the clock shows wallS; the transition where it never does.
func (w WallClock) First(wallS int64) int64 {
	last := len(w.offsets) - 1
	// The first offset under which wallS is shown before the offset ends; under those before it, after that if at all.
	k := sort.Search(last, func(k int) bool { return wallS-w.offsets[k].EastS < w.offsets[k+1].FromUnixS })
	at := wallS - w.offsets[k].EastS
	if k > 0 {
		return max(at, w.offsets[k].FromUnixS) // neither before the change nor after it: skipped
	}
	return at
}

// Last is the last instant, Unix seconds, at which the clock shows wallS; the transition where it never does.
func (w WallClock) Last(wallS int64) int64 {
	// The last offset under which wallS is shown after the offset begins, counted from the second one.
	k := sort.Search(len(w.offsets)-1, func(k int) bool { return wallS-w.offsets[k+1].EastS < w.offsets[k+1].FromUnixS })
	at := wallS - w.offsets[k].EastS
	if k+1 < len(w.offsets) {
		return min(at, w.offsets[k+1].FromUnixS)
	}
	return at
}

// WallAt is what the clock shows at an instant, Unix seconds.
func (w WallClock) WallAt(unixS int64) int64 {
	k := sort.Search(len(w.offsets)-1, func(k int) bool { return unixS < w.offsets[k+1].FromUnixS })
	return unixS + w.offsets[k].EastS
}

// Fingerprint identifies the clock's behaviour over its range (zones.Fingerprint).
func (w WallClock) Fingerprint() uint64 { return zones.Fingerprint(w.offsets) }

// Begins is the first instant of a date in a zone, Unix seconds. Where the clock skips midnight, or the whole date, that
// is the instant of the change; where midnight comes twice, the first one.
func Begins(loc *time.Location, d Date) int64 {
	midnightS := d.number() * DayS
	return NewWallClock(loc, midnightS, midnightS).First(midnightS)
}

// begins is the first instant of a date (S2).
func (w WallClock) begins(number int64) int64 { return w.First(number * DayS) }

// exists says whether the zone has the date: Pacific/Apia went from 2011-12-29 to 2011-12-31 (S5).
func (w WallClock) exists(number int64) bool { return w.dateAt(w.begins(number)) == number }

// dateAt is the local date of an instant.
func (w WallClock) dateAt(unixS int64) int64 { return floorDiv(w.WallAt(unixS), DayS) }

// opens is the instant at which a span opens, closes the one at which it closes; the span opens on the date (S2, S3).
func (w WallClock) opens(number int64, s Span) int64 { return w.First(number*DayS + int64(s.OpenS)) }

func (w WallClock) closes(number int64, s Span) int64 {
	if s.endS() == DayS {
		return w.begins(number + 1)
	}
	return w.Last(number*DayS + int64(s.endS()))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
