// Package feed writes schedules as iCalendar (RFC 5545) for the calendars of people: when a site is open, how a line is
// covered, who is on duty. It is pure: timelines, periods and turns in, a file out; the same input gives the same bytes.
//
// It is not for reading iCalendar (see services/internal/calendar/ical), nor for tokens and who may read a feed. Names for
// people and instants are all that it is given: a number, a target or a reason for an absence cannot get into a file.
package feed

import (
	"fmt"
	"slices"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// The window of a feed, in whole days of UTC.
const (
	PastDays  = 7
	AheadDays = 92
	dayS      = 86400
)

// Window is what a feed shows at an instant, of what is known over [knownFromUnixS, knownToUnixS); empty (from >= to)
// where nothing of it is known. It moves at midnight UTC only, so that a file changes when what it says does.
func Window(nowUnixS, knownFromUnixS, knownToUnixS int64) (fromUnixS, toUnixS int64) {
	today := nowUnixS / dayS * dayS
	return max(today-PastDays*dayS, knownFromUnixS), min(today+AheadDays*dayS, knownToUnixS)
}

// Head is what every feed has.
type Head struct {
	// Subject is what it shows: sites/ID, lines/ID, rotas/ID or people/ID. UIDs are made from it.
	Subject string
	// DisplayName is the subject's, for people; its ID where empty.
	DisplayName string
	// NowUnixS is when the file is made.
	NowUnixS int64
	// FromUnixS and ToUnixS are the window [from, to), which must not be empty.
	FromUnixS, ToUnixS int64
}

// title is the subject for people.
func (h Head) title() string {
	if name := oneLine(h.DisplayName); name != "" {
		return name
	}
	return id(h.Subject)
}

func id(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// Site is when a site is open: a VAVAILABILITY (RFC 7953) of the window with an AVAILABLE for each opening, and, since few
// calendars show that, an event for each opening as well. LIMIT_EXCEEDED where the file would be too large.
func Site(h Head, tl *timeline.Timeline) ([]byte, error) {
	var events []event
	for iv, rule := range tl.Within(h.FromUnixS, h.ToUnixS) {
		events = append(events, event{
			kind: "open", fromS: iv.OpenUnixS, toS: iv.CloseUnixS, category: "OPEN",
			summary: h.title() + " open", description: rule,
		})
	}
	return h.file(h.title()+": open hours", "When "+h.Subject+" is open.", events, true)
}

// Period is a stretch of a line over which the same sites are open, or, where none is, the gap is of the same kind and the
// same people are on duty.
type Period struct {
	// FromUnixS and ToUnixS are [from, to), within the window.
	FromUnixS, ToUnixS int64
	// Sites are the names of the open sites, for people, in the line's order.
	Sites []string
	// Gap is what it is where no site is open; its kind is not looked at elsewhere.
	Gap schedulev1.CoverageGap_Kind
	// OnDuty are the names of the people on duty in a planned gap.
	OnDuty []string
}

// Join appends a period, or prolongs the last one where the two touch and say the same.
func Join(periods []Period, p Period) []Period {
	if n := len(periods); n > 0 {
		last := &periods[n-1]
		if last.ToUnixS == p.FromUnixS && slices.Equal(last.Sites, p.Sites) &&
			(len(p.Sites) > 0 || last.Gap == p.Gap && slices.Equal(last.OnDuty, p.OnDuty)) {
			last.ToUnixS = p.ToUnixS
			return periods
		}
	}
	return append(periods, p)
}

// Line is how a line is covered, by periods that ascend: an event for each set of open sites, and one for each gap, but
// for what is closed as intended.
func Line(h Head, periods []Period) ([]byte, error) {
	var events []event
	for _, p := range periods {
		if e, shown := p.event(); shown {
			events = append(events, e)
		}
	}
	return h.file(h.title()+": coverage", "Which sites of "+h.Subject+" are open, and where none is.", events, false)
}

func (p Period) event() (e event, shown bool) {
	e = event{fromS: p.FromUnixS, toS: p.ToUnixS}
	switch {
	case len(p.Sites) > 0:
		e.kind, e.category, e.summary = "open", "OPEN", list(p.Sites)
		if len(p.Sites) > maxListed {
			e.description = "Open: " + oneLine(strings.Join(p.Sites, ", "))
		}
	case p.Gap == schedulev1.CoverageGap_KIND_INTENDED:
		return event{}, false
	case p.Gap == schedulev1.CoverageGap_KIND_PLANNED:
		e.kind, e.category = "planned", "PLANNED"
		e.summary, e.description = "On duty: "+list(p.OnDuty), "No site is open; a rota serves the line."
	default:
		e.kind, e.category, e.urgent = "gap", "UNCOVERED", true
		e.summary, e.description = "UNCOVERED", "No site is open, and nobody is on duty."
	}
	return e, true
}

// Turn is a stretch [FromUnixS, ToUnixS) of a rota, within the window.
type Turn struct {
	FromUnixS, ToUnixS int64
	// Person is the name of who is on duty, for people; empty where nobody is.
	Person string
}

// Rota is who is on duty, by turns that ascend: an event for each, those where nobody is marked.
func Rota(h Head, turns []Turn) ([]byte, error) {
	events := make([]event, len(turns))
	for i, t := range turns {
		events[i] = event{kind: "duty", fromS: t.FromUnixS, toS: t.ToUnixS, category: "DUTY", summary: oneLine(t.Person)}
		if t.Person == "" {
			events[i].kind, events[i].category, events[i].summary = "nobody", "NOBODY", "Nobody on duty"
		}
	}
	return h.file(h.title()+": on duty", "Who is on duty by "+h.Subject+".", events, false)
}

// Duty is what one person has of one rota.
type Duty struct {
	// Rota is rotas/ID; DisplayName is its name for people, its ID where empty.
	Rota, DisplayName string
	// Turns are those of the person alone.
	Turns []Turn
}

// Person is when somebody is on duty, by whichever rota: an event for each turn.
func Person(h Head, duties []Duty) ([]byte, error) {
	var events []event
	for _, d := range duties {
		name := oneLine(d.DisplayName)
		if name == "" {
			name = id(d.Rota)
		}
		for _, t := range d.Turns {
			events = append(events, event{
				kind: "duty." + id(d.Rota), fromS: t.FromUnixS, toS: t.ToUnixS, category: "DUTY", summary: "On duty: " + name,
			})
		}
	}
	return h.file(h.title()+": on duty", "When "+h.Subject+" is on duty.", events, false)
}

// maxListed is how many names stand in one summary.
const maxListed = 3

// list is some names as one text: "Dublin, Denver, Sydney and 4 more".
func list(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		return oneLine(strings.Join(names[:maxListed], ", ")) + fmt.Sprintf(" and %d more", more)
	}
	return oneLine(strings.Join(names, ", "))
}
