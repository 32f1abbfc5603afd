package answer

import (
	"net/netip"
	"strconv"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

// Envelope is what a response takes from its request and from the way it came.
type Envelope struct {
	Message *wire.Message
	Request *check.Request
	Source  netip.AddrPort
	// ToTag is written in hexadecimal where the request's To has no tag.
	ToTag uint64
	// PSTNDomain is the host that E.164 targets are sent to as sip:+E164@HOST;user=phone. Empty: they are sent as tel:+E164.
	PSTNDomain string
	// BudgetBytes is how long the response may become; 0 is without limit. Later contacts are left out to keep it, but never
	// the first and never the last resort.
	BudgetBytes int
}

// Allow and Accept of the server (RFC 3261, 20.5 and 20.1). It takes any body, and reads none.
const (
	allowLine  = "Allow: INVITE, ACK, CANCEL, OPTIONS\r\n"
	acceptLine = "Accept: application/sdp\r\n"
	noBody     = "Content-Length: 0\r\n\r\n"
)

// Append writes the response to e's request onto dst (RFC 3261, 8.2.6). Whatever the request's bytes, the response holds
// no line that we did not begin.
func Append(dst []byte, e *Envelope, r *Response) []byte {
	begin := len(dst)
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(append(append(dst, ' '), r.Phrase...), '\r', '\n')
	dst = appendVias(dst, e)
	dst = appendCopied(dst, "From: ", e.Message.Value(wire.From))
	dst = appendTo(dst, e)
	dst = appendCopied(dst, "Call-ID: ", e.Message.Value(wire.CallID))
	dst = appendCopied(dst, "CSeq: ", e.Message.Value(wire.CSeq))
	dst = appendExtras(dst, e, r)
	if len(r.Targets) > 0 {
		room := 0
		if e.BudgetBytes > 0 {
			room = max(1, e.BudgetBytes-(len(dst)-begin)-len(noBody))
		}
		dst = appendContacts(dst, r.Targets, e.PSTNDomain, r.Brief, room)
	}
	return append(dst, noBody...)
}

func appendVias(dst []byte, e *Envelope) []byte {
	for i, v := range e.Message.Vias {
		dst = append(dst, "Via: "...)
		if i == 0 && e.Request.HasVia {
			dst = e.Request.Via.AppendReceived(dst, v, e.Source)
		} else {
			dst = wire.AppendUnfolded(dst, v)
		}
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// appendCopied repeats a field; nothing where the request has none.
func appendCopied(dst []byte, name string, v []byte) []byte {
	if v == nil {
		return dst
	}
	return append(wire.AppendUnfolded(append(dst, name...), v), '\r', '\n')
}

// appendTo repeats To, with our tag where there is none (RFC 3261, 8.2.6.2).
func appendTo(dst []byte, e *Envelope) []byte {
	v := e.Message.Value(wire.To)
	if v == nil {
		return dst
	}
	dst = wire.AppendUnfolded(append(dst, "To: "...), v)
	if e.Request.ToTag == nil {
		dst = append(dst, ";tag="...)
		const hexDigits = "0123456789abcdef"
		for shift := 60; shift >= 0; shift -= 4 {
			dst = append(dst, hexDigits[e.ToTag>>shift&15])
		}
	}
	return append(dst, '\r', '\n')
}

func appendExtras(dst []byte, e *Envelope, r *Response) []byte {
	if r.Options || r.Status == 405 || r.Status == 501 {
		dst = append(dst, allowLine...)
	}
	if r.Options {
		dst = append(dst, acceptLine...)
	}
	if r.RetryAfterS > 0 {
		dst = strconv.AppendInt(append(dst, "Retry-After: "...), int64(r.RetryAfterS), 10)
		dst = append(dst, '\r', '\n')
	}
	if r.Cause > 0 {
		dst = strconv.AppendInt(append(dst, "Reason: Q.850;cause="...), int64(r.Cause), 10)
		if r.Text != "" {
			dst = appendQuoted(append(dst, ";text="...), []byte(r.Text), maxTextBytes)
		}
		dst = append(dst, '\r', '\n')
	}
	if r.Status == 420 {
		for _, v := range e.Message.Requires {
			dst = appendCopied(dst, "Unsupported: ", v)
		}
	}
	if r.Verdict != nil {
		dst = appendWarning(dst, r.Verdict)
	}
	return dst
}

// appendWarning says what was wrong: field, value and rule (RFC 3261, 20.43; 399 is a warning for people).
func appendWarning(dst []byte, v *check.Verdict) []byte {
	dst = append(dst, `Warning: 399 dayside "`...)
	dst = append(append(dst, v.Field...), ": "...)
	if len(v.Value) > 0 {
		quoted := appendQuoted(nil, v.Value, maxWarningBytes)
		dst = append(append(append(dst, '\''), quoted[1:len(quoted)-1]...), "': "...)
	}
	return append(append(dst, v.Rule...), '"', '\r', '\n')
}

// appendContacts writes one Contact a target with falling q-values, within room bytes (0: no limit). As many as the room
// then holds, the first ones, carry the token of the call's brief.
func appendContacts(dst []byte, targets []*routingv1.RouteTarget, domain, brief string, room int) []byte {
	begin, last := len(dst), len(targets)-1
	// All are written first; where they are too long, the last resort moves to the place of the first that does not fit.
	var ends [maxTargets + 1]int
	for i, t := range targets {
		ends[i] = len(dst)
		dst = appendContact(dst, t.GetTarget(), domain, "", i, len(targets))
	}
	ends[len(targets)] = len(dst)
	keep := last // so many stand before the last resort
	if room > 0 && len(dst)-begin > room && last >= 2 {
		resort := dst[ends[last]:]
		keep = 1
		for keep+1 < last && ends[keep+1]-begin+len(resort) <= room {
			keep++
		}
		dst = append(dst[:ends[keep]], resort...)
	}
	spare := -1
	if room > 0 {
		spare = max(0, room-(len(dst)-begin))
	}
	with := briefs(targets, keep, domain, brief, spare)
	if with == 0 {
		return dst
	}
	return appendBriefed(dst[:begin], targets, domain, brief, keep, with)
}

// appendBriefed writes the first targets and the last resort anew, the first ones that can with the token.
func appendBriefed(dst []byte, targets []*routingv1.RouteTarget, domain, brief string, keep, with int) []byte {
	for i := range targets {
		if i >= keep && i < len(targets)-1 {
			continue
		}
		token := ""
		if with > 0 && takesBrief(targets[i].GetTarget(), domain) {
			token = brief
			with--
		}
		dst = appendContact(dst, targets[i].GetTarget(), domain, token, i, len(targets))
	}
	return dst
}

func appendContact(dst []byte, t *schedulev1.Target, domain, brief string, i, n int) []byte {
	dst = append(dst, "Contact: <"...)
	switch a := t.GetAddress().(type) {
	case *schedulev1.Target_SipUri:
		dst = append(dst, a.SipUri...)
	case *schedulev1.Target_PhoneNumber:
		if domain == "" {
			dst = append(append(dst, "tel:"...), a.PhoneNumber.GetE164Number()...)
			break
		}
		dst = append(append(dst, "sip:"...), a.PhoneNumber.GetE164Number()...)
		dst = append(append(append(dst, '@'), domain...), ";user=phone"...)
	}
	if brief != "" {
		dst = appendBrief(dst, brief)
	}
	dst = appendQ(append(dst, ">;q="...), i, n)
	return append(dst, '\r', '\n')
}

// appendQ appends the i-th of n q-values: 1.0, then falling by a tenth, or by a hundredth where there are more than ten
// (RFC 3261, 25.1: at most three decimals). None is 0, which would say "never".
func appendQ(dst []byte, i, n int) []byte {
	if i == 0 {
		return append(dst, "1.0"...)
	}
	dst = append(dst, '0', '.')
	if n <= 10 {
		return append(dst, byte('0'+10-i))
	}
	v := 100 - i
	return append(dst, byte('0'+v/10), byte('0'+v%10))
}
