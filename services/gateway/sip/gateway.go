// Package sip is Dayside's SIP gateway in redirect mode: it answers an INVITE for a line's number with 302 and one Contact
// a target, in the order that routing gave, or with the final response that fits. Over UDP and TCP.
//
// It is an edge: it translates, and never decides. It keeps no transaction (RFC 3261, 8.2.7): a retransmitted INVITE is
// decided again and gets the same To tag, ACK and CANCEL are taken without an answer, and a flood costs no memory. It
// carries no media, places no calls, and registers nobody.
//
// What it does otherwise than RFC 3261 says, so that strangers cannot use it against others: maddr is not followed, and
// an answer over TCP goes back on the connection that its request came on or nowhere. A source address of UDP can be
// forged: trust the peers of a network that filters, or connect them by TCP.
package sip

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/internal/caller"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// Router answers a call. routingv1.RoutingServiceClient is one. The request is the gateway's again when RouteCall
// returns; the response is the router's, and is only read. Safe for concurrent use.
type Router interface {
	RouteCall(ctx context.Context, in *routingv1.RouteCallRequest, opts ...grpc.CallOption) (
		*routingv1.RouteCallResponse, error)
}

// Deps is what the gateway needs of its process.
type Deps struct {
	Clock          clock.Clock
	Logger         *slog.Logger
	MeterProvider  metric.MeterProvider
	TracerProvider trace.TracerProvider
}

// Gateway serves SIP. Make one with New, and Run it once.
type Gateway struct {
	cfg    Config
	order  []caller.Source
	router Router
	clock  clock.Clock
	tracer trace.Tracer
	// spanKind is made once.
	spanKind trace.SpanStartOption
	met      *metrics
	// log takes what is odd; shedLog what happens to every call once it happens to one.
	log, shedLog *limitedLog
	// info is in every request to routing; nobody writes to it.
	info *routingv1.GatewayInfo
	// tagSeed keys To tags: nobody foresees them, and a retransmission gets the same one.
	tagSeed  maphash.Seed
	inFlight atomic.Int64
	idle     sync.Pool // of *exchange

	udp *net.UDPConn
	// anyAddr says that udp is bound to all addresses of the host.
	anyAddr bool
	tcp     net.Listener
	conns   connSet
	// calls are the goroutines that wait for routing.
	calls sync.WaitGroup
}

const instrumentation = "github.com/daysidehq/dayside/services/gateway/sip"

// New checks the configuration and binds the addresses, so that a port in use is known before anything starts. Faults
// name field, value and rule. A Gateway that is never run is closed by Close.
func New(cfg Config, router Router, deps Deps) (*Gateway, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	order, err := cfg.check()
	if err != nil {
		return nil, err
	}
	met, err := newMetrics(deps.MeterProvider.Meter(instrumentation))
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		cfg: cfg, order: order, router: router, clock: deps.Clock, tracer: deps.TracerProvider.Tracer(instrumentation),
		spanKind: trace.WithSpanKind(trace.SpanKindServer),
		met:      met, log: newLimitedLog(deps, 10), shedLog: newLimitedLog(deps, 1), tagSeed: maphash.MakeSeed(),
		info:  &routingv1.GatewayInfo{GatewayId: cfg.GatewayID, Capabilities: Capabilities(cfg)},
		idle:  sync.Pool{New: func() any { return new(exchange) }},
		conns: connSet{open: map[*conn]struct{}{}},
	}
	return g, g.listen()
}

// Capabilities are what routing is told that a gateway so configured can carry out.
func Capabilities(cfg Config) []routingv1.Capability {
	can := []routingv1.Capability{routingv1.Capability_CAPABILITY_REDIRECT}
	if cfg.UserToUser {
		can = append(can, routingv1.Capability_CAPABILITY_BRIEF)
	}
	return can
}

func (g *Gateway) listen() error {
	if addr := g.cfg.ListenUDP; addr != "" {
		c, err := listenUDP(addr, g.cfg.Limits.ReceiveBufferBytes)
		if err != nil {
			return listenFault("sip.listen_udp", addr, err)
		}
		g.udp = c
		if g.anyAddr, err = tellLocal(c); err != nil {
			return errors.Join(listenFault("sip.listen_udp", addr, err), g.Close())
		}
	}
	if addr := g.cfg.ListenTCP; addr != "" {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
		if err != nil {
			return errors.Join(listenFault("sip.listen_tcp", addr, err), g.Close())
		}
		g.tcp = l
	}
	return nil
}

func listenFault(field, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fault.Invalid(fault.Violation{
			Field: field, Value: addr, Rule: "is in use by another process: stop it, or choose another address",
		})
	}
	return fault.Invalid(fault.Violation{Field: field, Value: addr, Rule: "cannot be listened on: " + err.Error()})
}

// Addrs are the bound addresses; one that is not served is not valid.
func (g *Gateway) Addrs() (udp, tcp netip.AddrPort) {
	if g.udp != nil {
		udp = addrPort(g.udp.LocalAddr())
	}
	if g.tcp != nil {
		tcp = addrPort(g.tcp.Addr())
	}
	return udp, tcp
}

// addrPort is the address of a UDP or TCP socket, IPv4 as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	var p netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		p = a.AddrPort()
	case *net.TCPAddr:
		p = a.AddrPort()
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// Close gives the addresses back. Run does so by itself.
func (g *Gateway) Close() error {
	var errs []error
	if g.udp != nil {
		errs = append(errs, unlessClosed(g.udp.Close()))
	}
	if g.tcp != nil {
		errs = append(errs, unlessClosed(g.tcp.Close()))
	}
	return errors.Join(errs...)
}

func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// noDeadline takes a deadline away.
func noDeadline() time.Time { return time.Time{} }

// longAgo is a deadline that has passed, whatever the clock: it wakes a reader.
func longAgo() time.Time { return time.Unix(1, 0) }

// shutdownGrace is how long calls under way may take to be answered after Run's context has ended.
const shutdownGrace = 2 * time.Second

// Run serves until ctx ends, answers the calls under way, and gives everything back. The error is nil then.
func (g *Gateway) Run(ctx context.Context) error {
	// Decisions under way are finished after ctx has ended.
	base := context.WithoutCancel(ctx)
	var readers sync.WaitGroup
	if g.udp != nil {
		readers.Go(func() { g.serveUDP(base, ctx.Done()) })
	}
	if g.tcp != nil {
		readers.Go(func() { g.accept(base, ctx.Done()) })
		readers.Go(func() { g.sweep(ctx.Done()) })
	}
	<-ctx.Done()
	var errs []error
	if g.udp != nil {
		errs = append(errs, g.udp.SetReadDeadline(longAgo()))
	}
	if g.tcp != nil {
		errs = append(errs, g.tcp.Close())
	}
	g.conns.wakeAll()
	finished := make(chan struct{})
	go func() {
		readers.Wait()
		g.calls.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-g.clock.After(shutdownGrace):
		g.conns.closeAll()
		<-finished
	}
	g.conns.closeAll()
	if err := errors.Join(append(errs, g.Close())...); err != nil {
		return fmt.Errorf("stop SIP gateway: %w", err)
	}
	return nil
}
