package systemtest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// canary is a hidden number that stands nowhere else; canaryDigits must be in nothing that a run writes.
const (
	canary       = "+61255587654"
	canaryDigits = "255587654"
	// callerDigits are those of a caller, who appears masked or hashed only.
	callerDigits = "3035550101"
)

// traceSink is a collector that keeps what it is sent, as text.
type traceSink struct {
	coltracepb.UnimplementedTraceServiceServer
	text syncBuffer
}

// Export keeps a batch of spans.
func (s *traceSink) Export(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (
	*coltracepb.ExportTraceServiceResponse, error,
) {
	text, err := protojson.Marshal(r)
	if err != nil {
		return nil, err
	}
	_, err = s.text.Write(text)
	return &coltracepb.ExportTraceServiceResponse{}, err
}

func startTraceSink(t testing.TB) (*traceSink, string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink, srv := &traceSink{}, grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(srv, sink)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	return sink, l.Addr().String()
}

// canaryFolder is the example with the hidden number replaced.
func canaryFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(repo(t), "deploy", "examples", "followthesun", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no example: %v", err)
	}
	replaced := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		replaced += strings.Count(string(text), exampleHiddenNumber)
		changed := strings.ReplaceAll(string(text), exampleHiddenNumber, canary)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if replaced != 1 {
		t.Fatalf("the hidden number stands %d times in the example, want 1", replaced)
	}
	return dir
}

// TestTheHiddenNumberIsInNothingThatIsWritten makes a run do all it can, faults included, and then searches its logs,
// traces, metrics, errors and etcd keys.
func TestTheHiddenNumberIsInNothingThatIsWritten(t *testing.T) {
	sink, otlp := startTraceSink(t)
	s := startOne(t, options{otlp: otlp, folder: canaryFolder(t)})
	var errors, prints strings.Builder
	note := func(err error) {
		if err != nil {
			errors.WriteString(err.Error() + "\n")
		}
	}
	routing, lines := routingv1.NewRoutingServiceClient(s.grpc), routingv1.NewLineServiceClient(s.grpc)
	for _, transport := range []string{"udp", "tcp"} {
		for _, caller := range []string{exampleCaller, exampleRefusedCaller, "anonymous"} {
			if resp := s.invite(t, transport, canary, caller); resp.status != 302 && resp.status != 403 {
				t.Errorf("SIP over %s: %d", transport, resp.status)
			}
		}
	}
	s.route(t, canary, exampleCaller)
	long := canary + strings.Repeat("0", 100)
	_, err := routing.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "bad", DialledNumber: long})
	note(err)
	_, err = routing.ExplainRoute(t.Context(), &routingv1.ExplainRouteRequest{DialledNumber: long})
	note(err)
	_, err = routing.ContinueCall(t.Context(), &routingv1.ContinueCallRequest{CallId: "c", DialledNumber: canary})
	note(err)
	for _, n := range []string{canary, canary + " ", "00" + canary[1:]} { // taken, and twice not E.164
		_, err = lines.CreateLine(t.Context(), &routingv1.CreateLineRequest{Line: &routingv1.Line{
			Name: "lines/copy", DisplayName: "Copy", Number: number(n),
			Sites: []*routingv1.LineSite{{Site: "sites/dublin"}},
			LastResort: &routingv1.LastResort{Kind: routingv1.LastResort_KIND_PERSON, Target: &schedulev1.Target{
				Address: &schedulev1.Target_SipUri{SipUri: "sip:duty@hq.example.com"},
			}},
		}})
		if err == nil {
			t.Errorf("%q was taken as a number", n)
		}
		note(err)
	}
	code, body := s.post(t, "/v1/calls:route", []byte(`{"callId":"x","dialledNumber":"`+canary+`","colour":"red"}`))
	if code != 400 {
		t.Errorf("an unknown field: %d", code)
	}
	errors.Write(body)
	for _, args := range [][]string{
		{"open", "gold-emergency"}, {"why", "dublin"}, {"route", "--to", "gold-emergency", "--from", exampleCaller},
		{"call", "gold-emergency", "--gateway", s.sipUDP}, {"list", "lines"}, {"coverage", "gold-emergency"},
		{"coverage", "gold-emergency", "--ics"}, {"coverage", "gold-emergency", "--svg"},
		{"apply", "-f", canaryFolder(t), "--dry-run"},
	} {
		stdout, stderr, err := s.cli(t, args...)
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, stderr)
		}
		prints.WriteString(stdout + stderr)
	}
	_, metrics := s.get(t, "/metrics")
	await.True(t, "the traces to arrive", func() bool { return strings.Contains(sink.text.String(), "RoutingService/RouteCall") })
	for what, text := range map[string]string{
		"the log": s.logs.String(), "the traces": sink.text.String(), "the metrics": string(metrics),
		"the errors": errors.String(), "etcd's keys": s.keys(t), "what the commands print": prints.String(),
	} {
		if text == "" {
			t.Errorf("%s is empty: nothing was searched", what)
		}
		if i := strings.Index(text, canaryDigits); i >= 0 {
			t.Errorf("the hidden number is in %s: …%s…", what, text[max(0, i-200):min(len(text), i+50)])
		}
		if i := strings.Index(text, callerDigits); i >= 0 && what != "what the commands print" {
			t.Errorf("a caller's number is in %s: …%s…", what, text[max(0, i-200):min(len(text), i+50)])
		}
	}
}

// keys are all keys of the cluster, a line each.
func (s *system) keys(t testing.TB) string {
	t.Helper()
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{s.etcd}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	entries, _, err := c.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Key + "\n")
	}
	return b.String()
}
