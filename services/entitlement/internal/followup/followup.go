// Package followup says which tasks a call leaves to the business side: what is to be done, why, and on which business day
// of whose calendar. It keeps none of them: that is the ledger's.
//
// It is pure: time, zones and calendars are arguments.
package followup

import (
	"cmp"
	"fmt"
	"strings"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// Facts are what is known of a call.
type Facts struct {
	Call *ledgerv1.Call
	// GoodwillBefore is how often goodwill was shown to the same customer or number within GoodwillDays before the call;
	// GoodwillMax is how often the line does, 0 where it does not say.
	GoodwillBefore, GoodwillMax int
	GoodwillDays                int32
	// UsedCalls and IncludedCalls are the allowance of the contract that the call rested on, this call counted; 0 of 0 where
	// its plan counts none, or the call does not count.
	UsedCalls, IncludedCalls int32
}

// Task is one thing to do.
type Task struct {
	Kind ledgerv1.FollowUpKind
	// Reason is for people: "third call in 90 days without a contract".
	Reason string
	// Promise is promises/ID that it is about; empty where it is about none.
	Promise string
	// Customer is customers/ID whom it is about: whose contract it was, where another one's call went beyond it.
	Customer string
}

// Tasks are what a call leaves to be done; mostly nothing. The same call always leaves the same kinds, however often it is
// asked about: what was accepted is billed; who is often helped first, or goes beyond what is included, is talked to; who is
// known and not entitled gets a proposal; who is not known is found out.
func Tasks(f Facts) []Task {
	var tasks []Task
	if t, ok := helped(f); ok {
		t.Customer = f.Call.GetCustomer()
		tasks = append(tasks, t)
	}
	if f.IncludedCalls > 0 && f.UsedCalls > f.IncludedCalls {
		tasks = append(tasks, Task{
			Kind: ledgerv1.FollowUpKind_FOLLOW_UP_KIND_DISCUSS,
			Reason: fmt.Sprintf("%d calls in a period of which contract %s includes %d", f.UsedCalls, f.Call.GetRestsOn(),
				f.IncludedCalls),
			Customer: cmp.Or(f.Call.GetVia(), f.Call.GetCustomer()),
		})
	}
	if len(tasks) == 2 && tasks[0].Kind == tasks[1].Kind {
		return tasks[:1]
	}
	return tasks
}

// helped is the task of a call that was billed, or helped first.
func helped(f Facts) (Task, bool) {
	c, basis := f.Call, f.Call.GetBasis()
	discuss := func(reason string) (Task, bool) {
		return Task{Kind: ledgerv1.FollowUpKind_FOLLOW_UP_KIND_DISCUSS, Reason: reason}, true
	}
	switch {
	case accepted(c):
		return Task{Kind: ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL, Reason: billReason(c), Promise: c.GetPromise()}, true
	case !c.GetFollowUp():
		return Task{}, false
	case c.GetCustomer() == "", c.GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_UNKNOWN:
		return Task{Kind: ledgerv1.FollowUpKind_FOLLOW_UP_KIND_IDENTIFY, Reason: unknownReason(f) + unrecorded(c)}, true
	case f.GoodwillMax > 0 && f.GoodwillBefore+1 >= f.GoodwillMax && c.GetGoodwill():
		return discuss(often(f) + " " + without(basis) + unrecorded(c))
	case basis == entitlementv1.Basis_BASIS_ALLOWANCE_USED, basis == entitlementv1.Basis_BASIS_SUSPENDED:
		return discuss("called " + without(basis) + unrecorded(c))
	case c.GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_ENTITLED:
		switch c.GetTreatment() { //nolint:exhaustive // another one: what is followed up is of a step before, on another line
		case routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP, routingv1.Treatment_TREATMENT_UNSPECIFIED:
			return discuss("the line follows up calls of entitled customers")
		}
		return Task{}, false
	}
	return Task{
		Kind: ledgerv1.FollowUpKind_FOLLOW_UP_KIND_PROPOSE, Reason: often(f) + " " + without(basis) + unrecorded(c),
	}, true
}

func accepted(c *ledgerv1.Call) bool {
	switch c.GetOfferFate() { //nolint:exhaustive // nothing was accepted in all others
	case routingv1.OfferFate_OFFER_FATE_ACCEPTED, routingv1.OfferFate_OFFER_FATE_PENDING,
		routingv1.OfferFate_OFFER_FATE_SPOOLED:
		return true
	}
	return c.GetPromise() != ""
}

func billReason(c *ledgerv1.Call) string {
	switch c.GetOfferFate() { //nolint:exhaustive // see accepted
	case routingv1.OfferFate_OFFER_FATE_PENDING:
		return "accepted an offer without being verified: have it confirmed"
	case routingv1.OfferFate_OFFER_FATE_SPOOLED:
		return "accepted an offer, which was recorded later: see whether it is to be confirmed"
	}
	return "accepted an offer"
}

func unknownReason(f Facts) string {
	if f.Call.GetCustomer() != "" {
		return "somebody who said they were of " + cmp.Or(f.Call.GetCustomerDisplayName(), f.Call.GetCustomer()) +
			", and did not show it"
	}
	if f.GoodwillBefore > 0 {
		return often(f) + " from a number nobody knows"
	}
	return "a caller nobody knows"
}

// unrecorded says, behind a reason, that the caller accepted an offer of which nothing is owed.
func unrecorded(c *ledgerv1.Call) string {
	switch {
	case c.GetOfferFate() != routingv1.OfferFate_OFFER_FATE_HELPED_FIRST:
		return ""
	case c.GetGoodwill():
		return "; accepted an offer beyond what may be accepted without being verified, so that nothing is owed"
	}
	return "; accepted an offer that could not be recorded by our own fault, so that nothing is owed"
}

// without says what was missing.
func without(b entitlementv1.Basis) string {
	switch b { //nolint:exhaustive // see the end
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		return "after the contract ended"
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		return "before the contract began"
	case entitlementv1.Basis_BASIS_OTHER_PRODUCT:
		return "for a product without a contract"
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return "outside the plan's hours"
	case entitlementv1.Basis_BASIS_OTHER_LINE:
		return "on a line that the plan does not give"
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		return "about a severity that the plan does not cover"
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		return "after the calls that the plan includes were used"
	case entitlementv1.Basis_BASIS_SUSPENDED:
		return "while suspended"
	}
	return "without a contract"
}

// often is "third call in 90 days".
func often(f Facts) string {
	n := f.GoodwillBefore + 1
	if n == 1 || !f.Call.GetGoodwill() {
		return "called"
	}
	return fmt.Sprintf("%s call in %d days", ordinal(n), f.GoodwillDays)
}

// ordinal is of 2 to 17.
func ordinal(n int) string {
	words := strings.Fields("second third fourth fifth sixth seventh eighth ninth tenth")
	if n >= 2 && n-2 < len(words) {
		return words[n-2]
	}
	return fmt.Sprintf("%dth", n)
}

// Name of the task of a kind that a call leaves: the same, however often it is made.
func Name(callName string, k ledgerv1.FollowUpKind) string {
	kind := strings.ToLower(strings.TrimPrefix(k.String(), "FOLLOW_UP_KIND_"))
	return "followUps/" + kind + "-" + strings.TrimPrefix(callName, "calls/")
}
