package systemtest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// dialler is a gateway that dials.
func dialler() *routingv1.GatewayInfo {
	return &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}}
}

// routed asks a process about a new call.
func (r *released) routed(ctx context.Context, id string) (*routingv1.Route, error) {
	resp, err := routingv1.NewRoutingServiceClient(r.grpc).RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller}, Gateway: dialler(),
	})
	return resp.GetRoute(), err
}

// goesOn asks a process about a call whose first target was busy.
func (r *released) goesOn(t testing.TB, from *routingv1.Route) *routingv1.Route {
	t.Helper()
	resp, err := routingv1.NewRoutingServiceClient(r.grpc).ContinueCall(t.Context(), &routingv1.ContinueCallRequest{
		CallId: from.GetCallId(), DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller}, Gateway: dialler(),
		Continuation: from.GetContinuation(), Attempts: []*routingv1.Attempt{{
			TargetId: from.GetForward().GetTargets()[0].GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_BUSY,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetRoute()
}

// named sets the name of Dublin for people, through a process.
func (r *released) named(t testing.TB, name string) *schedulev1.Site {
	t.Helper()
	site, err := schedulev1.NewScheduleServiceClient(r.grpc).UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{
		Site:       &schedulev1.Site{Name: "sites/dublin", DisplayName: name},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// tells waits until a process routes to Dublin by that name.
func (r *released) tells(t testing.TB, name string) {
	t.Helper()
	await.True(t, fmt.Sprintf("%s is told by %v", name, r.args), func() bool {
		route, err := r.routed(t.Context(), "name")
		return err == nil && slices.ContainsFunc(route.GetForward().GetTargets(), func(t *routingv1.RouteTarget) bool {
			return t.GetDisplayName() == name
		})
	})
}

// applied applies the example configuration by the release's own CLI: the kinds that every release knows.
func (r *released) applied(t testing.TB) {
	t.Helper()
	args := []string{"apply", "--server", r.addr.GRPC}
	for _, kind := range []string{"calendars", "people", "rotas", "sites", "customers", "lines"} {
		args = append(args, "-f", filepath.Join(repo(t), "deploy", "examples", "followthesun", kind+".yaml"))
	}
	if out, err := exec.CommandContext(t.Context(), r.binary, args...).CombinedOutput(); err != nil { //nolint:gosec // our own
		t.Fatalf("apply: %v\n%s", err, out)
	}
}

// stored are the resources in etcd as they are kept, by key.
func stored(t testing.TB, c *coord.Client) map[string]*rpcv1.Stored {
	t.Helper()
	all := map[string]*rpcv1.Stored{}
	for _, prefix := range []string{
		"schedule/sites/", "schedule/people/", "schedule/rotas/", "schedule/calendars/", "entitlement/customers/", "routing/lines/",
		"routing/drains/",
	} {
		entries, _, err := c.ListAll(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all[e.Key] = &rpcv1.Stored{}
			if err := proto.Unmarshal(e.Value, all[e.Key]); err != nil {
				t.Fatalf("%s: %v", e.Key, err)
			}
		}
	}
	if len(all) < 10 {
		t.Fatalf("%d resources are in etcd", len(all))
	}
	return all
}

// nothingNew fails where a value is of a schema that the release before does not know.
func nothingNew(t testing.TB, c *coord.Client) {
	t.Helper()
	for key, s := range stored(t, c) {
		if s.GetSchema() != 0 || s.GetRelease() != "" || len(s.ProtoReflect().GetUnknown()) > 0 {
			t.Errorf("%s is of schema %d, by release %q", key, s.GetSchema(), s.GetRelease())
		}
	}
	if _, err := c.Get(t.Context(), "cluster/schema"); err == nil {
		t.Error("the cluster has a schema before it was upgraded")
	}
}

// etcdOf is a connection to an etcd, until the test ends.
func etcdOf(t testing.TB, endpoint string) *coord.Client {
	t.Helper()
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{endpoint}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestTwoReleasesSideBySide: the release before and this one on one etcd route calls with each other's writes and open each
// other's continuations; nothing is written that the older one does not know until the cluster is upgraded, and that is not
// while it lives; afterwards a release that does not know the schema does not start.
func TestTwoReleasesSideBySide(t *testing.T) {
	before := earlier(t)
	etcd := startEtcd(t)
	older := release(t, before, t.TempDir(), host.Schedule, host.Entitlement, host.Routing, "--etcd", etcd.client, "--instance", "older").ready(t)
	older.applied(t)
	t.Run("phones of the newer routed by the older", func(t *testing.T) { rings(t, binary(t), etcd.client) })
	newer := release(t, binary(t), t.TempDir(), host.Schedule, host.Entitlement, host.Routing, "--etcd", etcd.client,
		"--instance", "newer").ready(t)
	raw := etcdOf(t, etcd.client)

	t.Run("each with the writes of the other", func(t *testing.T) {
		older.named(t, "Dublin by the older")
		newer.tells(t, "Dublin by the older")
		newer.named(t, "Dublin by the newer")
		older.tells(t, "Dublin by the newer")
		newer.applied(t) // the same again, by the newer CLI
		older.tells(t, "Dublin")
		a, err := older.routed(t.Context(), "call-1")
		if err != nil {
			t.Fatal(err)
		}
		b, err := newer.routed(t.Context(), "call-1")
		if err != nil || !slices.Equal(targets(a), targets(b)) || len(targets(a)) < 2 {
			t.Errorf("the older routes to %v, the newer to %v (%v)", targets(a), targets(b), err)
		}
	})
	t.Run("each with the continuations of the other", func(t *testing.T) {
		for _, way := range [][2]*released{{older, newer}, {newer, older}} {
			await.True(t, "a continuation is opened", func() bool { // keys may still be on their way
				first, err := way[0].routed(t.Context(), "call-2")
				if err != nil || len(first.GetContinuation()) == 0 {
					return false
				}
				second := way[1].goesOn(t, first)
				return second.GetExplanation().GetContinuation() == routingv1.ContinuationFate_CONTINUATION_FATE_READ &&
					second.GetStepNumber() == 2 && !slices.Contains(targets(second), targets(first)[0])
			})
		}
	})
	t.Run("no newer schema before the upgrade", func(t *testing.T) {
		nothingNew(t, raw)
		_, err := rpcv1.NewClusterServiceClient(newer.grpc).UpgradeCluster(t.Context(), &rpcv1.UpgradeClusterRequest{})
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "older") {
			t.Errorf("upgraded while the older release lives: %v", err)
		}
		nothingNew(t, raw)
	})
	t.Run("after the upgrade", func(t *testing.T) {
		older.interrupt(t)
		t.Run("phones of the older routed by the newer", func(t *testing.T) { rings(t, before, etcd.client) })
		upgrade(t, newer)
		newer.named(t, "Dublin of a schema")
		if s := stored(t, raw)["schedule/sites/dublin"]; s.GetSchema() != 2 || s.GetRelease() == "" {
			t.Errorf("written in schema %d by release %q", s.GetSchema(), s.GetRelease())
		}
		newer.tells(t, "Dublin of a schema")
		cfg := testConfig(t.TempDir())
		cfg.Services, cfg.EtcdEndpoints, cfg.MaxSchema = []string{host.Routing}, []string{etcd.client}, 1
		_, err := host.New(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), "schema 2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a release that knows schema 1 only starts: %v", err)
		}
		// The release before knows of no schemas: started after all, it cannot know that it should not. Nothing of schema 2 is
		// lost that matters, and the next write of this release says again what it is.
		older.run(t)
		older.ready(t)
		older.named(t, "Dublin, too late")
		newer.tells(t, "Dublin, too late")
		newer.named(t, "Dublin again")
		older.tells(t, "Dublin again")
		if s := stored(t, raw)["schedule/sites/dublin"]; s.GetSchema() != 2 {
			t.Errorf("written again in schema %d", s.GetSchema())
		}
	})
}

// rings starts a release's SIP gateway, and rings it: over UDP and TCP it redirects to a site.
func rings(t *testing.T, gateway, etcd string) {
	r := release(t, gateway, t.TempDir(), host.SIP, "--etcd", etcd).ready(t)
	s := &system{sipUDP: r.addr.SIPUDP, sipTCP: r.addr.SIPTCP}
	await.True(t, "the gateway to find a process that routes", func() bool {
		return s.invite(t, "udp", exampleHiddenNumber, exampleCaller).status == 302
	})
	for _, transport := range []string{"udp", "tcp"} {
		if got := s.invite(t, transport, exampleHiddenNumber, exampleCaller); got.status != 302 || !strings.Contains(got.raw, "dublin") {
			t.Errorf("over %s: %d %s", transport, got.status, got.raw)
		}
	}
	r.interrupt(t)
}

// upgrade waits until the cluster is upgraded: a process that was stopped is seen for some seconds.
func upgrade(t testing.TB, by *released) {
	t.Helper()
	await.True(t, "the cluster is upgraded", func() bool {
		up, err := rpcv1.NewClusterServiceClient(by.grpc).UpgradeCluster(t.Context(), &rpcv1.UpgradeClusterRequest{})
		if err != nil && status.Code(err) != codes.FailedPrecondition {
			t.Fatal(err)
		}
		return err == nil && up.GetSchema() == 2
	})
}

// newField puts a field that no release knows behind a message.
func newField(b []byte) []byte {
	return protowire.AppendString(protowire.AppendTag(slices.Clone(b), 1234, protowire.BytesType), "of a newer release")
}

// hasNewField says whether that is there still.
func hasNewField(b []byte) bool { return strings.Contains(string(b), "of a newer release") }

// TestAnOlderReleaseKeepsWhatItDoesNotKnow: a field of a newer release outlives what an older one changes beside it. The release
// before keeps those of resources; this one those of what resources are kept in, too, and where a resource is applied whole.
func TestAnOlderReleaseKeepsWhatItDoesNotKnow(t *testing.T) {
	before := earlier(t)
	etcd := startEtcd(t)
	raw := etcdOf(t, etcd.client)
	older := release(t, before, t.TempDir(), host.Schedule, host.Entitlement, host.Routing, "--etcd", etcd.client).ready(t)
	older.applied(t)
	newer := release(t, binary(t), t.TempDir(), host.Schedule, host.Entitlement, host.Routing, "--etcd", etcd.client).ready(t)
	keys := []string{"schedule/sites/dublin", "entitlement/customers/acme", "routing/lines/gold-emergency"}
	widen := func() {
		for _, key := range keys {
			e, err := raw.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			var s rpcv1.Stored
			if err := proto.Unmarshal(e.Value, &s); err != nil {
				t.Fatal(err)
			}
			s.Resource = newField(s.GetResource())
			value, err := proto.Marshal(&s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := raw.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put(key, newField(value))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(r *released, name string) {
		r.named(t, name)
		if _, err := entitlementv1.NewEntitlementServiceClient(r.grpc).UpdateCustomer(t.Context(), &entitlementv1.UpdateCustomerRequest{
			Customer:   &entitlementv1.Customer{Name: "customers/acme", DisplayName: name},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := routingv1.NewLineServiceClient(r.grpc).UpdateLine(t.Context(), &routingv1.UpdateLineRequest{
			Line:       &routingv1.Line{Name: exampleHiddenLine, DisplayName: name},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(who string, envelope bool) {
		all := stored(t, raw)
		for _, key := range keys {
			if !hasNewField(all[key].GetResource()) {
				t.Errorf("%s: %s loses a field of the resource", who, key)
			}
			if envelope && !hasNewField(all[key].ProtoReflect().GetUnknown()) {
				t.Errorf("%s: %s loses a field of what it is kept in", who, key)
			}
		}
	}
	widen()
	change(older, "by the older")
	kept("the older, an update", false)
	widen()
	change(newer, "by the newer")
	kept("the newer, an update", true)
	newer.applied(t)
	kept("the newer, applied whole", true)
	newer.tells(t, "Dublin")
}

// TestBackToTheReleaseBefore: before the cluster is upgraded the older binary starts again on the newer one's data, and serves:
// its etcd, its spool and its ledger are whole, and what it does not know does no harm. And so back again.
func TestBackToTheReleaseBefore(t *testing.T) {
	before := earlier(t)
	data := t.TempDir()
	calls := func(r *released, id string) {
		if route, err := r.routed(t.Context(), id); err != nil || len(route.GetForward().GetTargets()) < 2 {
			t.Fatalf("%s: %v, %v", id, route, err)
		}
		if _, err := routingv1.NewRoutingServiceClient(r.grpc).ReportCall(t.Context(), &routingv1.ReportCallRequest{
			CallId: id, Gateway: dialler(),
		}); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	known := func(r *released, ids ...string) {
		for _, id := range ids {
			await.True(t, "call "+id+" to be in the ledger of "+r.binary, func() bool {
				c, err := ledgerv1.NewLedgerServiceClient(r.grpc).GetCall(t.Context(), &ledgerv1.GetCallRequest{Name: "calls/" + id})
				return err == nil && len(c.GetSteps()) == 1
			})
		}
	}
	older := release(t, before, data, "--example").ready(t)
	calls(older, "older-1")
	known(older, "older-1")
	older.interrupt(t)

	// Without a ledger, so that the records of its calls are in the spool when it is killed.
	newer := release(t, binary(t), data, host.Schedule, host.Entitlement, host.Routing).ready(t)
	calls(newer, "newer-1")
	newer.named(t, "Dublin by the newer")
	newer.tells(t, "Dublin by the newer")
	nothingNew(t, etcdOf(t, newer.addr.Etcd))
	newer.kill(t)
	for _, folder := range []string{"view", "alerts"} { // what the older release knows nothing of
		if files, err := filepath.Glob(filepath.Join(data, folder, "*")); err != nil || len(files) == 0 {
			t.Errorf("nothing is in %s (%v)", folder, err)
		}
	}

	older = release(t, before, data, host.Schedule, host.Entitlement, host.Routing).ready(t)
	older.tells(t, "Dublin by the newer")
	calls(older, "older-2")
	older.kill(t)
	older = release(t, before, data).ready(t)
	known(older, "older-1", "newer-1", "older-2")
	older.named(t, "Dublin by the older")
	older.kill(t)

	newer = release(t, binary(t), data).ready(t)
	newer.tells(t, "Dublin by the older")
	calls(newer, "newer-2")
	known(newer, "older-1", "newer-1", "older-2", "newer-2")
	newer.interrupt(t)
	if strings.Contains(newer.log.String(), `"level":"ERROR"`) {
		t.Errorf("the newer release, on what the older left:\n%s", newer.log)
	}
}
