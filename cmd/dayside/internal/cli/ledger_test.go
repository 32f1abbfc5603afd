package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// ledgerAnswers are what a fake says of calls that were, and of changes.
type ledgerAnswers struct {
	ledgerv1.UnimplementedLedgerServiceServer
	ledgerv1.UnimplementedAuditServiceServer
	businessAnswers
	routingv1.UnimplementedReplayServiceServer
	calls    []*ledgerv1.Call
	changes  []*rpcv1.AuditRecord
	replayed *routingv1.ReplayDecisionResponse
	// cut is why a watch ends after each call, for as often as cuts says.
	cuts int
	cut  error
	// askedCalls, askedAudit and replays are the last requests.
	askedCalls *ledgerv1.ListCallsRequest
	askedAudit *ledgerv1.ListAuditEntriesRequest
	watches    []*ledgerv1.WatchCallsRequest
	replays    []*routingv1.ReplayDecisionRequest
}

func registerLedger(server *grpc.Server, f *fake) {
	ledgerv1.RegisterLedgerServiceServer(server, f)
	ledgerv1.RegisterAuditServiceServer(server, f)
	ledgerv1.RegisterBusinessServiceServer(server, f)
	routingv1.RegisterReplayServiceServer(server, f)
}

// ListCalls gives two calls a page.
func (f *ledgerAnswers) ListCalls(_ context.Context, r *ledgerv1.ListCallsRequest) (*ledgerv1.ListCallsResponse, error) {
	if f.askedCalls = r; r.GetPageToken() == "" && len(f.calls) > 2 {
		return &ledgerv1.ListCallsResponse{Calls: f.calls[:2], NextPageToken: "2"}, nil
	}
	if r.GetPageToken() == "2" {
		return &ledgerv1.ListCallsResponse{Calls: f.calls[2:]}, nil
	}
	return &ledgerv1.ListCallsResponse{Calls: f.calls}, nil
}

func (f *ledgerAnswers) GetCall(_ context.Context, r *ledgerv1.GetCallRequest) (*ledgerv1.Call, error) {
	for _, c := range f.calls {
		if r.GetName() == c.GetName() || r.GetName() == "calls/"+c.GetCallId() {
			return c, nil
		}
	}
	return nil, refusal(codes.NotFound, r.GetName()+" does not exist", rpcv1.Reason_REASON_NOT_FOUND)
}

// WatchCalls tells each call, then ends as an interrupted one does.
func (f *ledgerAnswers) WatchCalls(r *ledgerv1.WatchCallsRequest, s grpc.ServerStreamingServer[ledgerv1.WatchCallsResponse]) error {
	f.watches = append(f.watches, r)
	if err := s.SendHeader(nil); err != nil {
		return err
	}
	for _, c := range f.calls {
		if err := s.Send(&ledgerv1.WatchCallsResponse{Call: c}); err != nil {
			return err
		}
	}
	if f.cuts > 0 {
		f.cuts--
		return f.cut
	}
	return nil
}

func (f *ledgerAnswers) GetDecision(ctx context.Context, r *ledgerv1.GetDecisionRequest) (*ledgerv1.GetDecisionResponse, error) {
	c, err := f.GetCall(ctx, &ledgerv1.GetCallRequest{Name: r.GetName()})
	if err != nil {
		return nil, err
	}
	for _, s := range c.GetSteps() {
		if s.GetNumber() == r.GetStep() {
			return &ledgerv1.GetDecisionResponse{Decision: s.GetDecision(), Facts: make([]*routingv1.FactRecord, 2)}, nil
		}
	}
	return nil, refusal(codes.NotFound, fmt.Sprintf("step %d does not exist", r.GetStep()), rpcv1.Reason_REASON_NOT_FOUND)
}

func (f *ledgerAnswers) ReplayDecision(_ context.Context, r *routingv1.ReplayDecisionRequest) (*routingv1.ReplayDecisionResponse, error) {
	f.replays = append(f.replays, r)
	if f.replayed == nil {
		return nil, refusal(codes.PermissionDenied, "none of the peer's roles may call this", rpcv1.Reason_REASON_ROLE_REQUIRED)
	}
	return f.replayed, nil
}

