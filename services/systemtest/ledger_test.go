package systemtest

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
)

// TestChangesAreKept: who changed what is in the ledger, by whichever process it was done, and none of it is secret.
func TestChangesAreKept(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		if _, err := updateSite(t.Context(), s.grpc); err != nil {
			t.Fatal(err)
		}
		client := ledgerv1.NewAuditServiceClient(s.grpc)
		list := func(resource string) []string {
			l, err := client.ListAuditEntries(t.Context(), &ledgerv1.ListAuditEntriesRequest{Resource: resource})
			if err != nil {
				return nil // not reached yet
			}
			var methods []string
			for _, e := range l.GetEntries() {
				methods = append(methods, e.GetMethod())
				if strings.Contains(e.GetRequest(), exampleHiddenNumber) {
					t.Errorf("the hidden number is in %s", e.GetRequest())
				}
			}
			return methods
		}
		await.True(t, "the change of a site to be kept", func() bool {
			methods := list("sites/dublin")
			return len(methods) > 0 && methods[0] == "dayside.schedule.v1.ScheduleService/UpdateSite"
		})
		await.True(t, "the configuration that was applied to be kept, once", func() bool {
			return len(list(exampleHiddenLine)) == 1
		})
	})
}

// TestTheStoryOfACall: a gateway routes a call, rings, and reports; what was decided and what became of it is told to a
// person, and decided again it comes out the same.
func TestTheStoryOfACall(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		client := routingv1.NewRoutingServiceClient(s.grpc)
		pbx := &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}}
		routed, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: "story-1", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller}, Gateway: pbx,
		})
		if err != nil {
			t.Fatal(err)
		}
		route := routed.GetRoute()
		if len(route.GetForward().GetTargets()) < 2 {
			t.Fatalf("routed to %v", route)
		}
		at := func(seconds int64) *timestamppb.Timestamp {
			return &timestamppb.Timestamp{Seconds: route.GetExplanation().GetDecidedAt().GetSeconds() + seconds}
		}
		first, second := route.GetForward().GetTargets()[0], route.GetForward().GetTargets()[1]
		for range 2 { // told twice, as gateways do that heard no answer
			if _, err := client.ReportCall(t.Context(), &routingv1.ReportCallRequest{
				CallId: "story-1", Gateway: pbx, Continuation: route.GetContinuation(), StartTime: at(0), AnswerTime: at(12), EndTime: at(60),
				Attempts: []*routingv1.Attempt{
					{TargetId: first.GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_BUSY, StartTime: at(1), EndTime: at(2)},
					{TargetId: second.GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_ANSWERED, StartTime: at(2), EndTime: at(12)},
				},
			}); err != nil {
				t.Fatal(err)
			}
		}
		var c *ledgerv1.Call
		await.True(t, "the call and its report to be kept", func() bool {
			c, err = ledgerv1.NewLedgerServiceClient(s.grpc).GetCall(t.Context(), &ledgerv1.GetCallRequest{Name: "calls/story-1"})
			return err == nil && c.GetOutcome() == ledgerv1.Outcome_OUTCOME_ANSWERED && len(c.GetSteps()) == 1
		})
		if c.GetSite() != second.GetSite() || len(c.GetAttempts()) != 2 || c.GetLine() != exampleHiddenLine ||
			c.GetCustomer() != "customers/acme" || c.GetCallerNumber() != exampleCaller || c.GetUnrouted() {
			t.Errorf("%v", c)
		}
		stdout, stderr, err := s.cli(t, "call", "show", "story-1")
		for _, part := range []string{"was answered by " + second.GetSite(), "Step 1", "sites/dublin", "busy", "a contract for the product is in force"} {
			if err != nil || !strings.Contains(stdout, part) || strings.Contains(stdout, "cannot be made again") {
				t.Errorf("%q is not in the story (%v):\n%s%s", part, err, stdout, stderr)
			}
		}
		if stdout, stderr, err := s.cli(t, "call", "replay", "story-1"); err != nil || !strings.Contains(stdout, "the same comes out") {
			t.Errorf("decided again (%v):\n%s%s", err, stdout, stderr)
		}
		if stdout, _, err := s.cli(t, "calls", "--line", exampleHiddenLine); err != nil || !strings.Contains(stdout, "answered") {
			t.Errorf("listed (%v):\n%s", err, stdout)
		}
		if code, body := s.get(t, "/v1/calls?customer=customers/acme&outcome=OUTCOME_ANSWERED"); code != 200 || !strings.Contains(string(body), "story-1") {
			t.Errorf("over REST: %d %s", code, body)
		}
		if strings.Contains(s.logs.String(), exampleHiddenNumber) || strings.Contains(s.logs.String(), exampleCaller) {
			t.Error("a number is in a log")
		}
	})
}

