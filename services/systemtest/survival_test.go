package systemtest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// A cluster of three takes writes while a member is paused or dead, none while two are, and again when one is back.
func TestTheEtcdOfTestsSurvivesAMember(t *testing.T) {
	e := startEtcdCluster(t)
	c := e.client(t)
	write := func() bool {
		_, err := c.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("survival", nil)})
		return err == nil
	}
	e.members[0].pause(t)
	await.True(t, "a write with a member paused", write)
	e.members[0].resume(t)
	e.members[1].kill(t)
	await.True(t, "a write with a member killed", write)
	e.members[2].kill(t)
	if write() {
		t.Error("a write without a quorum")
	}
	e.members[1].run(t)
	await.True(t, "a write with the quorum back", write)
}

// Whichever member a watch hangs on, when that is paused the watch goes on at another within seconds, without a list.
func TestAWatchLeavesAPausedMember(t *testing.T) {
	e := startEtcdCluster(t)
	c := e.client(t)
	batches := make(chan coord.Batch, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = c.Follow(ctx, coord.Prefix("v/"), func(b coord.Batch) { batches <- b }) }()
	await.Receive(t, "the list", batches)
	for i, m := range e.members {
		others := &etcdCluster{members: slices.Delete(slices.Clone(e.members), i, i+1)}
		writer := others.client(t)
		m.pause(t)
		var revision int64
		await.True(t, "a write with a member paused", func() (ok bool) {
			var err error
			revision, err = writer.Commit(t.Context(), nil, []*rpcv1.Write{coord.Put("v/a", []byte(m.name))})
			return err == nil
		})
		began := clock.System{}.Now()
		for b := await.Receive(t, "the write", batches); b.Revision < revision; b = await.Receive(t, "the write", batches) {
			if b.Reset {
				t.Error("the range was listed anew")
			}
		}
		took := (clock.System{}).Now().Sub(began)
		t.Logf("with %s paused, heard after %v", m.name, took)
		if took > 8*time.Second {
			t.Errorf("with %s paused, heard after %v", m.name, took)
		}
		m.resume(t)
		await.True(t, "the member to answer", func() bool { return m.answers(t) })
	}
}

// survivor is a process that routes and answers phones, whose addresses and data outlive it, and one with everything else.
type survivor struct {
	*system
	routing, rest *released
}

// startSurvivor has the example configuration in force.
func startSurvivor(t testing.TB, endpoints ...string) *survivor {
	t.Helper()
	etcd := strings.Join(endpoints, ",")
	v := &survivor{rest: release(t, binary(t), t.TempDir(), "schedule", "entitlement", "ledger", "--etcd", etcd).ready(t)}
	sip := freeAddr(t)
	v.routing = release(t, binary(t), t.TempDir(), "routing", "sip", "--etcd", etcd, "--instance", "survivor", "--grpc-listen",
		freeAddr(t), "--http-listen", freeAddr(t), "--sip-udp", sip, "--sip-tcp", sip).ready(t)
	v.system = &system{logs: v.routing.log, etcd: etcd}
	v.connect(t)
	folder := filepath.Join(repo(t), "deploy", "examples", "followthesun")
	if _, stderr, err := dayside(t, "apply", "-f", folder, "--server", v.rest.addr.GRPC); err != nil {
		t.Fatalf("apply: %v\n%s", err, stderr)
	}
	v.applied(t)
	return v
}

func (v *survivor) connect(t testing.TB) {
	t.Helper()
	v.grpc, v.grpcAddr, v.httpAddr = dial(t, v.routing.addr.GRPC), v.routing.addr.GRPC, v.routing.addr.HTTP
	v.sipUDP, v.sipTCP = v.routing.addr.SIPUDP, v.routing.addr.SIPTCP
}

// applied waits until the example is in force.
func (v *survivor) applied(t testing.TB) {
	t.Helper()
	await.True(t, "the example to be in force", func() bool {
		return v.route(t, exampleHiddenNumber, exampleCaller).GetExplanation().GetCallerClass() ==
			routingv1.CallerClass_CALLER_CLASS_ENTITLED
	})
	// The copy on disk follows beside, some milliseconds later: nobody waits for it but who kills the process next.
	digits := []byte(strings.TrimPrefix(exampleHiddenNumber, "+"))
	await.True(t, "the copy on disk to hold it", func() bool {
		files, err := filepath.Glob(filepath.Join(v.routing.data(), "view", "*"))
		return err == nil && slices.ContainsFunc(files, func(path string) bool {
			kept, err := os.ReadFile(path)
			return err == nil && bytes.Contains(kept, digits)
		})
	})
}

// restart kills the process as a power failure does, and starts it; it answers with how long it took until a call was
// answered.
func (v *survivor) restart(t testing.TB) time.Duration {
	t.Helper()
	v.routing.kill(t)
	return v.start(t)
}

