package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// Rules of short forms of plans and offers, as errors say them.
const (
	ruleMoney     = `must be a currency and an amount, such as "EUR 90.00"`
	rulePlanHours = "must be ROUND_THE_CLOCK, BUSINESS or EXTENDED; or a mapping of kind, weekly_hours and ignores_calendars"
	ruleAllowance = `must be calls and over what they are counted: "10 a MONTH", "20 a CONTRACT_YEAR", "50 a CONTRACT"`
)

const (
	// nanoDigits are the decimals that an amount can have at most; which a currency has is the server's to say.
	nanoDigits = 9
	// currencyLetters of a code (ISO 4217).
	currencyLetters = 3
	nanos           = 1_000_000_000
)

// parseMoney takes "EUR 90.00": whole units and decimals, without a sign or separators of thousands.
func parseMoney(s string) (proto.Message, string) {
	code, amount, _ := strings.Cut(s, " ")
	whole, part, pointed := strings.Cut(amount, ".")
	if len(code) != currencyLetters || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || !digits(whole) ||
		pointed && (!digits(part) || len(part) > nanoDigits) {
		return nil, ruleMoney
	}
	units, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return nil, ruleMoney
	}
	small, err := strconv.ParseInt(part+strings.Repeat("0", nanoDigits-len(part)), 10, 32)
	if err != nil {
		return nil, ruleMoney
	}
	return &money.Money{CurrencyCode: code, Units: units, Nanos: int32(small)}, ""
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// formatMoney shows two decimals at least, where there are any.
func formatMoney(m proto.Message) (string, bool) {
	v, _ := m.(*money.Money)
	text := fmt.Sprintf("%s %d", v.GetCurrencyCode(), v.GetUnits())
	if v.GetNanos() != 0 {
		const usual = 2
		part := strings.TrimRight(fmt.Sprintf("%09d", v.GetNanos()), "0")
		text += "." + part + strings.Repeat("0", max(usual-len(part), 0))
	}
	return text, v.GetUnits() >= 0 && v.GetNanos() >= 0 && v.GetNanos() < nanos
}

// Money is an amount as files have it: "EUR 90.00".
func Money(m *money.Money) string {
	text, _ := formatMoney(m)
	return text
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
