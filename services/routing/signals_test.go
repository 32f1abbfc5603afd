package routing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// metric is the sum of a metric's points that have all of the attributes, given as "key=value".
func (h *house) metric(t testing.TB, name string, attrs ...string) float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := h.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	has := func(set attribute.Set) bool {
		for _, a := range attrs {
			key, value, _ := strings.Cut(a, "=")
			if v, ok := set.Value(attribute.Key(key)); !ok || v.AsString() != value {
				return false
			}
		}
		return true
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					if has(p.Attributes) {
						sum += float64(p.Value)
					}
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					if has(p.Attributes) {
						sum += float64(p.Value)
					}
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					sum += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					sum += float64(p.Count)
				}
			}
		}
	}
	return sum
}

// probes is how often `applied` asked.
func (h *house) probes(t testing.TB) float64 {
	t.Helper()
	return h.metric(t, "dayside.route.decisions", "dayside.action=unknown_line")
}

func (h *house) span(t testing.TB, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found sdktrace.ReadOnlySpan
	for _, s := range h.spans.Ended() {
		if s.Name() == name {
			found = s
		}
	}
	if found == nil {
		t.Fatalf("no span %s", name)
	}
	return found
}

func attrsOf(s sdktrace.ReadOnlySpan) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes() {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

// routeSpan is the span of a request that decides.
const routeSpan = "dayside.routing.v1.RoutingService/RouteCall"

func TestASpanTellsHowACallWasDecided(t *testing.T) {
	h := open(t)
	revision := h.put(t, followTheSun().Records()...)
	h.applied(t, revision)
	h.clock.Advance(3 * time.Second)
	heard := h.route(t, "+61255500100", "+13035550100").GetExplanation()
	span := h.span(t, routeSpan)
	want := map[string]string{
		"dayside.call_id": "call-1", "dayside.action": "forward", "dayside.line": "lines/gold",
		"dayside.site": "sites/bengaluru", "dayside.reason": "LADDER_SITES",
		"dayside.tzdata": "2025c", "dayside.view.revision": fmt.Sprint(heard.GetViewRevision()),
		"dayside.view.age": fmt.Sprint(heard.GetViewAge().AsDuration().Seconds()),
	}
	got := attrsOf(span)
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %q, want %q", key, got[key], value)
		}
	}
	if hash := attrsOf(span)["dayside.caller.hash"]; len(hash) != 16 {
		t.Errorf("caller hash %q", hash)
	}
	if ev := span.Events(); len(ev) != 1 || ev[0].Name != "rejected sites/dublin CLOSED" {
		t.Errorf("events %v", ev)
	}
	first := attrsOf(span)["dayside.caller.hash"]
	h.route(t, "+61255500100", "+13035550101")
	if other := attrsOf(h.span(t, routeSpan))["dayside.caller.hash"]; other == first {
		t.Error("two callers have one hash")
	}
	h.route(t, "+61255500101", "")
	refused := attrsOf(h.span(t, routeSpan))
	if refused["dayside.action"] != "refused" || refused["dayside.reason"] != "ENTITLEMENT_UNKNOWN" || refused["dayside.caller.hash"] != "" {
		t.Errorf("a refused caller: %v", refused)
	}
}

func TestMetricsCountDecisionsAndShowTheView(t *testing.T) {
	h := open(t)
	revision := h.put(t, followTheSun().Records()...)
	h.applied(t, revision)
	for range 3 {
		h.route(t, "+61255500100", "+13035550100")
	}
	h.route(t, "+61255500101", "")
	h.clock.Set(viewtest.At(20))
	h.route(t, "+61255500100", "")
	for _, c := range []struct {
		want  float64
		attrs []string
	}{
		{3, []string{"dayside.line=lines/gold", "dayside.action=forward", "dayside.caller.class=ENTITLED"}},
		{1, []string{"dayside.line=lines/members", "dayside.action=refused", "dayside.caller.class=UNKNOWN"}},
		{1, []string{"dayside.line=lines/gold", "dayside.action=last_resort", "dayside.caller.class=UNKNOWN"}},
	} {
		if got := h.metric(t, "dayside.route.decisions", c.attrs...); got != c.want {
			t.Errorf("%v: %v, want %v", c.attrs, got, c.want)
		}
	}
	if all, timed := h.metric(t, "dayside.route.decisions"), h.metric(t, "dayside.route.duration"); all != timed {
		t.Errorf("%v decisions, %v timed", all, timed)
	}
	if got := h.metric(t, "dayside.view.revision"); got < float64(revision) {
		t.Errorf("view at revision %v, want %d", got, revision)
	}
	if got := h.metric(t, "dayside.view.records", "kind=sites"); got != 3 {
		t.Errorf("%v sites", got)
	}
}