func (v *survivor) start(t testing.TB) time.Duration {
	t.Helper()
	began := clock.System{}.Now()
	v.routing.run(t)
	conn := dial(t, v.grpcAddr)
	client := routingv1.NewRoutingServiceClient(conn)
	await.True(t, "a call to be answered", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		conn.Connect() // not at the end of a back-off
		conn.ResetConnectBackoff()
		resp, err := client.RouteCall(ctx, &routingv1.RouteCallRequest{
			CallId: "restart", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
		})
		return err == nil && len(resp.GetRoute().GetForward().GetTargets()) > 0
	})
	took := clock.System{}.Now().Sub(began)
	v.routing.ready(t)
	v.connect(t)
	v.logs = v.routing.log
	return took
}

func (v *survivor) age(t testing.TB) time.Duration {
	t.Helper()
	return v.route(t, exampleHiddenNumber, exampleCaller).GetExplanation().GetViewAge().AsDuration()
}

// fromDisk is what the process's metric says of it.
func (v *survivor) fromDisk(t testing.TB) bool {
	t.Helper()
	_, body := v.get(t, "/metrics")
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "dayside_view_from_disk") {
			return strings.HasSuffix(strings.TrimSpace(line), " 1")
		}
	}
	t.Fatal("dayside_view_from_disk is not served")
	return false
}

func (v *survivor) deleteCustomer(t testing.TB) {
	t.Helper()
	if _, stderr, err := dayside(t, "delete", "customers/acme", "--server", v.rest.addr.GRPC); err != nil {
		t.Fatalf("delete: %v\n%s", err, stderr)
	}
}

// unknown says whether the example's caller is nobody's.
func (v *survivor) unknown(t testing.TB) bool {
	t.Helper()
	return v.route(t, exampleHiddenNumber, exampleCaller).GetExplanation().GetCallerClass() ==
		routingv1.CallerClass_CALLER_CLASS_UNKNOWN
}

// etcd is gone, and the process is killed and started again: it gives the same routes, over gRPC and SIP, for the hidden
// number too, and says how old what it knows is; a call that began before goes on. With etcd back, changes are in force again.
func TestARoutingProcessStartsWhileEtcdIsGone(t *testing.T) {
	etcd := startEtcd(t)
	v := startSurvivor(t, etcd.client)
	want := targets(v.route(t, exampleHiddenNumber, exampleCaller))
	published := targets(v.route(t, examplePublishedNumber, exampleUnknownCaller))
	phone := v.invite(t, "udp", exampleHiddenNumber, exampleCaller).contacts
	begun, err := v.routing.routed(t.Context(), "begun-before")
	if err != nil || begun.GetContinuation() == nil {
		t.Fatalf("a call of many steps: %v, %v", begun, err)
	}
	rungBusy := begun.GetForward().GetTargets()[0].GetTargetId()
	etcd.kill(t)
	for round := range 2 {
		if took := v.restart(t); took > 3*time.Second {
			t.Errorf("round %d: the first answer came after %v", round, took)
		}
		if got := targets(v.route(t, exampleHiddenNumber, exampleCaller)); !slices.Equal(got, want) {
			t.Errorf("round %d: the hidden number leads to %v, before to %v", round, got, want)
		}
	}
	if got := targets(v.route(t, examplePublishedNumber, exampleUnknownCaller)); !slices.Equal(got, published) {
		t.Errorf("the published number leads to %v, before to %v", got, published)
	}
	for _, transport := range []string{"udp", "tcp"} {
		if got := v.invite(t, transport, exampleHiddenNumber, exampleCaller); got.status != 302 || !slices.Equal(got.contacts, phone) {
			t.Errorf("SIP over %s: %d to %v, before to %v", transport, got.status, got.contacts, phone)
		}
	}
	next := v.routing.goesOn(t, begun)
	if f := next.GetExplanation().GetContinuation(); f != routingv1.ContinuationFate_CONTINUATION_FATE_READ ||
		slices.ContainsFunc(next.GetForward().GetTargets(), func(t *routingv1.RouteTarget) bool { return t.GetTargetId() == rungBusy }) {
		t.Errorf("a call that began before: %v, %v", f, next.GetForward())
	}
	if age := v.age(t); age <= 0 || !v.fromDisk(t) || !strings.Contains(v.logs.String(), "etcd does not answer") {
		t.Errorf("the view says it is %v old, from disk: %v\n%s", age, v.fromDisk(t), v.logs)
	}
	age := v.age(t)
	await.True(t, "it to grow older", func() bool { return v.age(t) > age+time.Second })

	etcd.run(t)
	if !etcd.answers(t) {
		t.Fatal("etcd did not start again")
	}
	await.True(t, "the view to be current", func() bool { return v.age(t) < 2*time.Second && !v.fromDisk(t) })
	v.deleteCustomer(t)
	await.True(t, "a change to be in force", func() bool { return v.unknown(t) })
}

