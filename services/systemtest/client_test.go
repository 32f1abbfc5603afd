package systemtest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/daysidehq/dayside/api/client"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// clientCluster is an etcd, routing with all that it needs, and what gateways of tests need to know.
type clientCluster struct {
	etcd *etcdServer
	core *released
	// more are further processes that route.
	more []*released
}

// startClientCluster has so many routing processes, on fixed ports, and the example configuration.
func startClientCluster(t *testing.T, routing int) *clientCluster {
	t.Helper()
	c := &clientCluster{etcd: startEtcd(t)}
	begin := func(services ...string) *released {
		return release(t, binary(t), t.TempDir(), append(services, "--etcd", c.etcd.client, "--grpc-listen", freeAddr(t))...)
	}
	c.core = begin("schedule", "entitlement", "ledger", "routing")
	c.core.ready(t)
	for range routing - 1 {
		c.more = append(c.more, begin("routing"))
	}
	for _, r := range c.more {
		r.ready(t)
	}
	folder := filepath.Join(repo(t), "deploy", "examples", "followthesun")
	if _, stderr, err := dayside(t, "apply", "-f", folder, "--server", c.core.addr.GRPC, "--wait"); err != nil {
		t.Fatalf("apply: %v\n%s", err, stderr)
	}
	return c
}

func (c *clientCluster) endpoints() []string {
	list := []string{c.core.addr.GRPC}
	for _, r := range c.more {
		list = append(list, r.addr.GRPC)
	}
	return list
}

// gatewayConfig is a gateway's that dials, at the cluster's time.
func gatewayConfig(endpoints ...string) client.Config {
	return client.Config{
		Endpoints: endpoints, GatewayID: "pbx", Clock: clock.Skewed{Base: clock.System{}, Offset: offset()},
		Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD},
	}
}

func openClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func exampleCall(id string) *routingv1.RouteCallRequest {
	return &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleUnknownCaller},
	}
}

