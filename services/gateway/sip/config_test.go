package sip

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

func testDeps() Deps {
	return Deps{
		Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler), MeterProvider: metricnoop.NewMeterProvider(),
		TracerProvider: tracenoop.NewTracerProvider(),
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	_, err := New(Config{
		ListenUDP: "5060", PSTNDomain: "trunk>\r\nX: y", Trust: Trust{CallerHeaders: []string{"From", "Remote-Party-ID"}},
		Limits: Limits{MaxMessageBytes: 70_000, MaxTCPConns: -1, IdleTimeout: -5},
	}, fixedRouter{}, testDeps())
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
		t.Fatal(err)
	}
	for _, want := range []string{
		`sip.listen_udp: "5060"`, "sip.gateway_id", "sip.pstn_domain", `sip.trust.caller_headers[1]: "Remote-Party-ID"`,
		`sip.limits.max_message_bytes: "70000"`, `sip.limits.max_tcp_conns: "-1"`, "sip.limits.idle_timeout",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if _, err := New(Config{GatewayID: "x"}, fixedRouter{}, testDeps()); err == nil ||
		!strings.Contains(err.Error(), "one of listen_udp and listen_tcp must be set") {
		t.Error(err)
	}
}

// A port in use is one clear line, and gives back what was bound before it.
func TestPortInUse(t *testing.T) {
	cfg := Config{GatewayID: "x", ListenTCP: "127.0.0.1:0"}
	g, err := New(cfg, fixedRouter{}, testDeps())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	_, addr := g.Addrs()
	_, err = New(Config{GatewayID: "y", ListenUDP: addr.String(), ListenTCP: addr.String()}, fixedRouter{}, testDeps())
	if err == nil || !strings.Contains(err.Error(), "sip.listen_tcp") || !strings.Contains(err.Error(), "in use") ||
		strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v", err)
	}
	again, err := New(Config{GatewayID: "y", ListenUDP: addr.String()}, fixedRouter{}, testDeps())
	if err != nil {
		t.Fatalf("the UDP port was not given back: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestTrusted(t *testing.T) {
	peers := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("2001:db8::/32")}
	for addr, want := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.16": false, "2001:db8::1": true, "127.0.0.1": false,
	} {
		if got := trusted(peers, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}
