package check

import (
	"bytes"

	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

func bad(phrase, field, rule string, value []byte) Verdict {
	return Verdict{Status: 400, Phrase: phrase, Field: field, Rule: rule, Value: value}
}

// structure: the version first, since another version may have another structure; then what the scan noted.
func structure(m *wire.Message, _ *Request) Verdict {
	if m.Defect == wire.BadStartLine {
		return bad("Malformed Request-Line", "Request-Line", "must be METHOD URI SIP/2.0 with one space between", nil)
	}
	if v := m.Version; !wire.EqualFold(v, "sip/2.0") {
		if len(v) > 4 && wire.EqualFold(v[:4], "sip/") {
			return Verdict{
				Status: 505, Phrase: "Version Not Supported", Field: "SIP-Version", Rule: "must be SIP/2.0", Value: v,
			}
		}
		return bad("Malformed Request-Line", "SIP-Version", "must be SIP/2.0", v)
	}
	switch m.Defect {
	case wire.BadLineEnd:
		return bad("Malformed Line End", "header", "must have lines that end in CRLF, and no other CR or LF", nil)
	case wire.BadHeader:
		return bad("Malformed Header Field", "header", "must be a name, a colon and a value", nil)
	case wire.NoHeaderEnd:
		return bad("Missing Empty Line", "header", "must end in an empty line", nil)
	case wire.TooManyFields:
		return bad("Too Many Header Fields", "header", "must have at most 256 fields", nil)
	case wire.Duplicate:
		return duplicate(m.DefectField)
	case wire.NoDefect, wire.BadStartLine:
	}
	return Verdict{}
}

func duplicate(f wire.Field) Verdict {
	name := f.String()
	return bad("Duplicate "+name+" header field", name, "must stand once", nil)
}

// mandatory fields (RFC 3261, 8.1.1). Max-Forwards may be missing, as may tags and branches: RFC 2543 had none.
func mandatory(m *wire.Message, _ *Request) Verdict {
	if len(m.Vias) == 0 {
		return missing(wire.Via)
	}
	for _, f := range [...]wire.Field{wire.From, wire.To, wire.CallID, wire.CSeq} {
		if m.Value(f) == nil {
			return missing(f)
		}
	}
	return Verdict{}
}

func missing(f wire.Field) Verdict {
	name := f.String()
	return bad("Missing "+name+" header field", name, "must be there", nil)
}

// values of the fields that every request has.
func values(m *wire.Message, r *Request) Verdict {
	switch {
	case !r.HasVia:
		return bad("Malformed Via header field", "Via", "must be SIP/2.0/TRANSPORT HOST[:PORT] with parameters", nil)
	case r.From.URI == nil:
		return bad("Malformed From header field", "From", "must be an address with parameters", nil)
	case r.To.URI == nil:
		return bad("Malformed To header field", "To", "must be an address with parameters", nil)
	case !wire.IsCallID(m.Value(wire.CallID)):
		return bad("Malformed Call-ID header field", "Call-ID", "must be word[@word]", nil)
	}
	cseq := m.Value(wire.CSeq)
	if n, _, ok := wire.ParseCSeq(cseq); !ok || n > maxCSeq {
		return bad("Malformed CSeq header field", "CSeq", "must be a number under 2147483648 and the method", cseq)
	}
	if v := m.Value(wire.MaxForwards); v != nil {
		if n, ok := wire.Number(v); !ok || n > maxMaxForwards {
			return bad("Malformed Max-Forwards header field", "Max-Forwards", "must be a number from 0 to 255", v)
		}
	}
	if v := m.Value(wire.ContentLength); v != nil {
		if _, ok := wire.Number(v); !ok {
			return bad("Malformed Content-Length header field", "Content-Length", "must be a number of bytes", v)
		}
	}
	return Verdict{}
}

// method: 501 for one that nobody knows (RFC 3261, 21.5.2), even where CSeq names another one (RFC 4475, 3.1.2.18); 405
// for one that a redirect server does not carry out (8.2.1).
func method(m *wire.Message, r *Request) Verdict {
	switch r.Method {
	case Unknown:
		return Verdict{Status: 501, Phrase: "Not Implemented", Field: "method", Rule: "must be INVITE or OPTIONS"}
	case Known:
		return Verdict{Status: 405, Phrase: "Method Not Allowed", Field: "method", Rule: "must be INVITE or OPTIONS"}
	case Invite, Options, Ack, Cancel:
	}
	cseq := m.Value(wire.CSeq)
	if _, name, _ := wire.ParseCSeq(cseq); !bytes.Equal(name, m.Method) {
		return bad("CSeq method does not match", "CSeq", "must name the method of the request line", cseq)
	}
	return Verdict{}
}

// target: the Request-URI. It may hold the dialled number, so its value is never shown.
func target(m *wire.Message, r *Request) Verdict {
	scheme, _, ok := wire.SchemeOf(m.URI)
	if !ok {
		return bad("Malformed Request-URI", "Request-URI", "must be a URI without angle brackets", nil)
	}
	if !wire.EqualFold(scheme, "sip") && !wire.EqualFold(scheme, "sips") && !wire.EqualFold(scheme, "tel") {
		return Verdict{
			Status: 416, Phrase: "Unsupported URI Scheme", Field: "Request-URI", Rule: "must be a sip, sips or tel URI",
			Value: scheme,
		}
	}
	if r.URI, ok = wire.ParseURI(m.URI); !ok {
		return bad("Malformed Request-URI", "Request-URI", "must be sip:USER@HOST or tel:NUMBER", nil)
	}
	if r.URI.Headers {
		// RFC 3261, 19.1.1: a Request-URI carries no header fields.
		return bad("Request-URI with header fields", "Request-URI", "must carry no header fields", nil)
	}
	return Verdict{}
}

// extensions: no option is supported, so every one that is required is refused (RFC 3261, 8.2.2.3).
func extensions(m *wire.Message, _ *Request) Verdict {
	for _, v := range m.Requires {
		if len(v) > 0 {
			return Verdict{Status: 420, Phrase: "Bad Extension", Field: "Require", Rule: "must name no option", Value: v}
		}
	}
	return Verdict{}
}

// hops: whoever follows a redirect needs a hop for it. An OPTIONS that has come to its last hop is answered by whoever has
// it (RFC 3261, 11).
func hops(m *wire.Message, r *Request) Verdict {
	if n, ok := wire.Number(m.Value(wire.MaxForwards)); ok && n == 0 && r.Method == Invite {
		return Verdict{
			Status: 483, Phrase: "Too Many Hops", Field: "Max-Forwards",
			Rule: "must leave a hop for the target of a redirect", Value: m.Value(wire.MaxForwards),
		}
	}
	return Verdict{}
}

// length: what is announced must be there (RFC 3261, 18.3). Bytes beyond it are passed over.
func length(m *wire.Message, stream bool) Verdict {
	v := m.Value(wire.ContentLength)
	if v == nil {
		if stream {
			return missing(wire.ContentLength)
		}
		return Verdict{}
	}
	if n, _ := wire.Number(v); n > uint64(len(m.Body)) {
		return bad("Body shorter than Content-Length", "Content-Length", "must be at most the bytes that follow", v)
	}
	return Verdict{}
}
