package routing_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// recordingHouse is a house whose service leaves records in a spool.
type recordingHouse struct {
	*house
	spool *spool.Spool
	dir   string

	mu      sync.Mutex
	records []*ledgerv1.Record
}

// recording is one that runs. Its records go nowhere before deliver.
func recording(t testing.TB, segmentBytes, maxBytes int64) *recordingHouse {
	t.Helper()
	h := &recordingHouse{house: build(t), dir: t.TempDir()}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	var err error
	h.spool, err = spool.Open(spool.Config{
		Dir: h.dir, SegmentBytes: segmentBytes, MaxBytes: maxBytes, Clock: clock.System{}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.spool.Close() })
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(h.spans))
	mp := sdkmetric.NewMeterProvider()
	h.service, err = routing.New(routing.Config{}, routing.Deps{
		Store: racing{h.etcd, h.house}, Instance: "test-1", Clock: h.clock, Logger: log, TracerProvider: tp, MeterProvider: mp,
		Schedule: h.schedule, Entitlement: knowing{h.entitlement}, Journal: journal.New(h.spool, "test-1", h.clock, log),
	})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := rpc.NewChain(rpc.Deps{Clock: h.clock, Logger: log, TracerProvider: tp, MeterProvider: mp})
	if err != nil {
		t.Fatal(err)
	}
	h.serve(t, chain)
	h.run(t)
	return h
}

// deliver hands records to the test from now on.
func (h *recordingHouse) deliver(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.spool.Run(ctx, func(_ context.Context, entries [][]byte) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, e := range entries {
				r := &ledgerv1.Record{}
				if err := proto.Unmarshal(e, r); err != nil {
					return err
				}
				h.records = append(h.records, r)
			}
			return nil
		})
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// kept are the records that came so far; those of the harness's own probes are left out.
func (h *recordingHouse) kept(t testing.TB) (decisions []*routingv1.DecisionRecord, facts []*routingv1.FactRecord,
	reports []*routingv1.ReportRecord) {
	t.Helper()
	await.True(t, "all records are delivered", func() bool { return h.spool.Stats().Pending == 0 })
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.records {
		switch {
		case r.GetDecision().GetCallId() == "probe":
		case r.GetDecision() != nil:
			decisions = append(decisions, r.GetDecision())
		case r.GetFact() != nil:
			facts = append(facts, r.GetFact())
		case r.GetReport() != nil:
			reports = append(reports, r.GetReport())
		}
	}
	return decisions, facts, reports
}

// wantReplayed fails unless every decision comes to the same when it is made again, by a process without any view.
func (h *recordingHouse) wantReplayed(t testing.TB) {
	t.Helper()
	decisions, facts, _ := h.kept(t)
	for _, d := range decisions {
		again, err := routingv1.NewReplayServiceClient(h.conn).ReplayDecision(t.Context(),
			&routingv1.ReplayDecisionRequest{Decision: d, Facts: facts})
		if err != nil {
			t.Fatal(err)
		}
		if !again.GetEqual() || len(again.GetDifferences()) > 0 {
			t.Errorf("call %s, step %d: %q", d.GetCallId(), d.GetStep(), again.GetDifferences())
		}
	}
}

const (
	segment = 256 << 10
	enough  = 64 << 20
)

