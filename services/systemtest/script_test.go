package systemtest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
)

// Telephones of the example, and of the harbour line: one site, closed by a storm; Bob on duty; a last resort.
const (
	dublinSIP    = "sip:support@dublin.example.com"
	dublinTel    = "tel:+13035550131"
	bengaluruSIP = "sip:support@bengaluru.example.com"
	goldLast     = "sip:duty-manager@hq.example.com"
)

// policy changes fields of a line, and waits until they are in force.
func (s *system) policy(t testing.TB, line *routingv1.Line, fields ...string) {
	t.Helper()
	_, err := routingv1.NewLineServiceClient(s.grpc).UpdateLine(t.Context(), &routingv1.UpdateLineRequest{
		Line: line, UpdateMask: &fieldmaskpb.FieldMask{Paths: fields}, AllowGap: true,
	})
	if err != nil {
		t.Fatalf("UpdateLine: %v", err)
	}
	s.inForce(t)
}

// inForce waits until every routing process has what was committed.
func (s *system) inForce(t testing.TB) {
	t.Helper()
	got, err := routingv1.NewInForceServiceClient(s.grpc).AwaitInForce(t.Context(), &routingv1.AwaitInForceRequest{})
	if err != nil || int(got.GetInForce()) != len(got.GetProcesses()) {
		t.Fatalf("in force: %v, %v", got, err)
	}
}

// The ladder, by what the telephones do: each of these swallowed, lost or repeated calls in some other system.
func TestTheLadderByWhatTelephonesDo(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		s.mustApply(t, harbour)
		s.wantLadder(t, bobTarget, harbourLast)

		t.Run("a personal voicemail is no answer", func(t *testing.T) { // yap 42
			st := s.gateway(network{bobTarget: voicemail}, dialsAsks).call(t, "voicemail-1", harbourNumber, exampleUnknownCaller)
			if st.answeredBy != harbourLast || !slices.Equal(st.rung, []string{bobTarget, harbourLast}) {
				t.Error(st)
			}
		})
		t.Run("nobody on duty", func(t *testing.T) { // yap 107 and 122
			s.run(t, "drain", "people/harbour-bob", "--reason", "asleep", "--wait")
			for name, can := range map[string][]routingv1.Capability{"redirect": redirects, "dial": dials, "all": everything} {
				st := s.gateway(nil, can).call(t, "nobody-"+name, harbourNumber, exampleUnknownCaller)
				if st.answeredBy != harbourLast {
					t.Errorf("%s: %v", name, st)
				}
			}
			await.True(t, "an alert of it", func() bool {
				got, err := routingv1.NewAlertServiceClient(s.grpc).ListAlerts(t.Context(), &routingv1.ListAlertsRequest{})
				if err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(got.GetAlerts(), func(a *routingv1.Alert) bool {
					return a.GetKind() == routingv1.AlertKind_ALERT_KIND_NOBODY_THERE && strings.HasPrefix(a.GetLine(), "lines/harbour")
				})
			})
		})
		t.Run("busy and declined are not rung again", func(t *testing.T) { // jambonz sbc-outbound 198
			n := network{dublinSIP: busy, bengaluruSIP: declines, goldLast: ringsOut}
			st := s.gateway(n, everything).call(t, "busy-1", exampleHiddenNumber, exampleCaller)
			st.rungAtMost(t, 1, dublinSIP)
			st.rungAtMost(t, 1, bengaluruSIP)
			if st.answeredBy != dublinTel {
				t.Error(st)
			}
		})
		t.Run("nobody at all answers", func(t *testing.T) {
			everybody := network{}
			for _, a := range targets(s.route(t, exampleHiddenNumber, exampleCaller)) {
				everybody[a] = ringsOut
			}
			g := s.gateway(everybody, everything)
			g.message = tenSeconds()
			if st := g.call(t, "silent-1", exampleHiddenNumber, exampleCaller); !st.recorded ||
				st.end != routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN {
				t.Error(st)
			}
			st := s.gateway(everybody, dials).call(t, "silent-2", exampleHiddenNumber, exampleCaller)
			if st.end != routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED {
				t.Error(st)
			}
			for _, a := range st.rung {
				st.rungAtMost(t, 2, a)
			}
		})
		t.Run("the caller hangs up", func(t *testing.T) {
			g := s.gateway(network{dublinSIP: ringsOut}, dials)
			g.goneAfter = 1
			if st := g.call(t, "gone-1", exampleHiddenNumber, exampleCaller); st.end != routingv1.EndCause_END_CAUSE_OVER {
				t.Error(st)
			}
		})
	})
}

