package systemtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// behaviour is what happens when an address is rung.
type behaviour int

const (
	// answers picks up, and presses the accept key where one is asked for.
	answers behaviour = iota
	busy
	declines
	ringsOut
	// away cannot be reached at all.
	away
	// voicemail picks up by itself, and never presses a key.
	voicemail
)

func (b behaviour) disposition() routingv1.Disposition {
	return [...]routingv1.Disposition{
		routingv1.Disposition_DISPOSITION_ANSWERED, routingv1.Disposition_DISPOSITION_BUSY,
		routingv1.Disposition_DISPOSITION_DECLINED, routingv1.Disposition_DISPOSITION_NO_ANSWER,
		routingv1.Disposition_DISPOSITION_UNREACHABLE, routingv1.Disposition_DISPOSITION_ANSWERED,
	}[b]
}

// network is telephones by address; what is not named answers.
type network map[string]behaviour

// What gateways of tests can do.
var (
	redirects  = []routingv1.Capability{routingv1.Capability_CAPABILITY_REDIRECT}
	dials      = []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}
	dialsAsks  = append(slices.Clone(dials), routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_GATHER_DIGITS)
	everything = append(slices.Clone(dialsAsks), routingv1.Capability_CAPABILITY_GATHER_SPEECH,
		routingv1.Capability_CAPABILITY_RECORD, routingv1.Capability_CAPABILITY_BRIEF)
)

// gateway carries the steps of a call out as the API says, on a network of telephones.
type gateway struct {
	id      string
	can     []routingv1.Capability
	network network
	// routers are asked in turn: any process can take a call up.
	routers []routingv1.RoutingServiceClient
	asked   int
	// inputs are what the caller does at each prompt that gathers, in order; silence when they are used up.
	inputs []*routingv1.Input
	// message is what the caller leaves where a message is recorded; nil: hangs up without a word.
	message *routingv1.Recording
	// goneAfter is how many attempts the caller waits for; 0: for ever.
	goneAfter int
	// ahead is how far the system's clock is ahead of this machine's.
	ahead time.Duration
}

func (s *system) gateway(n network, can []routingv1.Capability, inputs ...*routingv1.Input) *gateway {
	return &gateway{
		id: "script", can: can, network: n, inputs: inputs,
		routers: []routingv1.RoutingServiceClient{routingv1.NewRoutingServiceClient(s.grpc)},
	}
}

// through adds a process that is asked in turn with the others.
func (g *gateway) through(cc grpc.ClientConnInterface) *gateway {
	g.routers = append(g.routers, routingv1.NewRoutingServiceClient(cc))
	return g
}

func digits(keys string) *routingv1.Input           { return &routingv1.Input{Digits: keys} }
func speech(text string) *routingv1.Input           { return &routingv1.Input{Speech: text} }
func (g *gateway) able(c routingv1.Capability) bool { return slices.Contains(g.can, c) }

// story is what became of a call.
type story struct {
	callID string
	// answeredBy is the address of whoever answered; empty where nobody did.
	answeredBy string
	site       string
	// rung is every address that was rung, in order.
	rung []string
	// attempts are how each of them ended, as far as the gateway knows.
	attempts []*routingv1.Attempt
	// prompts are what was said, in order.
	prompts []*routingv1.Prompt
	// end is why the call ended, where a step ended it.
	end    routingv1.EndCause
	routes []*routingv1.Route
	// recorded says that a message was taken.
	recorded bool
}

// maxSteps is more than a call may have.
const maxSteps = 40

// call rings a line and goes through to the end.
func (g *gateway) call(t testing.TB, callID, dialled, from string) story {
	t.Helper()
	st := story{callID: callID}
	caller := &routingv1.Caller{Number: from}
	info := &routingv1.GatewayInfo{GatewayId: g.id, Capabilities: g.can}
	resp, err := g.router().RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: callID, DialledNumber: dialled, Caller: caller, Gateway: info,
	})
	if err != nil {
		t.Fatalf("RouteCall: %v", err)
	}
	route := resp.GetRoute()
	g.ahead = route.GetExplanation().GetDecidedAt().AsTime().Sub((clock.System{}).Now())
	began := g.now()
	for range maxSteps {
		st.routes = append(st.routes, route)
		next := &routingv1.ContinueCallRequest{
			CallId: callID, Continuation: route.GetContinuation(), Gateway: info, DialledNumber: dialled, Caller: caller,
		}
		if over := g.carry(t, &st, route, next); over {
			g.report(t, &st, began, route.GetContinuation())
			return st
		}
		if len(route.GetContinuation()) == 0 {
			t.Fatalf("call %s: nothing follows a step that did not end it: %v", callID, route)
		}
		answer, err := g.router().ContinueCall(t.Context(), next)
		if err != nil {
			t.Fatalf("ContinueCall: %v", err)
		}
		route = answer.GetRoute()
	}
	t.Fatalf("call %s has no end after %d steps; rung %v", callID, maxSteps, st.rung)
	return st
}

func (g *gateway) router() routingv1.RoutingServiceClient {
	g.asked++
	return g.routers[g.asked%len(g.routers)]
}

