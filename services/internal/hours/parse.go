package hours

import (
	"strings"
	"time"

	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	ruleSpan  = `must be OPEN-CLOSE on the wall clock, such as "09:00-17:30" or "22:00-06:00"`
	ruleOpen  = "must open at 00:00 to 23:59:59, written HH:MM or HH:MM:SS"
	ruleClose = "must close at 00:00 to 24:00, written HH:MM or HH:MM:SS"
	ruleDate  = `must be a date of the calendar, written YYYY-MM-DD such as "2026-12-24"`
	ruleWall  = `must be a date and time on the wall clock, written YYYY-MM-DDTHH:MM such as "2026-12-24T09:00"`
)

// ParseSpan reads "09:00-17:30": two wall times, HH:MM or HH:MM:SS, with a hyphen between; the second may be 24:00. The
// error is an INVALID_FIELD fault on the given field. Whether the span makes sense is for Validate.
func ParseSpan(field, s string) (Span, error) {
	open, end, found := strings.Cut(s, "-")
	if !found {
		return Span{}, refuse(field, s, ruleSpan)
	}
	openS, ok := parseClock(open)
	if !ok || openS >= DayS {
		return Span{}, refuse(field, s, ruleOpen)
	}
	closeS, ok := parseClock(end)
	if !ok {
		return Span{}, refuse(field, s, ruleClose)
	}
	return Span{openS, closeS}, nil
}

// ParseDate reads "2026-12-24". The error is an INVALID_FIELD fault on the given field.
func ParseDate(field, s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	d := Date{t.Year(), t.Month(), t.Day()}
	if err != nil || !d.Exists() {
		return Date{}, refuse(field, s, ruleDate)
	}
	return d, nil
}

// ParseWallTime reads "2026-12-24T09:00", or with seconds. The error is an INVALID_FIELD fault on the given field.
func ParseWallTime(field, s string) (WallTime, error) {
	dateText, timeText, _ := strings.Cut(s, "T")
	date, err := ParseDate(field, dateText)
	seconds, ok := parseClock(timeText)
	if err != nil || !ok || seconds >= DayS {
		return WallTime{}, refuse(field, s, ruleWall)
	}
	return WallTime{date, seconds}, nil
}

// parseClock reads HH:MM or HH:MM:SS up to 24:00, as seconds.
func parseClock(s string) (int, bool) {
	if (len(s) != 5 && len(s) != 8) || s[2] != ':' || (len(s) == 8 && s[5] != ':') {
		return 0, false
	}
	total := 0
	for i, unit := 0, 3600; i < len(s); i, unit = i+3, unit/60 {
		tens, ones := s[i]-'0', s[i+1]-'0'
		if tens > 9 || ones > 9 || (i > 0 && tens > 5) {
			return 0, false
		}
		total += (int(tens)*10 + int(ones)) * unit
	}
	return total, total <= DayS
}

func refuse(field, value, rule string) error {
	var v fault.Violations
	v.Add(field, value, rule)
	return v.Err()
}