// A target that cannot be reached comes behind for all callers, whoever found it (OpenSIPS 564 and 3257).
func TestAnUnreachableTargetIsSetBehindForAllCallers(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		second := dial(t, startRouting(t, s, "second"))
		n := network{dublinSIP: away, dublinTel: away}
		first := func(cc *system) string { return targets(cc.route(t, exampleHiddenNumber, exampleCaller))[0] }
		if got := first(s); got != dublinSIP {
			t.Fatalf("first is %s", got)
		}
		calls := 0
		await.True(t, "calls to go elsewhere first", func() bool {
			calls++
			s.gateway(n, dials).call(t, "away-"+strconv.Itoa(calls), exampleHiddenNumber, exampleCaller)
			return first(s) == bengaluruSIP
		})
		t.Logf("after %d calls", calls)
		await.True(t, "another process to know it", func() bool { return first(&system{grpc: second}) == bengaluruSIP })
	})
}

// Any process of the cluster takes a call up where another one left it.
func TestACallGoesOnAtAnyProcess(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		second := dial(t, startRouting(t, s, "second"))
		s.policy(t, &routingv1.Line{
			Name: exampleHiddenLine, Treatments: &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_IDENTIFY},
		}, "treatments")
		g := s.gateway(network{dublinSIP: ringsOut}, everything, speech("Acme Corporation")).through(second)
		st := g.call(t, "roaming-1", exampleHiddenNumber, exampleUnknownCaller)
		st.rungAtMost(t, 1, dublinSIP)
		explained := st.last().GetExplanation()
		if st.answeredBy == "" || explained.GetContinuation() != routingv1.ContinuationFate_CONTINUATION_FATE_READ ||
			explained.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
			t.Errorf("%v\n%v", st, explained)
		}
	})
}

// What a caller nobody knows is asked, and what becomes of what they say.
func TestACallerNobodyKnowsIsAskedAndHelped(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		s.policy(t, &routingv1.Line{
			Name: exampleHiddenLine,
			Treatments: &routingv1.Treatments{
				NotEntitled: routingv1.Treatment_TREATMENT_REJECT, Unknown: routingv1.Treatment_TREATMENT_IDENTIFY,
			},
			Identification: &routingv1.Identification{MaxTries: 2, Pin: routingv1.PinPolicy_PIN_POLICY_WHERE_SET},
		}, "treatments", "identification")
		if _, err := entitlementv1.NewEntitlementServiceClient(s.grpc).SetPin(t.Context(), &entitlementv1.SetPinRequest{
			Customer: "customers/acme", Pin: "4711",
		}); err != nil {
			t.Fatal(err)
		}
		s.inForce(t)
		const name, pin = routingv1.PromptKind_PROMPT_KIND_NAME, routingv1.PromptKind_PROMPT_KIND_PIN
		const which = routingv1.PromptKind_PROMPT_KIND_WHICH
		entitled, unknown := routingv1.CallerClass_CALLER_CLASS_ENTITLED, routingv1.CallerClass_CALLER_CLASS_UNKNOWN
		for what, c := range map[string]struct {
			inputs []*routingv1.Input
			said   []routingv1.PromptKind
			class  routingv1.CallerClass
		}{
			"name and PIN":       {[]*routingv1.Input{speech("acme corp"), digits("4711")}, []routingv1.PromptKind{name, pin}, entitled},
			"no PIN is set":      {[]*routingv1.Input{speech("Blue Heron Air")}, []routingv1.PromptKind{name}, entitled},
			"spelled on keys":    {[]*routingv1.Input{digits("2583437"), digits("1")}, []routingv1.PromptKind{name, which}, entitled}, // BLUEHER
			"0 is a person":      {[]*routingv1.Input{digits("0")}, []routingv1.PromptKind{name}, unknown},
			"silence":            {nil, []routingv1.PromptKind{name}, unknown},
			"twice not found":    {[]*routingv1.Input{speech("qwrtzp"), speech("xkcdvb")}, []routingv1.PromptKind{name, name}, unknown},
			"an error":           {[]*routingv1.Input{{NoInput: routingv1.NoInput_NO_INPUT_FAILED}}, []routingv1.PromptKind{name}, unknown},
			"0 at the PIN":       {[]*routingv1.Input{speech("acme"), digits("0")}, []routingv1.PromptKind{name, pin}, unknown},
			"found after a miss": {[]*routingv1.Input{speech("qwrtzp"), speech("Blue Heron Air")}, []routingv1.PromptKind{name, name}, entitled},
		} {
			st := s.gateway(nil, everything, c.inputs...).call(t, "asked-"+strings.ReplaceAll(what, " ", "-"), exampleHiddenNumber,
				exampleUnknownCaller)
			if st.answeredBy == "" || !slices.Equal(st.said(), c.said) || st.last().GetExplanation().GetCallerClass() != c.class {
				t.Errorf("%s: %v, class %v", what, st, st.last().GetExplanation().GetCallerClass())
			}
		}
		st := s.gateway(nil, everything, speech("Cormorant Bank")).call(t, "asked-refused", exampleHiddenNumber, exampleUnknownCaller)
		if st.end != routingv1.EndCause_END_CAUSE_REFUSED {
			t.Errorf("a customer without a contract: %v", st)
		}
		// Whoever cannot be asked is connected.
		for _, can := range [][]routingv1.Capability{redirects, dials} {
			if st := s.gateway(nil, can).call(t, "unasked", exampleHiddenNumber, exampleUnknownCaller); st.answeredBy != dublinSIP {
				t.Error(st)
			}
		}
	})
}

