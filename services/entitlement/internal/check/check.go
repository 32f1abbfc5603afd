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
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	customerNames = "customers/"
	planNames     = "plans/"
	dayS          = 86400
)

// Asked is what is asked about.
type Asked struct {
	Line    *publishedv1.Line
	Catalog entitle.Catalog
	// Offers are those of the line that are not withdrawn, in its order.
	Offers   []*entitlementv1.Offer
	Question entitle.Question
	// Text is the language of remedies; nil: English.
	Text *contacttext.Text
}

// text is the language of remedies.
func (a Asked) text() *contacttext.Text {
	if a.Text == nil {
		return contacttext.Of()
	}
	return a.Text
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
	out.Notes = append(out.Notes, hoursUnknown(a)...)
	out.ValidUntil = until(who.Parties, asked, a)
	if out.Entitled {
		out.Outcome = entitlementv1.Outcome_OUTCOME_GRANTED
		return out
	}
	t := treatment(asked, asked.Line.GetNotEntitled(), who.Goodwill)
	if t == routingv1.Treatment_TREATMENT_IDENTIFY { // who it is, is known
		t = routingv1.Treatment_TREATMENT_FORWARD
	}
	out.Outcome, out.TreatmentText, out.FollowedUp = outcome(t), does(asked, t), followedUp(t)
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
	parties := []entitle.Party{party}
	if a := entitle.Ask(parties, asked.Catalog, asked.Question); entitle.Granted(a.Basis) {
		out := &entitlementv1.CheckEntitlementResponse{
			Outcome: entitlementv1.Outcome_OUTCOME_GRANTED, ValidUntil: until(parties, asked, a), Notes: hoursUnknown(a),
		}
		if a.Grant >= 0 {
			out.Grant = "grants/" + party.Grants[a.Grant].ID
		}
		return out
	}
	t := treatment(asked, asked.Line.GetUnknown(), goodwill)
	identify := &entitlementv1.Remedy{Kind: entitlementv1.RemedyKind_REMEDY_KIND_IDENTIFY, Text: identification(asked, t)}
	return &entitlementv1.CheckEntitlementResponse{
		Outcome: outcome(t), TreatmentText: does(asked, t), FollowedUp: followedUp(t),
		Remedies: append([]*entitlementv1.Remedy{identify}, offered(asked, party)...),
	}
}

// until is when access ends, or an answer that gives none changes, by itself; nil where it does not.
func until(parties []entitle.Party, asked Asked, a entitle.Answer) *timestamppb.Timestamp {
	unixS := a.UntilUnixS
	if entitle.Granted(a.Basis) {
		unixS = entitle.Ends(parties, asked.Catalog, asked.Question)
	}
	if unixS == entitle.Never {
		return nil
	}
	return &timestamppb.Timestamp{Seconds: unixS}
}

// hoursUnknown is the note on an answer that grants since nothing is known of its plan's hours.
func hoursUnknown(a entitle.Answer) []string {
	if !a.HoursUnknown {
		return nil
	}
	return []string{"nothing is known of the hours of plan " + a.PlanID + " at that time: they limit nothing"}
}

// GoodwillFrom is from when on goodwill is counted that a line shows, Unix seconds: what was shown a window ago is not, by
// then.
func GoodwillFrom(l *publishedv1.Line, atUnixS int64) int64 {
	days := int64(l.GetGoodwill().GetWindowDays())
	if days == 0 {
		days = published.DefaultGoodwillDays
	}
	return atUnixS - days*dayS + 1
}
