package routing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func TestACallGoesOnUntilSomebodyAnswers(t *testing.T) {
	h := staffed(t)
	g := h.gateway("1", "+61255500100", acmeANI)
	if got := step(g.begins(t)); got != "lines/gold sydney.1 dublin.1 last-resort" || g.last.GetStepNumber() != 1 {
		t.Fatal(got)
	}
	if e := g.last.GetExplanation(); e.GetContinuation() != 0 || e.GetTreatment() != routingv1.Treatment_TREATMENT_FORWARD {
		t.Errorf("%v", e)
	}
	if !strings.HasSuffix(g.last.GetWhisper(), "acme, by the number, not verified: entitled by contract. Say hello to them.") {
		t.Errorf("whisper %q", g.last.GetWhisper())
	}
	if g.last.GetBriefToken() == "" {
		t.Error("no brief")
	}
	got := step(g.goesOn(t, tried("sydney.1=BUSY", "nonsense=ANSWERED")))
	if e := g.last.GetExplanation(); got != "lines/gold dublin.1 last-resort" || g.last.GetStepNumber() != 2 ||
		e.GetContinuation() != routingv1.ContinuationFate_CONTINUATION_FATE_READ || len(e.GetTried()) != 1 {
		t.Errorf("%s, step %d, %v", got, g.last.GetStepNumber(), e)
	}
	if got := step(g.goesOn(t, tried("dublin.1=ANSWERED"))); got != "lines/gold END_CAUSE_OVER" ||
		len(g.last.GetContinuation()) != 0 {
		t.Error(got)
	}
	if h.metric(t, "dayside.continuations", "fate=READ") != 2 {
		t.Error("not counted")
	}
}

// Any routing process of the cluster goes on with a call, and a step told twice is answered twice.
func TestAnyProcessGoesOnWithACall(t *testing.T) {
	h := staffed(t)
	other := h.beside(t)
	g := h.gateway("1", "+61255500100", acmeANI)
	first := g.begins(t).GetContinuation()
	g.routing = other
	for _, want := range []routingv1.ContinuationFate{
		routingv1.ContinuationFate_CONTINUATION_FATE_READ, routingv1.ContinuationFate_CONTINUATION_FATE_READ_AGAIN,
	} {
		outcome := tried("sydney.1=DECLINED")
		outcome.Continuation = first
		if got := step(g.goesOn(t, outcome)); got != "lines/gold dublin.1 last-resort" ||
			g.last.GetExplanation().GetContinuation() != want || g.last.GetStepNumber() != 2 {
			t.Errorf("%s, %v", got, g.last.GetExplanation().GetContinuation())
		}
	}
}

// A continuation that cannot be trusted gives a safe last step: the whole ladder, asking nothing, inheriting nothing.
func TestAContinuationThatCannotBeTrusted(t *testing.T) {
	h := staffed(t)
	good := h.gateway("1", "+61255500100", strangerANI)
	if got := step(good.begins(t)); got != "prompt NAME" {
		t.Fatal(got)
	}
	token := good.last.GetContinuation()
	forged := slices.Clone(token)
	forged[len(forged)-1] ^= 1
	late := h.gateway("2", "+61255500100", strangerANI)
	late.begins(t)
	h.clock.Set(viewtest.At(5)) // half an hour and more
	const safe = "lines/gold sydney.1 last-resort"
	for what, c := range map[string]struct {
		g     *gateway
		token []byte
		want  routingv1.ContinuationFate
		step  string
	}{
		"forged":                  {good, forged, routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS, safe},
		"of another call":         {h.gateway("9", "+61255500100", acmeANI), token, routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS, safe},
		"none":                    {good, []byte{}, routingv1.ContinuationFate_CONTINUATION_FATE_MISSING, safe},
		"expired":                 {late, late.last.GetContinuation(), routingv1.ContinuationFate_CONTINUATION_FATE_EXPIRED, safe},
		"forged, and of no line":  {h.gateway("9", "", acmeANI), forged, routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS, " END_CAUSE_UNKNOWN_LINE"},
		"noise":                   {good, []byte("noise"), routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS, safe},
		"longer than any is read": {good, make([]byte, 8192), routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS, safe},
	} {
		t.Run(what, func(t *testing.T) {
			outcome := said(nameCanary)
			outcome.Continuation = c.token
			got := step(c.g.goesOn(t, outcome))
			e := c.g.last.GetExplanation()
			if got != c.step || e.GetContinuation() != c.want || len(c.g.last.GetContinuation()) != 0 ||
				c.g.last.GetStepNumber() != flow.SafeStep {
				t.Errorf("%s, %v, step %d", got, e.GetContinuation(), c.g.last.GetStepNumber())
			}
			if c.step == safe && e.GetVerdicts()[len(e.GetVerdicts())-1] != routingv1.Verdict_VERDICT_STEP_SAFE {
				t.Errorf("%v", e.GetVerdicts())
			}
		})
	}
	if !strings.Contains(h.log.String(), "why=forged") || !strings.Contains(h.log.String(), "why=expired") {
		t.Errorf("log:\n%s", h.log)
	}
}

