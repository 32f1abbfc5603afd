package followup

import (
	"time"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar/resource"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	// maxAheadDays is how far ahead a business day is looked for.
	maxAheadDays = 60
	// marginDays: dates of some zone begin before, or end after, those of UTC.
	marginDays = 3
	// businessOpenS is when the day's business begins where nobody says: 09:00.
	businessOpenS = 9 * 3600
	// openingS is how long an opening lasts here, where its beginning alone is asked for.
	openingS = 60
)

// Due is when business begins next after an instant, in a zone: what came in the night is due that morning, what came during
// the day is due on the next. Calendars are in their order, the first with a date decides; one that is nil, or cannot be
// read, decides nothing. Where there is no business day in two months, calendars do not count.
//
// Whether a due time still is one is asked with the second before it: it is answered with itself, unless that day is none of
// business any more.
func Due(atUnixS int64, week Week, zone *time.Location, calendars []*schedulev1.Calendar) (day hours.Date, dueUnixS int64) {
	h := hours.Hours{Weekly: week.openings()}
	from, to := atUnixS-atUnixS%hours.DayS-hours.DayS, atUnixS+maxAheadDays*hours.DayS
	for _, c := range calendars {
		if c == nil {
			continue
		}
		layer, err := resource.Layer(c, date(from, time.UTC).AddDays(-marginDays), date(to, time.UTC).AddDays(marginDays))
		if err == nil {
			h.Calendars = append(h.Calendars, layer)
		}
	}
	for _, try := range []hours.Hours{h, {Weekly: h.Weekly}, {Weekly: Weekdays()}} {
		t, err := hours.Compile(try, hours.Zone{Location: zone}, from, to)
		if err != nil {
			continue
		}
		if due, ok := opens(t, atUnixS, to); ok {
			return date(due, zone), due
		}
	}
	return date(atUnixS, zone), atUnixS // a zone without weekdays
}

// opens is the first opening after an instant.
func opens(t *timeline.Timeline, atUnixS, toUnixS int64) (int64, bool) {
	for span := range t.Within(atUnixS, toUnixS) {
		if span.OpenUnixS > atUnixS {
			return span.OpenUnixS, true
		}
	}
	return 0, false
}

func date(unixS int64, zone *time.Location) hours.Date {
	y, m, d := time.Unix(unixS, 0).In(zone).Date()
	return hours.Date{Year: y, Month: m, Day: d}
}
