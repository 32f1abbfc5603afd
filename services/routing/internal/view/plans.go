package view

import (
	"fmt"
	"slices"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	// maxPlanLists bounds each list of a plan.
	maxPlanLists = 1000
	utc          = "UTC"
)

// Plan is a plan by ID; nil where there is none. With Hours it makes the view an entitle.Catalog.
func (v *View) Plan(id string) *entitle.Plan {
	if p := v.plans.byID[id]; p != nil {
		return &p.limits
	}
	return nil
}

// PlanFact is the record of a plan; nil where there is none.
func (v *View) PlanFact(id string) *Fact {
	if p := v.plans.byID[id]; p != nil {
		return p.fact
	}
	return nil
}

// Hours are those of plans in a zone (UTC where empty) with calendars; nil where nothing is known of them.
func (v *View) Hours(hoursID, timeZone string, calendarIDs []string) *timeline.Timeline {
	if t := v.hours.find(hoursID, timeZone, calendarIDs); t != nil {
		return t.timeline
	}
	return nil
}

// HoursFact is the record of what Hours answers with; nil where there is none.
func (v *View) HoursFact(hoursID, timeZone string, calendarIDs []string) *Fact {
	if t := v.hours.find(hoursID, timeZone, calendarIDs); t != nil {
		return t.fact
	}
	return nil
}

// plan is what entitlement publishes of one.
type plan struct {
	limits entitle.Plan
	fact   *Fact
}

func readPlan(id string, value []byte) (*plan, error) {
	p, err := published.Plan(value)
	if err != nil {
		return nil, err
	}
	if n := max(len(p.GetSeverities()), len(p.GetProducts()), len(p.GetLines())); n > maxPlanLists {
		return nil, fmt.Errorf("a list of %d, at most %d", n, maxPlanLists)
	}
	return &plan{
		limits: entitle.Plan{
			ID: id, DisplayName: p.GetDisplayName(), HoursID: p.GetHoursId(), Severities: p.GetSeverities(),
			Products: p.GetProducts(), LineIDs: p.GetLines(), AllowanceCalls: p.GetAllowanceCalls(),
			Period: p.GetAllowancePeriod(), GraceS: max(p.GetGraceS(), 0),
		},
		fact: newFact(published.PlanPrefix+id, value),
	}, nil
}

// planHours is when hours of plans are in one zone, with some calendars.
type planHours struct {
	of       hoursIn
	calendar []string
	timeline *timeline.Timeline
	fact     *Fact
}

// hoursIn are hours in a zone.
type hoursIn struct{ hours, zone string }

func inZone(hoursID, timeZone string) hoursIn {
	if timeZone == "" {
		timeZone = utc
	}
	return hoursIn{hoursID, timeZone}
}

func readPlanHours(id string, value []byte) (*planHours, error) {
	p, err := published.PlanTimeline(value)
	if err != nil {
		return nil, err
	}
	if len(p.GetCalendars()) > maxCalendars {
		return nil, fmt.Errorf("%d calendars, at most %d", len(p.GetCalendars()), maxCalendars)
	}
	tl, err := timeline.FromProto(p.GetTimeline())
	if err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	return &planHours{
		of: inZone(p.GetHoursId(), p.GetTimeZone()), calendar: p.GetCalendars(), timeline: tl,
		fact: newFact(published.PlanTimelinePrefix+id, value),
	}, nil
}

// hours is all of these, and where to find them.
type hours struct {
	few[planHours]
	in map[hoursIn][]*planHours
}

func newHours(all *few[planHours]) *hours {
	h := &hours{few: *all, in: map[hoursIn][]*planHours{}}
	for _, t := range all.byID {
		h.in[t.of] = append(h.in[t.of], t)
	}
	return h
}

// find looks for one with the very calendars, in their order. Should two ever say the same, the one whose key is first.
func (h *hours) find(hoursID, timeZone string, calendarIDs []string) (found *planHours) {
	for _, t := range h.in[inZone(hoursID, timeZone)] {
		if slices.Equal(t.calendar, calendarIDs) && (found == nil || t.fact.Key < found.fact.Key) {
			found = t
		}
	}
	return found
}

// hoursBuilder is the next state of hours.
type hoursBuilder struct {
	fewBuilder[planHours]
	was *hours
}

func (b *hoursBuilder) finish() *hours {
	if b.byID == nil {
		return b.was
	}
	all, _ := b.fewBuilder.finish()
	return newHours(all)
}

var _ entitle.Catalog = (*View)(nil)
