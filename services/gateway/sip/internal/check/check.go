// Package check judges a scanned SIP request before anything is asked about it: is it one that a stateless redirect
// server may act on, and if not, with which status is it answered. It is the validation that RFC 3261, 8.2 and 16.3 ask
// for, in an order that gives every message of RFC 4475 its answer.
//
// It reads no header that only the decision needs (package caller does), and builds no answer (package answer does).
package check

import (
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

// Method is a request's method, as far as the gateway tells methods apart.
type Method uint8

// The methods. Known is one of the registered methods that a redirect server does not carry out.
const (
	Unknown Method = iota
	Invite
	Ack
	Cancel
	Options
	Known
)

// Request is what Inspect found: the parts that an answer or the decision needs. Slices point into the message.
type Request struct {
	Method Method
	// Via is the topmost Via; HasVia says that it could be read.
	Via    wire.ViaValue
	HasVia bool
	// From and To could be read where their URI is set.
	From, To wire.Address
	// FromTag and ToTag are nil where there is none. A To tag in an INVITE is let pass (RFC 3261, 12.2.2 allows it): there is
	// no dialog that it could belong to, and a phone that tries again with the tag of an earlier failure is not stranded.
	FromTag, ToTag []byte
	// URI is the Request-URI, set where Inspect accepts the request.
	URI wire.URI
}

// Verdict is how a request is answered without asking anybody. The zero Verdict accepts it.
type Verdict struct {
	// Ignore: no answer may be given (a response, an ACK) or can be (bytes that are no SIP).
	Ignore bool
	// Status is the answer's status; 0 where the request is accepted.
	Status int
	// Phrase is the reason phrase: the field and what is wrong with it (RFC 3261, 21.4.1).
	Phrase string
	// Field, Value and Rule say it in full, for a Warning and for the log. Value is empty for fields that may hold a
	// number or a name.
	Field string
	Value []byte
	Rule  string
}

// Refused says whether the verdict is an answer.
func (v *Verdict) Refused() bool { return v.Status != 0 }

// RFC 3261, 8.1.1.5 and 20.22.
const (
	maxCSeq        = 1<<31 - 1
	maxMaxForwards = 255
)

// Inspect judges m and fills r with what it could read, so that even a refused request is answered to the right place.
// stream says that m came over a stream, where Content-Length is mandatory and has been applied already.
func Inspect(m *wire.Message, stream bool, r *Request) Verdict {
	*r = Request{}
	if m.Kind != wire.Request {
		return Verdict{Ignore: true}
	}
	r.Method = methodOf(m.Method)
	if r.Method == Ack || r.Method == Cancel {
		// RFC 3261, 8.2.7: a stateless server ignores both.
		return Verdict{Ignore: true}
	}
	locate(m, r)
	for _, stage := range [...]func(*wire.Message, *Request) Verdict{
		structure, mandatory, values, method, target, extensions, hops,
	} {
		if v := stage(m, r); v.Refused() {
			return v
		}
	}
	return length(m, stream)
}

// locate reads what an answer needs, whatever else is wrong.
func locate(m *wire.Message, r *Request) {
	if len(m.Vias) > 0 {
		r.Via, r.HasVia = wire.ParseVia(m.Vias[0])
	}
	var ok bool
	if r.From, _, ok = wire.ParseAddress(m.Value(wire.From)); ok {
		r.FromTag = tag(r.From)
	}
	if r.To, _, ok = wire.ParseAddress(m.Value(wire.To)); ok {
		r.ToTag = tag(r.To)
	}
}

func tag(a wire.Address) []byte {
	v, _ := wire.Param(a.Params, "tag")
	return v
}

// methodOf tells methods apart; they are case-sensitive (RFC 3261, 7.1).
func methodOf(m []byte) Method {
	switch string(m) {
	case "INVITE":
		return Invite
	case "ACK":
		return Ack
	case "CANCEL":
		return Cancel
	case "OPTIONS":
		return Options
	case "BYE", "REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "INFO", "MESSAGE", "PRACK", "UPDATE", "PUBLISH":
		return Known
	}
	return Unknown
}

// Name is the method for a metric: bounded, whatever strangers send.
func (m Method) Name() string {
	switch m {
	case Invite:
		return "INVITE"
	case Ack:
		return "ACK"
	case Cancel:
		return "CANCEL"
	case Options:
		return "OPTIONS"
	case Known:
		return "known"
	case Unknown:
	}
	return "unknown"
}
