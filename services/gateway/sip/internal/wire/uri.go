package wire

import "bytes"

// URI is a URI's parts, as far as a redirect server reads them: RFC 3261, 19.1 for sip and sips, RFC 3966 for tel.
// Nothing is unescaped.
type URI struct {
	// Scheme is as written; compare it with EqualFold.
	Scheme []byte
	// User is the user part without password and parameters; of a tel URI, the number as written.
	User []byte
	// UserParams are the parameters within the user part, or those of a tel URI, from their first semicolon.
	UserParams []byte
	// Host is host and port; empty for tel.
	Host []byte
	// Params are the URI's parameters, from their first semicolon.
	Params []byte
	// Headers says whether the URI carries header fields ("?").
	Headers bool
}

// SchemeOf is the scheme of a URI, and what follows its colon. ok is false where u has none.
func SchemeOf(u []byte) (scheme, rest []byte, ok bool) {
	colon := bytes.IndexByte(u, ':')
	if colon <= 0 || classes[u[0]]&digitChar != 0 {
		return nil, nil, false
	}
	for _, c := range u[:colon] {
		// RFC 3986, 3.1: a letter, then letters, digits, "+", "-" and ".".
		if (classes[c]&hostChar == 0 || c == '_') && c != '+' {
			return nil, nil, false
		}
	}
	return u[:colon], u[colon+1:], true
}

func hasScheme(u []byte) bool {
	_, rest, ok := SchemeOf(u)
	return ok && len(rest) > 0
}

// ParseURI reads a sip, sips or tel URI. ok is false where it is another, or where its grammar is broken.
func ParseURI(u []byte) (p URI, ok bool) {
	scheme, rest, ok := SchemeOf(u)
	if !ok || hasBlank(rest) || bytes.ContainsAny(rest, "<>\"") {
		return p, false
	}
	p.Scheme = scheme
	switch {
	case equalFold(scheme, "sip"), equalFold(scheme, "sips"):
		return p, p.sip(rest)
	case equalFold(scheme, "tel"):
		p.User, p.UserParams = cutAt(rest, ';')
		return p, len(p.User) > 0
	}
	return p, false
}

// sip reads what follows "sip:". User and password hold no unescaped "@", so the first one ends them.
func (p *URI) sip(rest []byte) bool {
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		user := rest[:at]
		rest = rest[at+1:]
		user, p.UserParams = cutAt(user, ';')
		p.User, _ = cutAt(user, ':')
		if len(p.User) == 0 || bytes.IndexByte(rest, '@') >= 0 {
			return false
		}
	}
	if q := bytes.IndexByte(rest, '?'); q >= 0 {
		rest, p.Headers = rest[:q], true
	}
	p.Host, p.Params = cutAt(rest, ';')
	return isHostPort(p.Host)
}

// cutAt splits before the first sep; tail begins with it, and is empty where there is none.
func cutAt(b []byte, sep byte) (head, tail []byte) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// isHostPort takes a host name, an IPv4 address or an IPv6 reference, and a port after a colon.
func isHostPort(b []byte) bool {
	host, port, ok := splitHostPort(b)
	return ok && len(host) > 0 && port >= 0
}

// splitHostPort splits host and port, brackets stay. port is 0 where none is given. Blanks around the colon are let pass,
// as a Via may have them.
func splitHostPort(b []byte) (host []byte, port int, ok bool) {
	tail := b
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !isIPv6(b[1:end]) {
			return nil, 0, false
		}
		host, tail = b[:end+1], b[end+1:]
	} else {
		host, tail = cutAt(b, ':')
		if host = trimRight(host); !all(host, hostChar) {
			return nil, 0, false
		}
	}
	if tail = trimLeft(tail); len(tail) == 0 {
		return host, 0, true
	}
	if tail[0] != ':' {
		return nil, 0, false
	}
	v, ok := Number(Trim(tail[1:]))
	if !ok || v == 0 || v > 65535 {
		return nil, 0, false
	}
	return host, int(v), true
}

// isIPv6 takes what may stand between the brackets of an IPv6 reference.
func isIPv6(b []byte) bool {
	for _, c := range b {
		if unhex(c) < 0 && c != ':' && c != '.' {
			return false
		}
	}
	return len(b) > 0
}

// AppendUnescaped appends b with its %HH escapes taken away; an escape that is none stays as it is.
func AppendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			hi, lo := unhex(b[i+1]), unhex(b[i+2])
			if hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
