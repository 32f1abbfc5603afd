// Package check answers whether customers may have a line: the rule of package entitle, applied to published records, in the
// words of the API, with what the line does then, and what would change it. It is pure; who has a number is package view's,
// and what becomes of a call is routing's to decide.
package check

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/contracts"
	"github.com/daysidehq/dayside/services/internal/entitle"
)

const (
	customerNames = "customers/"
	planNames     = "plans/"
	dayS          = 86400
	// defaultWindowDays is over how long goodwill is counted where a line does not say.
	defaultWindowDays = 90
)

// Asked is what is asked about.
type Asked struct {
	Line    *publishedv1.Line
	Catalog entitle.Catalog
	// Offers are those of the line that are not withdrawn, in its order.
	Offers   []*entitlementv1.Offer
	Question entitle.Question
}

// Who is one customer, and those above it, the nearest first; parties in the same order.
type Who struct {
	Customers []*publishedv1.Customer
	Parties   []entitle.Party
	// Location is the zone in which a customer's dates are shown.
	Location func(*publishedv1.Customer) *time.Location
	// Goodwill is how often it was shown to the customer since GoodwillFrom.
	Goodwill int
}

// Entitlement is one customer's answer.
func Entitlement(who Who, asked Asked) *entitlementv1.CustomerEntitlement {
	a := entitle.Ask(who.Parties, asked.Catalog, asked.Question)
	c := who.Customers[0]
	out := &entitlementv1.CustomerEntitlement{
		Customer: customerNames + c.GetId(), DisplayName: c.GetDisplayName(), Entitled: entitle.Granted(a.Basis), Basis: a.Basis,
		AllowanceCalls: a.Included, UsedCalls: a.UsedCalls,
	}
	if a.Party > 0 {
		out.Via = customerNames + who.Customers[a.Party].GetId()
	}
	if a.Contract >= 0 {
		owner := who.Customers[a.Party]
		out.Contract = contracts.Resource(owner.GetContracts()[a.Contract], who.Location(owner))
		if plan := out.GetContract().GetPlan(); plan != "" && asked.Catalog.Plan(plan) == nil {
			out.Notes = append(out.Notes, "plan "+plan+" is not in the catalog: it limits nothing")
		}
	}
	if a.Grant >= 0 {
		out.Grant = "grants/" + who.Parties[a.Party].Grants[a.Grant].ID
	}
	if a.HoursUnknown {
		out.Notes = append(out.Notes, "nothing is known of the hours of plan "+a.PlanID+" at that time: they limit nothing")
	}
	if a.UntilUnixS != entitle.Never {
		out.ValidUntil = &timestamppb.Timestamp{Seconds: a.UntilUnixS}
	}
	if out.Entitled {
		out.Outcome = entitlementv1.Outcome_OUTCOME_GRANTED
		return out
	}
	out.Outcome = outcome(asked, asked.Line.GetNotEntitled(), who.Goodwill)
	out.Remedies = remedies(who, asked, a)
	for _, o := range asked.Offers {
		if !gives(o, who.Parties[0], asked) {
			out.Notes = append(out.Notes, o.GetName()+" would not give the line now: its product, or its plan, does not cover it")
		}
	}
	return out
}

// Unknown is what the line does with a caller nobody knows, and what would change that, or which grant gives it. Party is
// what the caller's number holds by itself.
func Unknown(party entitle.Party, asked Asked, goodwill int) *entitlementv1.CheckEntitlementResponse {
	if a := entitle.Ask([]entitle.Party{party}, asked.Catalog, asked.Question); entitle.Granted(a.Basis) {
		out := &entitlementv1.CheckEntitlementResponse{Outcome: entitlementv1.Outcome_OUTCOME_GRANTED}
		if a.Grant >= 0 {
			out.Grant = "grants/" + party.Grants[a.Grant].ID
		}
		if a.UntilUnixS != entitle.Never {
			out.ValidUntil = &timestamppb.Timestamp{Seconds: a.UntilUnixS}
		}
		return out
	}
	identify := &entitlementv1.Remedy{
		Kind: entitlementv1.RemedyKind_REMEDY_KIND_IDENTIFY, Text: "say or show who is calling: a name is enough to be helped",
	}
	if outcome(asked, asked.Line.GetNotEntitled(), 0) == entitlementv1.Outcome_OUTCOME_REFUSED {
		identify.Text = "say or show who is calling: who is entitled is connected"
	}
	return &entitlementv1.CheckEntitlementResponse{
		Outcome:  outcome(asked, asked.Line.GetUnknown(), goodwill),
		Remedies: append([]*entitlementv1.Remedy{identify}, offered(asked, party)...),
	}
}

// GoodwillFrom is from when on goodwill is counted that a line shows, Unix seconds: what was shown a window ago is not, by
// then.
func GoodwillFrom(l *publishedv1.Line, atUnixS int64) int64 {
	days := int64(l.GetGoodwill().GetWindowDays())
	if days == 0 {
		days = defaultWindowDays
	}
	return atUnixS - days*dayS + 1
}

// outcome is what a treatment comes to.
func outcome(asked Asked, t routingv1.Treatment, goodwill int) entitlementv1.Outcome {
	if g := asked.Line.GetGoodwill(); g != nil && helps(t) && goodwill >= int(g.GetMaxCalls()) {
		if t = g.GetThen(); t == routingv1.Treatment_TREATMENT_UNSPECIFIED {
			t = routingv1.Treatment_TREATMENT_OFFER
		}
	}
	if t == routingv1.Treatment_TREATMENT_OFFER && len(asked.Offers) == 0 {
		t = asked.Line.GetDeclined()
	}
	switch t {
	case routingv1.Treatment_TREATMENT_REJECT:
		return entitlementv1.Outcome_OUTCOME_REFUSED
	case routingv1.Treatment_TREATMENT_OFFER:
		return entitlementv1.Outcome_OUTCOME_OFFERED
	case routingv1.Treatment_TREATMENT_UNSPECIFIED, routingv1.Treatment_TREATMENT_FORWARD,
		routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP, routingv1.Treatment_TREATMENT_ANNOUNCE,
		routingv1.Treatment_TREATMENT_MESSAGE, routingv1.Treatment_TREATMENT_IDENTIFY:
	}
	return entitlementv1.Outcome_OUTCOME_HELPED_FIRST
}

// helps says whether a treatment is goodwill.
func helps(t routingv1.Treatment) bool {
	return t == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
}
