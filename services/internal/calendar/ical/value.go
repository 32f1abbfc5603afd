package ical

import (
	"strconv"
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// moment is a DATE or a DATE-TIME (RFC 5545, 3.3.4 and 3.3.5).
type moment struct {
	// wallS is what the zone's clock shows: seconds since 1970-01-01T00:00, as if the clock never changed.
	wallS int64
	// zone is the site's own where the value is floating, or a date.
	zone *zone
	date bool
}

// unixS is the first instant at which the zone's clock shows it.
func (m moment) unixS() int64 { return m.zone.wall.First(m.wallS) }

// day is the date, in days since 1970-01-01.
func (m moment) day() int64 { return floorDiv(m.wallS, hours.DayS) }

// in is what the clock of another zone shows at that moment. A date is the same one everywhere.
func (m moment) in(z *zone) moment {
	if m.date || m.zone == z {
		return m
	}
	return moment{wallS: z.wall.WallAt(m.unixS()), zone: z}
}

const (
	ruleMoment = "must be a DATE such as 20271224, or a DATE-TIME such as 20271224T090000 or 20271224T090000Z, that exists"
	ruleYears  = "must be in the years 1970 to 2100"
	ruleLength = "must be a DURATION such as P1D or PT8H30M, not negative, of at most ten years"
)

// parseMoment reads one value; z is the zone of the property that holds it. The rule is empty where all is well.
func parseMoment(text string, z, utc *zone) (m moment, broken string) {
	layout := "20060102T150405"
	m.zone = z
	switch {
	case len(text) == 8:
		layout, m.date = "20060102", true
	case strings.HasSuffix(text, "Z"):
		text, m.zone = strings.TrimSuffix(text, "Z"), utc
	}
	// Of a leap second (RFC 5545, 3.3.12) the second before it is meant.
	if len(text) == 15 && strings.HasSuffix(text, "60") {
		text = text[:13] + "59"
	}
	if len(text) != len(layout) {
		return m, ruleMoment
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return m, ruleMoment
	}
	if t.Year() < calendar.MinYear || t.Year() > calendar.MaxYear {
		return m, ruleYears
	}
	m.wallS = t.Unix()
	return m, ""
}

// length is how long something lasts (RFC 5545, 3.3.6): days by the wall clock, the rest exactly.
type length struct {
	days   int64
	exactS int64
	// wallS is by the wall clock as well: the distance from DTSTART to a DTEND of the same zone.
	wallS int64
}

// after is the instant at which what begins at a moment ends.
func (l length) after(m moment) int64 {
	switch {
	case l.days == 0 && l.wallS == 0:
		return m.unixS() + l.exactS
	case l.wallS > 0:
		return max(m.zone.wall.Last(m.wallS+l.wallS), m.unixS())
	default:
		return m.zone.wall.First(m.wallS+l.days*hours.DayS) + l.exactS
	}
}

// maxLengthS bounds one occurrence.
const maxLengthS = 3660 * hours.DayS

// parseLength reads a DURATION: P1W, P1DT2H, PT90M.
func parseLength(text string) (l length, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(text, "+"), "P")
	if !ok || rest == "" {
		return l, false
	}
	units := "WD"
	for rest != "" {
		if rest[0] == 'T' && strings.Contains(units, "D") {
			units, rest = "HMS", rest[1:]
		}
		at := strings.IndexAny(rest, "WDHMS")
		if at <= 0 || at > 9 || !strings.Contains(units, rest[at:at+1]) {
			return l, false
		}
		n, err := strconv.ParseUint(rest[:at], 10, 31)
		if err != nil {
			return l, false
		}
		switch rest[at] {
		case 'W':
			l.days += 7 * int64(n)
		case 'D':
			l.days += int64(n)
		case 'H':
			l.exactS += 3600 * int64(n)
		case 'M':
			l.exactS += 60 * int64(n)
		default:
			l.exactS += int64(n)
		}
		units = units[strings.IndexByte(units, rest[at])+1:]
		if units == "" && rest[at] == 'D' {
			units = "D" // only a T may follow
		}
		rest = rest[at+1:]
	}
	return l, l.days*hours.DayS+l.exactS <= maxLengthS
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
