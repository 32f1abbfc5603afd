package systemtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
)

// startJaeger runs a real Jaeger until the test ends, and answers with its OTLP and its query address.
func startJaeger(t testing.TB) (otlp, query string) {
	t.Helper()
	path := peer(t, "jaeger")
	otlp, query = freeAddr(t), freeAddr(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--config",
		filepath.Join(repo(t), "deploy", "jaeger", "jaeger.yaml"))
	cmd.Env = append(os.Environ(), "DAYSIDE_JAEGER_OTLP_PORT="+port(t, otlp), "DAYSIDE_JAEGER_QUERY_PORT="+port(t, query),
		"DAYSIDE_JAEGER_QUERY_GRPC_PORT="+port(t, freeAddr(t)))
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	await.True(t, "Jaeger to answer", func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+query+"/api/services", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return otlp, query
}

func port(t testing.TB, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// jaegerSpan is a span as Jaeger's query API gives it.
type jaegerSpan struct {
	OperationName string      `json:"operationName"`
	TraceID       string      `json:"traceID"`
	Tags          []jaegerTag `json:"tags"`
	Logs          []struct {
		Fields []jaegerTag `json:"fields"`
	} `json:"logs"`
}

type jaegerTag struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

func (s jaegerSpan) tag(key string) any {
	for _, t := range s.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return nil
}

// findTrace asks Jaeger for the trace of a call.
func findTrace(t testing.TB, query, callID string) []jaegerSpan {
	t.Helper()
	tags, err := json.Marshal(map[string]string{"dayside.call_id": callID})
	if err != nil {
		t.Fatal(err)
	}
	u := "http://" + query + "/api/traces?service=dayside&tags=" + url.QueryEscape(string(tags))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var found struct {
		Data []struct {
			Spans []jaegerSpan `json:"spans"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	if len(found.Data) == 0 {
		return nil
	}
	if len(found.Data) > 1 {
		t.Fatalf("%d traces of one call", len(found.Data))
	}
	return found.Data[0].Spans
}

// TestACallIsOneTraceInJaeger places a call as a phone does, and looks it up as an SRE does.
func TestACallIsOneTraceInJaeger(t *testing.T) {
	for name, start := range kinds() {
		t.Run(name, func(t *testing.T) {
			otlp, query := startJaeger(t)
			s := start(t, options{otlp: otlp})
			resp := s.invite(t, "udp", exampleHiddenNumber, exampleCaller)
			if resp.status != 302 {
				t.Fatalf("SIP %d", resp.status)
			}
			wantSpans := 2 // the packet; the request that decides
			if name == "processes" {
				wantSpans = 3 // and the request as the gateway sends it
			}
			var spans []jaegerSpan
			await.True(t, "the trace to be in Jaeger", func() bool {
				spans = findTrace(t, query, resp.callID)
				return len(spans) >= wantSpans
			})
			packet := spanWith(t, spans, "sip.invite", "dayside.call_id")
			if packet.tag("dayside.call_id") != resp.callID {
				t.Errorf("the packet's span: %v", packet.Tags)
			}
			decision := spanWith(t, spans, "dayside.routing.v1.RoutingService/RouteCall", "dayside.line")
			for key, want := range map[string]any{
				"dayside.call_id": resp.callID, "dayside.line": "lines/gold-emergency", "dayside.action": "forward",
				"dayside.site": "sites/dublin",
			} {
				if got := decision.tag(key); got != want {
					t.Errorf("%s: %v, want %v", key, got, want)
				}
			}
			for _, key := range []string{"dayside.reason", "dayside.view.revision", "dayside.view.age", "dayside.tzdata"} {
				if decision.tag(key) == nil {
					t.Errorf("no %s among %v", key, decision.Tags)
				}
			}
			if len(decision.Logs) == 0 {
				t.Error("the rejected sites are not events of the span")
			}
		})
	}
}

// spanWith is the span of that name that has a tag: of a request, the server's side.
func spanWith(t testing.TB, spans []jaegerSpan, name, tag string) jaegerSpan {
	t.Helper()
	for _, s := range spans {
		if s.OperationName == name && s.tag(tag) != nil {
			return s
		}
	}
	t.Fatalf("no span %s with %s among %v", name, tag, spans)
	return jaegerSpan{}
}
