package routing_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/journal"
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
	request := call(goldNumber.String(), acmeNumber.String())
	request.Gateway = &routingv1.GatewayInfo{GatewayId: "sip"}
	answer, err := h.routing.RouteCall(t.Context(), request)
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
	if !slices.ContainsFunc(h.spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
		id := s.SpanContext().TraceID()
		return string(id[:]) == string(d.GetTraceId())
	}) {
		t.Errorf("trace %x is no request's", d.GetTraceId())
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

// The id of a call is whatever a phone made it: one that is no text leaves a record all the same.
func TestACallWhoseIDIsNoTextLeavesARecord(t *testing.T) {
	h := recording(t, segment, enough)
	h.applied(t, h.put(t, followTheSun().Records()...))
	var d direct
	h.service.Register(&d) // as a gateway of the same process asks
	request := call(goldNumber.String(), "")
	request.CallId = "a\xff\xfeb"
	if _, err := d.routing.RouteCall(rpc.WithPeer(t.Context(), rpc.Local()), request); err != nil {
		t.Fatal(err)
	}
	h.deliver(t)
	if decisions, _, _ := h.kept(t); len(decisions) != 1 || decisions[0].GetCallId() != "a?b" {
		t.Error(decisions)
	}
}

// A line of a thousand sites is recorded by the facts that it has, once, and a line of each call.
func TestALineOfAThousandSites(t *testing.T) {
	h := recording(t, segment, enough)
	w := followTheSun()
	w.Sites, w.Lines[0].Sites = nil, nil
	for i := range 1000 {
		id := fmt.Sprintf("site-%03d", i)
		w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Daily(float64(i%12), float64(i%12)+8, 20)...))
		w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + id})
	}
	var last int64
	for part := range slices.Chunk(w.Records(), 100) {
		last = h.put(t, part...)
	}
	h.applied(t, last)
	h.deliver(t)
	for i := range 10 {
		request := call(goldNumber.String(), "")
		request.CallId = fmt.Sprintf("call-%d", i)
		if _, err := h.routing.RouteCall(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	decisions, facts, _ := h.kept(t)
	if len(decisions) != 10 || len(facts) < 1000 {
		t.Errorf("%d decisions, %d facts", len(decisions), len(facts))
	}
	for _, d := range decisions {
		if n := proto.Size(d); n > 1000 {
			t.Errorf("a record of %d bytes", n)
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
	left := await.Copy(t, h.dir)
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
	const small = 32 << 10 // full after some hundred calls
	h := recording(t, small, 4*small)
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

// A report that the ledger will never take is acknowledged to nobody.
func TestAReportThatIsRefusedForGoodIsNotAcknowledged(t *testing.T) {
	h := recording(t, segment, enough)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.spool.Run(ctx, func(context.Context, [][]byte) error { return fmt.Errorf("%w: of a later release", spool.ErrRefused) })
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	var answer *routingv1.ReportCallResponse
	var err error
	await.True(t, "a report to be answered", func() bool { // SPOOLED as long as nobody has seen it
		answer, err = h.routing.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "a"})
		return err != nil || answer.GetDurability() != routingv1.Durability_DURABILITY_SPOOLED
	})
	wantReason(t, err, rpcv1.Reason_REASON_BACKEND_UNAVAILABLE)
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
