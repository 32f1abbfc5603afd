// Package lines knows the rules of a line that can be judged by the line alone, what is published of it, what schedule
// is told of it, and the rules that hold between the lines, sites, rotas and numbers of a whole configuration. It is pure;
// who asks says what exists.
package lines

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

const (
	maxSites = 1000
	maxRotas = 8
	maxTier  = 99
	// maxWeight keeps shares within what ten bits tell apart.
	maxWeight = 1000
	// Hidden stands for a line's number wherever one would be shown.
	Hidden = "(hidden)"

	maxOpeningSoonS = 3600
	minRingBudgetS  = 20
	maxRingBudgetS  = 1800

	lineNames = "lines/"
	siteNames = "sites/"
	rotaNames = "rotas/"
)

// Check is INVALID_FIELD where a line breaks a rule by itself, with every broken rule; fields are paths within the line.
func Check(l *routingv1.Line) error {
	var broken fault.Violations
	if _, ok := Number(l); !ok {
		broken.Add("number", hidden(l), "must be E.164: a plus sign, then 7 to 15 digits that begin with a country code, "+
			"without an extension")
	}
	checkSites(l.GetSites(), &broken)
	checkRotas(l.GetRotas(), &broken)
	checkServiceHours(l.GetServiceHours(), &broken)
	checkLastResort(l, &broken)
	checkSeconds("min_remaining", l.GetMinRemaining(), 0, timeline.RemainingMaxS, &broken)
	checkSeconds("opening_soon", l.GetOpeningSoon(), 0, maxOpeningSoonS, &broken)
	checkSeconds("ring_budget", l.GetRingBudget(), minRingBudgetS, maxRingBudgetS, &broken)
	checkTerms(l, &broken)
	checkPolicy(l, &broken)
	return broken.Err()
}

func checkSeconds(field string, d *durationpb.Duration, least, most int64, broken *fault.Violations) {
	if d != nil && (d.GetNanos() != 0 || d.GetSeconds() < least || d.GetSeconds() > most) {
		broken.Add(field, d.AsDuration().String(), fmt.Sprintf("must be whole seconds, %d to %d", least, most))
	}
}

// Number is the line's dialled number; false where it is no E.164 number.
func Number(l *routingv1.Line) (phone.Number, bool) {
	if l.GetNumber().GetExtension() != "" {
		return 0, false
	}
	return phone.Parse(l.GetNumber().GetE164Number())
}

// hidden says that there is something, and not what.
func hidden(l *routingv1.Line) string {
	if l.GetNumber() == nil {
		return ""
	}
	return Hidden
}

func checkSites(sites []*routingv1.LineSite, broken *fault.Violations) {
	if len(sites) == 0 || len(sites) > maxSites {
		broken.Add("sites", fmt.Sprint(len(sites)), fmt.Sprintf("must be 1 to %d", maxSites))
		return
	}
	first := map[string]int{}
	for i, s := range sites {
		field := fmt.Sprintf("sites[%d]", i)
		if id, ok := strings.CutPrefix(s.GetSite(), siteNames); !ok || id == "" || strings.Contains(id, "/") {
			broken.Add(field+".site", s.GetSite(), "must be sites/ID")
		} else if at, twice := first[s.GetSite()]; twice {
			broken.Add(field+".site", s.GetSite(), fmt.Sprintf("is listed twice: sites[%d] is the same", at))
		} else {
			first[s.GetSite()] = i
		}
		if s.GetTier() < 0 || s.GetTier() > maxTier {
			broken.Add(field+".tier", fmt.Sprint(s.GetTier()), fmt.Sprintf("must be 0 to %d", maxTier))
		}
		if s.GetWeight() < 0 || s.GetWeight() > maxWeight {
			broken.Add(field+".weight", fmt.Sprint(s.GetWeight()), fmt.Sprintf("must be 0 to %d", maxWeight))
		}
	}
}

func checkRotas(rotas []string, broken *fault.Violations) {
	if len(rotas) > maxRotas {
		broken.Add("rotas", fmt.Sprint(len(rotas)), fmt.Sprintf("must be at most %d", maxRotas))
		return
	}
	for i, name := range rotas {
		field := fmt.Sprintf("rotas[%d]", i)
		if id, ok := strings.CutPrefix(name, rotaNames); !ok || id == "" || strings.Contains(id, "/") {
			broken.Add(field, name, "must be rotas/ID")
		} else if at := slices.Index(rotas, name); at < i {
			broken.Add(field, name, fmt.Sprintf("is listed twice: rotas[%d] is the same", at))
		}
	}
}

// checkServiceHours checks what there must be of them; zones, spans and calendars are schedule's to judge.
func checkServiceHours(h *schedulev1.ServiceHours, broken *fault.Violations) {
	if h == nil {
		return
	}
	if h.GetTimeZone() == "" {
		broken.Add("service_hours.time_zone", "", "is required: the IANA zone of the hours, such as Europe/Dublin")
	}
	if h.GetWeeklyHours() == nil {
		broken.Add("service_hours.weekly_hours", "", "is required; a line that is always served has no service_hours")
	}
}