// A published line outside hours says so, and 1 leads to the hidden line; its number is told to those alone who may have it.
func TestAPublishedLineOutsideHours(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		s.run(t, "drain", "lines/public-support", "--reason", "closed for the test", "--wait")
		s.policy(t, &routingv1.Line{
			Name: "lines/public-support",
			OutOfHours: &routingv1.OutOfHours{
				TransferLine: exampleHiddenLine, Reveal: routingv1.Reveal_REVEAL_VERIFIED_ENTITLED,
			},
		}, "out_of_hours")
		one := s.gateway(nil, everything, digits("1")).call(t, "hours-1", examplePublishedNumber, exampleCaller)
		if one.answeredBy != dublinSIP || one.last().GetExplanation().GetTransferredFrom() != "lines/public-support" {
			t.Errorf("1: %v", one)
		}
		if strings.Contains(one.prompts[0].String(), "55500100") || one.prompts[0].GetSecretText() != "" {
			t.Errorf("an unattested caller is told the number: %v", one.prompts[0].GetKind())
		}
		silent := s.gateway(nil, everything).call(t, "hours-2", examplePublishedNumber, exampleUnknownCaller)
		if silent.answeredBy == "" || silent.site != "" {
			t.Errorf("silence: %v", silent)
		}
		got, err := routingv1.NewRoutingServiceClient(s.grpc).RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: "hours-3", DialledNumber: examplePublishedNumber,
			Caller:  &routingv1.Caller{Number: exampleCaller, Attestation: routingv1.Attestation_ATTESTATION_A},
			Gateway: &routingv1.GatewayInfo{GatewayId: "script", Capabilities: everything},
		})
		if err != nil || !strings.Contains(got.GetRoute().GetPrompt().GetSecretText(), "5 5 5 0 0 1 0 0") {
			t.Errorf("an attested and entitled caller is told no number: %v, %v", got.GetRoute().GetPrompt().GetKind(), err)
		}
		for _, written := range []string{"55500100", "5 5 5 0 0 1 0 0"} { // as digits, and as it is said
			if strings.Contains(s.logs.String(), written) {
				t.Error("the hidden number is in a log")
			}
		}
	})
}

