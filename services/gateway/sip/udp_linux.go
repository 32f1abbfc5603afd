package sip

import (
	"context"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// listenUDP opens a socket with a large receive buffer: the queue of calls that a burst needs.
func listenUDP(addr string, receiveBufferBytes int) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			// Beyond net.core.rmem_max only with CAP_NET_ADMIN; without it, as much as the kernel gives.
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBufferBytes) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBufferBytes)
			}
		})
	}}
	c, err := lc.ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return nil, err
	}
	udp, ok := c.(*net.UDPConn)
	if !ok {
		return nil, net.UnknownNetworkError("udp")
	}
	return udp, nil
}

// queueFill is how much of the receive buffer is taken, 0 to 1. The kernel counts it, so it needs no clock.
func queueFill(c *net.UDPConn) float64 {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	// sk_meminfo of linux/sock_diag.h: allocated and allowed bytes of receive memory come first.
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	var failed syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, failed = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), //nolint:gosec // x/sys has no getsockopt of this shape
			uintptr(unsafe.Pointer(&size)), //nolint:gosec // see above
			0)
	})
	if err != nil || failed != 0 || info[1] == 0 {
		return 0
	}
	return float64(info[0]) / float64(info[1])
}
