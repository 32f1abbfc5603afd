package wire

import "bytes"

// Scan reads data, the whole of one message, into m. It never fails and never panics, whatever the bytes; what is wrong
// is in m.Kind and m.Defect. m's slices point into data.
func Scan(data []byte, m *Message) {
	m.reset()
	data, skipped := trimLeadingLines(data)
	line, n, clean := nextLine(data)
	if !startLine(line, m) {
		return
	}
	if !clean {
		m.note(BadLineEnd, Other)
	}
	n += scanFields(data[n:], m)
	m.HeaderBytes = skipped + n
	m.Body = data[n:]
	if m.Kind == Request && m.Defect == BadStartLine && m.fields == 0 {
		m.Kind = Junk
	}
}

// trimLeadingLines passes over CRLFs before the start line: keep-alives, and what RFC 3261, 7.5 lets stand there.
func trimLeadingLines(data []byte) (rest []byte, skipped int) {
	for skipped < len(data) && (data[skipped] == '\r' || data[skipped] == '\n') {
		skipped++
	}
	return data[skipped:], skipped
}

// nextLine cuts a line at its LF. clean says that it ended in CRLF, and that no other CR stands in it. n counts the end.
func nextLine(data []byte) (line []byte, n int, clean bool) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return data, len(data), false
	}
	line, n = data[:i], i+1
	if i == 0 || line[i-1] != '\r' {
		return line, n, false
	}
	line = line[:i-1]
	return line, n, bytes.IndexByte(line, '\r') < 0
}

// startLine reads the first line, and says whether it is worth reading on.
func startLine(line []byte, m *Message) bool {
	if len(line) >= 4 && equalFold(line[:4], "sip/") {
		// Never answered; its fields tell where it ends.
		m.Kind = Response
		return true
	}
	sp := bytes.IndexByte(line, ' ')
	if sp <= 0 || !isToken(line[:sp]) {
		return false
	}
	m.Kind, m.Method = Request, line[:sp]
	last := bytes.LastIndexByte(line, ' ')
	if last == sp {
		m.URI = line[sp+1:]
		m.note(BadStartLine, Other)
		return true
	}
	m.URI, m.Version = line[sp+1:last], line[last+1:]
	if len(m.URI) == 0 || len(m.Version) == 0 || hasBlank(m.URI) {
		m.note(BadStartLine, Other)
	}
	return true
}

// scanFields reads header fields up to the empty line, and returns the length of all that with it.
func scanFields(data []byte, m *Message) int {
	at := 0
	for at < len(data) {
		line, n, clean := nextLine(data[at:])
		if len(line) == 0 {
			if !clean {
				m.note(BadLineEnd, Other)
			}
			return at + n
		}
		end := at + n
		for end < len(data) && isBlank(data[end]) {
			// RFC 3261, 7.3.1: a line that begins with a blank continues the one before.
			_, more, cleanMore := nextLine(data[end:])
			clean = clean && cleanMore
			end += more
		}
		if !clean {
			m.note(BadLineEnd, Other)
		}
		m.fields++
		if m.fields > maxFields {
			m.note(TooManyFields, Other)
			return len(data)
		}
		field(trimRight(data[at:end]), m)
		at = end
	}
	m.note(NoHeaderEnd, Other)
	return at
}

// field reads one field, folded lines and all.
func field(line []byte, m *Message) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		m.note(BadHeader, Other)
		return
	}
	name := trimRight(line[:colon])
	if !isToken(name) {
		m.note(BadHeader, Other)
		return
	}
	value := trimLeft(line[colon+1:])
	switch f := fieldOf(name); f {
	case Other:
	case Via:
		m.Vias = append(m.Vias, value)
	case Require:
		m.Requires = append(m.Requires, value)
	case PAssertedIdentity:
		m.Asserted = append(m.Asserted, value)
	case Diversion:
		m.Diversions = append(m.Diversions, value)
	case Attestation:
		m.Attested = value
	default:
		if m.single[f] != nil {
			m.note(Duplicate, f)
			return
		}
		m.single[f] = value
	}
}

// fieldOf tells a field by its name or its compact form (RFC 3261, 7.3.3), whatever the case.
func fieldOf(name []byte) Field {
	switch len(name) {
	case 1:
		switch name[0] | 0x20 {
		case 'v':
			return Via
		case 'f':
			return From
		case 't':
			return To
		case 'i':
			return CallID
		case 'l':
			return ContentLength
		}
	case 2:
		return is(name, "to", To)
	case 3:
		return is(name, "via", Via)
	case 4:
		if f := is(name, "from", From); f != Other {
			return f
		}
		return is(name, "cseq", CSeq)
	case 7:
		if f := is(name, "call-id", CallID); f != Other {
			return f
		}
		return is(name, "require", Require)
	case 9:
		return is(name, "diversion", Diversion)
	case 12:
		return is(name, "max-forwards", MaxForwards)
	case 14:
		return is(name, "content-length", ContentLength)
	case 16:
		return is(name, "attestation-info", Attestation)
	case 19:
		return is(name, "p-asserted-identity", PAssertedIdentity)
	case 23:
		return is(name, "p-attestation-indicator", Attestation)
	}
	return Other
}

func is(name []byte, want string, f Field) Field {
	if equalFold(name, want) {
		return f
	}
	return Other
}
