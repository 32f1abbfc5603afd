package cli_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/gateway/sip/probe"
)

// alertAnswers are what a fake says of alerts and briefs.
type alertAnswers struct {
	routingv1.UnimplementedAlertServiceServer
	routingv1.UnimplementedBriefServiceServer
	alerts []*routingv1.Alert
	brief  *routingv1.CallBrief
	// said is the last request.
	said proto.Message
}

func (f *alertAnswers) ListAlerts(_ context.Context, r *routingv1.ListAlertsRequest) (*routingv1.ListAlertsResponse, error) {
	f.said = r
	items, next := page(f.alerts, r.GetPageToken())
	return &routingv1.ListAlertsResponse{Alerts: items, NextPageToken: next}, nil
}

func (f *alertAnswers) ResolveAlert(_ context.Context, r *routingv1.ResolveAlertRequest) (*routingv1.Alert, error) {
	f.said = r
	a, err := find(f.alerts, r.GetName())
	if err != nil {
		return nil, err
	}
	a = proto.CloneOf(a)
	a.ResolvedBy, a.ResolveTime = r.GetResolvedBy(), a.GetLastTime()
	return a, nil
}

func (f *alertAnswers) GetCallBrief(_ context.Context, r *routingv1.GetCallBriefRequest) (*routingv1.CallBrief, error) {
	f.said = r
	if f.brief == nil {
		return nil, refusal(codes.NotFound, "no call has this brief", rpcv1.Reason_REASON_NOT_FOUND)
	}
	return f.brief, nil
}

func alertsFake(t *testing.T) *fake {
	return &fake{alertAnswers: alertAnswers{alerts: []*routingv1.Alert{
		text(t, &routingv1.Alert{}, `name: "alerts/message-7nvtzoqy5zf4b6ne" kind: ALERT_KIND_MESSAGE_LEFT line: "lines/gold"
			text: "A message of 1m35s was left on lines/gold by customers/acme." call_id: "c1" gateway: "edge-1"
			first_time: {seconds: 1795431600} last_time: {seconds: 1795431600} recording_uri: "https://edge.example/1.wav"
			durability: DURABILITY_SPOOLED`),
		text(t, &routingv1.Alert{}, `name: "alerts/nobody-there-gold" kind: ALERT_KIND_NOBODY_THERE line: "lines/gold"
			text: "A call to lines/gold found no site to ring\u0007 and nobody on duty: it went to the last resort alone."
			call_id: "c0" gateway: "sip" first_time: {seconds: 1795420000} last_time: {seconds: 1795430000}`),
		text(t, &routingv1.Alert{}, `name: "alerts/not-carried-silver" kind: ALERT_KIND_NOT_CARRIED line: "lines/silver"
			text: "Gateway x could carry nothing that lines/silver has; its callers hear an error." resolved_by: "Mary Burke"
			first_time: {seconds: 1795410000} last_time: {seconds: 1795410000} resolve_time: {seconds: 1795410600}`),
	}}}
}

func TestAlerts(t *testing.T) {
	f := alertsFake(t)
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "alerts", "--all"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "alerts", term.out.String())
	if !f.said.(*routingv1.ListAlertsRequest).GetIncludeResolved() {
		t.Errorf("asked %v", f.said)
	}
	if code := term.run(t.Context(), "alerts", "-o", "json"); code != 0 || !strings.Contains(term.out.String(), `"recordingUri"`) {
		t.Errorf("exit %d: %s", code, term.out.String())
	}
	f.alerts = nil
	if code := term.run(t.Context(), "alerts"); code != 0 || term.out.String() != "No call has brought up anything that somebody must know.\n" {
		t.Errorf("exit %d: %s", code, term.out.String())
	}
}