// Each treatment of a caller who is not entitled, with each kind of gateway: nobody is left without a next step.
func TestTreatmentsOfACallerWhoIsNotEntitled(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		type outcome struct {
			answered, followUp bool
			said               []routingv1.PromptKind
			end                routingv1.EndCause
		}
		announcement, refusal := routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT, routingv1.PromptKind_PROMPT_KIND_REFUSAL
		for treatment, want := range map[routingv1.Treatment]map[string]outcome{
			routingv1.Treatment_TREATMENT_FORWARD: {"all": {answered: true}, "dial": {answered: true}, "redirect": {answered: true}},
			routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP: {
				"all":  {answered: true, followUp: true, said: []routingv1.PromptKind{announcement}},
				"dial": {answered: true, followUp: true}, "redirect": {answered: true, followUp: true},
			},
			routingv1.Treatment_TREATMENT_ANNOUNCE: {
				"all": {answered: true, said: []routingv1.PromptKind{announcement}}, "dial": {answered: true}, "redirect": {answered: true},
			},
			routingv1.Treatment_TREATMENT_MESSAGE: {
				"all": {end: routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN}, "dial": {answered: true}, "redirect": {answered: true},
			},
			routingv1.Treatment_TREATMENT_REJECT: {
				"all":  {said: []routingv1.PromptKind{refusal}, end: routingv1.EndCause_END_CAUSE_REFUSED},
				"dial": {end: routingv1.EndCause_END_CAUSE_REFUSED}, "redirect": {end: routingv1.EndCause_END_CAUSE_REFUSED},
			},
		} {
			s.policy(t, &routingv1.Line{
				Name: exampleHiddenLine, Treatments: &routingv1.Treatments{NotEntitled: treatment},
				Announcement: &routingv1.Speech{Text: "Your contract has ended."}, Refusal: &routingv1.Speech{Text: "Sorry."},
			}, "treatments", "announcement", "refusal")
			for name, can := range map[string][]routingv1.Capability{"redirect": redirects, "dial": dials, "all": everything} {
				g := s.gateway(nil, can)
				g.message = tenSeconds()
				st := g.call(t, treatment.String()+"-"+name, exampleHiddenNumber, exampleRefusedCaller)
				got := outcome{st.answeredBy != "", st.routes[0].GetExplanation().GetFollowUp(), st.said(), st.end}
				if w := want[name]; got.answered != w.answered || got.followUp != w.followUp || got.end != w.end ||
					!slices.Equal(got.said, w.said) {
					t.Errorf("%v, %s: %+v, want %+v", treatment, name, got, w)
				}
			}
		}
	})
}

// A continuation that is none of this call's gets a safe step, inherits nothing, and says so.
func TestAContinuationThatCannotBeTrusted(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		client := routingv1.NewRoutingServiceClient(s.grpc)
		info := &routingv1.GatewayInfo{GatewayId: "script", Capabilities: everything}
		first, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: "trust-1", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller}, Gateway: info,
		})
		if err != nil || len(first.GetRoute().GetContinuation()) == 0 {
			t.Fatalf("%v, %v", first, err)
		}
		good := first.GetRoute().GetContinuation()
		forged := slices.Clone(good)
		forged[len(forged)-1] ^= 1
		for what, c := range map[string]struct {
			call, gateway string
			token         []byte
			fate          routingv1.ContinuationFate
		}{
			"its own":         {"trust-1", "script", good, routingv1.ContinuationFate_CONTINUATION_FATE_READ},
			"changed":         {"trust-1", "script", forged, routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS},
			"another call's":  {"trust-2", "script", good, routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS},
			"another gateway": {"trust-1", "other", good, routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS},
			"none":            {"trust-1", "script", nil, routingv1.ContinuationFate_CONTINUATION_FATE_MISSING},
			"noise":           {"trust-1", "script", []byte("noise"), routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS},
		} {
			got, err := client.ContinueCall(t.Context(), &routingv1.ContinueCallRequest{
				CallId: c.call, Continuation: c.token, DialledNumber: exampleHiddenNumber,
				Caller:  &routingv1.Caller{Number: exampleCaller},
				Gateway: &routingv1.GatewayInfo{GatewayId: c.gateway, Capabilities: everything},
				Attempts: []*routingv1.Attempt{{
					TargetId:    first.GetRoute().GetForward().GetTargets()[0].GetTargetId(),
					Disposition: routingv1.Disposition_DISPOSITION_BUSY,
				}},
			})
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			r := got.GetRoute()
			if r.GetExplanation().GetContinuation() != c.fate || len(r.GetForward().GetTargets()) == 0 {
				t.Errorf("%s: %v %v", what, r.GetExplanation().GetContinuation(), r.GetStep())
			}
			if trusted := c.fate == routingv1.ContinuationFate_CONTINUATION_FATE_READ; (len(r.GetContinuation()) > 0) != trusted {
				t.Errorf("%s: a continuation of %d bytes follows", what, len(r.GetContinuation()))
			}
		}
	})
}

