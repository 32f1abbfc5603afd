package routing_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	acmeANI, strangerANI = "+13035550100", "+13035550199"
	// pinCanary is a PIN as it would show if it leaked, nameCanary a name.
	pinCanary, nameCanary = "73520461", "Acme Heavy Industries"
)

// people answers what callers say and type, as entitlement does.
type people struct {
	mu    sync.Mutex
	err   error
	stuck bool
}

func (p *people) fail(err error, stuck bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.stuck = err, stuck
}

func (p *people) wait(ctx context.Context) error {
	p.mu.Lock()
	err, stuck := p.err, p.stuck
	p.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (f *fakeEntitlement) IdentifyCaller(
	ctx context.Context, r *entitlementv1.IdentifyCallerRequest, _ ...grpc.CallOption,
) (*entitlementv1.IdentifyCallerResponse, error) {
	if err := f.people.wait(ctx); err != nil {
		return nil, err
	}
	found := func(id string, confidence float64) *entitlementv1.CallerCandidate {
		return &entitlementv1.CallerCandidate{Customer: "customers/" + id, Confidence: confidence}
	}
	switch r.GetName() + r.GetDigits() {
	case nameCanary, "2263":
		return &entitlementv1.IdentifyCallerResponse{Candidates: []*entitlementv1.CallerCandidate{found("acme", 1)}}, nil
	case "new":
		return &entitlementv1.IdentifyCallerResponse{Candidates: []*entitlementv1.CallerCandidate{found("not-in-the-view", 1)}}, nil
	}
	return &entitlementv1.IdentifyCallerResponse{}, nil
}

func (f *fakeEntitlement) VerifyPin(
	ctx context.Context, r *entitlementv1.VerifyPinRequest, _ ...grpc.CallOption,
) (*entitlementv1.VerifyPinResponse, error) {
	if err := f.people.wait(ctx); err != nil {
		return nil, err
	}
	return &entitlementv1.VerifyPinResponse{Verified: r.GetCustomer() == "customers/acme" && r.GetPin() == pinCanary}, nil
}

func everyCapability() []routingv1.Capability {
	return []routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT,
		routingv1.Capability_CAPABILITY_GATHER_DIGITS, routingv1.Capability_CAPABILITY_RECORD,
		routingv1.Capability_CAPABILITY_GATHER_SPEECH, routingv1.Capability_CAPABILITY_BRIEF,
	}
}

// gateway is one call of a gateway that can do all there is.
type gateway struct {
	h       *house
	routing routingv1.RoutingServiceClient
	id      string
	to      string
	from    string
	can     []routingv1.Capability
	last    *routingv1.Route
	// attested: the carrier vouches for the number.
	attested bool
	// kept is where the message that went with the last step is.
	kept routingv1.Durability
}

func (h *house) gateway(id, to, from string) *gateway {
	return &gateway{h: h, routing: h.routing, id: id, to: to, from: from, can: everyCapability()}
}

func (g *gateway) info() *routingv1.GatewayInfo {
	return &routingv1.GatewayInfo{GatewayId: "media-1", Capabilities: g.can}
}

func (g *gateway) caller() *routingv1.Caller {
	c := &routingv1.Caller{Number: g.from}
	if g.attested {
		c.Attestation = routingv1.Attestation_ATTESTATION_A
	}
	return c
}

// begins routes the call.
func (g *gateway) begins(t testing.TB) *routingv1.Route {
	t.Helper()
	r, err := g.routing.RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: g.id, DialledNumber: g.to, Caller: g.caller(), Gateway: g.info(),
	})
	if err != nil {
		t.Fatal(err)
	}
	g.last = r.GetRoute()
	return g.last
}