func TestLogTellsWhatSomebodyShouldLookAt(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	h.route(t, "+61255500100", "+13035550100")
	if strings.Contains(h.log.String(), "call-1") {
		t.Errorf("an ordinary call is logged:\n%s", h.log)
	}
	h.route(t, "+61255500101", "+13035550199")
	h.clock.Set(viewtest.At(20))
	h.route(t, "+61255500100", "+13035550100")
	out := h.log.String()
	for _, want := range []string{
		`level=INFO msg="call refused" action=refused call_id=call-1 gateway=sip-1 caller=+13…99 class=UNKNOWN reason=ENTITLEMENT_UNKNOWN line=lines/members`,
		`level=WARN msg="call goes to the last resort: no site is open" action=last_resort`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the log lacks %s:\n%s", want, out)
		}
	}
}

// A flood of refused calls is counted, not written down.
func TestAFloodDoesNotFillTheLog(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	const flood = 500
	for range flood {
		h.route(t, "+61255500101", "+13035550199")
	}
	if got := strings.Count(h.log.String(), "call refused"); got != 20 {
		t.Errorf("%d lines of %d refused calls in a second", got, flood)
	}
	h.clock.Advance(time.Second)
	h.route(t, "+61255500101", "+13035550199")
	if !strings.Contains(h.log.String(), "lines_dropped=480") {
		t.Error("the next line does not say how many are missing")
	}
	if got := h.metric(t, "dayside.route.decisions", "dayside.action=refused"); got != flood+1 {
		t.Errorf("%v refusals counted", got)
	}
}

// Whatever a run wrote is searched for the hidden number and for a caller's.
func TestNumbersAreInNothingThatARunWrites(t *testing.T) {
	h := open(t)
	world := followTheSun()
	h.applied(t, h.put(t, viewtest.World{Sites: world.Sites, Customers: world.Customers}.Records()...))
	for _, l := range world.Lines {
		if _, err := h.lines.CreateLine(t.Context(), createLine(l)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.lines.CreateLine(t.Context(), createLine(line("copy", goldNumber, "sydney")))
	wantReason(t, err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	_, err = h.lines.CreateLine(t.Context(), createLine(line("gone", goldNumber, "nowhere")))
	wantReason(t, err, rpcv1.Reason_REASON_ALREADY_EXISTS)
	h.applied(t, h.put(t))
	for _, to := range []string{"+61255500100", "+61255500101", "+61255500188"} {
		h.route(t, to, "+13035550100")
		h.route(t, to, "+13035550155")
	}
	var wrote strings.Builder
	wrote.WriteString(h.log.String())
	for _, s := range h.spans.Ended() {
		fmt.Fprintln(&wrote, s.Name(), s.Attributes(), s.Events(), s.Status())
	}
	var metrics metricdata.ResourceMetrics
	if err := h.metrics.Collect(t.Context(), &metrics); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&wrote, "%+v\n", metrics)
	entries, _, err := h.etcd.ListAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fmt.Fprintln(&wrote, e.Key)
		if strings.HasPrefix(e.Key, "pub/routing/") {
			fmt.Fprintf(&wrote, "%s\n", e.Value)
		}
	}
	for _, secret := range []string{"55500100", "55500101", "55500188", "3035550100", "3035550155"} {
		if at := strings.Index(wrote.String(), secret); at >= 0 {
			t.Errorf("%s is in: …%s…", secret, wrote.String()[max(0, at-100):min(wrote.Len(), at+50)])
		}
	}
}
