package ical

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Timed is what an event with times says to a calendar.
type Timed int

const (
	// RefuseTimed makes it an error: "Meeting, 10:00 to 11:00" says nothing of business hours unless somebody says so.
	RefuseTimed Timed = iota
	// CloseTimed closes every date that the event touches.
	CloseTimed
	// OpenTimed opens the times of the event, and nothing else, on its dates.
	OpenTimed
)

// Meaning is what the events of a file say to a calendar. The zero value, with a source, suits a feed of holidays.
type Meaning struct {
	// Source is the URL or name of the file, for the provenance of entries.
	Source string
	// AllDay is what an all-day event says; its Verdict, Spans and LikeISOWeekday count, and no Verdict means Closed. An
	// event from midnight to midnight of the site is one too.
	AllDay calendar.Entry
	// Timed is for all others.
	Timed Timed
}

// Import reads a file as entries of a calendar, in order of their dates and within the range of the options. It returns
// what calendar.Validate accepts; all that Read refuses it refuses, and entries that contradict each other.
func Import(r io.Reader, o Options, m Meaning) ([]calendar.Entry, error) {
	found, err := Read(r, o)
	if err != nil {
		return nil, err
	}
	i := importer{options: o, meaning: m, wall: newZone(o.Zone).wall, open: map[hours.Date]int{}}
	for _, occurrence := range found {
		i.add(occurrence)
	}
	for n := range i.entries {
		byOpening := func(a, b hours.Span) int { return cmp.Compare(a.OpenS, b.OpenS) }
		slices.SortStableFunc(i.entries[n].Spans, byOpening)
	}
	i.broken.Append(calendar.Validate("", calendar.Calendar{Name: "imported", Entries: i.entries})...)
	if err := i.broken.Err(); err != nil {
		return nil, err
	}
	return i.entries, nil
}

type importer struct {
	options Options
	meaning Meaning
	wall    hours.WallClock
	entries []calendar.Entry
	// open holds the entries of dates that OpenTimed has opened: several events of a date are one entry.
	open   map[hours.Date]int
	broken fault.Violations
}

func (i *importer) add(o Occurrence) {
	if o.AllDay {
		i.allDay(o, o.First, o.Last)
		return
	}
	fromS, toS := i.wall.WallAt(o.FromUnixS), i.wall.WallAt(o.ToUnixS)
	first := dateOf(floorDiv(fromS, hours.DayS))
	switch {
	case o.FromUnixS == o.ToUnixS:
		i.broken.Add(`event "`+o.UID+`"`, first.String(), "must have a length, by DTEND or DURATION")
	case fromS%hours.DayS == 0 && toS%hours.DayS == 0 && toS > fromS:
		i.allDay(o, first, dateOf(toS/hours.DayS-1))
	case i.meaning.Timed == CloseTimed:
		last := dateOf(floorDiv(max(toS-1, fromS), hours.DayS))
		i.entry(o, calendar.Entry{First: first, Last: last, Verdict: calendar.Closed})
	case i.meaning.Timed == OpenTimed && toS <= fromS:
		i.broken.Add(`event "`+o.UID+`"`, first.String(), "must not begin and end within an hour that the clock shows twice")
	case i.meaning.Timed == OpenTimed:
		i.spans(o, fromS, toS)
	default:
		i.broken.Add(`event "`+o.UID+`"`, hours.WallTime{Date: first, S: int(fromS % hours.DayS)}.String(),
			"lasts a part of a day: `timed` must say whether such events close their dates, or are the hours of them")
	}
}

func (i *importer) allDay(o Occurrence, first, last hours.Date) {
	e := i.meaning.AllDay
	i.entry(o, calendar.Entry{
		First: first, Last: last, Verdict: cmp.Or(e.Verdict, calendar.Closed),
		Spans: slices.Clone(e.Spans), LikeISOWeekday: e.LikeISOWeekday,
	})
}

// spans opens the times of an event, cut at midnight where it lasts longer than a day.
func (i *importer) spans(o Occurrence, fromS, toS int64) {
	for fromS < toS {
		midnightS := (floorDiv(fromS, hours.DayS) + 1) * hours.DayS
		endS := toS
		if toS-fromS >= hours.DayS {
			endS = midnightS
		}
		date := dateOf(floorDiv(fromS, hours.DayS))
		span := hours.Span{OpenS: int(fromS % hours.DayS), CloseS: int(endS % hours.DayS)}
		if span.CloseS == 0 {
			span.CloseS = hours.DayS
		}
		if at, opened := i.open[date]; opened {
			e := &i.entries[at]
			e.Spans = append(e.Spans, span)
			if !strings.Contains(e.Provenance.UID, o.UID) {
				e.Provenance.UID = clip(e.Provenance.UID+", "+o.UID, maxUIDChars)
			}
		} else if i.entry(o, calendar.Entry{
			First: date, Last: date, Verdict: calendar.SpecialHours, Spans: []hours.Span{span},
		}) {
			i.open[date] = len(i.entries) - 1
		}
		fromS = endS
	}
}

// entry adds one, cut to the range; false where nothing is left of it.
func (i *importer) entry(o Occurrence, e calendar.Entry) bool {
	if number(e.First) < number(i.options.From) {
		e.First = i.options.From
	}
	if number(e.Last) >= number(i.options.To) {
		e.Last = i.options.To.AddDays(-1)
	}
	if number(e.Last) < number(e.First) {
		return false
	}
	e.Name = title(o.Summary)
	e.Provenance = calendar.Provenance{Origin: calendar.Imported, Source: i.meaning.Source, UID: clip(o.UID, maxUIDChars)}
	i.entries = append(i.entries, e)
	return true
}

// number is the days since 1970-01-01.
func number(d hours.Date) int64 { return hours.WallTime{Date: d}.WallS() / hours.DayS }

// Limits of what calendar.Validate accepts.
const (
	maxNameChars = 100
	maxUIDChars  = 255
)

// title makes a summary fit to be a name.
func title(summary string) string { return clip(summary, maxNameChars) }

// clip makes a text one line of at most so many characters.
func clip(text string, maxChars int) string {
	clean := strings.Join(strings.FieldsFunc(text, unicode.IsControl), " ")
	if runes := []rune(clean); len(runes) > maxChars {
		return string(runes[:maxChars-1]) + "…"
	}
	return clean
}
