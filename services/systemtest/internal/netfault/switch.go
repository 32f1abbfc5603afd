package netfault

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	// maxPacketBytes is more than the devices' MTU.
	maxPacketBytes = 2048
	// maxLatePackets bounds what waits on one direction of a link; more is lost, as in any router.
	maxLatePackets = 4096
)

// Switch carries IPv4 packets between ports by their addresses, as its rules say.
type Switch struct {
	rules *Rules
	clock clock.Clock

	mu     sync.RWMutex
	byAddr map[netip.Addr]*port
	late   map[Link]chan latePacket
	done   chan struct{}
	wg     sync.WaitGroup
}

// port is one host's device.
type port struct {
	name   string
	device io.ReadWriteCloser
}

type latePacket struct {
	at     time.Time
	to     *port
	packet []byte
}

// NewSwitch has no ports yet.
func NewSwitch(rules *Rules, clk clock.Clock) *Switch {
	return &Switch{
		rules: rules, clock: clk, byAddr: map[netip.Addr]*port{}, late: map[Link]chan latePacket{}, done: make(chan struct{}),
	}
}

// Attach adds a host: device reads and writes one whole IPv4 packet at a time. It is closed with the Switch.
func (s *Switch) Attach(name string, addr netip.Addr, device io.ReadWriteCloser) {
	p := &port{name, device}
	s.mu.Lock()
	s.byAddr[addr] = p
	s.mu.Unlock()
	s.wg.Go(func() { s.read(p) })
}

// Close ends it, and all devices.
func (s *Switch) Close() error {
	close(s.done)
	s.mu.Lock()
	var errs []error
	for _, p := range s.byAddr {
		errs = append(errs, p.device.Close())
	}
	s.mu.Unlock()
	s.wg.Wait()
	return errors.Join(errs...)
}

func (s *Switch) read(from *port) {
	buf := make([]byte, maxPacketBytes)
	for {
		n, err := from.device.Read(buf)
		if err != nil {
			return
		}
		addr, ok := destination(buf[:n])
		if !ok {
			continue
		}
		s.mu.RLock()
		to := s.byAddr[addr]
		s.mu.RUnlock()
		if to == nil {
			continue
		}
		late, passes := s.rules.judge(Link{from.name, to.name})
		switch {
		case !passes:
		case late > 0 || s.waiting(Link{from.name, to.name}):
			s.queue(Link{from.name, to.name}, latePacket{s.clock.Now().Add(late), to, append([]byte(nil), buf[:n]...)})
		default:
			_, _ = to.device.Write(buf[:n]) // a packet that a full device does not take is lost
		}
	}
}

// destination is where an IPv4 packet goes.
func destination(packet []byte) (netip.Addr, bool) {
	if len(packet) < 20 || packet[0]>>4 != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(packet[16:20])), true
}

// waiting says whether packets wait on the link: a later one must not overtake them.
func (s *Switch) waiting(l Link) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.late[l]) > 0
}

func (s *Switch) queue(l Link, p latePacket) {
	s.mu.Lock()
	ch := s.late[l]
	if ch == nil {
		ch = make(chan latePacket, maxLatePackets)
		s.late[l] = ch
		s.wg.Go(func() { s.deliver(ch) })
	}
	s.mu.Unlock()
	select {
	case ch <- p:
	default:
	}
}

// deliver writes the late packets of one direction, in their order.
func (s *Switch) deliver(ch <-chan latePacket) {
	for {
		select {
		case <-s.done:
			return
		case p := <-ch:
			if wait := p.at.Sub(s.clock.Now()); wait > 0 {
				select {
				case <-s.done:
					return
				case <-s.clock.After(wait):
				}
			}
			_, _ = p.to.device.Write(p.packet)
		}
	}
}
