package calendars

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/calendar/ical"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

// MaxFileBytes is how large an iCalendar file may be.
const MaxFileBytes = 2 << 20

// Years of an import.
const (
	defaultImportYears = 2
	maxImportYears     = 10
)

// Zones finds time zones by their IANA names; an INVALID_FIELD fault says what is wrong with a name.
type Zones interface {
	Location(name string) (*time.Location, error)
}

// Import is the calendar that an import makes of a stored one, which is nil or empty where there is none yet. An import
// decides on the dates that are asked for: what the same source said of them before is replaced. All other entries stay
// as they are, and an event that is stored and crosses the first or the last date is read whole.
//
// The error is an INVALID_FIELD fault with fields of the request; where the file contradicts an entry from elsewhere, it
// names both. An import that names no first date goes from the date that its zone has now.
func Import(stored *schedulev1.Calendar, r *schedulev1.ImportCalendarRequest, zones Zones, now time.Time,
) (*schedulev1.Calendar, error) {
	options, err := importOptions(r, zones, now)
	if err != nil {
		return nil, err
	}
	after := &schedulev1.Calendar{Name: r.GetName(), DisplayName: r.GetDisplayName()}
	if len(stored.GetName()) > 0 {
		after, _ = proto.Clone(stored).(*schedulev1.Calendar)
	}
	after.Entries = nil
	gone := replaced(stored.GetEntries(), r.GetSource(), &options)
	for i, e := range stored.GetEntries() {
		if !gone[i] {
			after.Entries = append(after.Entries, e)
		}
	}
	meaning, err := importMeaning(r)
	if err != nil {
		return nil, err
	}
	found, err := ical.Import(bytes.NewReader(r.GetIcs()), options, meaning)
	if err != nil {
		return nil, within("ics", err)
	}
	kept := len(after.Entries)
	after.Entries = append(after.Entries, Write(calendar.Calendar{Entries: found}).GetEntries()...)
	return after, checkImport(after, kept)
}

// importOptions are the zone and the dates of a request.
func importOptions(r *schedulev1.ImportCalendarRequest, zones Zones, now time.Time) (o ical.Options, err error) {
	var v fault.Violations
	if n := len(r.GetIcs()); n == 0 || n > MaxFileBytes {
		v.Add("ics", strconv.Itoa(n)+" bytes", fmt.Sprintf("must be 1 to %d bytes", MaxFileBytes))
	}
	if r.GetSource() == "" {
		v.Add("source", "", "must say where the file comes from: its entries are replaced when it is imported again")
	}
	zone, err := zones.Location(r.GetTimeZone())
	if err != nil {
		v.Add("time_zone", r.GetTimeZone(), "must be an IANA zone such as Europe/Dublin, in which floating times are meant")
		zone = time.UTC
	}
	y, m, d := now.In(zone).Date()
	first, last := hours.Date{Year: y, Month: m, Day: d}, hours.Date{}
	if r.GetFirstDate() != nil {
		first = wallclock.Date(r.GetFirstDate())
	}
	inRange := func(d hours.Date) bool { return d.Exists() && d.Year >= calendar.MinYear && d.Year <= calendar.MaxYear }
	switch {
	case !inRange(first):
		v.Add("first_date", first.String(), "must be a date of the calendar, in the years 1970 to 2100")
	case r.GetLastDate() == nil:
		if last = years(first, defaultImportYears); last.Year > calendar.MaxYear {
			last = hours.Date{Year: calendar.MaxYear, Month: time.December, Day: 31}
		}
	default:
		last = wallclock.Date(r.GetLastDate())
		if !inRange(last) || before(last, first) || before(years(first, maxImportYears), last) {
			v.Add("last_date", last.String(), fmt.Sprintf("must be a date of the calendar, not before %s, at most %d years after it "+
				"and in the years 1970 to 2100", first, maxImportYears))
		}
	}
	if err := v.Err(); err != nil {
		return o, err
	}
	return ical.Options{
		From: first, To: last.AddDays(1), Zone: zone, Lookup: zones.Location, RefuseEndless: r.GetLastDate() == nil,
	}, nil
}

