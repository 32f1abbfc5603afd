package sip

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/daysidehq/dayside/services/internal/clock"
)

var (
	testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	udpPeer  = netip.MustParseAddrPort("192.0.2.7:5066")
)

// soon is a deadline for what must come.
func soon() time.Time { return clock.System{}.Now().Add(patience) }

// patience is how long a test waits for what must come.
const patience = time.Minute

func testConfig() Config {
	return Config{
		GatewayID: "test", ListenUDP: "127.0.0.1:0", ListenTCP: "127.0.0.1:0", RouterInProcess: true,
		Limits: Limits{MessageTimeout: 10 * time.Second, IdleTimeout: time.Hour, WriteTimeout: time.Hour},
	}
}

// harness is a gateway that runs, and what it told.
type harness struct {
	*Gateway
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	logs   *syncBuffer
	stop   func() error
}

// startGateway runs a gateway for the length of a test.
func startGateway(t testing.TB, cfg Config, router Router, c clock.Clock) *harness {
	t.Helper()
	h := &harness{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader(), logs: &syncBuffer{}}
	g, err := New(cfg, router, Deps{
		Clock: c, Logger: slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(h.reader)),
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(h.spans)),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Gateway = g
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	h.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-clock.System{}.After(patience):
			return fmt.Errorf("the gateway did not stop")
		}
	})
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// peer is a phone's connection to a gateway.
type peer struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func dialTCP(t testing.TB, h *harness) *peer {
	t.Helper()
	_, addr := h.Addrs()
	return dial(t, "tcp", addr)
}

func dialUDP(t testing.TB, h *harness) *peer {
	t.Helper()
	addr, _ := h.Addrs()
	return dial(t, "udp", addr)
}

func dial(t testing.TB, network string, addr netip.AddrPort) *peer {
	t.Helper()
	nc, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return &peer{t, nc, bufio.NewReaderSize(nc, 65536)}
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	if _, err := p.nc.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// response reads one response: ours have no body.
func (p *peer) response() string {
	p.t.Helper()
	r, err := p.read()
	if err != nil {
		p.t.Fatalf("no response: %v (got %q)", err, r)
	}
	return r
}

func (p *peer) read() (string, error) {
	if err := p.nc.SetReadDeadline(soon()); err != nil {
		return "", err
	}
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		line, err := p.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), err
		}
	}
	return b.String(), nil
}

// closed waits until the gateway has ended the connection.
func (p *peer) closed() {
	p.t.Helper()
	if err := p.nc.SetReadDeadline(soon()); err != nil {
		p.t.Fatal(err)
	}
	if b, err := io.ReadAll(p.r); err != nil && !strings.Contains(err.Error(), "reset") {
		p.t.Fatalf("the connection is still open: %v (got %q)", err, b)
	}
}

// keepAdvancing moves a clock on, again and again, until stopped: whoever looks at it will see that time has passed.
func keepAdvancing(c *clock.Manual, step time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-clock.System{}.After(time.Millisecond):
				c.Advance(step)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := clock.System{}.After(patience)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-clock.System{}.After(time.Millisecond):
		}
	}
}

// request is an INVITE with header fields of its own: lines that end in CRLF. callID goes into the branch too.
func request(method, uri, callID, more string) string {
	return method + " " + uri + " SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.7:5066;branch=z9hG4bK" + callID + ";rport\r\n" +
		"From: <sip:+13035550123@example.com>;tag=f" + callID + "\r\n" +
		"To: <" + uri + ">\r\n" +
		"Call-ID: " + callID + "\r\n" +
		"CSeq: 1 " + method + "\r\n" +
		"Max-Forwards: 70\r\n" + more +
		"Content-Length: 0\r\n\r\n"
}

const lineURI = "sip:+61255501234@192.0.2.1"

func inviteRequest(callID string) string { return request("INVITE", lineURI, callID, "") }

func optionsRequest(callID string) string { return request("OPTIONS", "sip:192.0.2.1", callID, "") }

func header(response, name string) (values []string) {
	for line := range strings.SplitSeq(response, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			values = append(values, v)
		}
	}
	return values
}
