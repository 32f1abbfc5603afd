package sip

import (
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A socket that is bound to all addresses of a host answers from whichever the way out has, and a trunk takes an answer
// only from the address it asked (RFC 3581, 4). So the kernel is made to tell the address that was asked, and is given it
// back with the answer.

// maxControlBytes is room for one address with its header.
const maxControlBytes = 64

// tellLocal has the kernel tell the address that a datagram was sent to, where c is bound to all; it says whether it is.
func tellLocal(c *net.UDPConn) (bool, error) {
	addr := addrPort(c.LocalAddr()).Addr()
	switch {
	case !addr.IsUnspecified():
		return false, nil
	case addr.Is4():
		return true, ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst, true)
	}
	return true, ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagDst, true)
}

// answerFrom turns what the kernel told of a datagram into what it is to be given with the answer. It is nil where nothing
// was told.
func answerFrom(told []byte) []byte {
	var v4 ipv4.ControlMessage
	var v6 ipv6.ControlMessage
	if v4.Parse(told) != nil || v6.Parse(told) != nil {
		return nil
	}
	// A socket of both families tells IPv4 addresses as IPv6 has them, and takes them as IPv4 does.
	if v4.Dst == nil {
		v4.Dst = v6.Dst.To4()
	}
	switch {
	case v4.Dst != nil:
		return (&ipv4.ControlMessage{Src: v4.Dst}).Marshal()
	case v6.Dst != nil:
		return (&ipv6.ControlMessage{Src: v6.Dst}).Marshal()
	}
	return nil
}
