package sip

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/daysidehq/dayside/services/gateway/sip/internal/check"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/wire"
)

// batchSize is how many datagrams one system call reads or writes at most. At 15,000 calls a second a batch holds a
// handful; the rest is for bursts.
const batchSize = 32

// udpReader reads datagrams in batches, answers what it can at once, and writes the answers in one batch.
type udpReader struct {
	g     *Gateway
	batch *batch
	// slots are the exchanges of a batch: an answer lies in its slot until the batch is written.
	slots []*exchange
}

func newUDPReader(g *Gateway) *udpReader {
	r := &udpReader{
		g: g, batch: newBatch(g.udp, batchSize, g.cfg.Limits.MaxMessageBytes), slots: make([]*exchange, batchSize),
	}
	for i := range r.slots {
		r.slots[i] = new(exchange)
	}
	return r
}

// serveUDP reads until done. One reader waits for datagrams; a full batch calls the others, that help until a batch is not
// full. Two that wait in turn would wake each other, and a processor, at every call.
func (g *Gateway) serveUDP(ctx context.Context, done <-chan struct{}) {
	helpers := g.cfg.Limits.Readers - 1
	calls := make(chan struct{}, max(1, helpers))
	var helping sync.WaitGroup
	defer helping.Wait()
	defer close(calls)
	for range helpers {
		helping.Go(func() {
			r := newUDPReader(g)
			for range calls {
				for n := batchSize; n == batchSize; {
					n, _ = r.read(ctx, done)
				}
			}
		})
	}
	r := newUDPReader(g)
	for {
		n, ended := r.read(ctx, done)
		if ended {
			return
		}
		if n == batchSize && helpers > 0 {
			select {
			case calls <- struct{}{}:
			default:
			}
		}
	}
}

// read reads one batch and answers it. n is its size, 0 where none could be read.
func (r *udpReader) read(ctx context.Context, done <-chan struct{}) (n int, ended bool) {
	n, err := r.batch.receive()
	select {
	case <-done:
		return 0, true
	default:
	}
	if err != nil {
		r.g.log.error(ctx, "UDP socket cannot be read", func() []slog.Attr {
			return []slog.Attr{slog.String("error", err.Error())}
		})
		return 0, errors.Is(err, net.ErrClosed)
	}
	r.serve(ctx, n)
	return n, false
}

func (r *udpReader) serve(ctx context.Context, n int) {
	// A batch that is not full has emptied the queue.
	pressed := n == batchSize && queueFill(r.g.udp) > 0.5
	now := r.g.clock.Now()
	for i := range n {
		x := r.slots[i]
		data, source, cut := r.batch.datagram(i)
		x.source, x.began, x.local = source, now, nil
		x.trusted = trusted(r.g.cfg.Trust.Peers, source.Addr())
		if r.g.anyAddr {
			x.local = answerFrom(r.batch.control(i))
		}
		if r.g.packet(ctx, x, data, cut, pressed) && len(x.out) > 0 {
			r.batch.answer(i, x.out, replyPort(x), x.local)
		}
	}
	if err := r.batch.flush(); err != nil {
		r.g.cannotSend(ctx, err)
	}
}

// packet answers one datagram into x.out. It is false where the answer comes later, from another goroutine.
func (g *Gateway) packet(ctx context.Context, x *exchange, data []byte, cut, pressed bool) (answered bool) {
	defer g.recovered(ctx, x)
	wire.Scan(data, &x.msg)
	var v check.Verdict
	if cut {
		v = tooLarge()
	}
	switch {
	case !g.inspect(ctx, x, v):
		return true
	case pressed:
		g.shed(ctx, x, shedQueue)
		return true
	case !g.enter():
		g.shed(ctx, x, shedInFlight)
		return true
	case g.cfg.RouterInProcess:
		defer g.leave()
		g.decide(ctx, x)
		return true
	}
	g.later(ctx, x, data, func(ctx context.Context, x *exchange) {
		g.decide(ctx, x)
		to := netip.AddrPortFrom(x.source.Addr(), replyPort(x))
		if _, _, err := g.udp.WriteMsgUDPAddrPort(x.out, x.local, to); err != nil {
			g.cannotSend(ctx, err)
		}
	})
	return false
}

// later runs decide in a goroutine of its own, on a copy of the exchange, and gives the place among calls back.
func (g *Gateway) later(ctx context.Context, x *exchange, data []byte, decide func(context.Context, *exchange)) {
	y, ok := g.idle.Get().(*exchange)
	if !ok {
		y = new(exchange)
	}
	y.source, y.local, y.stream, y.trusted, y.began = x.source, x.local, x.stream, x.trusted, x.began
	y.own(data)
	g.calls.Go(func() {
		defer g.idle.Put(y)
		defer g.leave()
		defer g.recovered(ctx, y)
		check.Inspect(&y.msg, y.stream, &y.req)
		decide(ctx, y)
	})
}

func tooLarge() check.Verdict {
	return check.Verdict{
		Status: 513, Phrase: "Message Too Large", Field: "message", Rule: "must be at most as long as this gateway's limit",
	}
}

// recovered keeps one message from ending the process. It gets no answer: what failed may be the making of answers.
func (g *Gateway) recovered(ctx context.Context, x *exchange) {
	p := recover()
	if p == nil {
		return
	}
	x.out = x.out[:0]
	g.log.error(ctx, "panic on a SIP message", func() []slog.Attr {
		return []slog.Attr{slog.Any("panic", p), slog.String("stack", string(debug.Stack()))}
	})
}

// replyPort is where a response over UDP goes, at the address that the request came from: its source port where the sender
// asks for that (RFC 3581, 4) or its Via cannot be read, else the port it names (RFC 3261, 18.2.2). maddr is not followed:
// it is for multicast, and would let a stranger aim our answers at others.
func replyPort(x *exchange) uint16 {
	switch {
	case !x.req.HasVia || x.req.Via.RPort:
		return x.source.Port()
	case x.req.Via.Port > 0:
		return uint16(x.req.Via.Port)
	}
	const sipPort = 5060
	return sipPort
}

func (g *Gateway) cannotSend(ctx context.Context, err error) {
	g.log.warn(ctx, "a SIP response cannot be sent", func() []slog.Attr {
		return []slog.Attr{slog.String("error", err.Error())}
	})
}
