package systemtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// drilled is the customer whose name the drill's load writes numbers into.
const drilled = "customers/blue-heron-air"

// drillLoad places and reports calls, and changes a customer, one after another, until it is stopped.
type drillLoad struct {
	conn grpc.ClientConnInterface
	stop func()

	mu sync.Mutex
	// tried and written are the numbers last asked for and last acknowledged.
	tried, written int
	// kept are the calls whose report the ledger has, as callers were told.
	kept []string
	err  error
}

func startDrillLoad(t *testing.T, conn grpc.ClientConnInterface) *drillLoad {
	t.Helper()
	l, stop, ended := &drillLoad{conn: conn}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 1; l.err == nil; n++ {
			select {
			case <-stop:
				return
			default:
				l.step(t, n)
			}
		}
	}()
	l.stop = sync.OnceFunc(func() {
		close(stop)
		await.Receive(t, "the load to end", ended)
		if l.err != nil {
			t.Errorf("a call or a change failed: %v", l.err)
		}
	})
	t.Cleanup(l.stop)
	return l
}

func (l *drillLoad) step(t *testing.T, n int) {
	l.mu.Lock()
	l.tried = n
	l.mu.Unlock()
	_, err := entitlementv1.NewEntitlementServiceClient(l.conn).UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
		Customer:   &entitlementv1.Customer{Name: drilled, DisplayName: fmt.Sprint("Blue Heron ", n)},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
	})
	id, kept := fmt.Sprint("drill-", n), false
	if err == nil {
		kept, err = reportedCall(t, l.conn, id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err = err; err != nil {
		return
	}
	l.written = n
	if kept {
		l.kept = append(l.kept, id)
	}
}

// reportedCall routes a call and reports it answered; true where the ledger has it.
func reportedCall(t *testing.T, conn grpc.ClientConnInterface, id string) (bool, error) {
	client := routingv1.NewRoutingServiceClient(conn)
	gateway := &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: dials}
	r, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller}, Gateway: gateway,
	})
	if err != nil {
		return false, err
	}
	at := r.GetRoute().GetExplanation().GetDecidedAt()
	report, err := client.ReportCall(t.Context(), &routingv1.ReportCallRequest{
		CallId: id, Gateway: gateway, Continuation: r.GetRoute().GetContinuation(), StartTime: at,
		AnswerTime: &timestamppb.Timestamp{Seconds: at.GetSeconds() + 1}, EndTime: &timestamppb.Timestamp{Seconds: at.GetSeconds() + 2},
	})
	return report.GetDurability() == routingv1.Durability_DURABILITY_COMMITTED, err
}

// state is what the load has come to.
func (l *drillLoad) state() (tried, written int, kept []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tried, l.written, slices.Clone(l.kept)
}

// drillRun is the CLI, which must succeed.
func drillRun(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	began := clock.System{}.Now()
	stdout, stderr, err := dayside(t, args...)
	if err != nil {
		t.Fatalf("dayside %v: %v\n%s%s", args, err, stdout, stderr)
	}
	t.Logf("dayside %s took %v\n%s", args[0], clock.System{}.Now().Sub(began).Round(time.Millisecond), stdout)
	return stdout
}

