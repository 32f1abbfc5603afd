package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// talkAnswers are the steps of a call that a fake answers with, one a request, and what it was told.
type talkAnswers struct {
	steps    []*routingv1.Route
	routed   *routingv1.RouteCallRequest
	told     []*routingv1.ContinueCallRequest
	reported *routingv1.ReportCallRequest
}

// step is the next one. A continuation follows each but the last.
func (f *talkAnswers) step() *routingv1.Route {
	r := proto.CloneOf(f.steps[0])
	r.StepNumber = int32(len(f.told) + 1)
	if f.steps = f.steps[1:]; len(f.steps) > 0 {
		r.Continuation = fmt.Append(nil, "token ", r.GetStepNumber())
	}
	return r
}

func (f *fake) RouteCall(_ context.Context, r *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
	if f.routed = r; f.err != nil {
		return nil, f.err
	}
	return &routingv1.RouteCallResponse{Route: f.step()}, nil
}

func (f *fake) ContinueCall(_ context.Context, r *routingv1.ContinueCallRequest) (*routingv1.ContinueCallResponse, error) {
	f.told = append(f.told, r)
	answer := &routingv1.ContinueCallResponse{Route: f.step()}
	if r.GetRecording() != nil {
		answer.Durability = routingv1.Durability_DURABILITY_SPOOLED
	}
	return answer, nil
}

func (f *fake) ReportCall(_ context.Context, r *routingv1.ReportCallRequest) (*routingv1.ReportCallResponse, error) {
	if f.reported = r; f.err != nil {
		return nil, f.err
	}
	return &routingv1.ReportCallResponse{Durability: routingv1.Durability_DURABILITY_SPOOLED}, nil
}

// wholeCall asks for a name and a PIN, rings, rings again, and takes a message.
func wholeCall(t *testing.T) []*routingv1.Route {
	t.Helper()
	var steps []*routingv1.Route
	for _, s := range []string{
		`prompt: {kind: PROMPT_KIND_ANNOUNCEMENT text: "Welcome."} explanation: {verdicts: [VERDICT_LINE_FOUND, VERDICT_CALLER_UNKNOWN]}`,
		`prompt: {kind: PROMPT_KIND_NAME text: "Who are you?" max_digits: 10 finish_key: "#" speech: true}`,
		`prompt: {kind: PROMPT_KIND_PIN text: "Your PIN, please." max_digits: 8 finish_key: "#"}`,
		`forward: {targets: {target_id: "dublin.1" site: "sites/dublin" target: {sip_uri: "sip:support@dublin.example.com"} ring_timeout: {seconds: 20}}
			targets: {target_id: "person.anna.1" person: "people/anna" target: {phone_number: {e164_number: "+13035550121"}} accept_key: "1"}
			targets: {target_id: "last-resort" last_resort: true display_name: "Duty desk" target: {phone_number: {e164_number: "+61255500000"}}}}`,
		`record: {text: "Leave a message." max_length: {seconds: 120}}`,
		`end: {cause: END_CAUSE_REFUSED text: "Thank you"} explanation: {continuation: CONTINUATION_FATE_READ_AGAIN}`,
	} {
		steps = append(steps, text(t, &routingv1.Route{}, s))
	}
	return steps
}