// years is the date so many years later; of 29 February, 1 March where there is none.
func years(d hours.Date, n int) hours.Date {
	y, m, day := time.Date(d.Year+n, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Date()
	return hours.Date{Year: y, Month: m, Day: day}
}

func before(a, b hours.Date) bool {
	return hours.WallTime{Date: a}.WallS() < hours.WallTime{Date: b}.WallS()
}

// replaced are the places of the entries that an import replaces: those of its source that have dates in the range. The
// range grows to hold all of them: else a second import, on the second day of an event, would cut it.
func replaced(entries []*schedulev1.CalendarEntry, source string, o *ical.Options) map[int]bool {
	type dates struct{ firstS, endS int64 }
	own := map[int]dates{}
	for i, e := range entries {
		from := e.GetProvenance()
		if from.GetOrigin() != schedulev1.Provenance_ORIGIN_IMPORTED || from.GetSource() != source {
			continue
		}
		first, last := wallclock.Date(e.GetDate()), wallclock.Date(e.GetLastDate())
		if e.GetLastDate() == nil {
			last = first
		}
		own[i] = dates{hours.WallTime{Date: first}.WallS(), hours.WallTime{Date: last.AddDays(1)}.WallS()}
	}
	gone := map[int]bool{}
	fromS, toS := hours.WallTime{Date: o.From}.WallS(), hours.WallTime{Date: o.To}.WallS()
	for more := true; more; {
		more = false
		for i, d := range own {
			if !gone[i] && d.firstS < toS && fromS < d.endS {
				fromS, toS = min(fromS, d.firstS), max(toS, d.endS)
				gone[i], more = true, true
			}
		}
	}
	o.From, o.To = dateAt(fromS), dateAt(toS)
	return gone
}

// dateAt is the date of its midnight, seconds since 1970-01-01 on a clock that never changes.
func dateAt(wallS int64) hours.Date {
	y, m, d := time.Unix(wallS, 0).UTC().Date()
	return hours.Date{Year: y, Month: m, Day: d}
}

// importMeaning is what events say.
func importMeaning(r *schedulev1.ImportCalendarRequest) (ical.Meaning, error) {
	m := ical.Meaning{Source: r.GetSource()}
	switch r.GetTimed() {
	case schedulev1.ImportCalendarRequest_TIMED_CLOSE:
		m.Timed = ical.CloseTimed
	case schedulev1.ImportCalendarRequest_TIMED_OPEN:
		m.Timed = ical.OpenTimed
	case schedulev1.ImportCalendarRequest_TIMED_UNSPECIFIED, schedulev1.ImportCalendarRequest_TIMED_REFUSE:
		m.Timed = ical.RefuseTimed
	}
	if r.GetAllDay() == nil {
		return m, nil
	}
	// Its date is not looked at, and any will do to check the rest.
	sample, _ := proto.Clone(r.GetAllDay()).(*schedulev1.CalendarEntry)
	sample.Date, sample.LastDate, sample.Observes = wallclock.WriteDate(hours.Date{Year: 2000, Month: 1, Day: 1}), nil, nil
	sample.DisplayName, sample.Provenance = "", nil
	read, wrong := Read(&schedulev1.Calendar{DisplayName: "all_day", Entries: []*schedulev1.CalendarEntry{sample}})
	if len(wrong) > 0 {
		var v fault.Violations
		for _, w := range wrong {
			v.Add("all_day"+strings.TrimPrefix(w.Field, "entries[0]"), w.Value, w.Rule)
		}
		return m, v.Err()
	}
	m.AllDay = read.Entries[0]
	return m, nil
}

// checkImport checks the calendar that an import makes, whose first entries, that many, were there before.
func checkImport(c *schedulev1.Calendar, kept int) error {
	read, wrong := Read(c)
	if len(wrong) == 0 {
		return nil
	}
	var v fault.Violations
	for _, clash := range calendar.Contradictions(read.Entries) {
		e, other := read.Entries[clash.Later], read.Entries[clash.Earlier]
		if clash.Later < kept || clash.Earlier >= kept {
			continue // not of the import with what was there
		}
		v.Add("ics", e.String(), fmt.Sprintf("says %s of %s, of which the calendar's entry %s says %s: change or remove that "+
			"entry, or import into another calendar; of several calendars of a site, the first with a date decides",
			e.Says(), clash.Date, other, other.Says()))
	}
	if err := v.Err(); err != nil {
		return err
	}
	v.Append(wrong...)
	return v.Err()
}

// within puts the fields of a fault below a field of the request. Others are the answer as they are.
func within(field string, err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Violations) == 0 {
		return err
	}
	moved := slices.Clone(f.Violations)
	for i := range moved {
		moved[i].Field = field + ": " + moved[i].Field
	}
	return fault.Invalid(moved...)
}
