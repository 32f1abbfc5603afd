package wire

import "bytes"

// Address is a name-addr or an addr-spec with the field's parameters (RFC 3261, 20.10 and 20.39).
type Address struct {
	// URI is what stands between the angle brackets, or the bare addr-spec.
	URI []byte
	// Params is what follows, from its first semicolon; empty where nothing does.
	Params []byte
}

// ParseAddress reads one address of a From, To, P-Asserted-Identity or Diversion, up to a comma outside quotes and angle
// brackets; rest is what follows that comma. ok is false where the grammar is broken: quotes that do not end, a display
// name that ought to be quoted, blanks within the URI, parameters that are none.
func ParseAddress(v []byte) (a Address, rest []byte, ok bool) {
	v = trimLeft(v)
	open, ok := displayName(v)
	if !ok {
		return a, nil, false
	}
	if open < 0 {
		return bareAddress(v)
	}
	v = v[open+1:]
	end := bytes.IndexByte(v, '>')
	if end <= 0 || hasBlank(v[:end]) || !hasScheme(v[:end]) {
		return a, nil, false
	}
	a.URI = v[:end]
	n, ok := paramsLength(v[end+1:])
	if !ok {
		return Address{}, nil, false
	}
	a.Params, rest = v[end+1:end+1+n], v[end+1+n:]
	return a, afterComma(rest), true
}

// displayName passes over the display name, and says where the angle bracket opens: -1 where none does.
func displayName(v []byte) (open int, ok bool) {
	i := 0
	if len(v) > 0 && v[0] == '"' {
		n := quotedLength(v)
		if n < 0 {
			return 0, false
		}
		for i = n; i < len(v) && classes[v[i]]&blankChar != 0; i++ {
		}
		if i == len(v) || v[i] != '<' {
			return 0, false
		}
		return i, true
	}
	for ; i < len(v); i++ {
		switch c := v[i]; {
		case c == '<':
			return i, true
		case classes[c]&(tokenChar|blankChar) != 0, c >= 0x80:
			// Bytes beyond ASCII belong in quotes. Networks send them without, and nobody mistakes them.
		default:
			// A colon ends the scheme of a bare URI. Whatever else stands here ought to be quoted.
			return -1, c == ':'
		}
	}
	return -1, true
}

// bareAddress reads an addr-spec without angle brackets: its parameters are the field's (RFC 3261, 20.10).
func bareAddress(v []byte) (a Address, rest []byte, ok bool) {
	end := bytes.IndexAny(v, ";,?<>")
	if end >= 0 && v[end] != ';' && v[end] != ',' {
		return a, nil, false
	}
	if end < 0 {
		end = len(v)
	}
	a.URI = trimRight(v[:end])
	if hasBlank(a.URI) || !hasScheme(a.URI) {
		return Address{}, nil, false
	}
	n, ok := paramsLength(v[end:])
	if !ok {
		return Address{}, nil, false
	}
	a.Params = v[end : end+n]
	return a, afterComma(v[end+n:]), true
}

func afterComma(rest []byte) []byte {
	if len(rest) == 0 {
		return nil
	}
	return rest[1:]
}

// quotedLength is the length of the quoted string that v begins with; -1 where it does not end.
func quotedLength(v []byte) int {
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// paramsLength is the length of the parameters that v begins with, up to a comma or its end. They are of the form
// *(SEMI token [EQUAL (token / host / quoted-string)]), with blanks around every sign.
func paramsLength(v []byte) (n int, ok bool) {
	for n < len(v) {
		switch c := v[n]; {
		case classes[c]&blankChar != 0:
			n++
		case c == ',':
			return n, true
		case c == ';':
			m := paramLength(v[n+1:])
			if m < 0 {
				return n, false
			}
			n += 1 + m
		default:
			return n, false
		}
	}
	return n, true
}

// paramLength is the length of one parameter behind its semicolon; -1 where it is none.
func paramLength(v []byte) int {
	_, _, n := cutParam(v)
	return n
}

// cutParam reads one parameter behind its semicolon: its name, its value (nil where it has none), and the length of all.
func cutParam(v []byte) (name, value []byte, n int) {
	start := skipBlanks(v, 0)
	n = start
	for n < len(v) && classes[v[n]]&tokenChar != 0 {
		n++
	}
	if name = v[start:n]; len(name) == 0 {
		return nil, nil, -1
	}
	at := skipBlanks(v, n)
	if at == len(v) || v[at] != '=' {
		return name, nil, n
	}
	start = skipBlanks(v, at+1)
	if start < len(v) && v[start] == '"' {
		q := quotedLength(v[start:])
		if q < 0 {
			return nil, nil, -1
		}
		return name, v[start : start+q], start + q
	}
	for n = start; n < len(v) && isParamValue(v[n]); n++ {
	}
	if n == start {
		return nil, nil, -1
	}
	return name, v[start:n], n
}

// isParamValue takes more than a token or a host: networks put what they like into tags and branches, and what does not
// end the value does no harm in it.
func isParamValue(c byte) bool {
	return c > ' ' && c != 0x7f && c != ';' && c != ',' && c != '"' && c != '<' && c != '>'
}

func skipBlanks(v []byte, i int) int {
	for i < len(v) && classes[v[i]]&blankChar != 0 {
		i++
	}
	return i
}

// Param looks for a parameter of params (which begin with a semicolon) by its name in lower case. A parameter without a
// value is found with a nil value. Quotes stay.
func Param(params []byte, lower string) (value []byte, found bool) {
	for len(params) > 0 {
		if params[0] != ';' {
			params = params[1:]
			continue
		}
		name, value, n := cutParam(params[1:])
		if n < 0 {
			return nil, false
		}
		if equalFold(name, lower) {
			return value, true
		}
		params = params[1+n:]
	}
	return nil, false
}

// ParseCSeq reads "4711 INVITE". ok is false where it is not a number and a token.
func ParseCSeq(v []byte) (number uint64, method []byte, ok bool) {
	n := 0
	for n < len(v) && classes[v[n]]&digitChar != 0 {
		n++
	}
	method = trimLeft(v[n:])
	if n == 0 || len(method) == len(v[n:]) || !isToken(method) {
		return 0, nil, false
	}
	number, ok = Number(v[:n])
	return number, method, ok
}

// IsCallID says whether v is word ["@" word] (RFC 3261, 20.8).
func IsCallID(v []byte) bool {
	left, right, at := bytes.Cut(v, []byte{'@'})
	return all(left, wordChar) && (!at || all(right, wordChar))
}