func TestTalkIsAWholeCall(t *testing.T) {
	f := newFake(t)
	f.steps = wholeCall(t)
	term := newTerminal(t, f)
	term.in.Reset("Acme Industries\n4711#\nmaybe\nb\nx\nno-answer\nPlease call me back about the database.\n")
	code := term.run(t.Context(), "talk", "gold-emergency", "--from", "+13035550101", "--call-id", "c1", "--why")
	if code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "talk", term.out.String())
	if strings.Contains(term.out.String(), "4711") || strings.Contains(term.out.String(), "13035550121") || strings.Contains(term.out.String(), "61255500100") {
		t.Error("the PIN, a person's own number or the hidden number is shown")
	}
	if f.routed.GetDialledNumber() != "+61255500100" || f.routed.GetCaller().GetNumber() != "+13035550101" ||
		f.routed.GetGateway().GetGatewayId() != "terminal" || len(f.routed.GetGateway().GetCapabilities()) != 6 {
		t.Errorf("routed %v", f.routed)
	}
	want := []string{
		`continuation: "token 1"`, `continuation: "token 2" input: {speech: "Acme Industries"}`,
		`continuation: "token 3" input: {digits: "4711"}`,
		`continuation: "token 4" attempts: {target_id: "dublin.1" disposition: DISPOSITION_BUSY}
			attempts: {target_id: "person.anna.1" disposition: DISPOSITION_NOT_ACCEPTED}
			attempts: {target_id: "last-resort" disposition: DISPOSITION_NO_ANSWER}`,
		`continuation: "token 5" recording: {uri: "terminal:c1" length: {seconds: 3}}`,
	}
	for i, w := range want {
		got := f.told[i]
		for _, a := range got.GetAttempts() {
			a.StartTime, a.EndTime = nil, nil
		}
		got.Gateway, got.CallId, got.Caller, got.DialledNumber = nil, "", nil, ""
		if expected := text(t, &routingv1.ContinueCallRequest{}, w); !proto.Equal(got, expected) {
			t.Errorf("step %d: told %v, want %v", i+1, got, expected)
		}
	}
	if len(f.reported.GetAttempts()) != 3 || f.reported.GetAnswerTime() != nil || f.reported.GetEndTime() == nil {
		t.Errorf("reported %v", f.reported)
	}
}

// TestTalkByScript needs nobody at the terminal.
func TestTalkByScript(t *testing.T) {
	f := newFake(t)
	rings := wholeCall(t)[3]
	rings.Whisper, rings.BriefToken = "Acme Industries, entitled.", "AQEx_-9"
	f.steps = []*routingv1.Route{rings, rings, wholeCall(t)[5]}
	term := newTerminal(t, f)
	code := term.run(t.Context(), "talk", "+61255500100", "--call-id", "c2", "--script", "busy,declined,answered")
	if code != 0 {
		t.Fatal(term.err.String())
	}
	golden(t, "talk-script", term.out.String())
	if len(f.told) != 0 || f.reported.GetAnswerTime() == nil || len(f.reported.GetAttempts()) != 3 || len(f.reported.GetContinuation()) == 0 {
		t.Errorf("told %v, reported %v", f.told, f.reported)
	}
	// The last of a script goes on for ever; the call ends by itself.
	f.steps, f.told = []*routingv1.Route{rings, rings, wholeCall(t)[5]}, nil
	if code := term.run(t.Context(), "talk", "+61255500100", "--script", "b"); code != 0 || len(f.told) != 2 || len(f.told[1].GetAttempts()) != 3 {
		t.Errorf("exit %d, told %v", code, f.told)
	}
	// At the end of the input phones answer, and callers are silent.
	f.steps, f.told = append(wholeCall(t)[:3:3], rings), nil
	if code := term.run(t.Context(), "talk", "+61255500100"); code != 0 || len(f.told) != 3 ||
		f.told[1].GetInput().GetNoInput() != routingv1.NoInput_NO_INPUT_SILENCE || len(f.reported.GetAttempts()) != 1 {
		t.Errorf("exit %d, told %v, %s", code, f.told, term.out.String())
	}
}

func TestTalkersHangUp(t *testing.T) {
	for what, c := range map[string]struct {
		steps []*routingv1.Route
		in    string
	}{
		"at a prompt": {wholeCall(t)[1:], "!\n"}, "while it rings": {wholeCall(t)[3:], "b\n!\n"}, "before the beep": {wholeCall(t)[4:], "!\n"},
	} {
		f := newFake(t)
		f.steps = c.steps
		term := newTerminal(t, f)
		term.in.Reset(c.in)
		if code := term.run(t.Context(), "talk", "gold-emergency"); code != 0 || len(f.told) != 0 || f.reported == nil {
			t.Errorf("%s: exit %d, told %v, reported %v", what, code, f.told, f.reported)
		}
	}
}

