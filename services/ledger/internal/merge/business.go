package merge

import (
	"slices"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	customerNames = "customers/"
	promiseNames  = "promises/"
)

// Counts says whether a call counts, where calls are counted: once somebody has answered it, or it was routed to somebody by
// a gateway of which nothing more is heard. What counts goes on doing so, whatever else is heard.
func Counts(c *ledgerv1.Call) bool {
	switch c.GetOutcome() { //nolint:exhaustive // all others do not
	case ledgerv1.Outcome_OUTCOME_ANSWERED:
		return true
	case ledgerv1.Outcome_OUTCOME_ROUTED:
		return c.GetRedirected()
	}
	return false
}

// redirects says whether a gateway with these capabilities, bit N of which is Capability N, does nothing but redirect.
func redirects(capabilities uint32) bool {
	const noHelp = 1<<routingv1.Capability_CAPABILITY_UNSPECIFIED | 1<<routingv1.Capability_CAPABILITY_REDIRECT |
		1<<routingv1.Capability_CAPABILITY_BRIEF
	return capabilities&^noHelp == 0
}

// basisOf is on what a decision found the caller entitled, or why not; unspecified where it could not know.
func basisOf(d *routingv1.DecisionRecord) entitlementv1.Basis {
	if d.GetBasis() != entitlementv1.Basis_BASIS_UNSPECIFIED {
		return d.GetBasis()
	}
	for _, v := range d.GetVerdicts() { // of a release before, which says no more
		if b := basisOfVerdict(v); b != entitlementv1.Basis_BASIS_UNSPECIFIED {
			return b
		}
	}
	return entitlementv1.Basis_BASIS_UNSPECIFIED
}

func basisOfVerdict(v routingv1.Verdict) entitlementv1.Basis {
	switch v { //nolint:exhaustive // all others are of other stages
	case routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT:
		return entitlementv1.Basis_BASIS_CONTRACT
	case routingv1.Verdict_VERDICT_NO_CONTRACT:
		return entitlementv1.Basis_BASIS_NO_CONTRACT
	case routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED:
		return entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED
	case routingv1.Verdict_VERDICT_CONTRACT_ENDED:
		return entitlementv1.Basis_BASIS_CONTRACT_ENDED
	case routingv1.Verdict_VERDICT_OTHER_PRODUCT:
		return entitlementv1.Basis_BASIS_OTHER_PRODUCT
	case routingv1.Verdict_VERDICT_ENTITLED_IN_GRACE:
		return entitlementv1.Basis_BASIS_GRACE
	case routingv1.Verdict_VERDICT_ENTITLED_COMPLIMENTARY:
		return entitlementv1.Basis_BASIS_COMPLIMENTARY
	case routingv1.Verdict_VERDICT_ENTITLED_BY_PROMISE:
		return entitlementv1.Basis_BASIS_PROMISE
	case routingv1.Verdict_VERDICT_ENTITLED_BY_PENDING_PROMISE:
		return entitlementv1.Basis_BASIS_PENDING_PROMISE
	case routingv1.Verdict_VERDICT_SUSPENDED:
		return entitlementv1.Basis_BASIS_SUSPENDED
	case routingv1.Verdict_VERDICT_OUTSIDE_PLAN_HOURS:
		return entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS
	case routingv1.Verdict_VERDICT_OTHER_LINE:
		return entitlementv1.Basis_BASIS_OTHER_LINE
	case routingv1.Verdict_VERDICT_OTHER_SEVERITY:
		return entitlementv1.Basis_BASIS_OTHER_SEVERITY
	case routingv1.Verdict_VERDICT_ALLOWANCE_USED:
		return entitlementv1.Basis_BASIS_ALLOWANCE_USED
	}
	return entitlementv1.Basis_BASIS_UNSPECIFIED
}

// tellBusiness fills in what a decision says that the business side goes by.
func tellBusiness(c *ledgerv1.Call, d *routingv1.DecisionRecord) {
	if b := basisOf(d); b != entitlementv1.Basis_BASIS_UNSPECIFIED {
		c.Basis, c.RestsOn, c.Via = b, d.GetRestsOn(), "" // whatever an earlier step found is of an earlier basis
		if d.GetVia() != "" {
			c.Via = customerNames + d.GetVia()
		}
	}
	if d.GetTreatment() != routingv1.Treatment_TREATMENT_UNSPECIFIED {
		c.Treatment = d.GetTreatment()
	}
	if d.GetPromise() != "" {
		c.Promise = promiseNames + d.GetPromise()
	}
	if d.GetOffer() != routingv1.OfferFate_OFFER_FATE_UNSPECIFIED {
		c.OfferFate = d.GetOffer()
	}
	c.FormerNumber = c.GetFormerNumber() || d.GetFormerNumber()
	c.Redirected = redirects(d.GetCapabilities())
}

// tellPromised has a call say what was promised in it, where a process said otherwise later: of a step that was told again
// with another outcome, and did not know that its first answer was lost. What was promised stands.
func tellPromised(c *ledgerv1.Call, steps []told) {
	if accepted(c.GetOfferFate()) {
		return
	}
	for _, s := range steps {
		for _, r := range s.records {
			d := r.GetDecision()
			if !accepted(d.GetOffer()) {
				continue
			}
			c.CallerClass = d.GetCallerClass()
			tellBusiness(c, d)
		}
	}
}

// accepted says whether an offer's fate is that something was promised.
func accepted(f routingv1.OfferFate) bool {
	switch f { //nolint:exhaustive // nothing was promised in all others
	case routingv1.OfferFate_OFFER_FATE_ACCEPTED, routingv1.OfferFate_OFFER_FATE_PENDING,
		routingv1.OfferFate_OFFER_FATE_SPOOLED:
		return true
	}
	return false
}

// tellGoodwill says whether the caller was helped first, although not entitled, or not known. Whoever accepted to pay, and
// was helped first for a fault of this system, had no goodwill shown.
func tellGoodwill(c *ledgerv1.Call) {
	entitled := c.GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_ENTITLED
	ourFault := slices.ContainsFunc(c.GetSteps(), func(s *ledgerv1.Step) bool {
		return s.GetDecision().GetState().GetOurFault()
	})
	c.Goodwill = c.GetTreatment() == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP && !entitled && !ourFault
}
