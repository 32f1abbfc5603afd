package routing_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// followTheSun is sites round the globe, a customer, a line for everybody and one for customers.
func followTheSun() viewtest.World {
	members := line("members", goldNumber+1, "sydney", "dublin")
	members.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_REJECT}
	return viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("sydney", viewtest.Daily(-2, 6, 20)...), viewtest.Site("bengaluru", viewtest.Daily(3.5, 11.5, 20)...),
			viewtest.Site("dublin", viewtest.Daily(9, 17, 20)...),
		},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("acme", []phone.Number{acmeNumber}, viewtest.Contract("db", -100, 100)),
		},
		Lines: []*routingv1.Line{line("gold", goldNumber, "sydney", "bengaluru", "dublin"), members},
	}
}

func call(to, from string) *routingv1.RouteCallRequest {
	return &routingv1.RouteCallRequest{
		CallId: "call-1", DialledNumber: to, Caller: &routingv1.Caller{Number: from},
		Gateway: &routingv1.GatewayInfo{GatewayId: "sip-1"},
	}
}

// shape is a route for reading: its line and targets, or its end.
func shape(r *routingv1.Route) string {
	if r.GetEnd() != nil {
		return r.GetLine() + " " + r.GetEnd().GetCause().String()
	}
	parts := []string{r.GetLine()}
	for _, target := range r.GetForward().GetTargets() {
		parts = append(parts, target.GetTargetId())
	}
	return strings.Join(parts, " ")
}

func (h *house) route(t testing.TB, to, from string) *routingv1.Route {
	t.Helper()
	resp, err := h.routing.RouteCall(t.Context(), call(to, from))
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetRoute()
}

func TestCallsAreAnsweredOnceTheViewIsListed(t *testing.T) {
	h := build(t)
	h.put(t, followTheSun().Records()...)
	_, err := h.routing.RouteCall(t.Context(), call("+61255500100", "+13035550100"))
	wantReason(t, err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	_, err = h.routing.ExplainRoute(t.Context(), &routingv1.ExplainRouteRequest{Line: "lines/gold"})
	wantReason(t, err, rpcv1.Reason_REASON_VIEW_NOT_READY)
	if h.service.Ready() {
		t.Error("ready without a view")
	}
	h.run(t)
	if got := shape(h.route(t, "+61255500100", "+13035550100")); got != "lines/gold bengaluru.1 sydney.1 last-resort" {
		t.Error(got)
	}
}

func TestRouteCall(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	for _, c := range []struct{ to, from, want string }{
		{"+61255500100", "+13035550100", "lines/gold bengaluru.1 sydney.1 last-resort"},
		{"61255500100", "13035550100", "lines/gold bengaluru.1 sydney.1 last-resort"},
		{"0061 2 5550 0100", "anonymous", "lines/gold bengaluru.1 sydney.1 last-resort"},
		{"+61255500101", "+13035550100", "lines/members sydney.1 last-resort"},
		{"+61255500101", "+13035550199", "lines/members END_CAUSE_REFUSED"},
		{"+61255500101", "", "lines/members END_CAUSE_REFUSED"},
		{"+61255500102", "+13035550100", " END_CAUSE_UNKNOWN_LINE"},
		{"operator", "+13035550100", " END_CAUSE_UNKNOWN_LINE"},
	} {
		r := h.route(t, c.to, c.from)
		if got := shape(r); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.from, c.to, got, c.want)
		}
		if r.GetCallId() != "call-1" || len(r.GetContinuation()) != 0 || r.GetExplanation().GetViewRevision() == 0 {
			t.Errorf("route %v", r)
		}
	}
	if class := h.route(t, "+61255500100", "+13035550100").GetExplanation(); class.GetCallerClass() !=
		routingv1.CallerClass_CALLER_CLASS_ENTITLED || class.GetCustomers()[0] != "customers/acme" {
		t.Errorf("explanation %v", class)
	}
}

func TestAChangeIsInForceAtOnce(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	closed := viewtest.SiteRecord(viewtest.Site("bengaluru", viewtest.Daily(20, 21, 3)...))
	h.applied(t, h.put(t, closed))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold sydney.1 last-resort" {
		t.Error(got)
	}
	h.clock.Set(viewtest.At(9.5))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold dublin.1 last-resort" {
		t.Error(got)
	}
}

// A record that cannot be read leaves what was known in force, and is told of.
func TestAnUnreadableRecordStopsNoCall(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	bad := viewtest.SiteRecord(viewtest.Site("bengaluru"))
	bad.Value = []byte{0xff}
	h.applied(t, h.put(t, bad))
	if got := shape(h.route(t, "+61255500100", "")); got != "lines/gold bengaluru.1 sydney.1 last-resort" {
		t.Error(got)
	}
	// What is in force is told of a moment later.
	await.True(t, "the record to be told of", func() bool { return strings.Contains(h.log.String(), "key="+bad.Key) })
	if got := h.metric(t, "dayside.view.problems"); got != 1 {
		t.Errorf("%v problems counted", got)
	}
}

