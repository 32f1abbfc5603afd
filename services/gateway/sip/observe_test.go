package sip

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// counter is the sum of a counter over the sets that hold the labels.
func (h *harness) counter(t testing.TB, name string, labels ...map[string]string) (sum int64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := h.reader.Collect(context.Background(), &rm); err != nil {
		t.Fatal(err)
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			data, ok := m.Data.(metricdata.Sum[int64])
			if m.Name != name || !ok {
				continue
			}
			for _, p := range data.DataPoints {
				if holds(p, labels) {
					sum += p.Value
				}
			}
		}
	}
	return sum
}

func holds(p metricdata.DataPoint[int64], labels []map[string]string) bool {
	for _, set := range labels {
		for k, want := range set {
			found := false
			for _, kv := range p.Attributes.ToSlice() {
				found = found || string(kv.Key) == k && kv.Value.AsString() == want
			}
			if !found {
				return false
			}
		}
	}
	return true
}

func (h *harness) waitFor(t testing.TB, name string, labels map[string]string, want int64) {
	t.Helper()
	eventually(t, name, func() bool { return h.counter(t, name, labels) == want })
}

// One span a call, from its packet; the decision sees it as its parent.
func TestACallIsOneSpan(t *testing.T) {
	var parent trace.SpanContext
	router := routerFunc(func(ctx context.Context, _ *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
		parent = trace.SpanContextFromContext(ctx)
		return &routingv1.RouteCallResponse{Route: redirectTo("sip:a@dublin.example.com")}, nil
	})
	g := startGateway(t, testConfig(), router, clock.NewManual(testTime))
	answerTo(g, inviteRequest("traced@example.com"))
	answerTo(g, optionsRequest("not-traced"))
	spans := g.spans.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans", len(spans))
	}
	s := spans[0]
	if s.Name() != "sip.invite" || s.SpanKind() != trace.SpanKindServer || !s.StartTime().Equal(testTime) ||
		s.SpanContext().SpanID() != parent.SpanID() {
		t.Errorf("span %v, started %v; the router saw %v", s.Name(), s.StartTime(), parent.SpanID())
	}
	got := map[string]string{}
	for _, kv := range s.Attributes() {
		got[string(kv.Key)] = kv.Value.String()
	}
	for k, want := range map[string]string{
		"dayside.call_id": "traced@example.com", "network.transport": "udp", "sip.status": "302", "sip.contacts": "1",
	} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q", k, got[k], want)
		}
	}
}

// The hidden number and the caller's are in nothing that is told, whatever goes wrong.
func TestNumbersAreNotTold(t *testing.T) {
	fail := errors.New("routing is away")
	router := routerFunc(func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
		return nil, fail
	})
	g := startGateway(t, testConfig(), router, clock.System{})
	good := strings.ReplaceAll(inviteRequest("7-61255501234-x"), "Call-ID: 7", "Call-ID: 8")
	answerTo(g, good)
	for _, old := range []string{"CSeq: 1", "Max-Forwards:", "Via: SIP", "Call-ID:", "To:", "SIP/2.0\r\n", "From: <"} {
		answerTo(g, strings.Replace(good, old, "x", 1))
	}
	if !strings.Contains(g.logs.String(), fail.Error()) || !strings.Contains(g.logs.String(), "call_id=8-number-x") {
		t.Fatalf("the failure was not logged:\n%s", g.logs)
	}
	told := g.logs.String()
	for _, s := range g.spans.Ended() {
		for _, kv := range s.Attributes() {
			told += kv.Value.String() + "\n"
		}
	}
	for _, number := range []string{"61255501234", "13035550123"} {
		if strings.Contains(told, number) {
			t.Errorf("%s was told:\n%s", number, told)
		}
	}
}

// Strangers cannot flood the log.
func TestLogLinesAreLimited(t *testing.T) {
	manual := clock.NewManual(testTime)
	g := startGateway(t, testConfig(), fixedRouter{}, manual)
	for range 1000 {
		answerTo(g, "INVITE nonsense\r\nTo: x\r\n\r\n")
	}
	if n := strings.Count(g.logs.String(), "\n"); n != 10 {
		t.Errorf("%d lines in a second", n)
	}
	manual.Advance(time.Second)
	answerTo(g, "INVITE nonsense\r\nTo: x\r\n\r\n")
	if !strings.Contains(g.logs.String(), "lines_suppressed=990") {
		t.Errorf("what was left out is not counted:\n%s", g.logs)
	}
}