func TestAlertsResolve(t *testing.T) {
	f := alertsFake(t)
	term := newTerminal(t, f)
	for _, c := range []struct {
		args      []string
		code      int
		want, ask string
	}{
		{[]string{"nobody-there-gold", "--as", "Mary Burke"}, 0, "alerts/nobody-there-gold is taken care of, by Mary Burke, ",
			`name: "alerts/nobody-there-gold" resolved_by: "Mary Burke"`},
		{[]string{"alerts/nobody-there-gold"}, 0, "is taken care of", `name: "alerts/nobody-there-gold"`},
		{[]string{"alerts/none"}, 1, "alerts/none does not exist", `name: "alerts/none"`},
		{[]string{"lines/gold"}, 2, "is no alert", ""},
		{nil, 2, "dayside alerts resolve ID", ""},
	} {
		f.said = nil
		code := term.run(t.Context(), append([]string{"alerts", "resolve"}, c.args...)...)
		if said := term.out.String() + term.err.String(); code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, said)
		}
		want := &routingv1.ResolveAlertRequest{}
		if err := prototext.Unmarshal([]byte(c.ask), want); err != nil {
			t.Fatal(err)
		}
		if c.ask != "" && !proto.Equal(f.said, want) {
			t.Errorf("%v: asked %v", c.args, f.said)
		}
	}
}

// TestCallTellsOfTheBrief that its contacts carry, and keeps it out of the table.
func TestCallTellsOfTheBrief(t *testing.T) {
	term := newTerminal(t, newFake(t))
	const header = "?User-to-User=AQEx_-9%3Bpurpose%3Ddayside"
	term.env.Ring = func(context.Context, probe.Call) (*probe.Result, error) {
		return &probe.Result{Status: 302, Phrase: "Moved Temporarily", Contacts: []probe.Contact{
			{URI: "tel:+13035550131", Q: 1}, {URI: "sip:support@sydney.example.com" + header, Q: 0.9},
		}}, nil
	}
	if code := term.run(t.Context(), "call", "gold-emergency"); code != 0 ||
		!strings.Contains(term.out.String(), "brief AQEx_-9\n") || strings.Contains(term.out.String(), "?") ||
		!strings.Contains(term.out.String(), "sip:support@sydney.example.com  sites/sydney") {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
	if code := term.run(t.Context(), "call", "gold-emergency", "-o", "json"); code != 0 || !strings.Contains(term.out.String(), `"brief": "AQEx_-9"`) {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
}

func TestBrief(t *testing.T) {
	f := &fake{alertAnswers: alertAnswers{brief: text(t, &routingv1.CallBrief{}, `call_id: "a84b4c76e66710" gateway: "edge-1"
		route_time: {seconds: 1795434900} line: "lines/gold" line_display_name: "Gold emergency" customer: "customers/acme"
		customer_display_name: "Acme Industries" caller_number: "+13035550100" caller_class: CALLER_CLASS_ENTITLED
		verdicts: [VERDICT_CALLER_VERIFIED, VERDICT_ENTITLED_BY_CONTRACT] plan: "platinum" follow_up: true
		open_cases: {case_id: "C-17" title: "disk full" site: "sites/sydney"} open_cases: {case_id: "C-3"}
		guidance: "Help at once." supervisor: "Mary, extension 100"`)}}
	term := newTerminal(t, f)
	for _, given := range []string{"AQEx_-9", " AQEx_-9;purpose=dayside", "User-to-User: AQEx_-9;purpose=dayside", "-"} {
		term.in.Reset("user-to-user: AQEx_-9\n")
		if code := term.run(t.Context(), "brief", given); code != 0 {
			t.Fatal(term.err.String())
		}
		if got := f.said.(*routingv1.GetCallBriefRequest).GetToken(); got != "AQEx_-9" {
			t.Errorf("%q: asked for %q", given, got)
		}
	}
	golden(t, "brief", term.out.String())
	f.brief = text(t, &routingv1.CallBrief{}, `caller_class: CALLER_CLASS_UNKNOWN route_time: {seconds: 1795434900}`)
	if code := term.run(t.Context(), "brief", "x"); code != 0 || !strings.Contains(term.out.String(), "a withheld number") {
		t.Errorf("exit %d: %s%s", code, term.out.String(), term.err.String())
	}
	f.brief = nil
	if code := term.run(t.Context(), "brief", "x"); code != 1 || !strings.Contains(term.err.String(), "no call has this brief") {
		t.Errorf("exit %d: %s", code, term.err.String())
	}
	for _, given := range []string{";purpose=dayside", "-"} {
		term.in.Reset("")
		if code := term.run(t.Context(), "brief", given); code != 2 || !strings.Contains(term.err.String(), "no token") {
			t.Errorf("%q: exit %d: %s", given, code, term.err.String())
		}
	}
}
