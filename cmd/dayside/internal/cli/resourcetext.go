package cli

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

// resourceGrid is a row a resource.
func resourceGrid(collection string, items []proto.Message) *grid {
	g := newGrid(columns[collection]...)
	for _, m := range items {
		switch m := m.(type) {
		case *schedulev1.Calendar:
			g.row(m.GetName(), m.GetDisplayName(), entriesText(m), toReviewText(m))
		case *schedulev1.Person:
			g.row(m.GetName(), m.GetDisplayName(), dash(m.GetTimeZone()), personTargetsText(m), absencesText(m))
		case *schedulev1.Rota:
			g.row(m.GetName(), m.GetDisplayName(), m.GetTimeZone(), turnsText(m), membersText(m))
		case *schedulev1.Site:
			g.row(m.GetName(), m.GetDisplayName(), m.GetTimeZone(), ownership(m), weekText(m.GetWeeklyHours()),
				idsText(m.GetCalendars()), targetsText(m))
		case *entitlementv1.Plan:
			g.row(m.GetName(), m.GetDisplayName(), planHoursText(m.GetHours()), severitiesText(m), allowanceText(m.GetAllowance()),
				idsText(m.GetLines()))
		case *entitlementv1.Offer:
			g.row(m.GetName(), m.GetDisplayName(), enumName(m.GetKind(), "OFFER_KIND_"), moneyText(m.GetPrice()),
				dash(m.GetPlan()), languagesText(m), offeredText(m))
		case *entitlementv1.Customer:
			g.row(m.GetName(), m.GetDisplayName(), numbersText(m), contractsText(m))
		case *routingv1.Line:
			strategy := m.GetStrategy()
			if strategy == routingv1.Strategy_STRATEGY_UNSPECIFIED {
				strategy = routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN
			}
			g.row(m.GetName(), m.GetDisplayName(), numberText(m), dash(m.GetProduct()), enumName(strategy, "STRATEGY_"),
				lineSitesText(m), idsText(m.GetRotas()), targetText(m.GetLastResort().GetTarget()))
		}
	}
	return g
}

var columns = map[string][]string{
	collectionCalendars: {"name", "display name", "entries", "to review"},
	collectionPeople:    {"name", "display name", "time zone", "targets", "absences"},
	collectionRotas:     {"name", "display name", "time zone", "turns", "members"},
	collectionSites:     {"name", "display name", "time zone", "run by", "week", "calendars", "targets"},
	collectionPlans:     {"name", "display name", "hours", "severities", "calls", "lines"},
	collectionOffers:    {"name", "display name", "kind", "price", "plan", "languages", "offered"},
	collectionCustomers: {"name", "display name", "numbers", "contracts"},
	collectionLines:     {"name", "display name", "number", "product", "strategy", "sites", "rotas", "last resort"},
}

// idsText are names by their IDs alone.
func idsText(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = dash(name[strings.LastIndexByte(name, '/')+1:])
	}
	return dash(strings.Join(out, ", "))
}

// entriesText says how many dates a calendar has, and from when to when.
func entriesText(c *schedulev1.Calendar) string {
	if len(c.GetEntries()) == 0 {
		return "none"
	}
	first, last := "9", ""
	for _, e := range c.GetEntries() {
		until := e.GetDate()
		if e.GetLastDate() != nil {
			until = e.GetLastDate()
		}
		first, last = min(first, ymd(e.GetDate())), max(last, ymd(until))
	}
	return fmt.Sprintf("%d, %s to %s", len(c.GetEntries()), first, last)
}

func toReviewText(c *schedulev1.Calendar) string {
	n := 0
	for _, e := range c.GetEntries() {
		if e.GetProvenance().GetReview() {
			n++
		}
	}
	if n == 0 {
		return dash("")
	}
	return fmt.Sprint(n)
}

// personTargetsText masks numbers: those of people are their own.
func personTargetsText(p *schedulev1.Person) string {
	out := make([]string, len(p.GetTargets()))
	for i, t := range p.GetTargets() {
		out[i] = t.GetSipUri()
		if n := t.GetPhoneNumber().GetE164Number(); n != "" {
			out[i] = manifest.Mask(n)
		}
	}
	if len(out) == 0 {
		return "none: not reachable"
	}
	return strings.Join(out, ", ")
}

func absencesText(p *schedulev1.Person) string {
	if len(p.GetAbsences()) == 0 {
		return dash("")
	}
	return fmt.Sprint(len(p.GetAbsences()))
}