// A gateway that goes round in circles gets the ladder in the end, and nothing to go on with.
func TestALoopEnds(t *testing.T) {
	h := staffed(t)
	g := h.gateway("1", "+61255500100", acmeANI)
	g.begins(t)
	steps := 1
	for ; len(g.last.GetContinuation()) > 0; steps++ {
		if steps > 30 {
			t.Fatal("it never ends")
		}
		g.goesOn(t, &routingv1.ContinueCallRequest{})
	}
	if e := g.last.GetExplanation(); step(g.last) != "lines/gold sydney.1 dublin.1 last-resort" || steps != flow.SafeStep ||
		e.GetContinuation() != routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS {
		t.Errorf("%s after %d steps, %v", step(g.last), steps, e.GetContinuation())
	}
}

// Whoever was busy or declined is not rung again, however many steps a gateway makes of a ladder; and where it says itself
// that the call is over, nobody is rung for it.
func TestTheLastStepRingsNobodyInVain(t *testing.T) {
	h := staffed(t)
	g := h.gateway("1", "+61255500100", acmeANI)
	g.begins(t)
	g.goesOn(t, tried("sydney.1=DECLINED"))
	for range flow.MaxSteps - 2 {
		g.goesOn(t, &routingv1.ContinueCallRequest{})
	}
	last := g.last.GetContinuation()
	for outcome, want := range map[string]string{
		"nonsense=ANSWERED": "lines/gold dublin.1 last-resort", "dublin.1=BUSY": "lines/gold last-resort",
		"dublin.1=ANSWERED": "lines/gold END_CAUSE_OVER", "dublin.1=CALLER_GONE": "lines/gold END_CAUSE_OVER",
	} {
		with := tried(outcome)
		with.Continuation = last
		if got := step(g.goesOn(t, with)); got != want || len(g.last.GetContinuation()) != 0 ||
			g.last.GetExplanation().GetContinuation() != routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS {
			t.Errorf("%s: %s, want %s", outcome, got, want)
		}
	}
	for outcome, want := range map[string]string{
		"dublin.1=CALLER_GONE": "lines/gold END_CAUSE_OVER", "dublin.1=BUSY": "lines/gold sydney.1 dublin.1 last-resort",
	} {
		with := tried(outcome)
		with.Continuation = []byte("forged")
		if got := step(g.goesOn(t, with)); got != want {
			t.Errorf("forged, and %s: %s, want %s", outcome, got, want)
		}
	}
}

func TestAStrangerIsAskedWhoTheyAre(t *testing.T) {
	h := staffed(t)
	g := h.gateway("1", "+61255500100", strangerANI)
	if got := step(g.begins(t)); got != "prompt NAME" {
		t.Fatal(got)
	}
	if p := g.last.GetPrompt(); !p.GetSpeech() || p.GetMaxDigits() == 0 || p.GetFinishKey() != "#" || p.GetTimeout() == nil ||
		p.GetLanguage() != "en" || !strings.Contains(p.GetText(), "press 0") {
		t.Errorf("%v", p)
	}
	if got := step(g.goesOn(t, said(nameCanary))); got != "prompt PIN" {
		t.Fatal(got)
	}
	if got := step(g.goesOn(t, typed(pinCanary+"#"))); got != "lines/gold sydney.1 dublin.1 last-resort" {
		t.Fatal(got)
	}
	e := g.last.GetExplanation()
	if e.GetVerdicts()[1] != routingv1.Verdict_VERDICT_CALLER_PIN_VERIFIED || e.GetCustomers()[0] != "customers/acme" ||
		e.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED || e.GetFollowUp() {
		t.Errorf("%v", e)
	}
	h.saysNothingOf(t, pinCanary, nameCanary, canary)
}

