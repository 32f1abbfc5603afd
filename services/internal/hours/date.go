package hours

import (
	"fmt"
	"time"
)

// Date is a date of the civil calendar (proleptic Gregorian), in no zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Years that a date may have.
const (
	minYear = 1
	maxYear = 9999
)

// Exists says whether the calendar has the date: 2027-02-29 is none.
func (d Date) Exists() bool {
	return d.Year >= minYear && d.Year <= maxYear && d.Month >= time.January && d.Month <= time.December &&
		d.Day >= 1 && dateOf(d.number()) == d
}

// String is "2026-12-24" (ISO 8601).
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// AddDays is the date that many days later; earlier where they are negative.
func (d Date) AddDays(days int) Date { return dateOf(d.number() + int64(days)) }

// number is the days since 1970-01-01. In UTC a day has 86,400 seconds, and no clock changes.
func (d Date) number() int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / DayS
}

func dateOf(number int64) Date {
	y, m, d := time.Unix(number*DayS, 0).UTC().Date()
	return Date{y, m, d}
}

// WallTime is a time on the wall clock, in no zone.
type WallTime struct {
	Date Date
	// S is seconds after 00:00, 0 to DayS-1.
	S int
}

// Exists says whether the calendar has the date, and a day the time.
func (w WallTime) Exists() bool { return w.Date.Exists() && w.S >= 0 && w.S < DayS }

// String is "2026-12-24T09:00", with seconds where there are any.
func (w WallTime) String() string { return w.Date.String() + "T" + clockText(w.S) }

// WallS is the time as a WallClock counts it: seconds since 1970-01-01T00:00 on the local clock.
func (w WallTime) WallS() int64 { return w.Date.number()*DayS + int64(w.S) }

// weekday of a day number; 1970-01-01 was a Thursday.
func weekday(number int64) time.Weekday {
	return time.Weekday(((number+int64(time.Thursday))%7 + 7) % 7)
}
