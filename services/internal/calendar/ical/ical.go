// Package ical reads dates and times of events from iCalendar files and feeds (RFC 5545), and makes entries of calendars
// of them: Read expands what repeats over a range of dates, Import says what it means for a calendar.
//
// No event is ever dropped in silence: one whose zone, rule or value is not understood makes the whole file an error that
// names it. Zones are those of the IANA database and their Windows names; rules within a VTIMEZONE are not applied. A
// DTSTART that its own RRULE does not name counts all the same, which RFC 5545 leaves open. The end of a timed event
// that has a DTEND in the zone of its DTSTART follows the wall clock through changes of it, as business hours do, where
// RFC 5545, 3.8.5.3 would have it keep its exact length.
//
// It is not for to-dos, journals, free/busy and VAVAILABILITY, which it passes over, nor for writing feeds or fetching
// them.
package ical

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	goical "github.com/emersion/go-ical"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Limits of what one file may become.
const (
	maxOccurrences = 20_000
	// maxExpansionSteps counts what rules name, in the range of dates or before it.
	maxExpansionSteps = 500_000
	// maxBrokenEvents is after how many the rest of a file is not looked at.
	maxBrokenEvents = 20
)

// Options say for whom a file is read.
type Options struct {
	// From is the first date of the range that is expanded, To the one after its last, in the site's zone.
	From, To hours.Date
	// Zone is the site's. Floating times are times in it.
	Zone *time.Location
	// Lookup finds a zone by its IANA name; an error means that there is none.
	Lookup func(name string) (*time.Location, error)
	// RefuseEndless makes an error of a rule without COUNT and UNTIL: for whom the range was not chosen, but fell out so,
	// what is cut off with it would be missed.
	RefuseEndless bool
}

// Occurrence is one event, or one of the times that a repeated event happens.
type Occurrence struct {
	UID string
	// Summary is for people; may be empty.
	Summary string
	// AllDay events are dates, in whichever zone one looks: First to Last, inclusive.
	AllDay      bool
	First, Last hours.Date
	// FromUnixS and ToUnixS are the instants of other events; equal where an event has no length.
	FromUnixS, ToUnixS int64
}

// Read is every occurrence that meets the range of dates, in order of time. The error is an INVALID_FIELD fault that names
// events and rules, or a LIMIT_EXCEEDED one.
func Read(r io.Reader, o Options) ([]Occurrence, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	text, err := sift(r)
	if err != nil {
		return nil, err
	}
	f := file{options: o, zones: map[string]*zone{}, locations: map[string]string{}}
	f.site, f.utc = newZone(o.Zone), newZone(time.UTC)
	f.fromS = hours.WallTime{Date: o.From}.WallS()
	f.toS = hours.WallTime{Date: o.To}.WallS()
	events, err := f.decode(text)
	if err != nil {
		return nil, err
	}
	for _, s := range f.series(events) {
		if err := f.expand(s); err != nil {
			return nil, err
		}
		if f.broken >= maxBrokenEvents {
			break
		}
	}
	if err := f.violations.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(f.found, f.byTime)
	return f.found, nil
}

func (o Options) check() error {
	var v fault.Violations
	for _, d := range []struct {
		field string
		date  hours.Date
	}{{"from", o.From}, {"to", o.To}} {
		if !d.date.Exists() || d.date.Year < calendar.MinYear || d.date.Year > calendar.MaxYear+1 {
			v.Add(d.field, d.date.String(), "must be a date that exists, "+ruleYears[len("must be "):])
		}
	}
	if v.Err() == nil && (hours.WallTime{Date: o.To}).WallS() <= (hours.WallTime{Date: o.From}).WallS() {
		v.Add("to", o.To.String(), "must be after "+o.From.String())
	}
	return v.Err()
}

// file is one being read.
type file struct {
	options   Options
	site, utc *zone
	// fromS and toS are the range, on the wall clock.
	fromS, toS int64
	zones      map[string]*zone  // by TZID
	locations  map[string]string // X-LIC-LOCATION of the file's own VTIMEZONEs, by TZID
	// rules and steps count what is limited.
	rules, steps int
	found        []Occurrence
	violations   fault.Violations
	broken       int
}

// decode reads every event of every calendar in the file.
func (f *file) decode(text []byte) ([]*event, error) {
	var all []*goical.Component
	for decoder := goical.NewDecoder(bytes.NewReader(text)); ; {
		cal, err := decoder.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, refuse("file", "", "must be iCalendar (RFC 5545): "+err.Error())
		}
		if method := value(cal.Component, goical.PropMethod); method != "" && method != "PUBLISH" && method != "REQUEST" {
			return nil, refuse("file METHOD", method, "must be PUBLISH or REQUEST, or none: events as they are, not changes of them")
		}
		all = append(all, cal.Children...)
	}
	for _, c := range all {
		if c.Name == goical.CompTimezone {
			f.locations[value(c, goical.PropTimezoneID)] = value(c, "X-LIC-LOCATION")
		}
	}
	var events []*event
	for _, c := range all {
		if c.Name != goical.CompEvent {
			continue
		}
		e, err := f.event(len(events), c)
		if err != nil {
			return nil, err
		}
		if events = append(events, e); f.broken >= maxBrokenEvents {
			break
		}
	}
	return events, f.violations.Err()
}

// value is that of a component's first property of a name.
func value(c *goical.Component, name string) string {
	if p := c.Props.Get(name); p != nil {
		return p.Value
	}
	return ""
}

func (f *file) byTime(a, b Occurrence) int {
	at := func(o Occurrence) int64 {
		if o.AllDay {
			return f.site.wall.First(hours.WallTime{Date: o.First}.WallS())
		}
		return o.FromUnixS
	}
	return int(min(max(at(a)-at(b), -1), 1))
}

// errUnknownZone is a TZID that names no zone.
var errUnknownZone = errors.New("unknown zone")

// ruleZone is said of such a TZID.
const ruleZone = "must have a TZID that is an IANA zone such as Europe/Dublin, or a Windows name of one; " +
	"the rules of a VTIMEZONE of the file's own are not applied"

func refuse(field, value, rule string) error {
	var v fault.Violations
	v.Add(field, value, rule)
	return v.Err()
}

// name is how errors call an event: `event 3 "7@example.com"`.
func name(number int, uid string) string {
	return "event " + strconv.Itoa(number+1) + " " + strconv.Quote(uid)
}
