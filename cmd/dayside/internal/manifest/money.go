package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	amounts "github.com/daysidehq/dayside/api/money"
)

// Rules of short forms of plans, as errors say them.
const (
	rulePlanHours = "must be ROUND_THE_CLOCK, BUSINESS or EXTENDED; or a mapping of kind, weekly_hours and ignores_calendars"
	ruleAllowance = `must be calls and over what they are counted: "10 a MONTH", "20 a CONTRACT_YEAR", "50 a CONTRACT"`
)

// parseMoney takes "EUR 90.00". How many decimals a currency has is the server's to say.
func parseMoney(s string) (proto.Message, string) {
	m, rule := amounts.Parse(s)
	if rule != "" {
		return nil, rule
	}
	return m, ""
}

// formatMoney is an amount as parseMoney takes it; not ok where that is none.
func formatMoney(m proto.Message) (string, bool) {
	v, _ := m.(*money.Money)
	text := amounts.String(v)
	back, rule := amounts.Parse(text)
	return text, rule == "" && amounts.Same(v, back)
}

// parsePlanHours takes the kind alone.
func parsePlanHours(s string) (proto.Message, string) {
	n, ok := entitlementv1.PlanHoursKind_value["PLAN_HOURS_KIND_"+strings.ToUpper(strings.ReplaceAll(s, "-", "_"))]
	if !ok || n == 0 {
		return nil, rulePlanHours
	}
	return &entitlementv1.PlanHours{Kind: entitlementv1.PlanHoursKind(n)}, ""
}

func formatPlanHours(m proto.Message) (string, bool) {
	h, _ := m.(*entitlementv1.PlanHours)
	return strings.TrimPrefix(h.GetKind().String(), "PLAN_HOURS_KIND_"), h.GetWeeklyHours() == nil && !h.GetIgnoresCalendars()
}

// parseAllowance takes "10 a MONTH".
func parseAllowance(s string) (proto.Message, string) {
	calls, period, _ := strings.Cut(s, " a ")
	n, err := strconv.ParseInt(calls, 10, 32)
	p, ok := entitlementv1.AllowancePeriod_value["ALLOWANCE_PERIOD_"+strings.ToUpper(strings.ReplaceAll(period, " ", "_"))]
	if err != nil || n < 0 || !ok || p == 0 {
		return nil, ruleAllowance
	}
	return &entitlementv1.Allowance{Calls: int32(n), Period: entitlementv1.AllowancePeriod(p)}, ""
}

func formatAllowance(m proto.Message) (string, bool) {
	a, _ := m.(*entitlementv1.Allowance)
	return fmt.Sprintf("%d a %s", a.GetCalls(), strings.TrimPrefix(a.GetPeriod().String(), "ALLOWANCE_PERIOD_")), true
}
