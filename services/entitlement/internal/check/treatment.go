package check

import (
	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// treatment is what becomes of a class's, once goodwill and offers are looked at.
func treatment(asked Asked, t routingv1.Treatment, goodwill int) routingv1.Treatment {
	if g := asked.Line.GetGoodwill(); g != nil && followedUp(t) && goodwill >= int(g.GetMaxCalls()) {
		if t = g.GetThen(); t == routingv1.Treatment_TREATMENT_UNSPECIFIED {
			t = routingv1.Treatment_TREATMENT_OFFER
		}
	}
	if t == routingv1.Treatment_TREATMENT_OFFER && len(asked.Offers) == 0 {
		t = declined(asked)
	}
	return t
}

// declined is the treatment of whoever accepts no offer.
func declined(asked Asked) routingv1.Treatment {
	if t := asked.Line.GetDeclined(); t != routingv1.Treatment_TREATMENT_UNSPECIFIED {
		return t
	}
	return routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
}

// followedUp says whether a treatment is goodwill.
func followedUp(t routingv1.Treatment) bool {
	return t == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP
}

// outcome is what a treatment comes to.
func outcome(t routingv1.Treatment) entitlementv1.Outcome {
	switch t { //nolint:exhaustive // all others help
	case routingv1.Treatment_TREATMENT_REJECT:
		return entitlementv1.Outcome_OUTCOME_REFUSED
	case routingv1.Treatment_TREATMENT_OFFER:
		return entitlementv1.Outcome_OUTCOME_OFFERED
	}
	return entitlementv1.Outcome_OUTCOME_HELPED_FIRST
}

// does is what a line does by a treatment, for people: "such a caller ...".
func does(asked Asked, t routingv1.Treatment) string {
	switch t { //nolint:exhaustive // all others forward
	case routingv1.Treatment_TREATMENT_REJECT:
		return "is refused"
	case routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP:
		return "is connected, and followed up the next business day"
	case routingv1.Treatment_TREATMENT_ANNOUNCE:
		return "hears an announcement and is connected, and nothing is followed up"
	case routingv1.Treatment_TREATMENT_MESSAGE:
		return "is asked to leave a message, and connected on pressing 0"
	case routingv1.Treatment_TREATMENT_IDENTIFY:
		return "is asked who it is, and connected where that is not found out"
	case routingv1.Treatment_TREATMENT_OFFER:
		return "is connected on accepting an offer; who accepts none " + does(asked, declined(asked))
	}
	return "is connected at once, and nothing is followed up"
}

// identification is how a caller nobody knows becomes one that is known: by what they say only where the line asks.
func identification(asked Asked, t routingv1.Treatment) string {
	if t != routingv1.Treatment_TREATMENT_IDENTIFY {
		return "call from a number that one customer alone has, who is entitled: on this line nobody is asked who is calling"
	}
	if outcome(treatment(asked, asked.Line.GetNotEntitled(), 0)) == entitlementv1.Outcome_OUTCOME_REFUSED {
		return "say or show who is calling: who is entitled is connected"
	}
	return "say or show who is calling: a name is enough to be helped"
}
