package plans

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar/resource"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// HorizonDays is how far ahead timelines are compiled, and marginDays how much further calendars are read: dates of some
// zone begin before, or end after, those of UTC.
const (
	HorizonDays = 400
	marginDays  = 3
)

// Use is hours in a zone with calendars: what one timeline is for. It is comparable.
type Use struct {
	HoursID, Zone string
	// calendars are IDs in their order, each followed by a newline.
	calendars string
}

// NewUse is the use of hours by a customer of the zone (UTC where empty) with these calendars.
func NewUse(hoursID, zone string, calendarIDs []string) Use {
	if zone == "" {
		zone = "UTC"
	}
	u := Use{HoursID: hoursID, Zone: zone}
	if len(calendarIDs) > 0 {
		u.calendars = strings.Join(calendarIDs, "\n") + "\n"
	}
	return u
}

// CalendarIDs are the calendars in their order.
func (u Use) CalendarIDs() []string {
	if u.calendars == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(u.calendars, "\n"), "\n")
}

// ID names the timeline: the last part of its key.
func (u Use) ID() string {
	digest := sha256.Sum256([]byte(u.HoursID + "\n" + u.Zone + "\n" + u.calendars))
	return hex.EncodeToString(digest[:idBytes])
}

// Horizon is [from, to) of a timeline compiled at an instant: whole days of UTC, so that it is the same all day. It begins
// a week back, since a call is judged by when it began, and clocks differ.
func Horizon(at time.Time) (fromUnixS, toUnixS int64) {
	const behindDays = 7
	today := at.UTC().Truncate(dayS * time.Second).Unix()
	return today - behindDays*dayS, today + (HorizonDays+1)*dayS
}

// Compile is the timeline of hours in use. Calendars are those of the use, in their order; one that is nil does not exist
// (any more), and closes nothing. The error is an INVALID_FIELD fault.
func (w Week) Compile(u Use, zone hours.Zone, calendars []*schedulev1.Calendar, fromUnixS, toUnixS int64,
) (*publishedv1.PlanTimeline, error) {
	h := hours.Hours{Weekly: w.Spans}
	for _, c := range calendars {
		if c == nil || w.IgnoresCalendars {
			continue
		}
		layer, err := resource.Layer(c, date(fromUnixS, -marginDays), date(toUnixS, marginDays))
		if err != nil {
			return nil, err
		}
		h.Calendars = append(h.Calendars, layer)
	}
	t, err := hours.Compile(h, zone, fromUnixS, toUnixS)
	if err != nil {
		return nil, err
	}
	return &publishedv1.PlanTimeline{
		HoursId: u.HoursID, TimeZone: u.Zone, Calendars: slices.Clone(u.CalendarIDs()), Timeline: t.Proto(),
	}, nil
}

func date(unixS int64, addDays int) hours.Date {
	y, m, d := time.Unix(unixS, 0).UTC().Date()
	return hours.Date{Year: y, Month: m, Day: d}.AddDays(addDays)
}