// saysNothingOf checks logs and spans.
func (h *house) saysNothingOf(t *testing.T, secrets ...string) {
	t.Helper()
	said := h.log.String()
	for _, s := range h.spans.Ended() {
		said += s.Name()
		for _, a := range s.Attributes() {
			said += " " + a.Value.String()
		}
		for _, e := range s.Events() {
			said += " " + e.Name
		}
	}
	for _, secret := range secrets {
		if strings.Contains(said, secret) {
			t.Errorf("%q is in a log or a span", secret)
		}
	}
}

// Where entitlement cannot be asked, or takes too long, the caller is connected and flagged, within a second.
func TestNobodyIsStrandedByALookUp(t *testing.T) {
	h := staffed(t)
	for what, fail := range map[string]func(){
		"it is away":                      func() { h.entitlement.people.fail(errors.New("away"), false) },
		"it takes too long":               func() { h.entitlement.people.fail(nil, true) },
		"it knows what this view has not": func() { h.entitlement.people.fail(nil, false) },
	} {
		t.Run(what, func(t *testing.T) {
			fail()
			g := h.gateway(what, "+61255500100", strangerANI)
			g.begins(t)
			g.goesOn(t, said("new"))
			if what == "it knows what this view has not" {
				g.goesOn(t, said("new")) // asked again, as for one who is not found
			}
			e := g.last.GetExplanation()
			if got := step(g.last); got != "lines/gold sydney.1 dublin.1 last-resort" || !e.GetFollowUp() ||
				e.GetVerdicts()[len(e.GetVerdicts())-1] != routingv1.Verdict_VERDICT_STEP_PERSON_WANTED {
				t.Errorf("%s, %v", got, e)
			}
		})
	}
}

// A message is told to somebody before the caller hears that it was taken; where that cannot be, a person is rung.
func TestAMessage(t *testing.T) {
	h := staffed(t)
	g := h.gateway("1", "+61255500101", strangerANI)
	if got := step(g.begins(t)); got != "record" || g.last.GetRecord().GetMaxLength() == nil {
		t.Fatal(got)
	}
	const uri = "file:///messages/1.wav"
	taken := func() *routingv1.ContinueCallRequest {
		return &routingv1.ContinueCallRequest{Recording: &routingv1.Recording{Uri: uri}}
	}
	if got := step(g.goesOn(t, taken())); got != "lines/messages END_CAUSE_MESSAGE_TAKEN" || g.kept != routingv1.Durability_DURABILITY_COMMITTED {
		t.Fatal(got, g.kept)
	}
	list, err := h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{})
	if err != nil || len(list.GetAlerts()) != 1 || list.GetAlerts()[0].GetRecordingUri() != uri {
		t.Errorf("%v %v", list, err)
	}
	// A message is never lost for its continuation's sake.
	g = h.gateway("late", "+61255500101", strangerANI)
	outcome := taken()
	outcome.Continuation = []byte("forged")
	if got := step(g.goesOn(t, outcome)); got != "lines/messages sydney.1 last-resort" {
		t.Error(got)
	}
	list, err = h.alerts.ListAlerts(t.Context(), &routingv1.ListAlertsRequest{})
	if err != nil || len(list.GetAlerts()) != 2 {
		t.Errorf("%v %v", list, err)
	}
	g = h.gateway("2", "+61255500101", strangerANI)
	g.begins(t)
	h.stopEtcd()
	if got := step(g.goesOn(t, taken())); got != "lines/messages sydney.1 last-resort" || g.kept != 0 {
		t.Error(got, g.kept)
	}
}

