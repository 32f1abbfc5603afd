package netfault

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

const (
	// proxyChunkBytes is carried at a time.
	proxyChunkBytes = 32 << 10
	// cutPoll is how often a cut direction is looked at: whether it has healed.
	cutPoll = 20 * time.Millisecond
	// dialTimeout bounds a connection to what is behind.
	dialTimeout = 2 * time.Second
)

// Proxy is a TCP listener that carries connections of one host to another's listener. A cut holds what is sent, and neither
// end is told; loss means nothing to it.
type Proxy struct {
	from, to, target string
	rules            *Rules
	clock            clock.Clock
	listener         net.Listener
	ctx              context.Context //nolint:containedctx // the Proxy's own life, which Close ends
	cancel           context.CancelFunc
	wg               sync.WaitGroup
}

// NewProxy listens on loopback for `from`, and connects to target, which is `to`'s.
func NewProxy(ctx context.Context, from, to, target string, rules *Rules, clk clock.Clock) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{from: from, to: to, target: target, rules: rules, clock: clk, listener: l}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close ends it and its connections.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.carry(in) })
	}
}

func (p *Proxy) carry(in net.Conn) {
	if !p.passes(p.from, p.to) || !p.passes(p.to, p.from) { // no handshake gets over
		_ = in.Close()
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, dialTimeout)
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.target)
	cancel()
	if err != nil {
		_ = in.Close()
		return
	}
	ctx, cancel = context.WithCancel(p.ctx)
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _, _ = in.Close(), out.Close() })
	wg.Go(func() { defer cancel(); p.copy(out, in, p.from, p.to) })
	wg.Go(func() { defer cancel(); p.copy(in, out, p.to, p.from) })
	wg.Wait()
	stop()
	_, _ = in.Close(), out.Close()
}

// copy carries one direction until it ends, or the Proxy does.
func (p *Proxy) copy(dst, src net.Conn, from, to string) {
	buf := make([]byte, proxyChunkBytes)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !p.passes(from, to) {
				return
			}
			if late, _ := p.rules.judge(Link{from, to}); late > 0 {
				_ = p.wait(late)
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// passes waits until a direction is not cut; false where the Proxy ends before.
func (p *Proxy) passes(from, to string) bool {
	for p.rules.cut(Link{from, to}) {
		if p.wait(cutPoll) != nil {
			return false
		}
	}
	return true
}

func (p *Proxy) wait(d time.Duration) error {
	select {
	case <-p.ctx.Done():
		return p.ctx.Err()
	case <-p.clock.After(d):
		return nil
	}
}
