package cli

import (
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

var verdictWords = map[routingv1.Verdict]string{
	routingv1.Verdict_VERDICT_LINE_FOUND:              "line found",
	routingv1.Verdict_VERDICT_LINE_UNKNOWN:            "no line has the number",
	routingv1.Verdict_VERDICT_CALLER_VERIFIED:         "one customer has the number, and it is verified",
	routingv1.Verdict_VERDICT_CALLER_UNVERIFIED:       "one customer has the number, for which nobody vouches",
	routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS:        "several customers have the number",
	routingv1.Verdict_VERDICT_CALLER_UNKNOWN:          "no customer has the number",
	routingv1.Verdict_VERDICT_CALLER_WITHHELD:         "the caller's number is withheld or is none",
	routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT:    "a contract for the product is in force",
	routingv1.Verdict_VERDICT_NO_CONTRACT:             "the customer has no contract",
	routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED:    "the contract begins later",
	routingv1.Verdict_VERDICT_CONTRACT_ENDED:          "the contract has ended",
	routingv1.Verdict_VERDICT_OTHER_PRODUCT:           "the contract is for another product",
	routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN:     "entitlement cannot be known",
	routingv1.Verdict_VERDICT_TREATMENT_FORWARD:       "such callers are forwarded",
	routingv1.Verdict_VERDICT_TREATMENT_REJECT:        "such callers are refused",
	routingv1.Verdict_VERDICT_SITES_OPEN:              "at least one site is open",
	routingv1.Verdict_VERDICT_SITES_NONE_OPEN:         "no site is open",
	routingv1.Verdict_VERDICT_SITES_DRAINED:           "no site is open that is not drained",
	routingv1.Verdict_VERDICT_DUTY_SOMEBODY:           "somebody is on duty",
	routingv1.Verdict_VERDICT_DUTY_NOBODY:             "nobody is on duty",
	routingv1.Verdict_VERDICT_DUTY_UNKNOWN:            "who is on duty is not known",
	routingv1.Verdict_VERDICT_LADDER_SITES:            "open sites first, the last resort last",
	routingv1.Verdict_VERDICT_LADDER_ON_DUTY:          "whoever is on duty first, the last resort last",
	routingv1.Verdict_VERDICT_LADDER_LAST_RESORT_ONLY: "the last resort alone",
	routingv1.Verdict_VERDICT_LADDER_NOT_CARRIED:      "the gateway can carry nothing that the line has",
}

var siteReasonWords = map[routingv1.SiteReason]string{
	routingv1.SiteReason_SITE_REASON_FIRST:               "first",
	routingv1.SiteReason_SITE_REASON_NEXT:                "next",
	routingv1.SiteReason_SITE_REASON_CLOSING_SOON:        "later: closes soon",
	routingv1.SiteReason_SITE_REASON_STANDBY:             "later: stands by",
	routingv1.SiteReason_SITE_REASON_CLOSED:              "closed",
	routingv1.SiteReason_SITE_REASON_NO_TIMELINE:         "hours not known for this time",
	routingv1.SiteReason_SITE_REASON_BEYOND_TARGET_LIMIT: "open, but the route is full",
	routingv1.SiteReason_SITE_REASON_NOT_CARRIED:         "open, but its targets cannot be dialled",
	routingv1.SiteReason_SITE_REASON_DRAINED:             "drained",
}

var dutyStandingWords = map[routingv1.DutyStanding]string{
	routingv1.DutyStanding_DUTY_STANDING_ON_DUTY:      "on duty",
	routingv1.DutyStanding_DUTY_STANDING_NOT_ACCEPTED: "on duty, has not accepted the phone yet",
	routingv1.DutyStanding_DUTY_STANDING_STILL_HOLDS:  "still has the phone",
	routingv1.DutyStanding_DUTY_STANDING_NOBODY:       "nobody is on duty",
	routingv1.DutyStanding_DUTY_STANDING_UNKNOWN:      "not known for this time",
}

var callerClassWords = map[routingv1.CallerClass]string{
	routingv1.CallerClass_CALLER_CLASS_ENTITLED:     "entitled",
	routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED: "not entitled",
	routingv1.CallerClass_CALLER_CLASS_UNKNOWN:      "unknown",
}

var endCauseWords = map[routingv1.EndCause]string{
	routingv1.EndCause_END_CAUSE_UNKNOWN_LINE: "404 no line has the number",
	routingv1.EndCause_END_CAUSE_REFUSED:      "403 refused",
	routingv1.EndCause_END_CAUSE_UNAVAILABLE:  "480 nothing can be carried",
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
