package wire

import (
	"bytes"
	"net/netip"
	"strconv"
)

// ViaValue is one value of a Via field (RFC 3261, 20.42).
type ViaValue struct {
	// Host is the sent-by host, brackets and all; Port its port, 0 where none is given.
	Host []byte
	Port int
	// Branch is the transaction's name; empty where there is none.
	Branch []byte
	// RPort says that the sender asks for its source port (RFC 3581).
	RPort bool
	// Length is how much of the field's value this one takes, without the comma that follows.
	Length int
	// params is where the parameters begin.
	params int
}

// ParseVia reads the first value of a Via field. ok is false where it is not protocol, sent-by and parameters.
func ParseVia(v []byte) (p ViaValue, ok bool) {
	at := 0
	for i, want := range [...]string{"sip", "2.0", ""} {
		start := skipBlanks(v, at)
		at = start
		for at < len(v) && classes[v[at]]&tokenChar != 0 {
			at++
		}
		if at == start || want != "" && !equalFold(v[start:at], want) {
			return p, false
		}
		if i < 2 {
			if at = skipBlanks(v, at); at == len(v) || v[at] != '/' {
				return p, false
			}
			at++
		}
	}
	if at == len(v) || classes[v[at]]&blankChar == 0 {
		return p, false
	}
	at = skipBlanks(v, at)
	end := at + indexOrEnd(v[at:], ";,")
	if p.Host, p.Port, ok = splitHostPort(trimRight(v[at:end])); !ok {
		return p, false
	}
	n, ok := paramsLength(v[end:])
	if !ok {
		return p, false
	}
	p.params, p.Length = end, end+n
	p.readParams(v[end : end+n])
	return p, true
}

func (p *ViaValue) readParams(params []byte) {
	for len(params) > 0 {
		if params[0] != ';' {
			params = params[1:]
			continue
		}
		name, value, n := cutParam(params[1:])
		if n < 0 {
			return
		}
		switch {
		case equalFold(name, "branch"):
			p.Branch = value
		case equalFold(name, "rport"):
			p.RPort = true
		}
		params = params[1+n:]
	}
}

func indexOrEnd(b []byte, chars string) int {
	if i := bytes.IndexAny(b, chars); i >= 0 {
		return i
	}
	return len(b)
}

// AppendReceived appends the topmost Via field's value as the server that received it from source must send it back: with
// the source's address where the sent-by is another (RFC 3261, 18.2.1), and with its port where the sender asked for it
// (RFC 3581, 4). What the sender itself wrote into those two parameters is left out.
func (p *ViaValue) AppendReceived(dst, v []byte, source netip.AddrPort) []byte {
	dst = AppendUnfolded(dst, trimRight(v[:p.params]))
	for params := v[p.params:p.Length]; len(params) > 0; {
		if params[0] != ';' {
			params = params[1:]
			continue
		}
		name, _, n := cutParam(params[1:])
		if n < 0 {
			break
		}
		if !equalFold(name, "received") && !equalFold(name, "rport") {
			dst = AppendUnfolded(dst, params[:1+n])
		}
		params = params[1+n:]
	}
	var buf [64]byte
	addr := source.Addr().Unmap().WithZone("").AppendTo(buf[:0])
	if p.RPort || !bytes.Equal(unbracket(p.Host), addr) {
		dst = append(append(dst, ";received="...), addr...)
	}
	if p.RPort {
		dst = strconv.AppendUint(append(dst, ";rport="...), uint64(source.Port()), 10)
	}
	return AppendUnfolded(dst, v[p.Length:])
}

func unbracket(host []byte) []byte {
	if len(host) > 1 && host[0] == '[' {
		return host[1 : len(host)-1]
	}
	return host
}

// AppendUnfolded appends a value on one line: the end of a folded line becomes a blank.
func AppendUnfolded(dst, v []byte) []byte {
	for len(v) > 0 {
		i := bytes.IndexAny(v, "\r\n")
		if i < 0 {
			return append(dst, v...)
		}
		dst = append(append(dst, v[:i]...), ' ')
		v = v[i+1:]
	}
	return dst
}
