//go:build !linux

package sip

import (
	"net"
	"net/netip"
)

// batch reads and writes one datagram by one system call: what every system can.
type batch struct {
	conn    *net.UDPConn
	buffer  []byte
	oob     []byte
	n, noob int
	source  netip.AddrPort
	// data, to and local are the answer that flush sends.
	data, local []byte
	to          netip.AddrPort
}

// newBatch is for one datagram of at most maxBytes. A longer one loses its end, and is answered 400 for that.
func newBatch(c *net.UDPConn, _, maxBytes int) *batch {
	return &batch{conn: c, buffer: make([]byte, maxBytes), oob: make([]byte, maxControlBytes)}
}

// receive waits for a datagram.
func (b *batch) receive() (n int, err error) {
	b.data = nil
	if b.n, b.noob, _, b.source, err = b.conn.ReadMsgUDPAddrPort(b.buffer, b.oob); err != nil {
		return 0, err
	}
	return 1, nil
}

func (b *batch) datagram(int) (data []byte, source netip.AddrPort, cut bool) {
	return b.buffer[:b.n], netip.AddrPortFrom(b.source.Addr().Unmap(), b.source.Port()), false
}

func (b *batch) control(int) []byte { return b.oob[:b.noob] }

func (b *batch) answer(_ int, data []byte, port uint16, local []byte) {
	b.data, b.local, b.to = data, local, netip.AddrPortFrom(b.source.Addr(), port)
}

func (b *batch) flush() error {
	if len(b.data) == 0 {
		return nil
	}
	_, _, err := b.conn.WriteMsgUDPAddrPort(b.data, b.local, b.to)
	return err
}