// turnsText is the length of the turns of each layer.
func turnsText(r *schedulev1.Rota) string {
	out := make([]string, len(r.GetLayers()))
	for i, l := range r.GetLayers() {
		unit := strings.ToLower(enumName(l.GetUnit(), "TURN_UNIT_"))
		if n := l.GetEvery(); n > 1 {
			unit = fmt.Sprintf("%d %ss", n, unit)
		}
		out[i] = "every " + unit
		if l.GetRestrictions() != nil {
			out[i] += " at certain hours"
		}
	}
	return strings.Join(out, "; ")
}

// membersText are the members of each layer as it begins.
func membersText(r *schedulev1.Rota) string {
	out := make([]string, len(r.GetLayers()))
	for i, l := range r.GetLayers() {
		out[i] = idsText(l.GetMembers())
		if n := len(l.GetChanges()); n > 0 {
			out[i] += " (changes later)"
		}
	}
	return strings.Join(out, "; ")
}

func ownership(s *schedulev1.Site) string {
	if s.GetOwnership() == schedulev1.Ownership_OWNERSHIP_OUTSOURCED {
		return "partner"
	}
	return "us"
}

// numberText is a line's number; a hidden one stays hidden on a screen that others may see (-o yaml shows it).
func numberText(l *routingv1.Line) string {
	if l.GetVisibility() == routingv1.Visibility_VISIBILITY_PUBLISHED {
		return dash(l.GetNumber().GetE164Number())
	}
	return "(hidden)"
}

func numbersText(c *entitlementv1.Customer) string {
	const shownNumbers = 2
	var out []string
	for i, n := range c.GetPhoneNumbers() {
		if i == shownNumbers {
			out = append(out, fmt.Sprintf("and %d more", len(c.GetPhoneNumbers())-i))
			break
		}
		out = append(out, manifest.Mask(n.GetE164Number()))
	}
	return dash(strings.Join(out, ", "))
}

func contractsText(c *entitlementv1.Customer) string {
	var out []string
	for _, k := range c.GetContracts() {
		product := k.GetProduct()
		if product == "" {
			product = "any product"
		}
		end := "…"
		if e := k.GetEndDate(); e != nil {
			end = ymd(e)
		}
		out = append(out, fmt.Sprintf("%s for %s until %s", k.GetPlan(), product, end))
	}
	return dash(strings.Join(out, "; "))
}

func targetsText(s *schedulev1.Site) string {
	out := make([]string, len(s.GetTargets()))
	for i, t := range s.GetTargets() {
		out[i] = targetText(t)
	}
	return strings.Join(out, ", ")
}

func lineSitesText(l *routingv1.Line) string {
	out := make([]string, len(l.GetSites()))
	for i, s := range l.GetSites() {
		out[i] = strings.TrimPrefix(s.GetSite(), collectionSites+"/")
		if s.GetTier() != 0 {
			out[i] += fmt.Sprintf(" (tier %d)", s.GetTier())
		}
		if l.GetStrategy() == routingv1.Strategy_STRATEGY_WEIGHTED && s.Weight != nil {
			out[i] += fmt.Sprintf(" (weight %d)", s.GetWeight())
		}
	}
	return strings.Join(out, ", ")
}

// weekText sums up a week: neighbouring days with the same spans are one.
func weekText(w *schedulev1.WeeklyHours) string {
	names := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	days := [][]*schedulev1.Span{w.GetMon(), w.GetTue(), w.GetWed(), w.GetThu(), w.GetFri(), w.GetSat(), w.GetSun()}
	var out []string
	for i := 0; i < len(days); {
		spans := spansText(days[i])
		j := i + 1
		for j < len(days) && spansText(days[j]) == spans {
			j++
		}
		if spans != "" {
			name := names[i]
			if j > i+1 {
				name += "-" + names[j-1]
			}
			out = append(out, name+" "+spans)
		}
		i = j
	}
	return dash(strings.Join(out, ", "))
}

func spansText(spans []*schedulev1.Span) string {
	out := make([]string, len(spans))
	for i, s := range spans {
		out[i] = fmt.Sprintf("%02d:%02d-%02d:%02d", s.GetOpen().GetHours(), s.GetOpen().GetMinutes(),
			s.GetClose().GetHours(), s.GetClose().GetMinutes())
	}
	return strings.Join(out, " ")
}

// ymd is a date as files have it.
func ymd(d *date.Date) string {
	return fmt.Sprintf("%04d-%02d-%02d", d.GetYear(), d.GetMonth(), d.GetDay())
}
