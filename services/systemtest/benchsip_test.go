package systemtest

import (
	"os"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/services/gateway/sip/bench"
)

// BenchmarkSIPRedirects drives `dayside serve`, all in one process with the example configuration and 1% of calls traced,
// by SIPp: 15,000 redirects a second, a flood beyond saturation, and CPU time a redirect beside Kamailio's drouting.
func BenchmarkSIPRedirects(b *testing.B) {
	peer(b, "sipp")
	peer(b, "kamailio")
	collector, err := serveBare(b.Context(), func(s *grpc.Server) {
		coltracepb.RegisterTraceServiceServer(s, discardTraces{})
	}, grpc.ForceServerCodecV2(discardCodec{}))
	if err != nil {
		b.Fatal(err)
	}
	srv := serve(b, b.TempDir(), "--otlp", collector, "--sample-ratio", "0.01")
	report, err := bench.Run(b.Context(), bench.Target{
		Addr: srv.addresses(b).SIPUDP, PID: srv.cmd.Process.Pid, Number: exampleHiddenNumber, Caller: exampleCaller,
	}, bench.Options{Log: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	b.Log("\n" + report.String())
	for _, problem := range report.Problems(true) {
		b.Error("not kept: " + problem)
	}
	b.ReportMetric(report.Ratio(), "cpu-dayside/kamailio")
	b.ReportMetric(float64(report.Long.MaxRSSBytes>>20), "MB")
	b.ReportMetric(0, "ns/op")
	srv.interrupt(b)
}
