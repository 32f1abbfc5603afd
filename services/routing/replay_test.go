package routing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// rightPIN is long enough to be nowhere by chance.
const rightPIN = "975318642097"

// knowing is an entitlement service that finds customers by what a caller says: their IDs.
type knowing struct{ *fakeEntitlement }

func (knowing) IdentifyCaller(_ context.Context, r *entitlementv1.IdentifyCallerRequest, _ ...grpc.CallOption) (
	*entitlementv1.IdentifyCallerResponse, error,
) {
	answer := &entitlementv1.IdentifyCallerResponse{}
	for i, id := range strings.Fields(r.GetName()) {
		if id == "away" {
			return nil, status.Error(codes.Unavailable, "away")
		}
		answer.Candidates = append(answer.Candidates, &entitlementv1.CallerCandidate{
			Customer: "customers/" + id, Confidence: 1 / float64(1+i),
		})
	}
	return answer, nil
}

func (knowing) VerifyPin(_ context.Context, r *entitlementv1.VerifyPinRequest, _ ...grpc.CallOption) (
	*entitlementv1.VerifyPinResponse, error,
) {
	return &entitlementv1.VerifyPinResponse{Verified: r.GetPin() == rightPIN}, nil
}

// asking is a world in which callers are asked, told and transferred.
func asking() viewtest.World {
	w := followTheSun()
	acme := viewtest.Customer("acme", []phone.Number{acmeNumber}, viewtest.Contract("", -100, 100))
	acme.HasPin = true
	w.Customers = []*publishedv1.Customer{acme, viewtest.Customer("bolt", []phone.Number{acmeNumber + 1, acmeNumber + 2}),
		viewtest.Customer("cord", []phone.Number{acmeNumber + 2}, viewtest.Contract("", -100, 100))}
	gold := w.Lines[0]
	gold.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_WHERE_SET}
	gold.Treatments = &routingv1.Treatments{
		Unknown: routingv1.Treatment_TREATMENT_IDENTIFY, NotEntitled: routingv1.Treatment_TREATMENT_MESSAGE,
	}
	desk := viewtest.Line("desk", goldNumber+1)
	desk.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	desk.OutOfHours = &routingv1.OutOfHours{
		Speech: &routingv1.Speech{Text: "We are closed."}, TransferLine: gold.GetName(),
		Reveal: routingv1.Reveal_REVEAL_VERIFIED_ENTITLED,
	}
	w.Lines = []*routingv1.Line{gold, desk}
	return w
}

// drawOutcome is what a gateway may say of a step, likely or not.
func drawOutcome(t *rapid.T, route *routingv1.Route) *routingv1.ContinueCallRequest {
	r := &routingv1.ContinueCallRequest{Continuation: route.GetContinuation()}
	for _, target := range route.GetForward().GetTargets() {
		r.Attempts = append(r.Attempts, &routingv1.Attempt{
			TargetId: target.GetTargetId(), Disposition: routingv1.Disposition(rapid.SampledFrom([]int32{2, 3, 3, 4, 5, 6}).Draw(t, "ended")),
		})
		if rapid.Bool().Draw(t, "no further") {
			break
		}
	}
	switch rapid.IntRange(0, 5).Draw(t, "input") {
	case 0:
		r.Input = &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
	case 1, 2:
		r.Input = &routingv1.Input{Digits: rapid.SampledFrom([]string{"1", "2", "9", "0", rightPIN, "1111"}).Draw(t, "digits")}
	case 3, 4:
		r.Input = &routingv1.Input{Speech: rapid.SampledFrom([]string{"acme", "bolt", "cord acme", "", "away", "gone"}).Draw(t, "said")}
	}
	if route.GetRecord() != nil && rapid.Bool().Draw(t, "recorded") {
		r.Recording = &routingv1.Recording{Uri: "https://gateway.example.com/1.wav"}
	}
	return r
}

// Every step of any call, whatever a gateway says of it, leaves a record from which it comes to the same.
func TestEveryStepOfACallCanBeMadeAgain(t *testing.T) {
	h := recording(t, 2<<20, enough) // one segment is enough: none has to be made in time
	h.applied(t, h.put(t, asking().Records()...))
	await.True(t, "there is a key to seal with", func() bool {
		route, err := h.routing.RouteCall(t.Context(), able("probe", goldNumber, acmeNumber))
		return err == nil && len(route.GetRoute().GetContinuation()) > 0
	})
	calls, steps := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		h.clock.Set(viewtest.At(float64(rapid.IntRange(-2, 26).Draw(rt, "hour"))))
		calls++
		request := able(fmt.Sprintf("call-%d", calls), goldNumber+phone.Number(rapid.IntRange(0, 1).Draw(rt, "line")),
			acmeNumber+phone.Number(rapid.IntRange(0, 3).Draw(rt, "caller")))
		answer, err := h.routing.RouteCall(t.Context(), request)
		if err != nil {
			rt.Fatal(err)
		}
		route := answer.GetRoute()
		for steps++; len(route.GetContinuation()) > 0; steps++ {
			next := drawOutcome(rt, route)
			next.CallId, next.Gateway = request.GetCallId(), request.GetGateway()
			next.DialledNumber, next.Caller = request.GetDialledNumber(), request.GetCaller()
			if rapid.IntRange(0, 20).Draw(rt, "forged") == 0 {
				next.Continuation = []byte("forged")
			}
			answer, err := h.routing.ContinueCall(t.Context(), next)
			if err != nil {
				rt.Fatal(err)
			}
			if route = answer.GetRoute(); route.GetStepNumber() > 30 {
				rt.Fatalf("a call without an end: %v", route)
			}
		}
	})
	h.deliver(t)
	decisions, _, _ := h.kept(t)
	kinds := map[routingv1.StepKind]int{}
	transferred, revealed := 0, 0
	for _, d := range decisions {
		kinds[d.GetStepKind()]++
		if d.GetTransferredFrom() != "" {
			transferred++
		}
		if d.GetNumberRevealed() {
			revealed++
		}
		if strings.Contains(d.String(), rightPIN) {
			t.Errorf("a PIN is in a record: %v", d)
		}
	}
	t.Logf("%d calls, %d steps: %v, %d transferred, %d told the number", calls, steps, kinds, transferred, revealed)
	if len(decisions) != steps {
		t.Errorf("%d records of %d steps", len(decisions), steps)
	}
	if len(kinds) < 4 || transferred == 0 || revealed == 0 {
		t.Error("the calls did not come to all that a call can come to")
	}
	h.wantReplayed(t)
}

// able is a call by a gateway that can do everything.
func able(id string, line, caller phone.Number) *routingv1.RouteCallRequest {
	request := call(line.String(), caller.String())
	request.CallId = id
	request.Caller.Attestation = routingv1.Attestation_ATTESTATION_A
	request.Gateway = &routingv1.GatewayInfo{GatewayId: "sip"}
	for c := range routingv1.Capability_name {
		if c != 0 {
			request.Gateway.Capabilities = append(request.Gateway.Capabilities, routingv1.Capability(c))
		}
	}
	return request
}
