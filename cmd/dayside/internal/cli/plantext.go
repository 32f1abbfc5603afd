package cli

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/type/money"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	amounts "github.com/daysidehq/dayside/api/money"
)

// planHoursText is when a plan gives support, on each customer's own clock.
func planHoursText(h *entitlementv1.PlanHours) string {
	switch {
	case h == nil || h.GetKind() == entitlementv1.PlanHoursKind_PLAN_HOURS_KIND_ROUND_THE_CLOCK:
		return "round the clock"
	case h.GetWeeklyHours() == nil:
		return "mon-fri 09:00-17:00"
	}
	return weekText(h.GetWeeklyHours())
}

func severitiesText(p *entitlementv1.Plan) string {
	out := make([]string, len(p.GetSeverities()))
	for i, s := range p.GetSeverities() {
		out[i] = enumName(s, "SEVERITY_")
	}
	if len(out) == 0 {
		return "all"
	}
	return strings.Join(out, ", ")
}

func allowanceText(a *entitlementv1.Allowance) string {
	if a == nil {
		return "no limit"
	}
	period := strings.ToLower(strings.ReplaceAll(enumName(a.GetPeriod(), "ALLOWANCE_PERIOD_"), "_", " "))
	return fmt.Sprintf("%d a %s", a.GetCalls(), period)
}

func moneyText(m *money.Money) string {
	if m == nil {
		return dash("")
	}
	return amounts.String(m)
}

// partText is an amount, and what it was at first where that was another.
func partText(is, was *money.Money) string {
	if was == nil || amounts.Same(is, was) {
		return moneyText(is)
	}
	return moneyText(is) + " (of " + moneyText(was) + ")"
}

func languagesText(o *entitlementv1.Offer) string {
	out := make([]string, len(o.GetTerms()))
	for i, t := range o.GetTerms() {
		out[i] = t.GetLanguage()
	}
	return strings.Join(out, ", ")
}

func offeredText(o *entitlementv1.Offer) string {
	switch {
	case o.GetWithdrawn():
		return "withdrawn"
	case o.GetEndTime() != nil:
		return "until " + instant(o.GetEndTime())
	}
	return "yes"
}
