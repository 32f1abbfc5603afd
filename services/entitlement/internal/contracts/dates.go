package contracts

import (
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	"github.com/daysidehq/dayside/services/internal/hours"
)

// Contract dates outside these years are typing mistakes.
const minYear, maxYear = 1900, 9999

// civil is a date as package hours has it.
func civil(d *date.Date) hours.Date {
	return hours.Date{Year: int(d.GetYear()), Month: time.Month(d.GetMonth()), Day: int(d.GetDay())}
}

// exists says whether d is a whole date of the Gregorian calendar.
func exists(d *date.Date) bool {
	return d.GetYear() >= minYear && d.GetYear() <= maxYear && civil(d).Exists()
}

// text is a date as files have it.
func text(d *date.Date) string { return civil(d).String() }

// dateAt is the local date of an instant, Unix seconds.
func dateAt(loc *time.Location, unixS int64) *date.Date {
	y, m, d := time.Unix(unixS, 0).In(loc).Date()
	return &date.Date{Year: int32(y), Month: int32(m), Day: int32(d)}
}