// One member of three is lost: nothing is. All but one are: routes go on, a process that starts knows what it knew, and
// changes are in force again once a second member is back.
func TestMembersAndTheQuorumAreLost(t *testing.T) {
	e := startEtcdCluster(t)
	v := startSurvivor(t, e.endpoints()...)
	e.members[0].pause(t) // its connections stay, and nothing comes of them
	began := clock.System{}.Now()
	drained := func() bool {
		_, stderr, err := dayside(t, "drain", "sites/dublin", "--reason", "survival", "--server", v.rest.addr.GRPC)
		if err != nil {
			t.Logf("with a member paused: %v %s", err, stderr)
		}
		return err == nil
	}
	await.True(t, "a drain with a member paused", drained)
	await.True(t, "it to be in force", func() bool {
		return !slices.Contains(targets(v.route(t, exampleHiddenNumber, exampleCaller)), dublinSIP)
	})
	t.Logf("with a member paused, a drain was in force after %v", (clock.System{}).Now().Sub(began))
	e.members[1].kill(t)
	want := targets(v.route(t, exampleHiddenNumber, exampleCaller))
	v.restart(t)
	if got := targets(v.route(t, exampleHiddenNumber, exampleCaller)); !slices.Equal(got, want) || !v.fromDisk(t) {
		t.Errorf("without a quorum: %v, before %v", got, want)
	}
	e.members[0].resume(t)
	await.True(t, "the view to be current", func() bool { return v.age(t) < 2*time.Second && !v.fromDisk(t) })
	v.deleteCustomer(t)
	await.True(t, "a change to be in force", func() bool { return v.unknown(t) })
}

// Behind etcd's address stands another one, as after a restore: who runs through it, and who starts later with an older
// copy, answers from what the new one says.
func TestAnotherEtcdsTruthReplacesTheCopy(t *testing.T) {
	etcd := startEtcd(t)
	v := startSurvivor(t, etcd.client)
	w := startSurvivor(t, etcd.client) // the same cluster: it runs through it
	v.routing.kill(t)
	etcd.kill(t)
	if targets(w.route(t, exampleHiddenNumber, exampleCaller)) == nil {
		t.Fatal("no route without etcd")
	}
	etcd.dir = t.TempDir()
	etcd.run(t)
	if !etcd.answers(t) {
		t.Fatal("etcd did not start again")
	}
	await.True(t, "who runs to drop what it knew", func() bool {
		return w.route(t, exampleHiddenNumber, exampleCaller).GetLine() == ""
	})
	v.routing.run(t)
	v.routing.ready(t)
	v.connect(t)
	if r := v.route(t, exampleHiddenNumber, exampleCaller); r.GetLine() != "" {
		t.Errorf("who starts with an older copy answers from it: %v", r)
	}
	if !strings.Contains(v.routing.log.String(), "another truth") {
		t.Errorf("nothing is said of it:\n%s", v.routing.log)
	}
	if n, err := filepath.Glob(filepath.Join(v.routing.data(), "view", "*.snapshot")); err != nil || len(n) > 1 {
		t.Errorf("the older copy is still there: %v", n)
	}
}

// data is its data directory.
func (r *released) data() string { return r.args[slices.Index(r.args, "--data")+1] }

