// Package plans checks support levels and compiles them to what views need: their limits, and the name of their hours; and
// it compiles those hours, in a zone and with calendars, to a timeline. Plans with the same hours share their timelines.
//
// It is pure, and knows neither customers nor who is in which zone.
package plans

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

const (
	dayS = 86400
	// The spans of BUSINESS hours that say none: Monday to Friday.
	businessOpenS, businessCloseS = 9 * 3600, 17 * 3600
	// idBytes of a digest name hours: 2^64 of them before two are likely to meet.
	idBytes = 16
)

// Compile is the record to publish for a plan, or an INVALID_FIELD fault that names every broken rule. The name is known to
// be plans/ID. Whether its lines exist is not asked: one that does not is given to nobody.
func Compile(p *entitlementv1.Plan) (*publishedv1.Plan, error) {
	var broken fault.Violations
	if name := p.GetDisplayName(); strings.TrimSpace(name) == "" || strings.ContainsFunc(name, unicode.IsControl) {
		broken.Add("display_name", "", "is required, and must hold no control characters")
	}
	week, wrong := Read(p.GetHours())
	broken.Append(wrong...)
	if err := broken.Err(); err != nil {
		return nil, err
	}
	return &publishedv1.Plan{
		Id: strings.TrimPrefix(p.GetName(), "plans/"), DisplayName: p.GetDisplayName(), HoursId: week.ID(),
		Severities: p.GetSeverities(), Products: p.GetProducts(), Lines: withoutPrefix(p.GetLines(), "lines/"),
		AllowanceCalls: p.GetAllowance().GetCalls(), AllowancePeriod: p.GetAllowance().GetPeriod(),
		GraceS: p.GetGraceDays() * dayS,
	}, nil
}

func withoutPrefix(names []string, prefix string) []string {
	var ids []string
	for _, n := range names {
		ids = append(ids, strings.TrimPrefix(n, prefix))
	}
	return ids
}

// Week is a plan's hours, on the wall clock of whichever zone. The zero value is round the clock.
type Week struct {
	// Spans by time.Weekday.
	Spans [7][]hours.Span
	// Limited says that the spans count; without it, it is round the clock.
	Limited bool
	// IgnoresCalendars: closed dates of calendars do not count.
	IgnoresCalendars bool
}

// Read is the hours that a message describes, and every rule it breaks, with paths within the plan.
func Read(h *entitlementv1.PlanHours) (Week, []fault.Violation) {
	var r wallclock.Reader
	w := Week{Limited: true, IgnoresCalendars: h.GetIgnoresCalendars()}
	switch h.GetKind() {
	case entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_ROUND_THE_CLOCK, entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_UNSPECIFIED:
		if h.GetWeeklyHours() != nil {
			return Week{}, violation("must be left out of hours round the clock")
		}
		return Week{}, nil
	case entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS:
		if h.GetWeeklyHours() == nil {
			for d := time.Monday; d <= time.Friday; d++ {
				w.Spans[d] = []hours.Span{{OpenS: businessOpenS, CloseS: businessCloseS}}
			}
			return w, nil
		}
	case entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_EXTENDED:
		if h.GetWeeklyHours() == nil {
			return Week{}, violation("is required of extended hours")
		}
	}
	w.Spans = r.Week("hours.weekly_hours", h.GetWeeklyHours())
	wrong := r.Wrong()
	if len(wrong) == 0 {
		wrong = hours.ValidateWeekly("hours.", "weekly_hours", w.Spans)
	}
	if len(wrong) == 0 && w.never() {
		wrong = violation("must open at some time: such a plan would give nothing")
	}
	return w, wrong
}

func violation(rule string) []fault.Violation {
	return []fault.Violation{{Field: "hours.weekly_hours", Rule: rule}}
}

func (w Week) never() bool {
	for _, spans := range w.Spans {
		if len(spans) > 0 {
			return false
		}
	}
	return true
}

// ID names the hours: the same for the same hours, whichever plan has them; empty for round the clock.
func (w Week) ID() string {
	if !w.Limited {
		return ""
	}
	digest := sha256.Sum256([]byte(w.text()))
	return hex.EncodeToString(digest[:idBytes])
}

// text tells hours apart that compile differently.
func (w Week) text() string {
	var b strings.Builder
	for _, d := range hours.Weekdays() {
		b.WriteString(hours.WeekdayName(d))
		for _, s := range w.Spans[d] {
			b.WriteString(" " + s.String())
		}
		b.WriteByte('\n')
	}
	if w.IgnoresCalendars {
		b.WriteString("without calendars\n")
	}
	return b.String()
}
