package routing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// wire is one gateway's stream.
type wire struct {
	grpc.BidiStreamingClient[routingv1.ConnectGatewayRequest, routingv1.ConnectGatewayResponse]
	hangUp func()
}

// dial opens a stream and says hello.
func (h *house) dial(t testing.TB, gateway string) wire {
	t.Helper()
	w := h.dialSilently(t)
	w.say(t, &routingv1.ConnectGatewayRequest{Event: &routingv1.ConnectGatewayRequest_Hello{Hello: &routingv1.GatewayInfo{
		GatewayId: gateway, Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD},
	}}})
	return w
}

func (h *house) dialSilently(t testing.TB) wire {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	stream, err := h.routing.ConnectGateway(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return wire{stream, cancel}
}

func (w wire) say(t testing.TB, event *routingv1.ConnectGatewayRequest) {
	t.Helper()
	if err := w.Send(event); err != nil {
		t.Fatal(err)
	}
}

func (w wire) carries(t testing.TB, calls map[string]int32) {
	t.Helper()
	w.say(t, &routingv1.ConnectGatewayRequest{Event: &routingv1.ConnectGatewayRequest_ActiveCalls{
		ActiveCalls: &routingv1.ActiveCalls{Calls: calls},
	}})
}

func (w wire) reaches(t testing.TB, target *schedulev1.Target, reachable bool, since time.Time) {
	t.Helper()
	w.say(t, &routingv1.ConnectGatewayRequest{Event: &routingv1.ConnectGatewayRequest_Reachability{
		Reachability: &routingv1.TargetReachability{Target: target, Reachable: reachable, Since: timestamppb.New(since)},
	}})
}

// end is how the stream ends; it must end by itself.
func (w wire) end(t testing.TB) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := w.Recv(); err != nil {
				ended <- err
				return
			}
		}
	}()
	return await.Receive(t, "the stream to end", ended)
}

func (h *house) liveState(t testing.TB) *routingv1.GetLiveStateResponse {
	t.Helper()
	state, err := routingv1.NewLiveServiceClient(h.conn).GetLiveState(t.Context(), &routingv1.GetLiveStateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// liveText is the live state in short: "dublin 3 calls; bengaluru 2 agents; sip:x@y unreachable by gw; gw@test-1 3 calls".
func (h *house) liveText(t testing.TB) string {
	t.Helper()
	state := h.liveState(t)
	var parts []string
	for _, s := range state.GetSites() {
		text := fmt.Sprintf("%s %d calls", strings.TrimPrefix(s.GetSite(), "sites/"), s.GetActiveCalls())
		if s.Agents != nil {
			text += fmt.Sprintf(" %d agents", s.GetAgents())
		}
		parts = append(parts, text)
	}
	for _, u := range state.GetUnreachable() {
		parts = append(parts, fmt.Sprintf("%s%s unreachable by %s", u.GetTarget().GetSipUri(),
			u.GetTarget().GetPhoneNumber().GetE164Number(), u.GetReporter()))
	}
	for _, g := range state.GetGateways() {
		parts = append(parts, fmt.Sprintf("%s@%s %d calls", g.GetGatewayId(), g.GetInstance(), g.GetActiveCalls()))
	}
	return strings.Join(parts, "; ")
}

func (h *house) awaitLive(t testing.TB, want string) {
	t.Helper()
	got := ""
	defer func() {
		if got != want {
			t.Logf("live state is %q, not %q", got, want)
		}
	}()
	await.True(t, "live state to be "+want, func() bool {
		got = h.liveText(t)
		return got == want
	})
}

// passing awaits it while the clock goes on, a second at a time.
func (h *house) passing(t testing.TB, want string) (seconds int) {
	t.Helper()
	got := ""
	await.True(t, "live state to be "+want, func() bool {
		if got = h.liveText(t); got == want {
			return true
		}
		h.clock.Advance(time.Second)
		seconds++
		return false
	})
	return seconds
}

const dublinTarget = "sip:support@dublin.example.com"

func sipTarget(uri string) *schedulev1.Target {
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: uri}}
}

func liveHouse(t *testing.T) *house {
	t.Helper()
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	return h
}