// TestTalkersWhoWantAPerson leave no message: 0 is a key to a gateway that hears keys, and words to others.
func TestTalkersWhoWantAPerson(t *testing.T) {
	for can, digits := range map[string]string{"prompt,digits,record": "0", "prompt,record": ""} {
		f := newFake(t)
		f.steps = wholeCall(t)[4:]
		term := newTerminal(t, f)
		term.in.Reset("0\n")
		if code := term.run(t.Context(), "talk", "gold-emergency", "--can", can); code != 0 || len(f.told) != 1 ||
			f.told[0].GetInput().GetDigits() != digits || (f.told[0].GetRecording() == nil) != (digits != "") {
			t.Errorf("%s: exit %d, told %v", can, code, f.told)
		}
	}
}

// TestTalkWithWhatTheGatewayHas: keys alone, redirects alone.
func TestTalkWithWhatTheGatewayHas(t *testing.T) {
	f := newFake(t)
	f.steps = wholeCall(t)[1:4]
	term := newTerminal(t, f)
	term.in.Reset("Acme\n123456789012#\n")
	if code := term.run(t.Context(), "talk", "gold-emergency", "--can", "prompt,digits"); code != 0 {
		t.Fatal(term.err.String())
	}
	if len(f.told) != 2 || f.told[0].GetInput().GetNoInput() != routingv1.NoInput_NO_INPUT_FAILED || f.told[1].GetInput().GetDigits() != "12345678" {
		t.Errorf("told %v", f.told)
	}
	f.steps, f.told, f.reported = wholeCall(t)[3:4], nil, nil
	if code := term.run(t.Context(), "talk", "gold-emergency", "--can", "redirect"); code != 0 || f.reported != nil ||
		!strings.Contains(term.out.String(), "  1. sites/dublin, sip:support@dublin.example.com, 20s\n") {
		t.Errorf("exit %d, reported %v: %s", code, f.reported, term.out.String())
	}
	f.steps = wholeCall(t)[3:4]
	if code := term.run(t.Context(), "talk", "gold-emergency", "-o", "json"); code != 0 || !strings.HasPrefix(term.out.String(), "{\n") ||
		!strings.Contains(term.err.String(), "The caller talks to sites/dublin.") {
		t.Errorf("exit %d: %s", code, term.out.String())
	}
}

func TestTalkSaysWhatItCannot(t *testing.T) {
	f := newFake(t)
	term := newTerminal(t, f)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--can", "fly"}, `--can "fly": must be of redirect`}, {[]string{"--script", "busy,late"}, `--script "late": must be of answered`},
		{[]string{"--from", "x"}, "--from: must be a number"}, {[]string{"--attestation", "D"}, "must be A, B or C"},
	} {
		if code := term.run(t.Context(), append([]string{"talk", "gold-emergency"}, c.args...)...); code != 2 || !strings.Contains(term.err.String(), c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, term.err.String())
		}
	}
	f.err = refusal(codes.Unavailable, "this routing process has not yet read the configuration", rpcv1.Reason_REASON_VIEW_NOT_READY)
	if code := term.run(t.Context(), "talk", "+61255500100"); code != 1 || !strings.Contains(term.err.String(), "not yet read") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	// A call that would never end is ended here.
	f.err = nil
	for range 100 {
		f.steps = append(f.steps, wholeCall(t)[0])
	}
	if code := term.run(t.Context(), "talk", "+61255500100"); code != 1 || !strings.Contains(term.err.String(), "more steps than any call") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
	// An unusual step, and a report that is not taken.
	f.steps = []*routingv1.Route{{}}
	if code := term.run(t.Context(), "talk", "+61255500100"); code != 1 || !strings.Contains(term.err.String(), "does not know") {
		t.Errorf("exit %d, %s", code, term.err.String())
	}
}
