package sip

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

const (
	// firstReadBytes is a connection's buffer at first; it grows to the limit of one message.
	firstReadBytes = 4096
	// maxQueuedBytes of answers are written at once.
	maxQueuedBytes = 32 << 10
)

// conn is one TCP connection. One goroutine reads it; answers come from there, or from those that waited for routing.
type conn struct {
	g       *Gateway
	nc      net.Conn
	peer    netip.AddrPort
	trusted bool

	// buf holds what has been read and not yet taken.
	buf []byte
	// skip is how much of the stream still belongs to a body that is not kept.
	skip uint64
	// lost says that the stream is being searched for a start line. tainted stays from then on: what is found by searching
	// may be the inside of another message, so nothing on this connection is trusted any more.
	lost, tainted bool
	// out gathers the answers of messages that came together.
	out []byte
	x   exchange
	// places bounds the requests of this connection that wait for routing.
	places chan struct{}

	writes sync.Mutex
	// quiet is when the last byte came, partial when a message began that is not whole, writing when a write began.
	quiet, partial, writing since
	overdue, ending         atomic.Bool
}

func newConn(g *Gateway, nc net.Conn) *conn {
	c := &conn{
		g: g, nc: nc, peer: addrPort(nc.RemoteAddr()), buf: make([]byte, 0, firstReadBytes),
		places: make(chan struct{}, g.cfg.Limits.MaxConnInFlight),
	}
	c.trusted = trusted(g.cfg.Trust.Peers, c.peer.Addr())
	c.x.stream, c.x.source = true, c.peer
	c.quiet.set(g.clock.Now())
	return c
}

// run serves the connection until its peer ends it, or it has to be ended.
func (c *conn) run(ctx context.Context) {
	for {
		err := c.read()
		if errors.Is(err, io.EOF) {
			// Its peer may have closed its side only.
			c.giveUp(ctx)
			c.flush(ctx)
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || c.ending.Load() {
			break
		}
		if c.overdue.CompareAndSwap(true, false) {
			_ = c.nc.SetReadDeadline(noDeadline())
			if c.partial.over(c.g.clock.Now(), c.g.cfg.Limits.MessageTimeout) {
				c.giveUp(ctx)
			}
		}
		for c.take(ctx) {
			if len(c.out) >= maxQueuedBytes {
				c.flush(ctx)
			}
		}
		c.flush(ctx)
	}
	// Whoever waits for routing still answers here.
	for range cap(c.places) {
		c.places <- struct{}{}
	}
}

// read adds to the buffer what has come.
func (c *conn) read() error {
	if len(c.buf) == cap(c.buf) {
		grown := make([]byte, len(c.buf), min(2*cap(c.buf), c.g.cfg.Limits.MaxMessageBytes+firstReadBytes))
		copy(grown, c.buf)
		c.buf = grown
	}
	n, err := c.nc.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		c.quiet.set(c.g.clock.Now())
	}
	return err
}

// drop takes n bytes from the buffer's front.
func (c *conn) drop(n int) {
	c.buf = c.buf[:copy(c.buf, c.buf[n:])]
	c.partial.clear()
}

// take deals with what the buffer begins with, and says whether there may be more.
func (c *conn) take(ctx context.Context) bool {
	if c.skip > 0 {
		n := min(c.skip, uint64(len(c.buf)))
		c.skip -= n
		c.drop(int(n))
	}
	if c.lost {
		n, found := wire.Resync(c.buf)
		c.drop(n)
		c.lost = !found
		if !found {
			c.boundLine()
			return false
		}
	}
	c.keepAlive()
	if len(c.buf) == 0 {
		return false
	}
	f, n, skip := wire.Frame(c.buf, c.g.cfg.Limits.MaxMessageBytes, &c.x.msg)
	switch f {
	case wire.More:
		if c.partial.nanos.Load() == 0 {
			c.partial.set(c.g.clock.Now())
		}
		return false
	case wire.Whole:
		c.message(ctx, n, check.Verdict{})
	case wire.Oversized:
		c.message(ctx, n, tooLarge())
		c.skip = skip
	case wire.Unframed:
		var v check.Verdict
		if c.x.msg.Defect == wire.NoHeaderEnd {
			v = tooLarge()
		}
		c.message(ctx, n, v)
		c.lose(ctx)
	}
	c.drop(n)
	return true
}

// boundLine keeps a line without an end from filling the memory while a start line is searched for.
func (c *conn) boundLine() {
	if len(c.buf) >= c.g.cfg.Limits.MaxMessageBytes {
		c.drop(len(c.buf))
	}
}

// keepAlive takes CRLFs between messages away, and answers a double one with a single one (RFC 5626, 4.4.1).
func (c *conn) keepAlive() {
	n := 0
	for n < len(c.buf) && (c.buf[n] == '\r' || c.buf[n] == '\n') {
		n++
	}
	if n == 0 {
		return
	}
	if n >= len("\r\n\r\n") {
		c.out = append(c.out, '\r', '\n')
	}
	c.drop(n)
}

// lose searches the stream for the next start line from here on.
func (c *conn) lose(ctx context.Context) {
	c.lost, c.tainted = true, true
	c.g.met.lostFrame.Add(ctx, 1)
	c.g.log.warn(ctx, "a TCP stream has lost its framing; its peer is not trusted until it connects anew",
		func() []slog.Attr { return []slog.Attr{slog.String("peer", c.peer.String())} })
}

// giveUp answers a message whose rest did not come, and goes on with whatever comes next.
func (c *conn) giveUp(ctx context.Context) {
	if len(c.buf) == 0 || c.lost {
		return
	}
	wire.Scan(c.buf, &c.x.msg)
	c.message(ctx, len(c.buf), late(check.Inspect(&c.x.msg, true, &c.x.req)))
	c.drop(len(c.buf))
	c.lose(ctx)
}

// message answers one message, the first n bytes of the buffer, that x.msg was scanned from.
func (c *conn) message(ctx context.Context, n int, v check.Verdict) {
	x := &c.x
	x.began, x.trusted = c.g.clock.Now(), c.trusted && !c.tainted
	if c.answer(ctx, n, v) {
		c.out = append(c.out, x.out...)
	}
}

// answer is false where the answer comes later, from another goroutine.
func (c *conn) answer(ctx context.Context, n int, v check.Verdict) bool {
	g, x := c.g, &c.x
	defer g.recovered(ctx, x)
	switch {
	case !g.inspect(ctx, x, v):
		return true
	case !g.enter():
		g.shed(ctx, x, shedInFlight)
		return true
	case g.cfg.RouterInProcess:
		defer g.leave()
		g.decide(ctx, x)
		return true
	}
	// The peer is not read while too many of its requests wait.
	c.places <- struct{}{}
	g.later(ctx, x, c.buf[:n], func(ctx context.Context, y *exchange) {
		defer func() { <-c.places }()
		g.decide(ctx, y)
		c.write(ctx, y.out)
	})
	return false
}

func (c *conn) flush(ctx context.Context) {
	if len(c.out) > 0 {
		c.write(ctx, c.out)
		c.out = c.out[:0]
	}
}

// write sends whole messages, one writer at a time. Where the peer does not take them, expire closes the connection.
func (c *conn) write(ctx context.Context, b []byte) {
	c.writes.Lock()
	defer c.writes.Unlock()
	c.writing.set(c.g.clock.Now())
	defer c.writing.clear()
	if _, err := c.nc.Write(b); err != nil {
		_ = c.nc.Close()
		if !c.ending.Load() && !errors.Is(err, net.ErrClosed) {
			c.g.cannotSend(ctx, err)
		}
	}
}
