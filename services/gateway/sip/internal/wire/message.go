package wire

// Kind is what a message is, as far as its first line tells.
type Kind uint8

const (
	// Junk is nothing that can be answered: no request line, no header field of SIP.
	Junk Kind = iota
	// Request begins with something like a request line.
	Request
	// Response begins with "SIP/". It is never answered.
	Response
)

// Field is a header field that a redirect server reads.
type Field uint8

// The fields. Via, P-Asserted-Identity, Diversion, Require and the attestation fields may stand more than once.
const (
	Other Field = iota
	From
	To
	CallID
	CSeq
	MaxForwards
	ContentLength
	singles // fields before this one stand once
	Via
	Require
	PAssertedIdentity
	Diversion
	Attestation
)

// String is the field's name as it is written.
func (f Field) String() string {
	switch f {
	case From:
		return "From"
	case To:
		return "To"
	case CallID:
		return "Call-ID"
	case CSeq:
		return "CSeq"
	case MaxForwards:
		return "Max-Forwards"
	case ContentLength:
		return "Content-Length"
	case Via:
		return "Via"
	case Require:
		return "Require"
	case PAssertedIdentity:
		return "P-Asserted-Identity"
	case Diversion:
		return "Diversion"
	case Attestation:
		return "P-Attestation-Indicator"
	case Other, singles:
	}
	return "header"
}

// Defect is a fault of structure: one that makes a field's bounds doubtful, whatever its value.
type Defect uint8

const (
	// NoDefect is a message of sound structure.
	NoDefect Defect = iota
	// BadStartLine is a first line that is not method, URI and version with one space between.
	BadStartLine
	// BadLineEnd is a CR or LF outside a CRLF pair.
	BadLineEnd
	// BadHeader is a line that is not a name, a colon and a value.
	BadHeader
	// NoHeaderEnd is a message without the empty line.
	NoHeaderEnd
	// Duplicate is a field that may stand once, standing twice.
	Duplicate
	// TooManyFields is more than maxFields lines.
	TooManyFields
)

// maxFields bounds the header fields of one message; a call through thirty proxies has some eighty.
const maxFields = 256

// Message is one scanned message. Values are as on the wire: folded lines are not yet unfolded, so a reader takes CR and
// LF for blanks. A nil value is a field that is not there; an empty one is there.
type Message struct {
	Kind Kind
	// Method, URI and Version are the request line's parts. All are set where the line has two blanks or more.
	Method, URI, Version []byte
	// Defect is the first one seen; DefectField the field it concerns, where it concerns one that is known.
	Defect      Defect
	DefectField Field
	// Vias are the values of the Via fields, the topmost first. One value may list several, between commas.
	Vias [][]byte
	// Requires, Asserted and Diversions are the values of those fields in their order.
	Requires, Asserted, Diversions [][]byte
	// Attested is the last P-Attestation-Indicator or Attestation-Info.
	Attested []byte
	// HeaderBytes is where the body begins.
	HeaderBytes int
	// Body is what follows the empty line, uncut.
	Body []byte

	single [singles][]byte
	fields int
}

// Value is a field that stands once, as it stands; nil where it does not. Only fields up to Content-Length are kept so.
func (m *Message) Value(f Field) []byte { return m.single[f] }

// reset makes the message empty, and keeps its slices' room.
func (m *Message) reset() {
	*m = Message{
		Vias: m.Vias[:0], Requires: m.Requires[:0], Asserted: m.Asserted[:0], Diversions: m.Diversions[:0],
	}
}

// note keeps the first defect.
func (m *Message) note(d Defect, f Field) {
	if m.Defect == NoDefect {
		m.Defect, m.DefectField = d, f
	}
}