func (f *ledgerAnswers) ListAuditEntries(_ context.Context, r *ledgerv1.ListAuditEntriesRequest) (*ledgerv1.ListAuditEntriesResponse, error) {
	f.askedAudit = r
	return &ledgerv1.ListAuditEntriesResponse{Entries: f.changes}, nil
}

// heard are a call with a story, one that was only redirected, and one that nobody routed.
func heard(t *testing.T) ledgerAnswers {
	t.Helper()
	return ledgerAnswers{
		calls: []*ledgerv1.Call{
			text(t, &ledgerv1.Call{}, `
			name: "calls/5a1hj2v0qk8m3c7d9e4f" call_id: "x1@probe" gateway: "pbx" line: "lines/gold-emergency" caller_number: "+13…01"
			customer: "customers/acme" customer_display_name: "Acme" caller_class: CALLER_CLASS_ENTITLED outcome: OUTCOME_ANSWERED
			start_time {seconds: 1795435200} answer_time {seconds: 1795435262} end_time {seconds: 1795435721} site: "sites/bengaluru"
			attempts {target_id: "dublin.1" disposition: DISPOSITION_BUSY start_time {seconds: 1795435220 nanos: 250000000} end_time {seconds: 1795435221} detail: "486"}
			attempts {target_id: "bengaluru.1" disposition: DISPOSITION_ANSWERED start_time {seconds: 1795435222} end_time {seconds: 1795435262}}
			trace_id: "4bf92f3577b34da6a3ce929d0e0e4736"
			steps {number: 1 time {seconds: 1795435200 nanos: 5000000} instance: "p1" decision {
				call_id: "x1@probe" step: 1 line: "gold-emergency" caller_class: CALLER_CLASS_UNKNOWN step_kind: STEP_KIND_PROMPT
				prompt: PROMPT_KIND_NAME verdicts: VERDICT_LINE_FOUND verdicts: VERDICT_CALLER_UNKNOWN verdicts: VERDICT_ENTITLEMENT_UNKNOWN
				view_revision: 41 view_age_ms: 12 tzdata_release: "2026b" took_us: 9}}
			steps {number: 2 time {seconds: 1795435220} instance: "p2" repeats: 1 decision {
				call_id: "x1@probe" step: 2 line: "gold-emergency" caller_class: CALLER_CLASS_ENTITLED step_kind: STEP_KIND_FORWARD
				fate: CONTINUATION_FATE_READ state {customer: "acme" named: true tries: 1} customers {id: "acme" display_name: "Acme"}
				targets: "dublin.1" targets: "bengaluru.1" targets: "last-resort" first_site: "dublin"
				site_reasons: SITE_REASON_FIRST site_reasons: SITE_REASON_NEXT site_reasons: SITE_REASON_CLOSED site_reasons: SITE_REASON_CLOSED
				verdicts: VERDICT_LINE_FOUND verdicts: VERDICT_ENTITLED_BY_CONTRACT verdicts: VERDICT_SITES_OPEN
				view_revision: 42 view_age_ms: 3 tzdata_release: "2026b" took_us: 4}}`),
			text(t, &ledgerv1.Call{}, `
			name: "calls/0a1hj2v0qk8m3c7d9e4f" call_id: "x2@probe" gateway: "sip" line: "lines/public-support" caller_class: CALLER_CLASS_NOT_ENTITLED
			outcome: OUTCOME_ROUTED start_time {seconds: 1795431600} site: "sites/dublin" follow_up: true customer: "customers/cormorant-bank"
			caller_number: "+13…03"`),
			text(t, &ledgerv1.Call{}, `
			name: "calls/9a1hj2v0qk8m3c7d9e4f" call_id: "x3@pbx" gateway: "pbx" unrouted: true outcome: OUTCOME_NOT_ANSWERED
			start_time {seconds: 1795428000} end_time {seconds: 1795428030}`),
		},
		replayed: text(t, &routingv1.ReplayDecisionResponse{}, `equal: true route {
			forward {targets {target_id: "bengaluru.1" site: "sites/bengaluru" display_name: "Bengaluru"}}
			explanation {
				sites {site: "sites/dublin" reason: SITE_REASON_FIRST rank: 1 remaining {seconds: 18000} rule: "weekly hours"}
				sites {site: "sites/sydney" reason: SITE_REASON_CLOSED rule: "weekly hours"}
			}}`),
	}
}