// carry carries one step out; true where the call is over. What came of it goes into next.
func (g *gateway) carry(t testing.TB, st *story, route *routingv1.Route, next *routingv1.ContinueCallRequest) bool {
	t.Helper()
	switch step := route.GetStep().(type) {
	case *routingv1.Route_End:
		st.end = step.End.GetCause()
		return true
	case *routingv1.Route_Forward:
		return g.forward(t, st, step.Forward, next)
	case *routingv1.Route_Prompt:
		if !g.able(routingv1.Capability_CAPABILITY_PROMPT) {
			t.Fatalf("a gateway that cannot is to say %q", step.Prompt.GetText())
		}
		st.prompts = append(st.prompts, step.Prompt)
		next.Input = g.input(step.Prompt)
	case *routingv1.Route_Record:
		if !g.able(routingv1.Capability_CAPABILITY_RECORD) {
			t.Fatal("a gateway that cannot is to record")
		}
		next.Recording = g.message
		st.recorded = g.message != nil
	default:
		t.Fatalf("a route without a step: %v", route)
	}
	return false
}

func (g *gateway) input(p *routingv1.Prompt) *routingv1.Input {
	if p.GetMaxDigits() == 0 && !p.GetSpeech() {
		return nil // nothing is gathered
	}
	if len(g.inputs) == 0 {
		return &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
	}
	in := g.inputs[0]
	g.inputs = g.inputs[1:]
	return in
}

// forward rings targets in order until somebody answers.
func (g *gateway) forward(t testing.TB, st *story, f *routingv1.Forward, next *routingv1.ContinueCallRequest) bool {
	t.Helper()
	if len(f.GetTargets()) == 0 {
		t.Fatal("a forward step without a target")
	}
	for _, target := range f.GetTargets() {
		address := addressOf(target)
		st.rung = append(st.rung, address)
		how := g.network[address]
		attempt := &routingv1.Attempt{
			TargetId: target.GetTargetId(), Disposition: how.disposition(), StartTime: timestamppb.New(g.now()),
		}
		switch {
		case how == voicemail && target.GetAcceptKey() != "" && g.able(routingv1.Capability_CAPABILITY_GATHER_DIGITS):
			attempt.Disposition = routingv1.Disposition_DISPOSITION_NOT_ACCEPTED
		case g.goneAfter > 0 && len(st.rung) >= g.goneAfter:
			attempt.Disposition = routingv1.Disposition_DISPOSITION_CALLER_GONE
		}
		attempt.EndTime = timestamppb.New(g.now())
		next.Attempts, st.attempts = append(next.Attempts, attempt), append(st.attempts, attempt)
		switch attempt.GetDisposition() { //nolint:exhaustive // the others ring the next one
		case routingv1.Disposition_DISPOSITION_ANSWERED:
			st.answeredBy, st.site = address, target.GetSite()
			return true
		case routingv1.Disposition_DISPOSITION_CALLER_GONE:
			return false
		}
	}
	// A redirect is carried out by the network: nobody asks what next.
	return !g.able(routingv1.Capability_CAPABILITY_FORWARD)
}

// report tells how the call went, as a gateway that knows does.
func (g *gateway) report(t testing.TB, st *story, began time.Time, continuation []byte) {
	t.Helper()
	if !g.able(routingv1.Capability_CAPABILITY_FORWARD) {
		return
	}
	now := g.now()
	report := &routingv1.ReportCallRequest{
		CallId: st.callID, Gateway: &routingv1.GatewayInfo{GatewayId: g.id}, Continuation: continuation,
		StartTime: timestamppb.New(began), EndTime: timestamppb.New(now), Attempts: st.attempts,
	}
	if st.answeredBy != "" {
		report.AnswerTime = timestamppb.New(now)
	}
	resp, err := g.router().ReportCall(t.Context(), report)
	if err != nil {
		t.Fatalf("ReportCall: %v", err)
	}
	if resp.GetDurability() == routingv1.Durability_DURABILITY_UNSPECIFIED {
		t.Error("a report was acknowledged, and nobody says where it is")
	}
}

// now is the time of the system under test.
func (g *gateway) now() time.Time { return (clock.System{}).Now().Add(g.ahead) }

func addressOf(t *routingv1.RouteTarget) string {
	if uri := t.GetTarget().GetSipUri(); uri != "" {
		return uri
	}
	return "tel:" + t.GetTarget().GetPhoneNumber().GetE164Number()
}

// rungAtMost fails where an address was rung more often than that.
func (st story) rungAtMost(t testing.TB, times int, address string) {
	t.Helper()
	n := 0
	for _, a := range st.rung {
		if a == address {
			n++
		}
	}
	if n > times {
		t.Errorf("call %s rang %s %d times: %v", st.callID, address, n, st.rung)
	}
}

func (st story) last() *routingv1.Route { return st.routes[len(st.routes)-1] }

func (st story) said() []routingv1.PromptKind {
	var kinds []routingv1.PromptKind
	for _, p := range st.prompts {
		kinds = append(kinds, p.GetKind())
	}
	return kinds
}

// tenSeconds is a message.
func tenSeconds() *routingv1.Recording {
	return &routingv1.Recording{Uri: "https://recordings.example.com/1", Length: durationpb.New(10 * time.Second)}
}

func (st story) String() string {
	return fmt.Sprintf("answered by %q, rung %v, said %v, end %v, %d steps", st.answeredBy, st.rung, st.said(), st.end, len(st.routes))
}
