package cli

import (
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

var verdictWords = map[routingv1.Verdict]string{
	routingv1.Verdict_VERDICT_LINE_FOUND:                      "line found",
	routingv1.Verdict_VERDICT_LINE_UNKNOWN:                    "no line has the number",
	routingv1.Verdict_VERDICT_NUMBER_CHANGED:                  "the number is the line's no longer",
	routingv1.Verdict_VERDICT_CALLER_VERIFIED:                 "one customer has the number, and it is verified",
	routingv1.Verdict_VERDICT_CALLER_UNVERIFIED:               "one customer has the number, for which nobody vouches",
	routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS:                "several customers have the number",
	routingv1.Verdict_VERDICT_CALLER_UNKNOWN:                  "no customer has the number",
	routingv1.Verdict_VERDICT_CALLER_WITHHELD:                 "the caller's number is withheld or is none",
	routingv1.Verdict_VERDICT_CALLER_NAMED:                    "the caller was found by name",
	routingv1.Verdict_VERDICT_CALLER_PIN_VERIFIED:             "the caller was found by name, and a PIN was shown",
	routingv1.Verdict_VERDICT_CALLER_PARTNER:                  "the caller is a partner, calling for a customer",
	routingv1.Verdict_VERDICT_CALLER_PHRASE_VERIFIED:          "the caller was found by name, and has shown the phrase",
	routingv1.Verdict_VERDICT_ENTITLED_IN_GRACE:               "the contract has ended, and its grace has not",
	routingv1.Verdict_VERDICT_ENTITLED_COMPLIMENTARY:          "complimentary access was granted",
	routingv1.Verdict_VERDICT_ENTITLED_BY_PROMISE:             "an offer was accepted",
	routingv1.Verdict_VERDICT_ENTITLED_BY_PENDING_PROMISE:     "an offer was accepted, and waits for the customer to confirm",
	routingv1.Verdict_VERDICT_SUSPENDED:                       "the customer or the contract is suspended",
	routingv1.Verdict_VERDICT_OUTSIDE_PLAN_HOURS:              "it is outside the hours of the plan",
	routingv1.Verdict_VERDICT_OTHER_LINE:                      "the plan does not give this line",
	routingv1.Verdict_VERDICT_OTHER_SEVERITY:                  "the plan does not cover the line's severity",
	routingv1.Verdict_VERDICT_ALLOWANCE_USED:                  "the calls that the plan includes are used",
	routingv1.Verdict_VERDICT_TREATMENT_OFFER:                 "such callers are made an offer",
	routingv1.Verdict_VERDICT_TREATMENT_GOODWILL_USED:         "such callers were helped first as often as the line does that",
	routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT:            "a contract for the product is in force",
	routingv1.Verdict_VERDICT_NO_CONTRACT:                     "the customer has no contract",
	routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED:            "the contract begins later",
	routingv1.Verdict_VERDICT_CONTRACT_ENDED:                  "the contract has ended",
	routingv1.Verdict_VERDICT_OTHER_PRODUCT:                   "the contract is for another product",
	routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN:             "entitlement cannot be known",
	routingv1.Verdict_VERDICT_TREATMENT_FORWARD:               "such callers are forwarded",
	routingv1.Verdict_VERDICT_TREATMENT_REJECT:                "such callers are refused",
	routingv1.Verdict_VERDICT_TREATMENT_FORWARD_AND_FOLLOW_UP: "such callers are forwarded and followed up",
	routingv1.Verdict_VERDICT_TREATMENT_ANNOUNCE:              "such callers hear an announcement, and are forwarded",
	routingv1.Verdict_VERDICT_TREATMENT_MESSAGE:               "such callers leave a message",
	routingv1.Verdict_VERDICT_TREATMENT_IDENTIFY:              "such callers are asked who they are",
	routingv1.Verdict_VERDICT_SITES_OPEN:                      "at least one site is open",
	routingv1.Verdict_VERDICT_SITES_NONE_OPEN:                 "no site is open",
	routingv1.Verdict_VERDICT_SITES_DRAINED:                   "no site is open that is not drained",
	routingv1.Verdict_VERDICT_SITES_NO_SKILL:                  "no open site has the product and the language",
	routingv1.Verdict_VERDICT_SITES_ALL_BUSY:                  "every open site is full, unattended or unreachable",
	routingv1.Verdict_VERDICT_DUTY_SOMEBODY:                   "somebody is on duty",
	routingv1.Verdict_VERDICT_DUTY_NOBODY:                     "nobody is on duty",
	routingv1.Verdict_VERDICT_DUTY_UNKNOWN:                    "who is on duty is not known",
	routingv1.Verdict_VERDICT_LADDER_SITES:                    "open sites first, the last resort last",
	routingv1.Verdict_VERDICT_LADDER_ON_DUTY:                  "whoever is on duty first, the last resort last",
	routingv1.Verdict_VERDICT_LADDER_LAST_RESORT_ONLY:         "the last resort alone",
	routingv1.Verdict_VERDICT_LADDER_NOT_CARRIED:              "the gateway can carry nothing that the line has",
	routingv1.Verdict_VERDICT_LADDER_OPENING_SOON:             "a site that opens soon first, the last resort last",
	routingv1.Verdict_VERDICT_LADDER_SECOND_ROUND:             "all were tried once; those who did not answer once more",
	routingv1.Verdict_VERDICT_LADDER_EXHAUSTED:                "nobody is left to try",
	routingv1.Verdict_VERDICT_STEP_PROMPT:                     "something is said or asked first",
	routingv1.Verdict_VERDICT_STEP_RECORD:                     "a message is recorded",
	routingv1.Verdict_VERDICT_STEP_NOT_CARRIED:                "the gateway cannot say or ask what the line wants",
	routingv1.Verdict_VERDICT_STEP_PERSON_WANTED:              "the caller is asked nothing more, and reaches a person",
	routingv1.Verdict_VERDICT_STEP_SAFE:                       "what was handed back cannot be trusted",
	routingv1.Verdict_VERDICT_STEP_OVER:                       "the call is over",
}

var siteReasonWords = map[routingv1.SiteReason]string{
	routingv1.SiteReason_SITE_REASON_FIRST:               "first",
	routingv1.SiteReason_SITE_REASON_NEXT:                "next",
	routingv1.SiteReason_SITE_REASON_CLOSING_SOON:        "later: closes soon",
	routingv1.SiteReason_SITE_REASON_STANDBY:             "later: stands by",
	routingv1.SiteReason_SITE_REASON_OPEN_CASE:           "first: works on an open case of the customer",
	routingv1.SiteReason_SITE_REASON_FULL:                "later: full",
	routingv1.SiteReason_SITE_REASON_UNATTENDED:          "later: nobody is there",
	routingv1.SiteReason_SITE_REASON_UNREACHABLE:         "later: cannot be reached",
	routingv1.SiteReason_SITE_REASON_OPENS_SOON:          "later: opens soon",
	routingv1.SiteReason_SITE_REASON_CLOSED:              "closed",
	routingv1.SiteReason_SITE_REASON_NO_TIMELINE:         "hours not known for this time",
	routingv1.SiteReason_SITE_REASON_BEYOND_TARGET_LIMIT: "open, but the route is full",
	routingv1.SiteReason_SITE_REASON_NOT_CARRIED:         "open, but its targets cannot be dialled",
	routingv1.SiteReason_SITE_REASON_DRAINED:             "drained",
	routingv1.SiteReason_SITE_REASON_OTHER_PRODUCT:       "does not support the product",
	routingv1.SiteReason_SITE_REASON_OTHER_LANGUAGE:      "does not speak the language",
	routingv1.SiteReason_SITE_REASON_TRIED:               "tried in this call",
	routingv1.SiteReason_SITE_REASON_BEYOND_RING_BUDGET:  "open, but the call may not ring that long",
}

var dutyStandingWords = map[routingv1.DutyStanding]string{
	routingv1.DutyStanding_DUTY_STANDING_ON_DUTY:      "on duty",
	routingv1.DutyStanding_DUTY_STANDING_NOT_ACCEPTED: "on duty, has not accepted the phone yet",
	routingv1.DutyStanding_DUTY_STANDING_STILL_HOLDS:  "still has the phone",
	routingv1.DutyStanding_DUTY_STANDING_NOBODY:       "nobody is on duty",
	routingv1.DutyStanding_DUTY_STANDING_UNKNOWN:      "not known for this time",
}

var offerWords = map[routingv1.OfferFate]string{
	routingv1.OfferFate_OFFER_FATE_MADE:         "is made now",
	routingv1.OfferFate_OFFER_FATE_ACCEPTED:     "was accepted",
	routingv1.OfferFate_OFFER_FATE_PENDING:      "was accepted, and is owed once the customer confirms",
	routingv1.OfferFate_OFFER_FATE_SPOOLED:      "was accepted, and waits on disk for entitlement",
	routingv1.OfferFate_OFFER_FATE_DECLINED:     "was not accepted",
	routingv1.OfferFate_OFFER_FATE_HELPED_FIRST: "could not be recorded; the caller is helped first",
	routingv1.OfferFate_OFFER_FATE_NOT_CARRIED:  "could not be made: the gateway cannot ask",
}

var callerClassWords = map[routingv1.CallerClass]string{
	routingv1.CallerClass_CALLER_CLASS_ENTITLED:     "entitled",
	routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED: "not entitled",
	routingv1.CallerClass_CALLER_CLASS_UNKNOWN:      "unknown",
}

var endCauseWords = map[routingv1.EndCause]string{
	routingv1.EndCause_END_CAUSE_UNKNOWN_LINE:    "404 no line has the number",
	routingv1.EndCause_END_CAUSE_REFUSED:         "403 refused",
	routingv1.EndCause_END_CAUSE_NUMBER_CHANGED:  "410 the number has changed",
	routingv1.EndCause_END_CAUSE_UNAVAILABLE:     "480 nothing can be carried",
	routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN:   "a message was taken",
	routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED: "480 nobody answered",
	routingv1.EndCause_END_CAUSE_OVER:            "the call is over",
}

// enumName is a proto enum's value without its prefix, as files have it: "FOLLOW_THE_SUN".
func enumName(value interface{ String() string }, prefix string) string {
	return strings.TrimPrefix(value.String(), prefix)
}

// word is the text of an enum's value; one this program does not know shows as its name.
func word[E interface {
	comparable
	String() string
}](words map[E]string, value E) string {
	if w, ok := words[value]; ok {
		return w
	}
	return value.String()
}