// TestCallsAreFollowed: who has heard that the ledger listens hears of every call from then on, through any process.
func TestCallsAreFollowed(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		stream, err := ledgerv1.NewLedgerServiceClient(s.grpc).WatchCalls(t.Context(), &ledgerv1.WatchCallsRequest{Line: exampleHiddenLine})
		if err != nil {
			t.Fatal(err)
		}
		listens := make(chan error, 1)
		go func() { _, err := stream.Header(); listens <- err }()
		if err := await.Receive(t, "the ledger to say that it listens", listens); err != nil {
			t.Fatal(err)
		}
		if route := s.route(t, exampleHiddenNumber, exampleCaller); route.GetLine() != exampleHiddenLine {
			t.Fatalf("routed to %v", route)
		}
		heard := make(chan *ledgerv1.WatchCallsResponse, 1)
		go func() {
			r, err := stream.Recv()
			if err != nil {
				t.Error(err)
			}
			heard <- r
		}()
		if c := await.Receive(t, "the call to be heard of", heard).GetCall(); c.GetLine() != exampleHiddenLine || len(c.GetSteps()) != 0 {
			t.Errorf("heard of %v", c)
		}
	})
}

// TestALedgerThatIsAwayLosesNothing: calls are routed and reported meanwhile, and kept when it is back.
func TestALedgerThatIsAwayLosesNothing(t *testing.T) {
	etcd := startEtcd(t)
	data := t.TempDir()
	start := func(dir string, services ...string) (conn host.Addresses, stop func()) {
		cfg := testConfig(dir)
		cfg.Services, cfg.EtcdEndpoints, cfg.Instance = services, []string{etcd.client}, services[0]
		h, err := host.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		await.Receive(t, services[0]+" to be ready", h.Ready())
		return h.Addresses(), func() {
			cancel()
			if err := await.Receive(t, services[0]+" to stop", done); err != nil {
				t.Errorf("stopped with %v", err)
			}
		}
	}
	spooled := t.TempDir()
	calls, stopCalls := start(spooled, host.Schedule, host.Entitlement, host.Routing)
	defer stopCalls()
	_, stopLedger := start(data, host.Ledger)
	s := (&system{grpcAddr: calls.GRPC, httpAddr: calls.HTTP, logs: &syncBuffer{}}).begin(t, options{})
	client, ledger := routingv1.NewRoutingServiceClient(s.grpc), ledgerv1.NewLedgerServiceClient(s.grpc)
	kept := func(id string, outcome ledgerv1.Outcome) func() bool {
		return func() bool {
			c, err := ledger.GetCall(t.Context(), &ledgerv1.GetCallRequest{Name: "calls/" + id})
			return err == nil && c.GetOutcome() == outcome && len(c.GetSteps()) == 1
		}
	}
	routed := func(id string) {
		if _, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
			CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
		}); err != nil {
			t.Fatal(err)
		}
	}
	routed("before")
	await.True(t, "the first call to be kept", kept("before", ledgerv1.Outcome_OUTCOME_ROUTED))
	stopLedger()
	routed("meanwhile")
	r, err := client.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "meanwhile", AnswerTime: timestamppb.New(tuesdayTenUTC())})
	if err != nil || r.GetDurability() != routingv1.Durability_DURABILITY_SPOOLED {
		t.Errorf("the report of it: %v, %v", r, err)
	}
	_, stopLedger = start(data, host.Ledger)
	defer stopLedger()
	await.True(t, "the call made meanwhile to be kept", kept("meanwhile", ledgerv1.Outcome_OUTCOME_ANSWERED))
	if !kept("before", ledgerv1.Outcome_OUTCOME_ROUTED)() {
		t.Error("the first call is gone")
	}
	// The view's copy beside the spools holds it, as etcd does: calls are decided by it.
	for _, dir := range []string{data, filepath.Join(spooled, "spool"), filepath.Join(spooled, "alerts")} {
		nowhereIn(t, dir, exampleHiddenNumber)
	}
}

// nowhereIn fails where a number is in a file below a folder, as text or as an integer.
func nowhereIn(t *testing.T, dir, number string) {
	t.Helper()
	digits := strings.TrimPrefix(number, "+")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		looked++
		for _, form := range [][]byte{[]byte(digits), protowire.AppendFixed64(nil, n), protowire.AppendVarint(nil, n)} {
			if bytes.Contains(text, form) {
				t.Errorf("the number is in %s, as %x", path, form)
			}
		}
		return err
	})
	if err != nil || looked == 0 {
		t.Errorf("looked at %d files of %s: %v", looked, dir, err)
	}
}