// Outside hours an entitled, verified caller of a published line is told the hidden number; nobody else is, and no log.
func TestTheHiddenNumberIsToldToWhomItMayBe(t *testing.T) {
	h := staffed(t)
	h.clock.Set(viewtest.At(5.5))
	route := func(attestation routingv1.Attestation) *routingv1.Route {
		r, err := h.routing.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: "1", DialledNumber: "+61255500102", Caller: &routingv1.Caller{Number: acmeANI, Attestation: attestation},
			Gateway: &routingv1.GatewayInfo{GatewayId: "media-1", Capabilities: everyCapability()},
		})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetRoute()
	}
	attested := route(routingv1.Attestation_ATTESTATION_A)
	if p := attested.GetPrompt(); p.GetSecretText() != "The number to call is + 6 1 2 5 5 5 0 0 1 0 0." ||
		strings.Contains(p.GetText(), "5") || p.GetKind() != routingv1.PromptKind_PROMPT_KIND_OUT_OF_HOURS {
		t.Errorf("%v", p)
	}
	if p := route(routingv1.Attestation_ATTESTATION_B).GetPrompt(); p.GetSecretText() != "" {
		t.Errorf("%v", p)
	}
	dry, err := h.routing.ExplainRoute(t.Context(), &routingv1.ExplainRouteRequest{
		Line: "lines/public", Caller: &routingv1.Caller{Number: acmeANI, Attestation: routingv1.Attestation_ATTESTATION_A},
		Gateway: &routingv1.GatewayInfo{Capabilities: everyCapability()},
	})
	if err != nil || dry.GetRoute().GetPrompt() == nil || dry.GetRoute().GetPrompt().GetSecretText() != "" {
		t.Errorf("a dry run tells it: %v %v", dry, err)
	}
	h.saysNothingOf(t, canary, "6 1 2 5 5 5")
	g := h.gateway("1", "+61255500102", acmeANI)
	g.last = attested
	if got := step(g.goesOn(t, typed("1"))); got != "lines/gold sydney.1 last-resort" ||
		g.last.GetExplanation().GetTransferredFrom() != "lines/public" {
		t.Errorf("%s %v", got, g.last.GetExplanation())
	}
}

// Who called at the first step need not be said again: a call does not change its caller.
func TestWhoCallsIsInTheContinuation(t *testing.T) {
	h := staffed(t)
	h.clock.Set(viewtest.At(5.5))
	g := h.gateway("1", "+61255500102", acmeANI)
	g.attested = true
	g.begins(t)
	g.from, g.attested = "", false
	if said := g.goesOn(t, typed("9")).GetExplanation().GetVerdicts(); !slices.Contains(said, routingv1.Verdict_VERDICT_CALLER_VERIFIED) {
		t.Errorf("whom the carrier vouched for is not verified a step later: %v", said)
	}
}

// Gateways that only redirect have no next step, and before there is a key nobody has.
func TestWhereNothingFollows(t *testing.T) {
	h := staffed(t)
	g := h.gateway("1", "+61255500100", strangerANI)
	g.can = []routingv1.Capability{routingv1.Capability_CAPABILITY_REDIRECT}
	if got := step(g.begins(t)); got != "lines/gold sydney.1 dublin.1 last-resort" || len(g.last.GetContinuation()) != 0 {
		t.Error(got)
	}
	v := g.last.GetExplanation().GetVerdicts()
	if v[len(v)-1] != routingv1.Verdict_VERDICT_STEP_NOT_CARRIED {
		t.Errorf("%v", v)
	}
	keys, _, err := h.etcd.ListAll(t.Context(), "routing/continuation-keys/")
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if _, err := h.etcd.Commit(t.Context(), nil, []*rpcv1.Write{{Key: keys[0].Key, Delete: true}}); err != nil {
		t.Fatal(err)
	}
	g.can = everyCapability()
	await.True(t, "the key is gone", func() bool {
		return step(g.begins(t)) == "lines/gold sydney.1 dublin.1 last-resort" && len(g.last.GetContinuation()) == 0
	})
}

// All steps of a call are in one trace, whether its gateway says so or not.
func TestOneTraceACall(t *testing.T) {
	h := staffed(t)
	var d direct
	h.service.Register(&d)
	ctx, first := h.tracer.Start(t.Context(), "route")
	r, err := d.routing.RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: "1", DialledNumber: "+61255500100", Caller: &routingv1.Caller{Number: acmeANI},
		Gateway: &routingv1.GatewayInfo{Capabilities: everyCapability()},
	})
	if err != nil {
		t.Fatal(err)
	}
	first.End()
	ctx, second := h.tracer.Start(t.Context(), "continue")
	outcome := tried("sydney.1=BUSY")
	outcome.CallId, outcome.Continuation = "1", r.GetRoute().GetContinuation()
	outcome.Gateway = &routingv1.GatewayInfo{Capabilities: everyCapability()}
	if _, err := d.routing.ContinueCall(ctx, outcome); err != nil {
		t.Fatal(err)
	}
	second.End()
	joined := slices.IndexFunc(h.spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
		return s.SpanContext().TraceID() == first.SpanContext().TraceID() && strings.HasSuffix(s.Name(), "ContinueCall") &&
			s.Parent().SpanID() == first.SpanContext().SpanID() && len(s.Links()) == 1 &&
			s.Links()[0].SpanContext.SpanID() == second.SpanContext().SpanID()
	})
	if joined < 0 {
		t.Error("the second step is not in the trace of the call")
	}
}
