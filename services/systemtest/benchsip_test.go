package systemtest

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/services/gateway/sip/bench"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// BenchmarkSIPRedirects drives `dayside serve`, all in one process with the example configuration and 1% of calls traced,
// by SIPp: 15,000 redirects a second, a flood beyond saturation, and CPU time a redirect beside Kamailio's drouting.
func BenchmarkSIPRedirects(b *testing.B) {
	peer(b, "sipp")
	peer(b, "kamailio")
	srv := serve(b, b.TempDir(), "--otlp", discardingCollector(b), "--sample-ratio", "0.01")
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

// BenchmarkSIPRedirectsLedgerApart is the same with the ledger in a process of its own, as it stands where calls are
// many: what the path of a call costs with its record in the spool, and apart from it what the ledger costs, from its
// first record until all are delivered.
func BenchmarkSIPRedirectsLedgerApart(b *testing.B) {
	peer(b, "sipp")
	peer(b, "kamailio")
	srv := serve(b, b.TempDir(), "--otlp", discardingCollector(b), "--sample-ratio", "0.01", "schedule", "entitlement",
		"routing", "sip")
	at := srv.addresses(b)
	keeper := serve(b, b.TempDir(), "--etcd", at.Etcd, "ledger")
	ledger := keeper.addresses(b)
	before := workedBy(keeper.cmd.Process.Pid)
	report, err := bench.Run(b.Context(), bench.Target{
		Addr: at.SIPUDP, PID: srv.cmd.Process.Pid, Number: exampleHiddenNumber, Caller: exampleCaller,
	}, bench.Options{Log: os.Stderr, FloodRates: []int{20_000}, FloodSeconds: 1})
	if err != nil {
		b.Fatal(err)
	}
	during := workedBy(keeper.cmd.Process.Pid) - before
	kept := metricAt(b, ledger.HTTP, "dayside_ledger_records_total")
	for tries := 0; metricAt(b, at.HTTP, "dayside_spool_pending") > 0; tries++ {
		if tries == maxDrainS {
			b.Fatalf("%.0f records are not delivered after %d s", metricAt(b, at.HTTP, "dayside_spool_pending"), maxDrainS)
		}
		<-clock.System{}.After(time.Second)
	}
	all := workedBy(keeper.cmd.Process.Pid) - before
	total := metricAt(b, ledger.HTTP, "dayside_ledger_records_total")
	b.Log("\n" + report.String())
	b.Logf("the ledger, a process of its own: %.0f records while calls came, %.0f when all were delivered; %.1f us CPU a record "+
		"(%.1f while calls came)", kept, total, micros(all, total), micros(during, kept))
	for _, problem := range report.Problems(true) {
		b.Error("not kept: " + problem)
	}
	if dropped := metricAt(b, at.HTTP, `dayside_spool_records_total{outcome="dropped"}`); dropped > 0 {
		b.Errorf("%.0f records found no room", dropped)
	}
	b.ReportMetric(report.Ratio(), "cpu-dayside/kamailio")
	b.ReportMetric(micros(all, total), "ledger-cpu-us/record")
	b.ReportMetric(float64(report.Long.MaxRSSBytes>>20), "MB")
	b.ReportMetric(0, "ns/op")
	keeper.interrupt(b)
	srv.interrupt(b)
}

// maxDrainS bounds how long it takes until all records are delivered.
const maxDrainS = 300

func micros(worked time.Duration, records float64) float64 {
	return float64(worked.Microseconds()) / max(records, 1)
}

// discardingCollector is where traces go.
func discardingCollector(b *testing.B) string {
	b.Helper()
	addr, err := serveBare(b.Context(), func(s *grpc.Server) {
		coltracepb.RegisterTraceServiceServer(s, discardTraces{})
	}, grpc.ForceServerCodecV2(discardCodec{}))
	if err != nil {
		b.Fatal(err)
	}
	return addr
}

// metricAt is a metric that a process serves.
func metricAt(b *testing.B, addr, name string) float64 {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("%s serves no %s", addr, name)
	return 0
}