func TestWhatAGatewaySaysIsKnownToAll(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := liveHouse(t)
	w := h.dial(t, "sbc-1")
	h.awaitLive(t, "sbc-1@test-1 0 calls")
	w.carries(t, map[string]int32{"sites/dublin": 3, "sites/bengaluru": 1, "sites/denver": 0})
	h.awaitLive(t, "bengaluru 1 calls; dublin 3 calls; sbc-1@test-1 4 calls")
	other := h.dial(t, "sbc-2")
	other.carries(t, map[string]int32{"sites/dublin": 2})
	h.awaitLive(t, "bengaluru 1 calls; dublin 5 calls; sbc-1@test-1 4 calls; sbc-2@test-1 2 calls")
	w.carries(t, map[string]int32{"sites/bengaluru": 2})
	h.awaitLive(t, "bengaluru 2 calls; dublin 2 calls; sbc-1@test-1 2 calls; sbc-2@test-1 2 calls")
	if got := h.liveState(t).GetGateways()[0].GetCapabilities(); !slices.Equal(got, []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}) {
		t.Errorf("capabilities %v", got)
	}
	if got := h.metric(t, "dayside.live.gateways"); got != 2 {
		t.Errorf("%v gateways are connected by the metric", got)
	}
	if got := h.metric(t, "dayside.live.calls"); got != 4 {
		t.Errorf("%v calls by the metric", got)
	}
}

func TestWhatAGatewaySaidHoldsSomeSecondsBehindItsStream(t *testing.T) {
	h := liveHouse(t)
	w := h.dial(t, "sbc-1")
	w.carries(t, map[string]int32{"sites/dublin": 3})
	said := "dublin 3 calls; sbc-1@test-1 3 calls"
	h.awaitLive(t, said)
	if err := w.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := w.end(t); !errors.Is(err, io.EOF) {
		t.Errorf("a stream that its gateway ended: %v", err)
	}
	await.True(t, "the end to be noticed", func() bool { return h.metric(t, "dayside.live.gateways") == 0 })
	h.clock.Advance(4 * time.Second)
	if got := h.liveText(t); got != said {
		t.Errorf("four seconds later: %s", got)
	}
	// It only had to connect anew: nothing is forgotten.
	again := h.dial(t, "sbc-1")
	await.True(t, "the gateway to be back", func() bool { return h.metric(t, "dayside.live.gateways") == 1 })
	for range 10 {
		h.clock.Advance(time.Second)
	}
	if got := h.liveText(t); got != said {
		t.Errorf("connected anew: %s", got)
	}
	again.hangUp()
	await.True(t, "the end to be noticed", func() bool { return h.metric(t, "dayside.live.gateways") == 0 })
	if seconds := h.passing(t, ""); seconds < 4 {
		t.Errorf("gone after %d s", seconds)
	}
}

func TestTheNewerOfTwoStreamsOfAGatewayCounts(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := liveHouse(t)
	old := h.dial(t, "sbc-1")
	old.carries(t, map[string]int32{"sites/dublin": 3})
	h.awaitLive(t, "dublin 3 calls; sbc-1@test-1 3 calls")
	newer := h.dial(t, "sbc-1")
	wantReason(t, old.end(t), rpcv1.Reason_REASON_WRONG_STATE)
	newer.carries(t, map[string]int32{"sites/dublin": 1})
	h.awaitLive(t, "dublin 1 calls; sbc-1@test-1 1 calls")
}

func TestAStreamBeginsWithHelloAndSaysNothingImpossible(t *testing.T) {
	h := liveHouse(t)
	hello := &routingv1.ConnectGatewayRequest{Event: &routingv1.ConnectGatewayRequest_Hello{Hello: &routingv1.GatewayInfo{GatewayId: "sbc-9"}}}
	calls := func(name string, n int32) *routingv1.ConnectGatewayRequest {
		return &routingv1.ConnectGatewayRequest{Event: &routingv1.ConnectGatewayRequest_ActiveCalls{
			ActiveCalls: &routingv1.ActiveCalls{Calls: map[string]int32{name: n}},
		}}
	}
	reach := func(t *schedulev1.Target) *routingv1.ConnectGatewayRequest {
		return &routingv1.ConnectGatewayRequest{Event: &routingv1.ConnectGatewayRequest_Reachability{
			Reachability: &routingv1.TargetReachability{Target: t},
		}}
	}
	for name, c := range map[string]struct {
		events []*routingv1.ConnectGatewayRequest
		reason rpcv1.Reason
		says   string
	}{
		"no hello":            {[]*routingv1.ConnectGatewayRequest{calls("sites/dublin", 1)}, rpcv1.Reason_REASON_WRONG_STATE, "hello"},
		"nothing at all":      {[]*routingv1.ConnectGatewayRequest{{}}, rpcv1.Reason_REASON_WRONG_STATE, "hello"},
		"hello twice":         {[]*routingv1.ConnectGatewayRequest{hello, hello}, rpcv1.Reason_REASON_WRONG_STATE, "once"},
		"fewer than no calls": {[]*routingv1.ConnectGatewayRequest{hello, calls("sites/dublin", -1)}, rpcv1.Reason_REASON_INVALID_FIELD, "sites/dublin"},
		"calls of no site":    {[]*routingv1.ConnectGatewayRequest{hello, calls("dublin", 1)}, rpcv1.Reason_REASON_INVALID_FIELD, "sites/ID"},
		"a nameless gateway": {
			[]*routingv1.ConnectGatewayRequest{{Event: &routingv1.ConnectGatewayRequest_Hello{Hello: &routingv1.GatewayInfo{}}}},
			rpcv1.Reason_REASON_INVALID_FIELD, "gateway_id",
		},
		"no target":  {[]*routingv1.ConnectGatewayRequest{hello, reach(nil)}, rpcv1.Reason_REASON_INVALID_FIELD, "target"},
		"bad target": {[]*routingv1.ConnectGatewayRequest{hello, reach(sipTarget("sip:a\r\nb@" + canary))}, rpcv1.Reason_REASON_INVALID_FIELD, "sip_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			w := h.dialSilently(t)
			for _, e := range c.events {
				_ = w.Send(e) // what is wrong may have been noticed already
			}
			err := w.end(t)
			wantReason(t, err, c.reason)
			if !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("says %v, and nothing of %s", err, c.says)
			}
		})
	}
}

