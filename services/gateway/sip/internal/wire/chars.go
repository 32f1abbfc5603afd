package wire

// Character classes of RFC 3261, 25.1, one bit each.
const (
	tokenChar = 1 << iota
	wordChar
	hostChar
	digitChar
	blankChar
)

// classes tells a byte's classes; see classOf.
//
//nolint:gochecknoglobals // a table, written once before main and read only
var classes = func() (t [256]uint8) {
	for i := range t {
		t[i] = classOf(byte(i))
	}
	return t
}()

func classOf(c byte) uint8 {
	switch {
	case c >= '0' && c <= '9':
		return tokenChar | wordChar | hostChar | digitChar
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '.':
		return tokenChar | wordChar | hostChar
	case c == '_':
		// No host name has one, and the networks of many have.
		return tokenChar | wordChar | hostChar
	case c == '!', c == '%', c == '*', c == '+', c == '`', c == '\'', c == '~':
		return tokenChar | wordChar
	case c == '(', c == ')', c == '<', c == '>', c == ':', c == '\\', c == '"', c == '/', c == '[', c == ']', c == '?',
		c == '{', c == '}':
		return wordChar
	case c == ' ', c == '\t', c == '\r', c == '\n':
		return blankChar
	}
	return 0
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// all says whether b has one byte at least, and all of the class.
func all(b []byte, class uint8) bool {
	for _, c := range b {
		if classes[c]&class == 0 {
			return false
		}
	}
	return len(b) > 0
}

func isToken(b []byte) bool { return all(b, tokenChar) }

func hasBlank(b []byte) bool {
	for _, c := range b {
		if classes[c]&blankChar != 0 {
			return true
		}
	}
	return false
}

// trimLeft and trimRight cut blanks, of folded lines too.
func trimLeft(b []byte) []byte {
	for len(b) > 0 && classes[b[0]]&blankChar != 0 {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && classes[b[len(b)-1]]&blankChar != 0 {
		b = b[:len(b)-1]
	}
	return b
}

// Trim cuts blanks at both ends.
func Trim(b []byte) []byte { return trimLeft(trimRight(b)) }

// EqualFold compares with an ASCII word in lower case.
func EqualFold(b []byte, lower string) bool { return equalFold(b, lower) }

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Number reads decimal digits, at most 18 of them after leading zeros.
func Number(b []byte) (v uint64, ok bool) {
	if !all(b, digitChar) {
		return 0, false
	}
	for len(b) > 1 && b[0] == '0' {
		b = b[1:]
	}
	if len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		v = v*10 + uint64(c-'0')
	}
	return v, true
}