func checkLastResort(l *routingv1.Line, broken *fault.Violations) {
	r := l.GetLastResort()
	if r == nil {
		broken.Add("last_resort", "", "is required: a call that nobody answered must end at a person or a mailbox")
		return
	}
	if r.GetKind() != routingv1.LastResort_KIND_PERSON && r.GetKind() != routingv1.LastResort_KIND_MAILBOX {
		broken.Add("last_resort.kind", fmt.Sprint(int32(r.GetKind())), "must be KIND_PERSON or KIND_MAILBOX")
	}
	if v, ok := target.Broken("last_resort.target", r.GetTarget()); !ok {
		broken.Append(v)
		return
	}
	to, isNumber := phone.Parse(target.Text(r.GetTarget()))
	if isNumber && slices.Contains(Numbers(l, math.MinInt64), to) {
		broken.Add("last_resort.target.phone_number", Hidden, "must not be the line's own number: the call would go round")
	}
}

// Publish is what other services may know of a line.
func Publish(l *routingv1.Line) *publishedv1.Line {
	p := &publishedv1.Line{
		Id: strings.TrimPrefix(l.GetName(), "lines/"), DisplayName: l.GetDisplayName(), Product: l.GetProduct(),
		Language: l.GetLanguage(), FollowUpOwner: l.GetFollowUpOwner(),
	}
	for _, s := range l.GetSites() {
		p.Sites = append(p.Sites, strings.TrimPrefix(s.GetSite(), siteNames))
	}
	for _, name := range l.GetRotas() {
		p.Rotas = append(p.Rotas, strings.TrimPrefix(name, rotaNames))
	}
	for _, name := range l.GetOffers() {
		p.Offers = append(p.Offers, strings.TrimPrefix(name, offerNames))
	}
	p.ServiceHours = l.GetServiceHours()
	p.Severity, p.Goodwill = l.GetSeverity(), l.GetGoodwill()
	t := l.GetTreatments()
	p.NotEntitled, p.Unknown, p.Declined = t.GetNotEntitled(), t.GetUnknown(), t.GetDeclined()
	return p
}

// Coverage is what schedule judges a line's coverage by.
func Coverage(l *routingv1.Line) *schedulev1.LineCoverage {
	c := &schedulev1.LineCoverage{
		Line: l.GetName(), Rotas: l.GetRotas(), ServiceHours: l.GetServiceHours(),
		Product: l.GetProduct(), Language: l.GetLanguage(),
	}
	for _, s := range l.GetSites() {
		c.Sites = append(c.Sites, s.GetSite())
	}
	return c
}

// CoverageDiffers says whether the coverage of two versions of a line may differ, the first nil where the line is new.
// Which site comes first is no matter of it.
func CoverageDiffers(before, after *routingv1.Line) bool {
	if before == nil {
		return true
	}
	a, b := Coverage(before), Coverage(after)
	slices.Sort(a.Sites)
	slices.Sort(b.Sites)
	return !proto.Equal(a, b)
}

// References are what a line refers to, by the path at which it does, in order.
func References(l *routingv1.Line) []Reference {
	var all []Reference
	for i, s := range l.GetSites() {
		all = append(all, Reference{fmt.Sprintf("sites[%d].site", i), s.GetSite()})
	}
	for i, name := range l.GetRotas() {
		all = append(all, Reference{fmt.Sprintf("rotas[%d]", i), name})
	}
	for i, name := range l.GetOffers() {
		all = append(all, Reference{fmt.Sprintf("offers[%d]", i), name})
	}
	if to := l.GetOutOfHours().GetTransferLine(); to != "" {
		all = append(all, Reference{transferLine, to})
	}
	return all
}

// Reference is a place at which a line names something else.
type Reference struct {
	// Field is the path within the line.
	Field string
	// Name is a site's, a rota's, an offer's, or another line's.
	Name string
}

// Sharing finds lines that a same number leads to at an instant, former ones included: for each but the first by name, the
// name of the first.
func Sharing(all map[string]*routingv1.Line, nowUnixS int64) map[string]string {
	first, shared := map[phone.Number]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, n := range Numbers(all[name], nowUnixS) {
			if other, taken := first[n]; taken && other != name {
				shared[name] = other
				continue
			}
			first[n] = name
		}
	}
	return shared
}

// Among are the places at which a line names one of some sites, rotas and lines, as violations of a rule; fields are paths
// behind prefix.
func Among(l *routingv1.Line, prefix string, names map[string]bool, rule string) []fault.Violation {
	var found []fault.Violation
	for _, r := range References(l) {
		if names[r.Name] {
			found = append(found, fault.Violation{Field: prefix + r.Field, Value: r.Name, Rule: rule})
		}
	}
	return found
}