func TestEveryDecisionLeavesARecord(t *testing.T) {
	h := recording(t, segment, enough)
	h.applied(t, h.put(t, followTheSun().Records()...))
	ctx, span := h.tracer.Start(t.Context(), "call")
	traceID := span.SpanContext().TraceID()
	request := call(goldNumber.String(), acmeNumber.String())
	request.Gateway = &routingv1.GatewayInfo{GatewayId: "sip"}
	answer, err := h.routing.RouteCall(ctx, request)
	span.End()
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.routing.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "nowhere", DialledNumber: "+61255500999"})
	if err != nil {
		t.Fatal(err)
	}
	h.deliver(t)
	decisions, facts, _ := h.kept(t)
	if len(decisions) != 2 || len(facts) == 0 {
		t.Fatalf("%d decisions, %d facts", len(decisions), len(facts))
	}
	d, route := decisions[0], answer.GetRoute()
	if d.GetCallId() != request.GetCallId() || d.GetGatewayId() != "sip" || d.GetStep() != 1 || d.GetLine() != "gold" ||
		d.GetCaller() != uint64(acmeNumber) || d.GetDecidedUnixUs() != viewtest.At(4).UnixMicro() ||
		d.GetCallerClass() != route.GetExplanation().GetCallerClass() ||
		d.GetViewRevision() != route.GetExplanation().GetViewRevision() ||
		len(d.GetTargets()) != len(route.GetForward().GetTargets()) {
		t.Errorf("record %v\nof %v", d, route)
	}
	// The trace is that of the request, where it came along.
	if got := string(d.GetTraceId()); len(got) != 16 && got != "" {
		t.Errorf("trace %x, request's is %s", got, traceID)
	}
	if d := decisions[1]; d.GetLine() != "" || d.GetEnd() != routingv1.EndCause_END_CAUSE_UNKNOWN_LINE ||
		strings.Contains(d.String(), "61255500999") {
		t.Errorf("of a number of no line: %v", d)
	}
	for _, f := range facts {
		if strings.Contains(string(f.GetValue()), canary) {
			t.Errorf("%s holds the line's number", f.GetKey())
		}
	}
	h.wantReplayed(t)
}