// A process with everything in it whose embedded etcd is damaged answers calls, and says how to mend it.
func TestADamagedEmbeddedEtcdStopsNoCall(t *testing.T) {
	data := t.TempDir()
	sip := freeAddr(t)
	r := release(t, binary(t), data, "--example", "--grpc-listen", freeAddr(t), "--http-listen", freeAddr(t),
		"--sip-udp", sip, "--sip-tcp", sip).ready(t)
	v := &survivor{system: &system{logs: r.log}, routing: r}
	v.connect(t)
	v.applied(t)
	want := v.invite(t, "udp", exampleHiddenNumber, exampleCaller).contacts
	r.kill(t)
	databases, err := filepath.Glob(filepath.Join(data, "etcd", "member-data", "member", "snap", "db"))
	if err != nil || len(databases) != 1 {
		t.Fatal(databases, err)
	}
	if err := os.WriteFile(databases[0], []byte(strings.Repeat("damaged ", 8192)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.run(t)
	await.True(t, "SIP to be answered", func() bool {
		return strings.Contains(r.log.String(), "dayside restore") && v.listens(t)
	})
	if got := v.invite(t, "udp", exampleHiddenNumber, exampleCaller); got.status != 302 || !slices.Equal(got.contacts, want) {
		t.Errorf("%d to %v, before to %v\n%s", got.status, got.contacts, want, r.log)
	}
	if status, body := v.get(t, "/readyz"); status == 200 || !strings.Contains(string(body), "schedule") {
		t.Errorf("it says of itself: %d %s", status, body)
	}
}

// Damaged pages end the process from within etcd's storage. Whoever starts it again, as systemd does, has calls answered.
func TestAnEmbeddedEtcdThatEndsTheProcessStopsNoCall(t *testing.T) {
	data := t.TempDir()
	sip := freeAddr(t)
	r := release(t, binary(t), data, "--example", "--grpc-listen", freeAddr(t), "--http-listen", freeAddr(t),
		"--sip-udp", sip, "--sip-tcp", sip).ready(t)
	v := &survivor{system: &system{logs: r.log}, routing: r}
	v.connect(t)
	v.applied(t)
	want := v.invite(t, "udp", exampleHiddenNumber, exampleCaller).contacts
	r.kill(t)
	database := filepath.Join(data, "etcd", "member-data", "member", "snap", "db")
	whole, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(whole)
	clear(damaged[2*4096 : 22*4096]) // the two pages before say where everything is, and are whole
	if err := os.WriteFile(database, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.run(t)
		await.Receive(t, "etcd's storage to end the process", r.ended)
	}
	r.run(t)
	await.True(t, "SIP to be answered", func() bool {
		return strings.Contains(r.log.String(), "dayside restore") && v.listens(t)
	})
	if got := v.invite(t, "udp", exampleHiddenNumber, exampleCaller); got.status != 302 || !slices.Equal(got.contacts, want) {
		t.Errorf("%d to %v, before to %v\n%s", got.status, got.contacts, want, r.log)
	}
	r.interrupt(t)
	if err := os.WriteFile(database, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	r.run(t)
	r.ready(t) // mended: it is tried again, and all of it serves
}

// One process holds everything, and etcd is elsewhere: it starts while that is gone and answers calls; when etcd is back all
// the rest of it comes, and what is changed then is in force.
func TestTheRestOfAProcessComesWithEtcd(t *testing.T) {
	etcd := startEtcd(t)
	sip := freeAddr(t)
	r := release(t, binary(t), t.TempDir(), "--example", "--etcd", etcd.client, "--grpc-listen", freeAddr(t), "--http-listen",
		freeAddr(t), "--sip-udp", sip, "--sip-tcp", sip).ready(t)
	v := &survivor{system: &system{logs: r.log}, routing: r, rest: r}
	v.connect(t)
	v.applied(t)
	want := targets(v.route(t, exampleHiddenNumber, exampleCaller))
	r.kill(t)
	etcd.kill(t)
	began := clock.System{}.Now()
	r.run(t)
	await.True(t, "calls to be answered", func() bool { return v.listens(t) })
	if took := (clock.System{}).Now().Sub(began); took > 3*time.Second {
		t.Errorf("the first call was answered after %v: something waits for etcd", took)
	}
	if got := targets(v.route(t, exampleHiddenNumber, exampleCaller)); !slices.Equal(got, want) {
		t.Errorf("%v, before %v", got, want)
	}
	_, stderr, err := dayside(t, "drain", "sites/dublin", "--server", v.grpcAddr)
	if err == nil {
		t.Errorf("a change without etcd: %s", stderr)
	}
	etcd.run(t)
	r.ready(t)
	v.connect(t)
	if stdout, stderr, err := dayside(t, "drain", "sites/dublin", "--reason", "back", "--wait", "--server", v.grpcAddr); err != nil ||
		!strings.Contains(stdout, "in force at 1 of 1") {
		t.Errorf("drain: %v\n%s%s", err, stdout, stderr)
	}
	v.deleteCustomer(t)
	await.True(t, "a change to be in force", func() bool { return v.unknown(t) })
	if stdout, stderr, err := dayside(t, "tzdata", "status", "--server", v.grpcAddr); err != nil {
		t.Errorf("tzdata status: %v\n%s%s", err, stdout, stderr)
	}
}

// listens says whether the process's gRPC listener is there.
func (v *survivor) listens(t testing.TB) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := routingv1.NewRoutingServiceClient(dial(t, v.grpcAddr)).RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: "listens", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	return err == nil
}

// Without a copy there is nothing to begin with: one clear line, as ever.
func TestWithoutACopyAStartNeedsEtcd(t *testing.T) {
	_, stderr, err := dayside(t, "serve", "routing", "--etcd", "127.0.0.1:1", "--data", t.TempDir(), "--grpc-listen", "127.0.0.1:0",
		"--http-listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(stderr, "etcd at 127.0.0.1:1 did not answer") || strings.Count(strings.TrimSpace(stderr), "\n") > 0 {
		t.Errorf("%v\n%s", err, stderr)
	}
}
