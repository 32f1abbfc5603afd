package ical

import (
	"fmt"
	"strings"
	"time"

	goical "github.com/emersion/go-ical"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// maxZones bounds the zones of one file; the clock of each takes some work.
const maxZones = 100

// zone is a time zone with its clock over all years that a calendar may have.
type zone struct{ wall hours.WallClock }

func newZone(loc *time.Location) *zone {
	from := time.Date(calendar.MinYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(calendar.MaxYear+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return &zone{hours.NewWallClock(loc, from, to)}
}

// zone is that of a property's values: of its TZID, or else the site's.
func (f *file) zone(p *goical.Prop) (*zone, error) {
	tzid := p.Params.Get(goical.ParamTimezoneID)
	if tzid == "" {
		return f.site, nil
	}
	if z, ok := f.zones[tzid]; ok {
		return z, nil
	}
	if len(f.zones) >= maxZones {
		return nil, fault.LimitExceeded(fmt.Sprintf("iCalendar: more than %d zones", maxZones))
	}
	loc, err := f.location(tzid)
	if err != nil {
		return nil, err
	}
	f.zones[tzid] = newZone(loc)
	return f.zones[tzid], nil
}

// location is the zone that a TZID means. The rules that a file's own VTIMEZONE holds are never applied: they are often
// out of date, or cut down to the year of writing. It is asked only which zone of the IANA database it stands for.
func (f *file) location(tzid string) (*time.Location, error) {
	names := []string{tzid, windowsZones[tzid], f.locations[tzid], windowsZones[f.locations[tzid]]}
	// A global name (RFC 5545, 3.8.3.1), such as "/citadel.org/20211207_1/Europe/London".
	if strings.HasPrefix(tzid, "/") {
		parts := strings.Split(tzid, "/")
		for n := min(3, len(parts)-1); n >= 2; n-- {
			names = append(names, strings.Join(parts[len(parts)-n:], "/"))
		}
	}
	for _, name := range names {
		if east, fixed := fixedZone(name); fixed {
			return time.FixedZone(name, east*3600), nil
		}
		if name == "" {
			continue
		}
		if loc, err := f.options.Lookup(name); err == nil {
			return loc, nil
		}
	}
	return nil, errUnknownZone
}