func TestBadCallsAreNamed(t *testing.T) {
	h := open(t)
	for what, r := range map[string]*routingv1.RouteCallRequest{
		"no call id":        {DialledNumber: "+61255500100"},
		"no dialled number": {CallId: "1"},
		"a long call id":    {CallId: strings.Repeat("x", 256), DialledNumber: "+61255500100"},
		"a long number":     {CallId: "1", DialledNumber: canary + strings.Repeat("0", 60)},
		"a capability of a later release": {
			CallId: "1", DialledNumber: "+61255500100",
			Gateway: &routingv1.GatewayInfo{Capabilities: []routingv1.Capability{77}},
		},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.routing.RouteCall(t.Context(), r)
			wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
		})
	}
}

func TestExplainRoute(t *testing.T) {
	h := open(t)
	w := followTheSun()
	for i := range 40 {
		id := fmt.Sprintf("extra-%02d", i)
		w.Sites = append(w.Sites, viewtest.Site(id))
		w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + id})
	}
	h.applied(t, h.put(t, w.Records()...))
	explain := func(r *routingv1.ExplainRouteRequest) *routingv1.Route {
		t.Helper()
		resp, err := h.routing.ExplainRoute(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetRoute()
	}
	now := explain(&routingv1.ExplainRouteRequest{Line: "lines/gold"})
	if got := shape(now); got != "lines/gold bengaluru.1 sydney.1 last-resort" {
		t.Error(got)
	}
	if e := now.GetExplanation(); len(e.GetSites()) != 43 || e.GetSitesOmitted() != 0 || e.GetSites()[0].GetRule() != "weekly hours" {
		t.Errorf("%d sites, %d omitted, first %v", len(e.GetSites()), e.GetSitesOmitted(), e.GetSites()[0])
	}
	if e := h.route(t, "+61255500100", "").GetExplanation(); len(e.GetSites()) != 32 || e.GetSitesOmitted() != 11 ||
		e.GetSites()[0].GetRule() != "" {
		t.Errorf("in a real call %d sites, %d omitted, first %v", len(e.GetSites()), e.GetSitesOmitted(), e.GetSites()[0])
	}
	later := explain(&routingv1.ExplainRouteRequest{
		DialledNumber: "+61255500100", Caller: &routingv1.Caller{Number: "+13035550100", Attestation: routingv1.Attestation_ATTESTATION_A},
		At: timestamppb.New(viewtest.At(33.5)), CallId: "call-9",
	})
	if got := shape(later); got != "lines/gold dublin.1 bengaluru.1 last-resort" || later.GetCallId() != "call-9" {
		t.Error(got)
	}
	e := later.GetExplanation()
	if !e.GetDecidedAt().AsTime().Equal(viewtest.At(33.5)) || e.GetVerdicts()[1] != routingv1.Verdict_VERDICT_CALLER_VERIFIED ||
		e.GetViewAge().AsDuration() != 0 {
		t.Errorf("explanation %v", e)
	}
	if got := shape(explain(&routingv1.ExplainRouteRequest{DialledNumber: "+61255500177"})); got != " END_CAUSE_UNKNOWN_LINE" {
		t.Error(got)
	}
	for what, c := range map[string]struct {
		request *routingv1.ExplainRouteRequest
		want    rpcv1.Reason
	}{
		"neither line nor number": {&routingv1.ExplainRouteRequest{}, rpcv1.Reason_REASON_INVALID_FIELD},
		"line and number": {
			&routingv1.ExplainRouteRequest{Line: "lines/gold", DialledNumber: "+61255500100"}, rpcv1.Reason_REASON_INVALID_FIELD,
		},
		"a line that is not there": {&routingv1.ExplainRouteRequest{Line: "lines/silver"}, rpcv1.Reason_REASON_NOT_FOUND},
		"a date that does not exist": {
			&routingv1.ExplainRouteRequest{Line: "lines/gold", At: &timestamppb.Timestamp{Seconds: 1 << 50}},
			rpcv1.Reason_REASON_INVALID_FIELD,
		},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.routing.ExplainRoute(t.Context(), c.request)
			wantReason(t, err, c.want)
		})
	}
	if got := h.metric(t, "dayside.route.decisions"); got != 1+h.probes(t) {
		t.Errorf("dry runs are counted as calls: %v", got)
	}
}