// answersBy is how many calls of a SIP process were answered so, as its metrics say.
func answersBy(t *testing.T, r *released, source string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr.HTTP+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := (&system{}).do(t, req)
	found := regexp.MustCompile(`dayside_client_answers_total\{[^}]*source="` + source + `"[^}]*\} (\d+)`).FindSubmatch(body)
	if found == nil {
		t.Fatalf("no dayside_client_answers_total of source %s in\n%s", source, body)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestASIPGatewayCutOffFromEverythingRedirects: routing is killed, and etcd; then the gateway itself, which starts again with
// nothing but its own disk. Callers are sent where routing would have sent a caller nobody knows.
func TestASIPGatewayCutOffFromEverythingRedirects(t *testing.T) {
	c := startClientCluster(t, 1)
	data := t.TempDir()
	sip := release(t, binary(t), data, "sip", "--etcd", c.etcd.client)
	sip.ready(t)
	phone := func() sipResponse {
		return (&system{sipUDP: sip.addr.SIPUDP, sipTCP: sip.addr.SIPTCP}).invite(t, "udp", exampleHiddenNumber, exampleUnknownCaller)
	}
	before := phone()
	if before.status != 302 || len(before.contacts) < 2 {
		t.Fatalf("with everything there: %d, %v", before.status, before.contacts)
	}
	if answersBy(t, sip, "routing") == 0 {
		t.Error("the call was not answered by routing")
	}
	await.True(t, "the gateway to remember where lines forward", func() bool {
		known, err := client.ReadState(filepath.Join(data, "gateway", "routes"))
		return err == nil && known.Lines >= 2 && known.Endpoints > 0
	})
	c.core.kill(t)
	c.etcd.kill(t)
	var alones []string
	alone := func(when string) {
		t.Helper()
		began := clock.System{}.Now()
		resp := phone()
		if resp.status != 302 || !slices.Equal(resp.contacts, before.contacts) {
			t.Errorf("%s: %d, %v; before %v", when, resp.status, resp.contacts, before.contacts)
		}
		t.Logf("%s: answered within %s", when, clock.System{}.Now().Sub(began).Round(time.Millisecond))
		if answersBy(t, sip, "table") == 0 {
			t.Errorf("%s: not answered by the table", when)
		}
		alones = append(alones, resp.callID)
		await.True(t, "the call to be on disk, for history", func() bool {
			waiting, err := os.ReadFile(filepath.Join(data, "gateway", "routes.reports"))
			return err == nil && bytes.Contains(waiting, []byte(resp.callID))
		})
	}
	alone("routing and etcd killed")
	sip.kill(t)
	sip.run(t)
	sip.ready(t)
	alone("the gateway started again, alone")
	if resp := (&system{sipUDP: sip.addr.SIPUDP}).invite(t, "udp", "+61255500999", exampleUnknownCaller); resp.status != 503 {
		t.Errorf("a number that the table does not know: %d, want 503, so that the trunk asks elsewhere", resp.status)
	}
	c.etcd.run(t)
	c.core.run(t)
	c.core.ready(t)
	await.True(t, "routing to answer again", func() bool {
		n := answersBy(t, sip, "routing")
		return phone().status == 302 && answersBy(t, sip, "routing") > n
	})
	ledger := ledgerv1.NewLedgerServiceClient(c.core.grpc)
	for _, id := range alones {
		await.True(t, "history to have the call that the table answered, once", func() bool {
			page, err := ledger.ListCalls(t.Context(), &ledgerv1.ListCallsRequest{PageSize: 1000})
			if err != nil {
				return false
			}
			found := slices.DeleteFunc(page.GetCalls(), func(call *ledgerv1.Call) bool { return call.GetCallId() != id })
			return len(found) == 1 && found[0].GetUnrouted() && found[0].GetStartTime() != nil && found[0].GetEndTime() == nil
		})
	}
}

// TestANewSIPGatewayNeedsNoEtcd where it is told whom to ask: one more is started, on an empty disk, while etcd is away.
func TestANewSIPGatewayNeedsNoEtcd(t *testing.T) {
	c := startClientCluster(t, 1)
	c.etcd.kill(t)
	sip := release(t, binary(t), t.TempDir(), "sip", "--etcd", c.etcd.client, "--sip-routing", c.core.addr.GRPC)
	sip.ready(t)
	phone := &system{sipUDP: sip.addr.SIPUDP, sipTCP: sip.addr.SIPTCP}
	if resp := phone.invite(t, "udp", exampleHiddenNumber, exampleUnknownCaller); resp.status != 302 || len(resp.contacts) < 2 {
		t.Errorf("%d, %v", resp.status, resp.contacts)
	}
}

// TestATableSaysWhatRoutingSays: what a table says is what routing says of a caller nobody knows, line by line.
func TestATableSaysWhatRoutingSays(t *testing.T) {
	c := startClientCluster(t, 1)
	cfg := gatewayConfig(c.endpoints()...)
	cfg.StateFile = filepath.Join(t.TempDir(), "routes")
	gateway := openClient(t, cfg)
	await.True(t, "the table", func() bool { return gateway.Stats().TableLines >= 2 })
	asked := map[string]*client.Route{}
	for _, dialled := range []string{exampleHiddenNumber, examplePublishedNumber} {
		r := exampleCall("a")
		r.DialledNumber = dialled
		route, err := gateway.RouteCall(t.Context(), r)
		if err != nil || route.Source != client.SourceRouting || route.Endpoint != c.core.addr.GRPC {
			t.Fatalf("%v, %v", route, err)
		}
		asked[dialled] = route
	}
	c.core.kill(t)
	for dialled, want := range asked {
		r := exampleCall("a")
		r.DialledNumber = dialled
		route, err := gateway.RouteCall(t.Context(), r)
		if err != nil || route.Source != client.SourceTable || route.Stale || route.Age < 0 || route.Age > time.Minute {
			t.Fatalf("%+v, %v", route, err)
		}
		if got, want := targetIDs(route), targetIDs(want); !slices.Equal(got, want) || len(got) < 2 || route.GetLine() == "" {
			t.Errorf("%s: the table says %v, and routing said %v", route.GetLine(), got, want)
		}
	}
	next, err := gateway.ContinueCall(t.Context(), &routingv1.ContinueCallRequest{
		CallId: "a", DialledNumber: exampleHiddenNumber, Continuation: asked[exampleHiddenNumber].GetContinuation(),
		Attempts: []*routingv1.Attempt{{
			TargetId:    asked[exampleHiddenNumber].GetForward().GetTargets()[0].GetTargetId(),
			Disposition: routingv1.Disposition_DISPOSITION_BUSY,
		}},
	})
	if want := targetIDs(asked[exampleHiddenNumber])[1:]; err != nil || next.Source != client.SourceTable || !slices.Equal(targetIDs(next), want) {
		t.Errorf("a call that goes on: %v, %v; want %v", next, err, want)
	}
}

func targetIDs(r *client.Route) []string {
	var ids []string
	for _, target := range r.GetForward().GetTargets() {
		ids = append(ids, target.GetTargetId())
	}
	return ids
}

// callFor places calls for a while, some at once, and answers with how long each took.
func callFor(t *testing.T, gateway *client.Client, d time.Duration, callers int) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	until := clock.System{}.Now().Add(d)
	for n := range callers {
		all.Go(func() {
			for i := 0; (clock.System{}).Now().Before(until); i++ {
				began := clock.System{}.Now()
				route, err := gateway.RouteCall(t.Context(), exampleCall(fmt.Sprintf("hedge-%d-%d", n, i)))
				if err != nil || route.Source != client.SourceRouting {
					t.Errorf("%v, %v", route, err)
					return
				}
				mu.Lock()
				took = append(took, clock.System{}.Now().Sub(began))
				mu.Unlock()
				<-clock.System{}.After(5 * time.Millisecond)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return took
}

// TestASilentProcessCostsNoMoreThanAHedge: of three routing processes one is stopped where it stands, its connections open, and
// a fourth endpoint takes connections and never says a word.
func TestASilentProcessCostsNoMoreThanAHedge(t *testing.T) {
	c := startClientCluster(t, 3)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gateway := openClient(t, gatewayConfig(append(c.endpoints(), l.Addr().String())...))
	await.True(t, "three processes to answer", func() bool { return gateway.Stats().EndpointsReady == 3 })
	well := callFor(t, gateway, 500*time.Millisecond, 4)
	stopped := c.more[1].cmd.Process
	if err := stopped.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stopped.Signal(syscall.SIGCONT) }()
	before := gateway.Stats()
	took := callFor(t, gateway, 3*time.Second, 4)
	s := gateway.Stats()
	hedges := s.Hedges - before.Hedges
	t.Logf("%d calls: p50 %s, p99 %s, worst %s, %d hedges, %d retries (with all well: p50 %s, p99 %s)", len(took),
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1], hedges, s.Retries-before.Retries,
		well[len(well)/2], well[len(well)*99/100])
	if p99 := took[len(took)*99/100]; p99 > 250*time.Millisecond {
		t.Errorf("p99 %s", p99)
	}
	if hedges == 0 || hedges > int64(len(took)/10+5) {
		t.Errorf("%d hedges of %d calls", hedges, len(took))
	}
	if err := stopped.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await.True(t, "the process to be asked again", func() bool { return gateway.Stats().EndpointsReady == 3 })
}

// TestOneEndpointIsEnough: a client that was told of one process learns of the others, and remembers them.
func TestOneEndpointIsEnough(t *testing.T) {
	c := startClientCluster(t, 3)
	cfg := gatewayConfig(c.core.addr.GRPC)
	cfg.StateFile = filepath.Join(t.TempDir(), "routes")
	gateway := openClient(t, cfg)
	await.True(t, "three processes to be known", func() bool { return gateway.Stats().EndpointsReady == 3 })
	await.True(t, "them to be remembered", func() bool {
		known, err := client.ReadState(cfg.StateFile)
		return err == nil && known.Endpoints == 3
	})
	if err := gateway.Close(); err != nil {
		t.Fatal(err)
	}
	c.core.kill(t)
	again := openClient(t, cfg)
	await.True(t, "the others to answer", func() bool {
		route, err := again.RouteCall(t.Context(), exampleCall("a"))
		return err == nil && route.Source == client.SourceRouting
	})
}

// TestAReportThatNobodyTakesGoesLaterAndCountsOnce: routing is away while a call ends, and the gateway's program ends, too.
func TestAReportThatNobodyTakesGoesLaterAndCountsOnce(t *testing.T) {
	c := startClientCluster(t, 1)
	cfg := gatewayConfig(c.endpoints()...)
	cfg.StateFile = filepath.Join(t.TempDir(), "routes")
	gateway := openClient(t, cfg)
	await.True(t, "routing to answer", func() bool { return gateway.Stats().EndpointsReady == 1 })
	route, err := gateway.RouteCall(t.Context(), exampleCall("reported"))
	if err != nil {
		t.Fatal(err)
	}
	c.core.kill(t)
	now := cfg.Clock.Now()
	kept, err := gateway.ReportCall(t.Context(), &routingv1.ReportCallRequest{
		CallId: "reported", Continuation: route.GetContinuation(), StartTime: timestamppb.New(now.Add(-time.Minute)),
		AnswerTime: timestamppb.New(now.Add(-50 * time.Second)), EndTime: timestamppb.New(now),
		Attempts: []*routingv1.Attempt{{
			TargetId: route.GetForward().GetTargets()[0].GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_ANSWERED,
		}},
	})
	if err != nil || !kept.Queued || !kept.OnDisk {
		t.Fatalf("%+v, %v", kept, err)
	}
	if err := gateway.Close(); err != nil {
		t.Fatal(err)
	}
	c.core.run(t)
	c.core.ready(t)
	again := openClient(t, cfg)
	await.True(t, "the report to be taken", func() bool { return again.Stats().ReportsWaiting == 0 })
	ledger := ledgerv1.NewLedgerServiceClient(c.core.grpc)
	await.True(t, "the ledger to have the call", func() bool {
		page, err := ledger.ListCalls(t.Context(), &ledgerv1.ListCallsRequest{})
		if err != nil || len(page.GetCalls()) != 1 {
			return false
		}
		return page.GetCalls()[0].GetEndTime() != nil
	})
}

// TestAGatewayWithACertificate is told of a process that does not route: what it asks is forwarded, it learns of those that
// do, and its table is fed; as a gateway it may no more than that.
func TestAGatewayWithACertificate(t *testing.T) {
	s := startSecured(t)
	creds, err := host.ClientCredentials(s.pki.issue(t, "gateway", "pbx"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := gatewayConfig(s.addr.GRPC)
	cfg.Credentials, cfg.StateFile = creds, filepath.Join(t.TempDir(), "routes")
	gateway := openClient(t, cfg)
	await.True(t, "routing to be learned of, and the table to be told", func() bool {
		stats := gateway.Stats()
		return stats.EndpointsReady >= 2 && stats.TableLines >= 2
	})
	route, err := gateway.RouteCall(t.Context(), exampleCall("a"))
	if err != nil || route.Source != client.SourceRouting || len(targetIDs(route)) < 2 {
		t.Errorf("%+v, %v", route, err)
	}
	kept, err := gateway.ReportCall(t.Context(), &routingv1.ReportCallRequest{CallId: "a", Continuation: route.GetContinuation()})
	if err != nil || kept.Queued {
		t.Errorf("%+v, %v", kept, err)
	}
	stranger, err := host.ClientCredentials(newPKI(t).issue(t, "gateway", "pbx"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials, cfg.StateFile = stranger, ""
	if route, err := openClient(t, cfg).RouteCall(t.Context(), exampleCall("b")); err == nil {
		t.Errorf("with another authority's certificate: %+v", route)
	}
}