// goesOn hands the outcome of the last step back.
func (g *gateway) goesOn(t testing.TB, outcome *routingv1.ContinueCallRequest) *routingv1.Route {
	t.Helper()
	if outcome.Continuation == nil {
		outcome.Continuation = g.last.GetContinuation()
	}
	outcome.CallId, outcome.DialledNumber, outcome.Gateway = g.id, g.to, g.info()
	outcome.Caller = g.caller()
	r, err := g.routing.ContinueCall(t.Context(), outcome)
	if err != nil {
		t.Fatal(err)
	}
	g.last, g.kept = r.GetRoute(), r.GetDurability()
	return g.last
}

func said(text string) *routingv1.ContinueCallRequest {
	return &routingv1.ContinueCallRequest{Input: &routingv1.Input{Speech: text}}
}

func typed(digits string) *routingv1.ContinueCallRequest {
	return &routingv1.ContinueCallRequest{Input: &routingv1.Input{Digits: digits}}
}

// tried are attempts as "sydney.1=BUSY".
func tried(list ...string) *routingv1.ContinueCallRequest {
	r := &routingv1.ContinueCallRequest{}
	for _, one := range list {
		id, how, _ := strings.Cut(one, "=")
		r.Attempts = append(r.Attempts, &routingv1.Attempt{
			TargetId: id, Disposition: routingv1.Disposition(routingv1.Disposition_value["DISPOSITION_"+how]),
		})
	}
	return r
}

// step is a route for reading.
func step(r *routingv1.Route) string {
	switch {
	case r.GetPrompt() != nil:
		return "prompt " + strings.TrimPrefix(r.GetPrompt().GetKind().String(), "PROMPT_KIND_")
	case r.GetRecord() != nil:
		return "record"
	}
	return shape(r)
}

// theWholeCall is a line that asks strangers who they are, one that takes messages of them, and a published one, open around
// 4 o'clock.
func theWholeCall() viewtest.World {
	asking := line("gold", goldNumber, "sydney", "dublin")
	asking.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_IDENTIFY}
	asking.Identification = &routingv1.Identification{Pin: routingv1.PinPolicy_PIN_POLICY_WHERE_SET}
	asking.Guidance = &routingv1.Guidance{Entitled: "Say hello to them."}
	messages := line("messages", goldNumber+1, "sydney")
	messages.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_MESSAGE}
	public := line("public", goldNumber+2, "dublin")
	public.Visibility = routingv1.Visibility_VISIBILITY_PUBLISHED
	public.OutOfHours = &routingv1.OutOfHours{
		TransferLine: "lines/gold", Reveal: routingv1.Reveal_REVEAL_VERIFIED_ENTITLED,
	}
	known := viewtest.Customer("acme", []phone.Number{acmeNumber}, viewtest.Contract("", -100, 100))
	known.HasPin = true
	return viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("sydney", viewtest.Daily(-2, 6, 20)...), viewtest.Site("dublin", viewtest.Daily(3, 5, 20)...),
		},
		Customers: []*publishedv1.Customer{known}, Lines: []*routingv1.Line{asking, messages, public},
	}
}

// staffed is a house in which calls can go on: its world is applied, and there is a key.
func staffed(t testing.TB) *house {
	t.Helper()
	h := open(t)
	h.applied(t, h.put(t, theWholeCall().Records()...))
	await.True(t, "there is a key", func() bool {
		return len(h.gateway("probe", "+61255500100", acmeANI).begins(t).GetContinuation()) > 0
	})
	return h
}

// beside is a second routing process of the same cluster.
func (h *house) beside(t testing.TB, change ...func(*routing.Deps)) routingv1.RoutingServiceClient {
	t.Helper()
	deps := routing.Deps{
		Store: h.etcd, Instance: "test-2", Clock: h.clock, Logger: slog.New(slog.DiscardHandler),
		TracerProvider: noop.NewTracerProvider(), MeterProvider: sdkmetric.NewMeterProvider(), Schedule: h.schedule,
		Entitlement: h.entitlement,
	}
	for _, f := range change {
		f(&deps)
	}
	service, err := routing.New(routing.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	other := &house{service: service, clock: h.clock}
	other.serve(t, h.chain)
	other.run(t)
	return other.routing
}
