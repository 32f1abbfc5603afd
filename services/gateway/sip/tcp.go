package sip

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
)

// connSet is the open connections.
type connSet struct {
	mu   sync.Mutex
	open map[*conn]struct{}
	// strangers counts those whose peer is not trusted.
	strangers int
	closing   bool
}

// add takes a connection, if there is room. Strangers never take the last quarter, so a flood of connections does not
// keep a trunk out.
func (s *connSet) add(c *conn, maxConns int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.open) >= maxConns || !c.trusted && s.strangers >= max(1, maxConns*3/4) {
		return false
	}
	s.open[c] = struct{}{}
	if !c.trusted {
		s.strangers++
	}
	return true
}

func (s *connSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[c]; !ok {
		return
	}
	delete(s.open, c)
	if !c.trusted {
		s.strangers--
	}
}

// all is a copy of the set.
func (s *connSet) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.open))
	for c := range s.open {
		list = append(list, c)
	}
	return list
}

// wakeAll ends all reading; nothing is added any more.
func (s *connSet) wakeAll() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	for _, c := range s.all() {
		c.ending.Store(true)
		_ = c.nc.SetReadDeadline(longAgo())
	}
}

func (s *connSet) closeAll() {
	for _, c := range s.all() {
		_ = c.nc.Close()
	}
}

// accept takes connections until the listener is closed.
func (g *Gateway) accept(ctx context.Context, done <-chan struct{}) {
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		nc, err := g.tcp.Accept()
		if err != nil {
			select {
			case <-done:
				return
			default:
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			g.log.error(ctx, "no TCP connection can be accepted", func() []slog.Attr {
				return []slog.Attr{slog.String("error", err.Error())}
			})
			// Out of descriptors, most likely: they come back as connections end.
			select {
			case <-done:
				return
			case <-g.clock.After(100 * time.Millisecond):
			}
			continue
		}
		c := newConn(g, nc)
		if !g.conns.add(c, g.cfg.Limits.MaxTCPConns) {
			_ = nc.Close()
			g.log.warn(ctx, "TCP connection refused: too many are open", func() []slog.Attr {
				return []slog.Attr{slog.String("peer", c.peer.String())}
			})
			continue
		}
		g.met.conns.Add(ctx, 1)
		serving.Go(func() {
			c.run(ctx)
			g.conns.remove(c)
			_ = nc.Close()
			g.met.conns.Add(ctx, -1)
		})
	}
}

// sweep looks after time-outs. Deadlines are not used: they are the machine's clock, and ours may be another.
func (g *Gateway) sweep(done <-chan struct{}) {
	l := g.cfg.Limits
	every := min(l.IdleTimeout, l.MessageTimeout, l.WriteTimeout) / 4
	for {
		select {
		case <-done:
			return
		case <-g.clock.After(every):
		}
		now := g.clock.Now()
		for _, c := range g.conns.all() {
			c.expire(now, l)
		}
	}
}

// since is an instant that other goroutines read; the zero value is none.
type since struct{ nanos atomic.Int64 }

func (s *since) set(t time.Time) { s.nanos.Store(t.UnixNano()) }

func (s *since) clear() { s.nanos.Store(0) }

// over says whether it is set, and longer ago than limit.
func (s *since) over(now time.Time, limit time.Duration) bool {
	at := s.nanos.Load()
	return at != 0 && now.UnixNano()-at >= int64(limit)
}

// expire ends what has waited too long: a write, a connection without a byte, the rest of a message.
func (c *conn) expire(now time.Time, l Limits) {
	switch {
	case c.writing.over(now, l.WriteTimeout), c.quiet.over(now, l.IdleTimeout):
		_ = c.nc.Close()
	case c.partial.over(now, l.MessageTimeout):
		c.overdue.Store(true)
		_ = c.nc.SetReadDeadline(longAgo())
	}
}

// late is the verdict on a message whose rest did not come: what its head lacks goes before.
func late(head check.Verdict) check.Verdict {
	if head.Refused() {
		return head
	}
	return check.Verdict{
		Status: 400, Phrase: "Incomplete Message", Field: "message", Rule: "must come whole within the time-out",
	}
}
