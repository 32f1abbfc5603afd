package contracts

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	"github.com/daysidehq/dayside/services/internal/zones"
)

const (
	daySeconds = 86400
	// Contract dates outside these years are typing mistakes.
	minYear, maxYear = 1900, 9999
)

// exists says whether d is a whole date of the Gregorian calendar.
func exists(d *date.Date) bool {
	y, m, day := int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay())
	if y < minYear || y > maxYear || m < time.January || m > time.December {
		return false
	}
	t := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
	return t.Month() == m && t.Day() == day
}

// text is a date as files have it.
func text(d *date.Date) string {
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}

// begins is the first instant of a date in a zone, Unix seconds. Where the clock skips midnight, or the whole date, that
// is the instant of the change; where midnight comes twice, the first one.
func begins(loc *time.Location, d *date.Date, plusDays int) int64 {
	midnight := time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay())+plusDays, 0, 0, 0, 0,
		time.UTC).Unix()
	// No zone is farther than a day from UTC; a second day holds the change that skips one.
	offsets := zones.Offsets(loc, midnight-2*daySeconds, midnight+2*daySeconds)
	for i, o := range offsets {
		at := max(midnight-o.EastS, o.FromUnixS)
		if i+1 == len(offsets) || at < offsets[i+1].FromUnixS {
			return at
		}
	}
	return midnight
}

// dateAt is the local date of an instant, Unix seconds.
func dateAt(loc *time.Location, unixS int64) *date.Date {
	y, m, d := time.Unix(unixS, 0).In(loc).Date()
	return &date.Date{Year: int32(y), Month: int32(m), Day: int32(d)}
}