func TestAnUnreachableTargetIsKnownIsProbedAndComesBack(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := liveHouse(t)
	w := h.dial(t, "sbc-1")
	h.awaitLive(t, "sbc-1@test-1 0 calls")
	dublin := sipTarget(dublinTarget)
	w.reaches(t, dublin, false, h.clock.Now())
	probe := w.probe(t, h)
	if probe.GetTarget().GetSipUri() != dublinTarget {
		t.Fatalf("probes %v", probe)
	}
	w.reaches(t, dublin, false, h.clock.Now()) // the second failure
	h.awaitLive(t, dublinTarget+" unreachable by sbc-1; sbc-1@test-1 0 calls")
	if probe = w.probe(t, h); probe.GetTarget().GetSipUri() != dublinTarget {
		t.Fatalf("probes %v", probe)
	}
	w.reaches(t, dublin, true, h.clock.Now())
	h.awaitLive(t, "sbc-1@test-1 0 calls")
	if reached, not := h.metric(t, "dayside.live.probes"), h.log.String(); reached != 2 || !strings.Contains(not, "a target cannot be reached") {
		t.Errorf("%v probes answered; log:\n%s", reached, not)
	}
	// Half a minute of failure is the gateway's own judgement.
	w.reaches(t, dublin, false, h.clock.Now().Add(-30*time.Second))
	h.awaitLive(t, dublinTarget+" unreachable by sbc-1; sbc-1@test-1 0 calls")
	if seconds := h.passing(t, "sbc-1@test-1 0 calls"); seconds < 58 {
		t.Errorf("forgotten after %d s of silence", seconds)
	}
}

// probe is the next probe that the gateway is asked for, while the clock goes on.
func (w wire) probe(t testing.TB, h *house) *routingv1.ProbeTarget {
	t.Helper()
	tasks := make(chan *routingv1.ConnectGatewayResponse, 1)
	go func() {
		if task, err := w.Recv(); err == nil {
			tasks <- task
		}
	}()
	var got *routingv1.ConnectGatewayResponse
	await.True(t, "a probe", func() bool {
		select {
		case got = <-tasks:
			return true
		default:
			// An answer that comes too late is none: the clock goes on no faster than what is asked and answered here.
			h.clock.Advance(time.Second)
			h.liveState(t)
			return false
		}
	})
	return got.GetProbeTarget()
}

func TestNumbersOfPeopleAreMaskedInLiveState(t *testing.T) {
	h := liveHouse(t)
	w := h.dial(t, "sbc-1")
	then := h.clock.Now().Add(-time.Minute)
	w.reaches(t, &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: viewtest.Number(13035550141)}}, false, then)
	w.reaches(t, sipTarget("sip:+13035550142@gw.example.com"), false, then)
	h.awaitLive(t, "+13…41 unreachable by sbc-1; sip:+13…42@gw.example.com unreachable by sbc-1; sbc-1@test-1 0 calls")
	if log := h.log.String(); strings.Contains(log, "3035550141") || strings.Contains(log, "3035550142") {
		t.Errorf("a number is in the log:\n%s", log)
	}
}

func TestAGatewayThatSaysTooMuchIsReadMoreSlowly(t *testing.T) {
	h := liveHouse(t)
	w := h.dial(t, "sbc-1")
	for i := range 150 {
		w.carries(t, map[string]int32{"sites/dublin": int32(i)})
	}
	events := func() float64 { return h.metric(t, "dayside.live.events") }
	await.True(t, "a second's events to be read", func() bool { return events() >= 64 })
	seconds := 1
	// A second may pass before the reader waits for its end: then it reads on in the one after that.
	await.True(t, "all events to be read", func() bool {
		got := events()
		if most := float64(64 * seconds); got > most {
			t.Fatalf("%v events in %d s, want %v at most", got, seconds, most)
		}
		if got == 150 {
			return true
		}
		h.clock.Advance(time.Second)
		seconds++
		return false
	})
	if seconds < 3 {
		t.Errorf("all of them in %d s", seconds)
	}
	h.awaitLive(t, "dublin 149 calls; sbc-1@test-1 149 calls")
}

