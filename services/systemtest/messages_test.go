package systemtest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
)

const (
	messageNumber = "+61255500177"
	messageURI    = "https://pbx.example/messages/secret-1.wav"
)

// takesMessages adds a line whose callers leave a message.
func (r *released) takesMessages(t testing.TB) {
	t.Helper()
	line := &routingv1.Line{
		Name: "lines/messages", DisplayName: "Messages", Number: number(messageNumber), Product: "gold", Visibility: routingv1.Visibility_VISIBILITY_HIDDEN,
		Sites:      []*routingv1.LineSite{{Site: "sites/dublin"}},
		Treatments: &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_MESSAGE},
		LastResort: &routingv1.LastResort{Kind: routingv1.LastResort_KIND_PERSON, Target: &schedulev1.Target{
			Address: &schedulev1.Target_SipUri{SipUri: "sip:duty-manager@hq.example.com"},
		}},
	}
	if _, err := routingv1.NewLineServiceClient(r.grpc).CreateLine(t.Context(), &routingv1.CreateLineRequest{LineId: "messages", Line: line}); err != nil {
		t.Fatal(err)
	}
}

// recordsToo is a gateway that can do everything.
func recordsToo() *routingv1.GatewayInfo {
	return &routingv1.GatewayInfo{GatewayId: "pbx", Capabilities: []routingv1.Capability{
		routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_RECORD,
	}}
}

// asked is a new call of nobody known, and whether it is asked for a message that can be handed in.
func (r *released) asked(t testing.TB, id string) (*routingv1.Route, bool) {
	t.Helper()
	route, err := r.newCall(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return route, route.GetRecord() != nil && len(route.GetContinuation()) > 0
}

func (r *released) newCall(ctx context.Context, id string) (*routingv1.Route, error) {
	resp, err := routingv1.NewRoutingServiceClient(r.grpc).RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: messageNumber, Caller: &routingv1.Caller{Number: exampleUnknownCaller}, Gateway: recordsToo(),
	})
	return resp.GetRoute(), err
}

