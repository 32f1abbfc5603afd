package followup

import (
	"strings"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/internal/hours"
)

// Week is when business begins, on the wall clock: the first span of each day.
type Week [7][]hours.Span

// Weekdays is Monday to Friday, from 09:00.
func Weekdays() Week { return weekOff(time.Saturday, time.Sunday) }

// weekOff is a week without some days.
func weekOff(off ...time.Weekday) Week {
	var w Week
	for d := range w {
		w[d] = []hours.Span{{OpenS: businessOpenS, CloseS: businessOpenS + openingS}}
	}
	for _, d := range off {
		w[d] = nil
	}
	return w
}

// Zones in which people do not work on Fridays: those of the territories of which Unicode CLDR says so (supplemental data,
// weekData), and Bangladesh's.
const (
	fridayAndSaturday = " Africa/Algiers Africa/Cairo Africa/Khartoum Africa/Tripoli Asia/Aden Asia/Amman Asia/Baghdad " +
		"Asia/Bahrain Asia/Dacca Asia/Damascus Asia/Dhaka Asia/Jerusalem Asia/Kuwait Asia/Muscat Asia/Qatar Asia/Riyadh " +
		"Asia/Tel_Aviv Egypt Israel Libya "
	thursdayAndFriday = " Asia/Kabul "
	fridayAlone       = " Asia/Tehran Iran "
)

// WeekOf is the business week where a zone is, from 09:00: Monday to Friday in most.
func WeekOf(zoneName string) Week {
	in := func(list string) bool { return zoneName != "" && strings.Contains(list, " "+zoneName+" ") }
	switch {
	case in(fridayAndSaturday):
		return weekOff(time.Friday, time.Saturday)
	case in(thursdayAndFriday):
		return weekOff(time.Thursday, time.Friday)
	case in(fridayAlone):
		return weekOff(time.Friday)
	}
	return Weekdays()
}

// WeekOfPlan is the business week that a plan says; false where it says none. Hours that are longer than business are when a
// customer is helped, and not when its people are at work.
func WeekOfPlan(p *entitlementv1.Plan) (Week, bool) {
	h := p.GetHours()
	if h.GetKind() != entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_BUSINESS || h.GetWeeklyHours() == nil {
		return Week{}, false
	}
	week, wrong := plans.Read(h)
	return week.Spans, len(wrong) == 0 && week.Limited
}

// openings are a week of moments, so that days never run into each other: business round the clock begins anew each day.
func (w Week) openings() Week {
	var short Week
	for d, spans := range w {
		if len(spans) > 0 {
			first := spans[0].OpenS
			for _, s := range spans {
				first = min(first, s.OpenS)
			}
			short[d] = []hours.Span{{OpenS: first, CloseS: (first + openingS) % hours.DayS}}
		}
	}
	return short
}