// A refused call says why afterwards (livekit/sip 227).
func TestARefusedCallSaysWhy(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		s.gateway(nil, redirects).call(t, "refused-1", exampleHiddenNumber, exampleRefusedCaller)
		await.True(t, "the ledger to have the call", func() bool {
			got, err := ledgerv1.NewLedgerServiceClient(s.grpc).GetCall(t.Context(), &ledgerv1.GetCallRequest{Name: "calls/refused-1"})
			return err == nil && got.GetOutcome() == ledgerv1.Outcome_OUTCOME_REFUSED
		})
		if shown := s.run(t, "call", "show", "refused-1"); !strings.Contains(shown, "the contract has ended") ||
			strings.Contains(shown, strings.TrimPrefix(exampleHiddenNumber, "+")) {
			t.Errorf("it does not say why, or too much:\n%s", shown)
		}
	})
}

// startRouting is another routing process of the cluster.
func startRouting(t testing.TB, s *system, instance string) (grpcAddr string) {
	t.Helper()
	return startProcess(t, s.logs, "routing", "--etcd", s.etcd, "--instance", instance).GRPC
}

// Reports out of order, twice, and of a call that nobody routed are one story each.
func TestReportsInWhateverOrder(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		client := routingv1.NewRoutingServiceClient(s.grpc)
		first, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: "order-1", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
			Gateway: &routingv1.GatewayInfo{GatewayId: "script", Capabilities: dials},
		})
		if err != nil {
			t.Fatal(err)
		}
		at := func(seconds int64) *timestamppb.Timestamp {
			return &timestamppb.Timestamp{Seconds: first.GetRoute().GetExplanation().GetDecidedAt().GetSeconds() + seconds}
		}
		tried := func(target string, how routingv1.Disposition, from int64) *routingv1.Attempt {
			return &routingv1.Attempt{TargetId: target, Disposition: how, StartTime: at(from), EndTime: at(from + 5)}
		}
		busyFirst := tried("dublin.1", routingv1.Disposition_DISPOSITION_BUSY, 0)
		answeredNext := tried("bengaluru.1", routingv1.Disposition_DISPOSITION_ANSWERED, 5)
		report := func(call string, r *routingv1.ReportCallRequest) {
			r.CallId, r.Gateway = call, &routingv1.GatewayInfo{GatewayId: "script"}
			if _, err := client.ReportCall(t.Context(), r); err != nil {
				t.Errorf("report of %s: %v", call, err)
			}
		}
		for _, call := range []string{"order-1", "nobody-routed"} {
			end := &routingv1.ReportCallRequest{Attempts: []*routingv1.Attempt{busyFirst, answeredNext}, EndTime: at(70), AnswerTime: at(10)}
			report(call, end)
			report(call, &routingv1.ReportCallRequest{Attempts: []*routingv1.Attempt{busyFirst}, StartTime: at(0)}) // late
			report(call, end)                                                                                       // again
		}
		for call, routed := range map[string]bool{"order-1": true, "nobody-routed": false} {
			var got *ledgerv1.Call
			await.True(t, "the ledger to have "+call, func() bool {
				got, err = ledgerv1.NewLedgerServiceClient(s.grpc).GetCall(t.Context(), &ledgerv1.GetCallRequest{Name: "calls/" + call})
				return err == nil && got.GetOutcome() == ledgerv1.Outcome_OUTCOME_ANSWERED && (len(got.GetSteps()) == 1) == routed
			})
			if len(got.GetAttempts()) != 2 || got.GetUnrouted() == routed ||
				got.GetAttempts()[0].GetTargetId() != "dublin.1" || got.GetEndTime().GetSeconds() != at(70).GetSeconds() {
				t.Errorf("%s: %v", call, got)
			}
		}
	})
}