// leaves hands a message in.
func (r *released) leaves(t testing.TB, from *routingv1.Route) *routingv1.ContinueCallResponse {
	t.Helper()
	resp, err := r.handsIn(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (r *released) handsIn(ctx context.Context, from *routingv1.Route) (*routingv1.ContinueCallResponse, error) {
	return routingv1.NewRoutingServiceClient(r.grpc).ContinueCall(ctx, &routingv1.ContinueCallRequest{
		CallId: from.GetCallId(), DialledNumber: messageNumber, Caller: &routingv1.Caller{Number: exampleUnknownCaller}, Gateway: recordsToo(),
		Continuation: from.GetContinuation(), Recording: &routingv1.Recording{Uri: messageURI},
	})
}

// messages are the alerts of messages, with where each is kept.
func (r *released) messages(t testing.TB) map[string]routingv1.Durability {
	t.Helper()
	list, err := routingv1.NewAlertServiceClient(r.grpc).ListAlerts(t.Context(), &routingv1.ListAlertsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]routingv1.Durability{}
	for _, a := range list.GetAlerts() {
		if a.GetRecordingUri() == messageURI {
			all[a.GetCallId()] = a.GetDurability()
		}
	}
	return all
}

// TestAMessageOutlivesEtcdAndItsProcess: with etcd gone a message is on the process's disk before its caller hears that it was
// taken, and nobody is told that it is committed. The process is killed, and started again with etcd still gone: the message
// is listed, and told again it is the same one. When etcd is back it stands there, written once.
func TestAMessageOutlivesEtcdAndItsProcess(t *testing.T) {
	etcd := startEtcd(t)
	control := release(t, binary(t), t.TempDir(), host.Schedule, host.Entitlement, host.Ledger, "--etcd", etcd.client).ready(t)
	data := t.TempDir()
	r := release(t, binary(t), data, host.Routing, "--etcd", etcd.client, "--instance", "messages").ready(t)
	r.applied(t)
	r.takesMessages(t)
	var first *routingv1.Route
	await.True(t, "a caller is asked for a message", func() (ok bool) { first, ok = r.asked(t, "with-etcd"); return ok })
	if got := r.leaves(t, first); got.GetDurability() != routingv1.Durability_DURABILITY_COMMITTED ||
		got.GetRoute().GetEnd().GetCause() != routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN {
		t.Errorf("with etcd there: %v", got)
	}
	second, _ := r.asked(t, "without-etcd")
	etcd.kill(t)
	spooled := func(when string) {
		if got := r.leaves(t, second); got.GetDurability() != routingv1.Durability_DURABILITY_SPOOLED ||
			got.GetRoute().GetEnd().GetCause() != routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN {
			t.Fatalf("%s: %v", when, got)
		}
		if got := r.messages(t)["without-etcd"]; got != routingv1.Durability_DURABILITY_SPOOLED {
			t.Errorf("%s it is listed as %v", when, got)
		}
	}
	spooled("with etcd gone")
	r.kill(t)
	r.run(t)
	r.ready(t)
	if got := r.messages(t)["without-etcd"]; got != routingv1.Durability_DURABILITY_SPOOLED {
		t.Errorf("started again with etcd gone, it is listed as %v", got)
	}
	spooled("told again, to the process after the kill")
	nowhereIn(t, filepath.Join(data, "alerts"), messageNumber)
	nowhereIn(t, filepath.Join(data, "alerts"), exampleUnknownCaller)

	etcd.run(t)
	if !etcd.answers(t) {
		t.Fatal("etcd did not start again")
	}
	await.True(t, "both messages are committed", func() bool {
		got := r.messages(t)
		return got["with-etcd"] == routingv1.Durability_DURABILITY_COMMITTED && got["without-etcd"] == routingv1.Durability_DURABILITY_COMMITTED
	})
	entries, _, err := etcdOf(t, etcd.client).ListAll(t.Context(), "pub/routing/alerts/message-")
	if err != nil || len(entries) != 2 || entries[0].CreateRevision != entries[0].ModRevision ||
		entries[1].CreateRevision != entries[1].ModRevision {
		t.Errorf("%d messages are in etcd, or written twice (%v)", len(entries), err)
	}
	await.True(t, "the story of the call to say where its message was", func() bool {
		stdout, _, err := dayside(t, "call", "show", "without-etcd", "--server", control.addr.GRPC)
		return err == nil && strings.Contains(stdout, "on the disk of the process that took it")
	})
	for _, p := range []*released{r, control} {
		if strings.Contains(p.log.String(), messageURI) || strings.Contains(p.log.String(), strings.TrimPrefix(messageNumber, "+")) {
			t.Error("a secret is in a log")
		}
	}
}

// TestNoMessageIsLostByKills: with etcd gone, callers leave messages all the time, and the process is killed under them again
// and again. Each message that a caller was told is taken stands in etcd when it is back.
func TestNoMessageIsLostByKills(t *testing.T) {
	etcd := startEtcd(t)
	release(t, binary(t), t.TempDir(), host.Schedule, host.Entitlement, "--etcd", etcd.client).ready(t)
	r := release(t, binary(t), t.TempDir(), host.Routing, "--etcd", etcd.client, "--instance", "messages").ready(t)
	r.applied(t)
	r.takesMessages(t)
	await.True(t, "a caller is asked for a message", func() bool { _, ok := r.asked(t, "first"); return ok })
	etcd.kill(t)
	told := map[string]bool{}
	for round := range 4 {
		killed := make(chan struct{})
		for i := 0; ; i++ {
			id := fmt.Sprintf("round-%d-%d", round, i)
			from, err := r.newCall(t.Context(), id)
			if err == nil && from.GetRecord() != nil {
				var answer *routingv1.ContinueCallResponse
				if answer, err = r.handsIn(t.Context(), from); err == nil {
					if answer.GetDurability() != routingv1.Durability_DURABILITY_SPOOLED {
						t.Fatalf("%s: %v", id, answer)
					}
					told[id] = true
				}
			}
			if err != nil {
				break // it is dead
			}
			if i == 20 {
				go func() { defer close(killed); _ = r.cmd.Process.Kill() }()
			}
		}
		await.Receive(t, "the process to be killed", killed)
		await.Receive(t, "the process to end", r.ended)
		r.run(t)
		r.ready(t)
	}
	etcd.run(t)
	if !etcd.answers(t) {
		t.Fatal("etcd did not start again")
	}
	lost := func() (ids []string) {
		stands := r.messages(t)
		for id := range told {
			if stands[id] != routingv1.Durability_DURABILITY_COMMITTED {
				ids = append(ids, id)
			}
		}
		return ids
	}
	await.True(t, "every message is committed", func() bool { return len(lost()) == 0 })
	t.Logf("%d messages, 4 kills", len(told))
}