// Facts are left once, and again only where they changed.
func TestFactsAreLeftOnce(t *testing.T) {
	h := recording(t, segment, enough)
	w := followTheSun()
	h.applied(t, h.put(t, w.Records()...))
	h.deliver(t)
	ring := func() {
		for i := range 20 {
			request := call(goldNumber.String(), "")
			request.CallId = fmt.Sprintf("call-%d", i)
			if _, err := h.routing.RouteCall(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
	}
	ring()
	_, facts, _ := h.kept(t)
	first := len(facts)
	byID := map[string]bool{}
	for _, f := range facts {
		if byID[string(f.GetId())] {
			t.Errorf("%s is left twice", f.GetKey())
		}
		byID[string(f.GetId())] = true
	}
	changed := proto.CloneOf(w.Sites[0])
	changed.DisplayName = "another name"
	h.applied(t, h.put(t, viewtest.SiteRecord(changed)))
	ring()
	_, facts, _ = h.kept(t)
	if len(facts) != first+2 { // the site, and the list
		t.Errorf("%d facts, then %d", first, len(facts))
	}
	h.wantReplayed(t)
}

// What a killed process leaves holds the record of every call that was answered.
func TestARecordIsThereBeforeTheAnswer(t *testing.T) {
	h := recording(t, segment, enough)
	h.applied(t, h.put(t, followTheSun().Records()...))
	if _, err := h.routing.RouteCall(t.Context(), call(goldNumber.String(), "")); err != nil {
		t.Fatal(err)
	}
	left := h.dir + "-left"
	if err := os.CopyFS(left, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	all := ""
	err := fs.WalkDir(os.DirFS(left), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(left + "/" + path)
		all += string(b)
		return err
	})
	if err != nil || !strings.Contains(all, call("", "").GetCallId()) {
		t.Errorf("the record is not on disk: %v", err)
	}
	if strings.Contains(all, canary) {
		t.Error("the line's number is on disk")
	}
}

func TestAFullSpoolStopsNoCall(t *testing.T) {
	h := recording(t, segment, 4*segment)
	h.applied(t, h.put(t, followTheSun().Records()...))
	for i := 0; h.spool.Stats().Dropped == 0; i++ {
		request := call(goldNumber.String(), "")
		request.CallId = strings.Repeat("x", 200) + fmt.Sprint(i)
		if _, err := h.routing.RouteCall(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	if answer, err := h.routing.RouteCall(t.Context(), call(goldNumber.String(), "")); err != nil ||
		answer.GetRoute().GetForward() == nil {
		t.Errorf("%v, %v", answer, err)
	}
	if !strings.Contains(h.log.String(), "a record is lost") {
		t.Error("nobody is told")
	}
	_, err := h.routing.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "a"})
	wantReason(t, err, rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
}

func TestAReportIsKeptAsItCame(t *testing.T) {
	h := recording(t, segment, enough)
	at := func(hours float64) *timestamppb.Timestamp { return timestamppb.New(viewtest.At(hours)) }
	report := &routingv1.ReportCallRequest{
		CallId: "nobody routed this", Gateway: &routingv1.GatewayInfo{GatewayId: "sip"}, StartTime: at(3), EndTime: at(2),
		Attempts: []*routingv1.Attempt{ // out of order, twice, and at a target that nobody knows
			{TargetId: "b", StartTime: at(3.2), Disposition: routingv1.Disposition_DISPOSITION_ANSWERED},
			{TargetId: "a", StartTime: at(3.1), Disposition: routingv1.Disposition_DISPOSITION_BUSY, Detail: "486\x1b[2J Busy"},
			{TargetId: "a", StartTime: at(3.1), Disposition: routingv1.Disposition_DISPOSITION_BUSY, Detail: "486\x1b[2J Busy"},
		},
		Continuation: []byte("forged"),
	}
	// While nobody takes records, the disk is what a report is on.
	for range 2 {
		answer, err := h.routing.ReportCall(t.Context(), report)
		if err != nil || answer.GetDurability() != routingv1.Durability_DURABILITY_SPOOLED {
			t.Fatalf("%v, %v", answer, err)
		}
	}
	h.deliver(t)
	await.True(t, "a report is committed", func() bool {
		answer, err := h.routing.ReportCall(t.Context(), report)
		return err == nil && answer.GetDurability() == routingv1.Durability_DURABILITY_COMMITTED
	})
	_, _, reports := h.kept(t)
	want := proto.CloneOf(report)
	want.Continuation = nil
	for i := range want.GetAttempts()[1:] {
		want.Attempts[1+i].Detail = "486 [2J Busy"
	}
	if len(reports) < 3 || !proto.Equal(reports[0].GetReport(), want) ||
		reports[0].GetFate() != routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS {
		t.Errorf("%d reports: %v", len(reports), reports[0])
	}
}

func TestReportsOfImpossibleTimesAreRefused(t *testing.T) {
	h := recording(t, segment, enough)
	for field, r := range map[string]*routingv1.ReportCallRequest{
		"start_time":             {StartTime: &timestamppb.Timestamp{Seconds: math.MaxInt64}},
		"answer_time":            {AnswerTime: timestamppb.New(time.Unix(0, 0))},
		"end_time":               {EndTime: timestamppb.New(viewtest.At(48))},
		"attempts[1].start_time": {Attempts: []*routingv1.Attempt{{}, {StartTime: &timestamppb.Timestamp{Nanos: -1, Seconds: viewtest.Base}}}},
		"attempts[0].end_time":   {Attempts: []*routingv1.Attempt{{EndTime: timestamppb.New(viewtest.At(48))}}},
	} {
		r.CallId = "a"
		_, err := h.routing.ReportCall(t.Context(), r)
		wantReason(t, err, rpcv1.Reason_REASON_INVALID_FIELD)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	h.deliver(t)
	if _, _, reports := h.kept(t); len(reports) > 0 {
		t.Errorf("%d reports are kept all the same", len(reports))
	}
}

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
	h := recording(t, segment, enough)
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

// BenchmarkRouteCallRecorded is BenchmarkRouteCall with a record of each call, which nobody takes meanwhile.
func BenchmarkRouteCallRecorded(b *testing.B) {
	h := recording(b, 128<<20, 4<<30)
	h.applied(b, h.put(b, followTheSun().Records()...))
	var d direct
	h.service.Register(&d)
	ctx := rpc.WithPeer(b.Context(), rpc.Local())
	request := call(goldNumber.String(), acmeNumber.String())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.routing.RouteCall(ctx, request); err != nil {
			b.Fatal(err)
		}
	}
	if n := h.spool.Stats().Dropped; n > 0 {
		b.Fatalf("%d records were dropped: measure fewer", n)
	}
}
