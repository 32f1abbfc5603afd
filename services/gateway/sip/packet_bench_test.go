package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// An INVITE as SIPp sends it.
const benchInvite = "INVITE sip:+61255501234@127.0.0.1:5060 SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-4314-1-0;rport\r\n" +
	"From: <sip:+13035550123@127.0.0.1:5061>;tag=4314SIPpTag001\r\n" +
	"To: <sip:+61255501234@127.0.0.1:5060>\r\n" +
	"Call-ID: 1-4314@127.0.0.1\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Contact: <sip:sipp@127.0.0.1:5061>\r\n" +
	"Max-Forwards: 70\r\n" +
	"Subject: Performance Test\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 129\r\n\r\n" +
	"v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

// BenchmarkPacket is what a redirect costs between two system calls, without a decision; beside it, what sipgo's parser
// alone takes for the same bytes.
func BenchmarkPacket(b *testing.B) {
	b.Run("redirect", func(b *testing.B) {
		g, err := New(
			Config{GatewayID: "bench", ListenUDP: "127.0.0.1:0", RouterInProcess: true},
			fixedRouter{redirectTo("sip:support@dublin.example.com", "sip:support@bengaluru.example.com",
				"sip:support@sydney.example.com", "tel:+13035550100")},
			Deps{
				Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
				MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
				TracerProvider: sdktrace.NewTracerProvider(
					sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.01)))),
			})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = g.Close() }()
		x := &exchange{source: netip.MustParseAddrPort("127.0.0.1:5061"), began: g.clock.Now()}
		data := []byte(benchInvite)
		b.ReportAllocs()
		for b.Loop() {
			if !g.packet(context.Background(), x, data, false, false) || len(x.out) < 100 {
				b.Fatalf("answer: %q", x.out)
			}
		}
	})
	b.Run("sipgo-parser", func(b *testing.B) {
		p := sip.NewParser()
		data := []byte(benchInvite)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.ParseSIP(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
