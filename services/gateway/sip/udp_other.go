//go:build !linux

package sip

import (
	"net"
)

// listenUDP opens a socket with a large receive buffer.
func listenUDP(addr string, receiveBufferBytes int) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	c, err := net.ListenUDP("udp", a)
	if err != nil {
		return nil, err
	}
	return c, c.SetReadBuffer(receiveBufferBytes)
}

// queueFill is not known elsewhere; calls are shed by their number only.
func queueFill(*net.UDPConn) float64 { return 0 }
