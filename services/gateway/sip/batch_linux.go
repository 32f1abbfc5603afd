package sip

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch reads and writes datagrams, many by one system call (recvmmsg(2) and sendmmsg(2)), and allocates nothing.
//
// x/net can do the same, but tells the scheduler of each of these system calls, as of one that may block. They cannot:
// the socket is not blocking, and waiting is the network poller's. What the scheduler does for nothing at each of them,
// waking its monitor most of all, is a fifth of all CPU time, measured at 5,000 calls a second.
type batch struct {
	raw syscall.RawConn
	in  side
	out side

	received, sent int
	errno          syscall.Errno
	// read and write are made once: a closure a call would be an allocation.
	read, write func(fd uintptr) bool
}

// side is what the kernel is told of the datagrams of one direction.
type side struct {
	headers []mmsghdr
	vectors []unix.Iovec
	names   []sockaddr
	control [][]byte
	buffers [][]byte
}

// sockaddr is struct sockaddr_in or sockaddr_in6 of ip(7) and ipv6(7): family, port, and the address at 4 or at 8.
type sockaddr [unix.SizeofSockaddrInet6]byte

func (s *sockaddr) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(s[2:])
	if binary.NativeEndian.Uint16(s[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:24])).Unmap(), port)
}

func (s *sockaddr) setPort(port uint16) { binary.BigEndian.PutUint16(s[2:], port) }

// mmsghdr is struct mmsghdr of socket.h.
type mmsghdr struct {
	unix.Msghdr
	length uint32
}

func newSide(n int) side {
	return side{
		headers: make([]mmsghdr, n), vectors: make([]unix.Iovec, n), names: make([]sockaddr, n),
		control: make([][]byte, n), buffers: make([][]byte, n),
	}
}

// newBatch is for n datagrams of at most maxBytes.
func newBatch(c *net.UDPConn, n, maxBytes int) *batch {
	// It fails for a connection that is nil.
	raw, _ := c.SyscallConn()
	b := &batch{raw: raw, in: newSide(n), out: newSide(n)}
	for i := range n {
		b.in.buffers[i], b.in.control[i] = make([]byte, maxBytes), make([]byte, maxControlBytes)
	}
	b.read, b.write = b.recvmmsg, b.sendmmsg
	return b
}

// receive waits for datagrams, and reads as many as there are.
func (b *batch) receive() (n int, err error) {
	s := &b.in
	for i := range s.headers {
		s.vectors[i].Base = &s.buffers[i][0]
		s.vectors[i].SetLen(len(s.buffers[i]))
		h := &s.headers[i]
		h.Name, h.Namelen = &s.names[i][0], unix.SizeofSockaddrInet6
		h.Iov, h.Iovlen = &s.vectors[i], 1
		h.Control = &s.control[i][0]
		h.SetControllen(len(s.control[i]))
	}
	b.sent, b.out.headers = 0, b.out.headers[:0]
	if err := b.raw.Read(b.read); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", b.errno)
	}
	return b.received, nil
}

func (b *batch) recvmmsg(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd,
			uintptr(unsafe.Pointer(&b.in.headers[0])), //nolint:gosec // x/sys has no recvmmsg
			uintptr(len(b.in.headers)), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		b.received, b.errno = int(n), errno
		return errno != unix.EAGAIN
	}
}

// datagram is the i-th that was read, with where it came from; cut says that its end is lost.
func (b *batch) datagram(i int) (data []byte, source netip.AddrPort, cut bool) {
	h := &b.in.headers[i]
	return b.in.buffers[i][:h.length], b.in.names[i].addrPort(), h.Flags&unix.MSG_TRUNC != 0
}

// control is what the kernel told of the i-th.
func (b *batch) control(i int) []byte { return b.in.control[i][:b.in.headers[i].Controllen] }

// answer sends data back to where the i-th came from, at another port, with the next flush. data is the caller's again
// then.
func (b *batch) answer(i int, data []byte, port uint16, local []byte) {
	s := &b.out
	k := len(s.headers)
	s.headers = s.headers[:k+1]
	s.names[k] = b.in.names[i]
	s.names[k].setPort(port)
	s.buffers[k], s.control[k] = data, local
	s.vectors[k].Base = &data[0]
	s.vectors[k].SetLen(len(data))
	h := &s.headers[k]
	*h = mmsghdr{}
	h.Name, h.Namelen = &s.names[k][0], b.in.headers[i].Namelen
	h.Iov, h.Iovlen = &s.vectors[k], 1
	if len(local) > 0 {
		h.Control = &local[0]
		h.SetControllen(len(local))
	}
}

// flush sends the answers. One that cannot be sent is passed over, and the last such error returned.
func (b *batch) flush() (failed error) {
	for b.sent < len(b.out.headers) {
		if err := b.raw.Write(b.write); err != nil {
			return err
		}
		if b.errno != 0 {
			failed = os.NewSyscallError("sendmmsg", b.errno)
			b.sent++
		}
	}
	return failed
}

func (b *batch) sendmmsg(fd uintptr) bool {
	rest := b.out.headers[b.sent:]
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&rest[0])), //nolint:gosec // x/sys has no sendmmsg
			uintptr(len(rest)), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno == 0 {
			b.sent += int(n)
		}
		b.errno = errno
		return errno != unix.EAGAIN
	}
}