// another is another process on the same etcd, and its connection to that.
func (h *house) another(t *testing.T, instance string) (*house, *coord.Client) {
	t.Helper()
	etcd, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{h.endpoint}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	service, err := routing.New(routing.Config{}, routing.Deps{
		Store: etcd, Instance: instance, Clock: h.clock, Logger: slog.New(slog.DiscardHandler),
		TracerProvider: noop.NewTracerProvider(), MeterProvider: sdkmetric.NewMeterProvider(), Schedule: h.schedule,
		Entitlement: h.entitlement,
	})
	if err != nil {
		t.Fatal(err)
	}
	other := &house{service: service, clock: h.clock}
	other.serve(t, h.chain)
	other.run(t)
	return other, etcd
}

// TestAGatewayThatMovesIsCountedOnce: once it has a stream elsewhere, what it said here does not linger.
func TestAGatewayThatMovesIsCountedOnce(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := liveHouse(t)
	other, etcd := h.another(t, "test-2")
	t.Cleanup(func() { _ = etcd.Close() })
	w := h.dial(t, "sbc-1")
	w.carries(t, map[string]int32{"sites/dublin": 3})
	h.awaitLive(t, "dublin 3 calls; sbc-1@test-1 3 calls")
	w.hangUp()
	await.True(t, "the end to be noticed", func() bool { return h.metric(t, "dayside.live.gateways") == 0 })
	other.dial(t, "sbc-1").carries(t, map[string]int32{"sites/dublin": 3})
	h.awaitLive(t, "dublin 6 calls; sbc-1@test-1 3 calls; sbc-1@test-2 3 calls")
	h.clock.Advance(2 * time.Second) // less than it would linger
	h.awaitLive(t, "dublin 3 calls; sbc-1@test-2 3 calls")
}

// TestAKilledProcessTakesItsGatewaysWithIt: nobody says goodbye; the leases end by themselves.
func TestAKilledProcessTakesItsGatewaysWithIt(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := liveHouse(t)
	other, etcd := h.another(t, "test-2")
	w := other.dial(t, "sbc-1")
	w.carries(t, map[string]int32{"sites/dublin": 3})
	h.awaitLive(t, "dublin 3 calls; sbc-1@test-2 3 calls")
	_ = etcd.Close() // as if it were killed: from now on nothing can be said, not even goodbye
	h.awaitLive(t, "")
}

// TestThisMinuteOrdersCalls: at four Bengaluru and Sydney are open, and Bengaluru has longer to go.
func TestThisMinuteOrdersCalls(t *testing.T) {
	t.Parallel() // it waits for leases to lapse

	h := open(t)
	world := followTheSun()
	world.Sites[1].Capacity = 5
	h.applied(t, h.put(t, world.Records()...))
	order := func() string {
		var sites []string
		for _, target := range h.route(t, "+61255500100", "+13035550100").GetForward().GetTargets() {
			sites = append(sites, strings.TrimPrefix(target.GetSite(), "sites/"))
		}
		return strings.Trim(strings.Join(sites, " "), " ")
	}
	first, second := "bengaluru sydney", "sydney bengaluru"
	becomes := func(why, want string) {
		t.Helper()
		await.True(t, why, func() bool { return order() == want })
	}
	becomes("nothing is known", first)
	w := h.dial(t, "sbc-1")
	w.carries(t, map[string]int32{"sites/bengaluru": 5})
	becomes("Bengaluru is full", second)
	w.carries(t, map[string]int32{"sites/bengaluru": 4})
	becomes("Bengaluru has room again", first)
	w.reaches(t, sipTarget("sip:support@bengaluru.example.com"), false, h.clock.Now().Add(-time.Minute))
	becomes("Bengaluru cannot be reached", second)
	w.hangUp()
	await.True(t, "what was said to be forgotten", func() bool {
		h.clock.Advance(time.Second)
		return order() == first
	})
	client := routingv1.NewLiveServiceClient(h.conn)
	for _, site := range []string{"sites/bengaluru", "sites/sydney"} {
		if _, err := client.SetPresence(t.Context(), &routingv1.SetPresenceRequest{Site: site}); err != nil {
			t.Fatal(err)
		}
		if site == "sites/bengaluru" {
			becomes("nobody is at Bengaluru", second)
		}
	}
	becomes("nobody is anywhere: then as if nothing were known", first)
}