func TestCallsAreListed(t *testing.T) {
	f := &fake{ledgerAnswers: heard(t)}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "calls"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "calls", term.out.String())
	for args, want := range map[string]string{
		"": "page_size: 48", "--limit 3": "page_size: 1",
		"--line gold-emergency --customer customers/acme --site dublin --follow-up --limit 2": `page_size: 2 line: "lines/gold-emergency"
			customer: "customers/acme" site: "sites/dublin" follow_up: true`,
		"--former-number --limit 2": "page_size: 2 former_number: true",
		"--revealed --limit 2":      "page_size: 2 number_revealed: true",
		"--outcome not-answered --since now-1h --until 2026-11-23T12:30:00Z --limit 2": `page_size: 2 outcome: OUTCOME_NOT_ANSWERED
			start_time {seconds: 1795431600} end_time {seconds: 1795437000}`,
	} {
		if code := term.run(t.Context(), append([]string{"calls"}, strings.Fields(args)...)...); code != 0 {
			t.Fatalf("%s: %s", args, &term.err)
		}
		f.askedCalls.PageToken = ""
		if r := text(t, &ledgerv1.ListCallsRequest{}, want); !proto.Equal(f.askedCalls, r) {
			t.Errorf("%s asks for %v", args, f.askedCalls)
		}
	}
	f.calls = nil
	if code := term.run(t.Context(), "calls"); code != 0 || term.out.String() != "There are no such calls.\n" {
		t.Errorf("exit %d: %s", code, &term.out)
	}
}

func TestCallsRefusesWhatItCannotMean(t *testing.T) {
	term := newTerminal(t, &fake{})
	for args, want := range map[string]string{
		"calls --outcome lost":                   "must be one of routed, answered, not-answered, caller-gone",
		"calls --line a/b":                       "--line",
		"calls --limit 0":                        "--limit 0",
		"calls --since noonish":                  "--since",
		"calls --watch --since now-1h":           "--watch",
		"call show":                              "usage: dayside call show ID",
		"call replay x1 --step -1":               "--step -1",
		"audit --resource gold":                  "such as lines/gold",
		"audit --until noonish":                  "--until",
		"call show " + strings.Repeat("x", 1000): "is no call",
	} {
		if code := term.run(t.Context(), strings.Fields(args)...); code != 2 || !strings.Contains(term.err.String(), want) {
			t.Errorf("%s: exit %d, %s", args, code, &term.err)
		}
	}
}

// TestCallsAreFollowed: those that are asked for, also after the server went away, or left a slow watcher behind.
func TestCallsAreFollowed(t *testing.T) {
	for name, cut := range map[string]error{
		"does not answer; asking again":     status.Error(codes.Unavailable, "this process is stopping"),
		"some calls were missed: they came": refusal(codes.ResourceExhausted, "too slow", rpcv1.Reason_REASON_LIMIT_EXCEEDED),
	} {
		f := &fake{ledgerAnswers: heard(t)}
		f.cuts, f.cut = 1, cut
		term := newTerminal(t, f)
		if code := term.run(t.Context(), "calls", "--watch", "--line", "public-support", "--follow-up"); code != 0 {
			t.Fatal(term.err.String())
		}
		if lines := strings.Count(term.out.String(), "\n"); lines != 2 || strings.Count(term.out.String(), "cormorant-bank") != 2 ||
			len(f.watches) != 2 || f.watches[0].GetLine() != "lines/public-support" || !strings.Contains(term.err.String(), name) {
			t.Errorf("%d lines:\n%s%s", lines, &term.out, &term.err)
		}
	}
}

func TestOnlyCallsToFormerNumbersAreFollowed(t *testing.T) {
	f := &fake{ledgerAnswers: heard(t)}
	f.calls[0].FormerNumber = true
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "calls", "--watch", "--former-number"); code != 0 || strings.Count(term.out.String(), "\n") != 1 ||
		!strings.Contains(term.out.String(), "former number") {
		t.Errorf("exit %d: %s", code, &term.out)
	}
}