// TestTheDrillOfOneProcess: a backup under calls and changes, more of both, a restore: what was acknowledged before the
// backup is back, calls under way go on, and the process takes calls and changes as before.
func TestTheDrillOfOneProcess(t *testing.T) {
	data, file, pki := t.TempDir(), filepath.Join(t.TempDir(), "monday.dayside"), filepath.Join(t.TempDir(), "pki")
	drillRun(t, "pki", "init", "--dir", pki)
	s := serve(t, data)
	conn := dial(t, s.addresses(t).GRPC)
	entitlement := entitlementv1.NewEntitlementServiceClient(conn)
	setPIN(t, entitlement, "4711")
	before := openCall(t, conn, "before")
	load := startDrillLoad(t, conn)
	await.True(t, "some calls and changes", func() bool { _, n, kept := load.state(); return n >= 20 && len(kept) >= 10 })

	_, from, kept := load.state()
	drillRun(t, "backup", "--out", file, "--data", data, "--pki", pki)
	to, _, _ := load.state()
	await.True(t, "more of them", func() bool { _, n, _ := load.state(); return n >= to+20 })
	load.stop()
	if out := drillRun(t, "restore", file, "--verify"); !strings.Contains(out, "etcd") || !strings.Contains(out, "ledger") {
		t.Errorf("verified: %s", out)
	}
	setPIN(t, entitlement, "9371")
	after := openCall(t, conn, "after")
	if _, err := entitlement.DeleteCustomer(t.Context(), &entitlementv1.DeleteCustomerRequest{Name: "customers/acme"}); err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := dayside(t, "restore", file, "--data", data, "--force"); err == nil || !strings.Contains(stderr, "in use") {
		t.Errorf("restored under a process that runs: %v %s", err, stderr)
	}
	s.interrupt(t)
	if _, stderr, err := dayside(t, "restore", file, "--data", data); err == nil || !strings.Contains(stderr, "--force") {
		t.Errorf("restored over what is there: %v %s", err, stderr)
	}
	if err := os.RemoveAll(pki); err != nil {
		t.Fatal(err)
	}
	drillRun(t, "restore", file, "--data", data, "--pki", pki, "--force")

	s = serve(t, data)
	conn = dial(t, s.addresses(t).GRPC)
	entitlement = entitlementv1.NewEntitlementServiceClient(conn)
	c, err := entitlement.GetCustomer(t.Context(), &entitlementv1.GetCustomerRequest{Name: drilled})
	n, _ := strconv.Atoi(strings.TrimPrefix(c.GetDisplayName(), "Blue Heron "))
	if err != nil || n < from || n > to {
		t.Errorf("restored change %d (%v), of those from %d to %d", n, err, from, to)
	}
	for pin, want := range map[string]bool{"4711": true, "9371": false} {
		r, err := entitlement.VerifyPin(t.Context(), &entitlementv1.VerifyPinRequest{Customer: "customers/acme", Pin: pin})
		if err != nil || r.GetVerified() != want {
			t.Errorf("a PIN verifies: %v, want %v (%v)", r.GetVerified(), want, err)
		}
	}
	for _, call := range []*routingv1.RouteCallResponse{before, after} {
		continued(t, conn, call.GetRoute())
	}
	if !drillEntitled(t, conn) {
		t.Error("the customer that was deleted after the backup is not back")
	}
	ledger := ledgerv1.NewLedgerServiceClient(conn)
	for _, id := range kept {
		call, err := ledger.GetCall(t.Context(), &ledgerv1.GetCallRequest{Name: "calls/" + id})
		if err != nil || call.GetOutcome() != ledgerv1.Outcome_OUTCOME_ANSWERED || len(call.GetSteps()) != 1 {
			t.Errorf("%s, kept before the backup: %v %v", id, call, err)
		}
	}
	again := startDrillLoad(t, conn)
	await.True(t, "calls and changes again", func() bool { _, n, kept := again.state(); return n >= 5 && len(kept) >= 1 })
	again.stop()
	drillRun(t, "pki", "issue", "--dir", pki, "--role", "admin", "--name", "ada") // with the key that is back
	s.interrupt(t)
}

// TestNobodyServesAHalfOfARestore: a machine that went down while things were moved says what to do.
func TestNobodyServesAHalfOfARestore(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "restore-unfinished"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, services := range [][]string{{}, {host.Routing, "--etcd", "127.0.0.1:1"}} {
		_, stderr, err := dayside(t, append([]string{
			"serve", "--data", data, "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0",
			"--sip-udp", "127.0.0.1:0", "--sip-tcp", "127.0.0.1:0",
		}, services...)...)
		if err == nil || !strings.Contains(stderr, "did not finish: run dayside restore once more") {
			t.Errorf("%v: %v\n%s", services, err, stderr)
		}
	}
}

func setPIN(t *testing.T, client entitlementv1.EntitlementServiceClient, pin string) {
	t.Helper()
	if _, err := client.SetPin(t.Context(), &entitlementv1.SetPinRequest{Customer: "customers/acme", Pin: pin}); err != nil {
		t.Fatal(err)
	}
}

// openCall is a call under way, that can be continued.
func openCall(t *testing.T, conn grpc.ClientConnInterface, id string) *routingv1.RouteCallResponse {
	t.Helper()
	r, err := routingv1.NewRoutingServiceClient(conn).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
		Gateway: &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: dials},
	})
	if err != nil || r.GetRoute().GetContinuation() == nil {
		t.Fatalf("%v %v", r, err)
	}
	return r
}

// continued fails where a call cannot be.
func continued(t *testing.T, conn grpc.ClientConnInterface, route *routingv1.Route) {
	t.Helper()
	var attempts []*routingv1.Attempt
	for _, target := range route.GetForward().GetTargets() {
		attempts = append(attempts, &routingv1.Attempt{
			TargetId: target.GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_NO_ANSWER,
		})
	}
	r, err := routingv1.NewRoutingServiceClient(conn).ContinueCall(t.Context(), &routingv1.ContinueCallRequest{
		CallId: route.GetCallId(), Continuation: route.GetContinuation(), Attempts: attempts,
		Gateway: &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: dials},
	})
	switch fate := r.GetRoute().GetExplanation().GetContinuation(); fate {
	case routingv1.ContinuationFate_CONTINUATION_FATE_READ, routingv1.ContinuationFate_CONTINUATION_FATE_READ_AGAIN:
	default:
		t.Errorf("%s is continued: %v, %v", route.GetCallId(), fate, err)
	}
}

// drillEntitled says whether the example's customer is one, for the process that is asked.
func drillEntitled(t *testing.T, conn grpc.ClientConnInterface) bool {
	t.Helper()
	r, err := routingv1.NewRoutingServiceClient(conn).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "entitled", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	if err != nil {
		t.Errorf("a call fails: %v", err)
	}
	return r.GetRoute().GetExplanation().GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_ENTITLED
}
