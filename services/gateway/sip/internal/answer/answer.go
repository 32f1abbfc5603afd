// Package answer turns a route, or the verdict of a validation, into a SIP response, and writes it.
//
// It sends nothing, and decides nothing: the order of targets is the route's.
package answer

import (
	"strings"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	// maxTargets bounds the contacts of one redirect. 22 fit in a datagram; a stream takes more.
	maxTargets = 64
	// maxTextBytes bounds the text of a Reason.
	maxTextBytes = 128
	// maxWarningBytes bounds a peer's value within a Warning.
	maxWarningBytes = 64
	// retryUnavailableS is said where a route does not say when it is worth another try.
	retryUnavailableS = 60
	// RetryShedS is said by a gateway that sheds load, or whose routing does not answer: long enough for a trunk to turn
	// to another gateway, short enough to be back for the next call (RFC 3261, 21.5.4).
	RetryShedS = 1
)

// ITU-T Q.850 causes, for the Reason of a final response (RFC 6432).
const (
	causeUnallocated      = 1
	causeRejected         = 21
	causeNumberChanged    = 22
	causeTemporaryFailure = 41
)

// Response is what to answer, apart from what every response copies from its request.
type Response struct {
	Status int
	Phrase string
	// Targets of a 302, in order, the last resort last. Each has a URI that can be sent.
	Targets []*routingv1.RouteTarget
	// RetryAfterS is seconds; 0 says nothing.
	RetryAfterS int
	// Cause and Text make a Reason header; none where Cause is 0.
	Cause int
	Text  string
	// Verdict makes the headers of a refusal.
	Verdict *check.Verdict
	// Options lists what the server can do: the answer to OPTIONS.
	Options bool
	// Skipped counts targets of the route that no Contact can hold.
	Skipped int
	// Brief is the token of the call's brief, for whoever answers; empty where there is none.
	Brief string
}

// OptionsOK answers OPTIONS (RFC 3261, 11.2).
func OptionsOK() Response { return Response{Status: 200, Phrase: "OK", Options: true} }

// Unavailable sheds load, or says that routing did not answer.
func Unavailable() Response {
	return Response{Status: 503, Phrase: "Service Unavailable", RetryAfterS: RetryShedS}
}

// Refusal answers with a verdict.
func Refusal(v *check.Verdict) Response {
	return Response{Status: v.Status, Phrase: v.Phrase, Verdict: v}
}

// FromRoute answers with a route. targets is room to build in, used where the route's own list cannot be sent as it is.
func FromRoute(route *routingv1.Route, targets []*routingv1.RouteTarget) Response {
	switch step := route.GetStep().(type) {
	case *routingv1.Route_Forward:
		r := redirect(step.Forward.GetTargets(), targets)
		if token := route.GetBriefToken(); briefable(token) {
			r.Brief = token
		}
		return r
	case *routingv1.Route_End:
		return end(step.End)
	case *routingv1.Route_Prompt, *routingv1.Route_Record:
		// Routing was told that this gateway can redirect and no more.
		return notCarried(0)
	}
	return Unavailable()
}

// notCarried is the answer that must not happen: nothing the line has can be carried. It raises an alert.
func notCarried(skipped int) Response {
	return Response{
		Status: 480, Phrase: "Temporarily Unavailable", RetryAfterS: retryUnavailableS, Cause: causeTemporaryFailure,
		Text: "no target can be carried", Skipped: skipped,
	}
}

func redirect(all, room []*routingv1.RouteTarget) Response {
	kept := room[:0]
	for _, t := range all {
		if sendable(t.GetTarget()) {
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		return notCarried(len(all))
	}
	r := Response{Status: 302, Phrase: "Moved Temporarily", Targets: kept, Skipped: len(all) - len(kept)}
	if len(kept) > maxTargets {
		last := kept[len(kept)-1]
		r.Targets = append(kept[:maxTargets-1], last)
	}
	return r
}

// sendable says whether a target can stand in a Contact: bytes that would end the header, or the URI, cannot.
func sendable(t *schedulev1.Target) bool {
	switch a := t.GetAddress().(type) {
	case *schedulev1.Target_SipUri:
		for i := 0; i < len(a.SipUri); i++ {
			if c := a.SipUri[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"' {
				return false
			}
		}
		scheme, rest, _ := strings.Cut(a.SipUri, ":")
		return rest != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips"))
	case *schedulev1.Target_PhoneNumber:
		_, ok := phone.Parse(a.PhoneNumber.GetE164Number())
		return ok
	}
	return false
}

func end(e *routingv1.End) Response {
	r := Response{Text: e.GetText()}
	switch e.GetCause() {
	case routingv1.EndCause_END_CAUSE_UNKNOWN_LINE:
		r.Status, r.Phrase, r.Cause = 404, "Not Found", causeUnallocated
	case routingv1.EndCause_END_CAUSE_NUMBER_CHANGED: // carriers say so to the caller (RFC 3398, 8.2.6.1)
		r.Status, r.Phrase, r.Cause = 410, "Gone", causeNumberChanged
	case routingv1.EndCause_END_CAUSE_REFUSED:
		r.Status, r.Phrase, r.Cause = 403, "Forbidden", causeRejected
	case routingv1.EndCause_END_CAUSE_UNAVAILABLE, routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED:
		r = notCarried(0)
		if e.GetText() != "" {
			r.Text = e.GetText()
		}
	default:
		return Unavailable()
	}
	if after := e.GetRetryAfter(); after.IsValid() && after.GetSeconds() > 0 {
		r.RetryAfterS = int(min(after.GetSeconds(), maxRetryAfterS))
	}
	return r
}

// maxRetryAfterS bounds what a route says: a day. Nobody needs to be told to stay away for longer.
const maxRetryAfterS = 24 * 60 * 60

// appendQuoted appends text as a quoted-string (RFC 3261, 25.1), clipped, in printable ASCII.
func appendQuoted(dst, text []byte, maxBytes int) []byte {
	dst = append(dst, '"')
	for _, c := range text[:min(len(text), maxBytes)] {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '.')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// NoNumber answers a call whose Request-URI holds nothing that can be a dialled number (RFC 3261, 8.2.2.1).
func NoNumber() Response {
	return Response{Status: 404, Phrase: "Not Found", Cause: causeUnallocated, Text: "no number was dialled"}
}