func TestTheStoryOfACall(t *testing.T) {
	f := &fake{ledgerAnswers: heard(t)}
	term := newTerminal(t, f)
	for _, name := range []string{"x1@probe", "5a1hj2v0qk8m3c7d9e4f", "calls/5a1hj2v0qk8m3c7d9e4f"} {
		if code := term.run(t.Context(), "call", "show", name); code != 0 {
			t.Fatalf("%s: %s", name, &term.err)
		}
		golden(t, "call-show", term.out.String())
	}
	if code := term.run(t.Context(), "call", "show", "x3@pbx"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "call-show-unrouted", term.out.String())
	f.replayed = nil // a peer that may not ask for it
	if code := term.run(t.Context(), "call", "show", "x1@probe"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "call-show-unexplained", term.out.String())
	if code := term.run(t.Context(), "call", "show", "x2@probe", "-o", "json"); code != 0 || !strings.Contains(term.out.String(), `"followUp": true`) {
		t.Errorf("exit %d: %s", code, &term.out)
	}
	if code := term.run(t.Context(), "call", "show", "nobody"); code != 1 || !strings.Contains(term.err.String(), "calls/nobody does not exist") {
		t.Errorf("exit %d: %s", code, &term.err)
	}
}

func TestReplay(t *testing.T) {
	f := &fake{ledgerAnswers: heard(t)}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "call", "replay", "x1@probe"); code != 0 || len(f.replays) != 2 {
		t.Fatalf("exit %d: %s", code, &term.err)
	}
	golden(t, "call-replay", term.out.String())
	if d := f.replays[1]; d.GetDecision().GetStep() != 2 || len(d.GetFacts()) != 2 {
		t.Errorf("replayed %v", d)
	}
	f.replayed.Equal, f.replayed.Differences = false, []string{"targets: dublin.1 then, bengaluru.1 now"}
	if code := term.run(t.Context(), "call", "replay", "x1@probe", "--step", "2"); code != 1 || term.err.String() != "error: 1 of 1 step came out differently\n" {
		t.Errorf("exit %d: %s", code, &term.err)
	}
	golden(t, "call-replay-differs", term.out.String())
	if code := term.run(t.Context(), "call", "replay", "x1@probe", "-o", "json"); code != 1 || strings.Count(term.out.String(), "\n") != 2 {
		t.Errorf("exit %d: %s", code, &term.out)
	}
	if code := term.run(t.Context(), "call", "replay", "x3@pbx"); code != 1 || !strings.Contains(term.err.String(), "has no step") {
		t.Errorf("exit %d: %s", code, &term.err)
	}
}

func TestAudit(t *testing.T) {
	f := &fake{ledgerAnswers: ledgerAnswers{changes: []*rpcv1.AuditRecord{
		text(t, &rpcv1.AuditRecord{}, `unix_us: 1795435200000123 peer: "ann" roles: ROLE_ADMIN method: "dayside.routing.v1.LineService/UpdateLine"
			resources: "lines/gold-emergency" request: "{\"line\":{\"name\":\"lines/gold-emergency\"}}" instance: "p1" trace_id: "0123456789abcdef"`),
		text(t, &rpcv1.AuditRecord{}, `unix_us: 1795431600000000 peer: "local" roles: [1, 2, 3, 4, 5, 6, 7, 8]
			method: "dayside.routing.v1.ConfigurationService/ApplyConfiguration" resources: ["lines/a", "lines/b", "sites/c", "sites/d", "sites/e", "sites/f"]
			request: "{}" instance: "p1"`),
	}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "audit", "--resource", "lines/gold-emergency", "--peer", "ann", "--since", "now-1h"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "audit", term.out.String())
	if want := text(t, &ledgerv1.ListAuditEntriesRequest{}, `page_size: 50 resource: "lines/gold-emergency" peer: "ann"
		start_time {seconds: 1795431600}`); !proto.Equal(f.askedAudit, want) {
		t.Errorf("asked for %v", f.askedAudit)
	}
	if code := term.run(t.Context(), "audit", "--full"); code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "audit-full", term.out.String())
}
