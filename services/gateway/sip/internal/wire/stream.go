package wire

import "bytes"

// Framing says what the bytes at hand of a stream are.
type Framing uint8

const (
	// More bytes are needed.
	More Framing = iota
	// Whole is one message, its length as Content-Length tells (RFC 3261, 18.3).
	Whole
	// Oversized is a message whose announced length is over the limit; its head is there.
	Oversized
	// Unframed is a message whose end nobody can know: Content-Length is missing, doubtful or no number. Its head is
	// there, and what follows must be searched for the next start line with Resync.
	Unframed
)

// Frame looks for one message at the beginning of data, the bytes of a stream that have come so far, and reads its head
// into m. n is its length: of all of it where Whole, of its head where Oversized or Unframed; skip is then how much of
// the stream its body takes beyond n (Oversized only). Leading CRLFs are the caller's to take away.
func Frame(data []byte, maxBytes int, m *Message) (f Framing, n int, skip uint64) {
	if line, n, _ := nextLine(data); n > len(line) && !looksLikeSIP(line) {
		// The rest of a body that was longer than announced, or no SIP at all. A message may follow.
		Scan(line, m)
		return Unframed, n, 0
	}
	end := headEnd(data)
	switch {
	case end < 0 && len(data) < maxBytes:
		return More, 0, 0
	case end < 0 || end > maxBytes:
		n := min(len(data), maxBytes)
		Scan(data[:bytes.LastIndexByte(data[:n], '\n')+1], m)
		return Unframed, n, 0
	}
	Scan(data[:end], m)
	value := m.Value(ContentLength)
	length, ok := Number(value)
	switch {
	case value == nil, !ok, m.Kind == Junk,
		m.Defect == Duplicate && m.DefectField == ContentLength, m.Defect == BadLineEnd, m.Defect == TooManyFields:
		return Unframed, end, 0
	case length > uint64(maxBytes-end):
		return Oversized, end, length
	case length > uint64(len(data)-end):
		return More, 0, 0
	}
	n = end + int(length)
	m.Body = data[end:n]
	return Whole, n, 0
}

// looksLikeSIP says whether a line can be meant as a start line, however malformed.
func looksLikeSIP(line []byte) bool {
	var m Message
	return startLine(line, &m)
}

// headEnd is where the empty line ends; -1 where none has come. A line is empty though its CR is missing: such a message
// is answered as malformed, and must not swallow the ones behind it.
func headEnd(data []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
		switch rest := data[at:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return at + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return at + 2
		}
	}
}

// Resync says how many bytes of a stream that has lost its framing to throw away: all before the next line that is a
// request line or a status line of SIP, or, where none has come yet, all but the last line that has not ended.
func Resync(data []byte) (skip int, found bool) {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return at, false
		}
		if isStartLine(data[at : at+i]) {
			return at, true
		}
		at += i + 1
	}
}

func isStartLine(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) > 8 && equalFold(line[:8], "sip/2.0 ") {
		return true
	}
	sp := bytes.IndexByte(line, ' ')
	last := bytes.LastIndexByte(line, ' ')
	return sp > 0 && last > sp && isToken(line[:sp]) && equalFold(line[last+1:], "sip/2.0")
}
