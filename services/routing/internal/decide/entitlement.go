package decide

import (
	"slices"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	entitlement "github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// entitle is the third stage: may this caller have this line now. The rule is that of package
// services/internal/entitle. Who has not shown yet that they are of a customer is unknown, and has what their number
// was granted. What was accepted in this call holds in it, whether or not the view has heard of it yet.
func entitle(d *Decision) (routingv1.Verdict, bool) {
	known := d.known()
	d.findParties(known)
	if len(d.parties) > 0 {
		d.answer = d.judged(d.parties, d.Line)
	}
	switch basis := d.accepted(); {
	case entitlement.Granted(d.answer.Basis):
		d.Class, d.Basis = routingv1.CallerClass_CALLER_CLASS_ENTITLED, d.answer.Basis
	case basis != entitlementv1.Basis_BASIS_UNSPECIFIED:
		d.Class, d.Basis, d.answer = routingv1.CallerClass_CALLER_CLASS_ENTITLED, basis, nothing()
	case known:
		d.Class, d.Basis = routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED, d.answer.Basis
	default:
		d.Class, d.answer = routingv1.CallerClass_CALLER_CLASS_UNKNOWN, nothing()
		return routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN, true
	}
	return verdictOf(d.Basis), true
}

// nothing is an answer that rests on nothing.
func nothing() entitlement.Answer { return entitlement.Answer{Party: -1, Contract: -1, Grant: -1} }

// known says whether the caller counts as one customer's.
func (d *Decision) known() bool { return d.customers.Len() == 1 && !d.pinWanted() }

// findParties finds whom the question is asked of: the only customer and its parents, else the caller's number, where
// that has grants.
func (d *Decision) findParties(known bool) {
	if known {
		d.parties = d.partiesOf(d.candidates[0])
		return
	}
	before := len(d.asked)
	if number, ok := d.view.NumberParty(d.call.Caller); ok {
		d.asked = append(d.asked, number)
	}
	d.parties = d.asked[before:]
}

// partiesOf are a customer and its parents. What the caller's number was given, as for a promise to pay, it keeps when
// somebody enters it with a customer.
func (d *Decision) partiesOf(c *view.Customer) []entitlement.Party {
	before := len(d.asked)
	d.asked = d.view.Parties(c, d.asked)
	if number, ok := d.view.NumberParty(d.call.Caller); ok {
		own := &d.asked[before]
		own.Grants = slices.Concat(own.Grants, number.Grants)
	}
	return d.asked[before:]
}

// entitledTo says whether the caller is entitled to another line than the call's.
func (d *Decision) entitledTo(l *view.Line) bool {
	return len(d.parties) > 0 && entitlement.Granted(d.judged(d.parties, l).Basis)
}

// judged is the answer to whether some parties may have a line. Whoever was entitled when the call began stays so: a
// contract that ends meanwhile must not end a call whose ladder is being rung.
func (d *Decision) judged(parties []entitlement.Party, l *view.Line) entitlement.Answer {
	q := entitlement.Question{LineID: l.ID, Product: l.Product.Name(), Severity: l.Severity, AtUnixS: d.nowS}
	now := entitlement.Ask(parties, d.view, q)
	if q.AtUnixS = d.beganS(); q.AtUnixS < d.nowS && !entitlement.Granted(now.Basis) {
		if then := entitlement.Ask(parties, d.view, q); entitlement.Granted(then.Basis) {
			return then
		}
	}
	d.changesAt(now.UntilUnixS)
	return now
}

// beganS is when the call began.
func (d *Decision) beganS() int64 {
	if began := d.call.State.GetBeganUnixMs() / 1000; began > 0 {
		return min(began, d.nowS)
	}
	return d.nowS
}

// accepted is the basis that an acceptance in this call gives; UNSPECIFIED where there was none.
func (d *Decision) accepted() entitlementv1.Basis {
	switch st := d.call.State; {
	case st.GetAccepted() == nil:
	case st.GetOffer() == routingv1.OfferFate_OFFER_FATE_ACCEPTED,
		st.GetOffer() == routingv1.OfferFate_OFFER_FATE_SPOOLED && st.GetAcceptedVerified():
		return entitlementv1.Basis_BASIS_PROMISE
	case st.GetOffer() == routingv1.OfferFate_OFFER_FATE_PENDING, st.GetOffer() == routingv1.OfferFate_OFFER_FATE_SPOOLED:
		return entitlementv1.Basis_BASIS_PENDING_PROMISE
	}
	return entitlementv1.Basis_BASIS_UNSPECIFIED
}

// Asked are all of whom the question of entitlement was asked, some of them more than once: none where nobody knows who
// calls. They hold until the next call is decided.
func (d *Decision) Asked() []entitlement.Party { return d.asked }

// PlanID is the plan that the answer rests on; empty where it rests on none.
func (d *Decision) PlanID() string { return d.answer.PlanID }

// Contract is the ID of the contract that the answer rests on; empty where that is none.
func (d *Decision) Contract() string {
	if a := &d.answer; a.Party >= 0 && a.Contract >= 0 && a.Party < len(d.parties) {
		return d.parties[a.Party].Contracts[a.Contract].ID
	}
	return ""
}

// Grant is the ID of the grant that the answer rests on; empty where that is none.
func (d *Decision) Grant() string {
	if a := &d.answer; a.Party >= 0 && a.Grant >= 0 && a.Party < len(d.parties) {
		return d.parties[a.Party].Grants[a.Grant].ID
	}
	return ""
}

// Via is the ID of the customer by whose contract the answer is, where that is not the caller's own: a parent's, or
// that of the customer for whom a partner calls.
func (d *Decision) Via() string {
	a := &d.answer
	if a.Party < 0 || a.Party >= len(d.parties) || a.Party == 0 && d.Partner == nil {
		return ""
	}
	return d.parties[a.Party].CustomerID
}

// Customer is the customer whom the call is of; nil where nobody knows, and where there are several.
func (d *Decision) Customer() *view.Customer {
	if d.nCandidate == 1 && d.Line != nil && d.known() {
		return d.candidates[0]
	}
	return nil
}

// verdictOf is a basis as a stage says it.
func verdictOf(b entitlementv1.Basis) routingv1.Verdict {
	switch b {
	case entitlementv1.Basis_BASIS_CONTRACT:
		return routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT
	case entitlementv1.Basis_BASIS_GRACE:
		return routingv1.Verdict_VERDICT_ENTITLED_IN_GRACE
	case entitlementv1.Basis_BASIS_COMPLIMENTARY:
		return routingv1.Verdict_VERDICT_ENTITLED_COMPLIMENTARY
	case entitlementv1.Basis_BASIS_PROMISE:
		return routingv1.Verdict_VERDICT_ENTITLED_BY_PROMISE
	case entitlementv1.Basis_BASIS_PENDING_PROMISE:
		return routingv1.Verdict_VERDICT_ENTITLED_BY_PENDING_PROMISE
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		return routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		return routingv1.Verdict_VERDICT_CONTRACT_ENDED
	case entitlementv1.Basis_BASIS_OTHER_PRODUCT:
		return routingv1.Verdict_VERDICT_OTHER_PRODUCT
	case entitlementv1.Basis_BASIS_SUSPENDED:
		return routingv1.Verdict_VERDICT_SUSPENDED
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return routingv1.Verdict_VERDICT_OUTSIDE_PLAN_HOURS
	case entitlementv1.Basis_BASIS_OTHER_LINE:
		return routingv1.Verdict_VERDICT_OTHER_LINE
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		return routingv1.Verdict_VERDICT_OTHER_SEVERITY
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		return routingv1.Verdict_VERDICT_ALLOWANCE_USED
	case entitlementv1.Basis_BASIS_NO_CONTRACT, entitlementv1.Basis_BASIS_UNSPECIFIED:
	}
	return routingv1.Verdict_VERDICT_NO_CONTRACT
}
