// Package seed computes a first calendar of a country's holidays, for people to look through before they rely on it. The
// library behind it has known errors and gaps; so every entry is marked to be reviewed, and what is known to be wrong is
// said with it.
//
// It is not a source of truth, and knows nothing of China, India, Israel, Korea, Singapore, Turkey, the Emirates and many
// more: import their calendars instead.
package seed

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rickar/cal/v2"

	"github.com/daysidehq/dayside/services/internal/calendar"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Seed is a first calendar.
type Seed struct {
	Calendar calendar.Calendar
	// Doubts says what is known to be wrong or missing; empty where nothing is, which proves nothing.
	Doubts string
}

// Places are the codes that New knows, in order: countries by ISO 3166-1 such as "IE", and by ISO 3166-2 the states of
// those where the library has them, such as "AU-NSW".
func Places() []string { return slices.Sorted(maps.Keys(places)) }

// New is the public holidays of a place in the years first to last, inclusive. Days observed in the place of holidays of
// the years before and after are in it where they fall into these years: 31 December 2027 for 1 January 2028. A holiday
// that is observed on another day is closed on its own date too where that is a Saturday or Sunday; else it has moved.
// The error is an INVALID_FIELD fault.
func New(place string, first, last int) (Seed, error) {
	var v fault.Violations
	holidays, known := places[place]
	if !known {
		v.Add("place", place, "must be one of "+strings.Join(Places(), ", "))
	}
	if first < calendar.MinYear || last > calendar.MaxYear || last < first {
		v.Add("years", fmt.Sprintf("%d to %d", first, last), "must ascend, within 1970 to 2100")
	}
	if err := v.Err(); err != nil {
		return Seed{}, err
	}
	s := Seed{Calendar: calendar.Calendar{Name: "Public holidays " + place}, Doubts: doubts[place]}
	for _, h := range holidays {
		for year := first - 1; year <= last+1; year++ {
			s.add(h, year, first, last)
		}
	}
	slices.SortStableFunc(s.Calendar.Entries, func(a, b calendar.Entry) int {
		return strings.Compare(a.First.String(), b.First.String())
	})
	v.Append(calendar.Validate("", s.Calendar)...)
	return s, v.Err()
}

// add enters one holiday of one year, by the dates of it that fall into the years asked for.
func (s *Seed) add(h *cal.Holiday, year, first, last int) {
	if h.Type == cal.ObservanceReligious || h.Type == cal.ObservanceOther {
		return // not free
	}
	actualAt, observedAt := h.Calc(year)
	if actualAt.IsZero() {
		return
	}
	actual, observed := date(actualAt), date(observedAt)
	weekend := actualAt.Weekday() == time.Saturday || actualAt.Weekday() == time.Sunday
	if actual == observed || weekend {
		s.enter(h, actual, hours.Date{}, first, last)
	}
	if actual != observed {
		s.enter(h, observed, actual, first, last)
	}
}

func (s *Seed) enter(h *cal.Holiday, on, observes hours.Date, first, last int) {
	if on.Year < first || on.Year > last {
		return
	}
	const maxNameChars = 100
	name := []rune(h.Name)
	if len(name) > maxNameChars {
		name = append(name[:maxNameChars-1], '…')
	}
	if observes.Year > calendar.MaxYear || observes.Year < calendar.MinYear {
		observes = hours.Date{}
	}
	s.Calendar.Entries = append(s.Calendar.Entries, calendar.Entry{
		First: on, Last: on, Verdict: calendar.Closed, Observes: observes, Name: string(name),
		Provenance: calendar.Provenance{Origin: calendar.Seeded, Source: library, Review: true},
	})
}

func date(t time.Time) hours.Date {
	y, m, d := t.Date()
	return hours.Date{Year: y, Month: m, Day: d}
}

// The library computes in the machine's zone, and is a day wrong at times where that skips midnight (America/Santiago).
// This is the one way to have it compute without a zone.
var _ = func() *time.Location {
	cal.DefaultLoc = time.UTC
	return cal.DefaultLoc
}()
