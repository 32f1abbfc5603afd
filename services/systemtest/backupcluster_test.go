package systemtest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// restoredRevision is above what any test commits, and below what a restored cluster begins with.
const restoredRevision = 1_000_000_000

// drillCluster is three members of etcd with processes that stay up while it is restored.
type drillCluster struct {
	etcd *etcdCluster
	s    *system
	// routing are processes that run all the time.
	routing []*grpc.ClientConn
	// late is the data directory of a routing process that is stopped before each restore, and started after it.
	late string
}

func startDrillCluster(t *testing.T) *drillCluster {
	t.Helper()
	c, logs := &drillCluster{etcd: startEtcdCluster(t), late: t.TempDir()}, &syncBuffer{}
	at := strings.Join(c.etcd.endpoints(), ",")
	owner := startProcess(t, logs, host.Schedule, host.Entitlement, host.Ledger, "--etcd", at, "--instance", "owner")
	for i := range 2 {
		a := startProcess(t, logs, host.Routing, "--etcd", at, "--instance", fmt.Sprint("routing-", i))
		c.routing = append(c.routing, dial(t, a.GRPC))
	}
	c.s = (&system{grpcAddr: owner.GRPC, httpAddr: owner.HTTP, logs: logs}).begin(t, options{})
	return c
}

// startLate starts the late process on the copy of what it knew when it was stopped.
func (c *drillCluster) startLate(t *testing.T) (*served, *grpc.ClientConn) {
	t.Helper()
	s := serve(t, c.late, host.Routing, "--etcd", strings.Join(c.etcd.endpoints(), ","), "--instance", "late")
	return s, dial(t, s.addresses(t).GRPC)
}

// later makes another truth, which every process that is asked has.
func (c *drillCluster) later(t *testing.T, conns ...*grpc.ClientConn) {
	t.Helper()
	_, err := entitlementv1.NewEntitlementServiceClient(c.s.grpc).DeleteCustomer(t.Context(),
		&entitlementv1.DeleteCustomerRequest{Name: "customers/acme"})
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range conns {
		await.True(t, "the later truth", func() bool { return !drillEntitled(t, conn) })
	}
}

// restore replaces the cluster by that of a backup, member by member, on the same ports; processes run on.
func (c *drillCluster) restore(t *testing.T, file, token string) {
	t.Helper()
	for _, e := range c.etcd.members {
		e.kill(t)
	}
	for i, e := range c.etcd.members {
		drillRun(t, "restore", file, "--only", "etcd", "--etcd-data", e.dir, "--etcd-name", e.name,
			"--peer-url", "http://"+e.peer, "--initial-cluster", e.cluster, "--token", token, "--force")
		if i == 0 {
			drillEntitled(t, c.routing[0]) // calls are answered meanwhile
		}
	}
	for _, e := range c.etcd.members {
		e.run(t)
	}
	for _, e := range c.etcd.members {
		if !e.answers(t) {
			t.Fatal("a restored member does not start")
		}
	}
}

// viewOf is the revision a process answers with, and whether it knows the customer.
func viewOf(t *testing.T, conn *grpc.ClientConn) (revision int64, entitled bool) {
	t.Helper()
	r, err := routingv1.NewRoutingServiceClient(conn).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "view", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	if err != nil {
		t.Errorf("a call fails: %v", err)
	}
	e := r.GetRoute().GetExplanation()
	return e.GetViewRevision(), e.GetCallerClass() == routingv1.CallerClass_CALLER_CLASS_ENTITLED
}

// restoredEverywhere waits until each process has left the truth that is no more, and fails where it goes back to it, or
// calls that truth the restored one.
func restoredEverywhere(t *testing.T, conns ...*grpc.ClientConn) {
	t.Helper()
	began := clock.System{}.Now()
	for i, conn := range conns {
		await.True(t, fmt.Sprintf("process %d to answer from the restored truth", i), func() bool {
			_, entitled := viewOf(t, conn)
			return entitled
		})
		t.Logf("process %d has the restored truth %v after the last member was back", i,
			clock.System{}.Now().Sub(began).Round(time.Millisecond))
		for range 50 {
			if revision, entitled := viewOf(t, conn); !entitled || revision <= restoredRevision {
				t.Fatalf("process %d answers from the truth that is no more: revision %d, entitled %v", i, revision, entitled)
			}
		}
	}
}

// truth is what the cluster says of itself, once that is another one than before.
func (c *drillCluster) truth(t *testing.T, before *rpcv1.Cluster) (told *rpcv1.Cluster) {
	t.Helper()
	await.True(t, "the cluster to have another epoch", func() bool {
		var err error
		told, err = rpcv1.NewClusterServiceClient(c.s.grpc).GetCluster(t.Context(), &rpcv1.GetClusterRequest{})
		return err == nil && told.GetEpoch() != "" && told.GetEpoch() != before.GetEpoch()
	})
	return told
}

// TestTheDrillOfACluster: three members are restored under routing processes that run on. None answers from the truth that is
// no more once the cluster is back, neither those that ran nor one that starts later with a copy of it on its disk. The same
// backup once more, with the same token: that is noticed as well.
func TestTheDrillOfACluster(t *testing.T) {
	c := startDrillCluster(t)
	file := filepath.Join(t.TempDir(), "monday.dayside")
	late, conn := c.startLate(t)
	call := openCall(t, c.routing[0], "under-way")
	drillRun(t, "backup", "--out", file, "--only", "etcd", "--etcd", strings.Join(c.etcd.endpoints(), ","))

	told := []*rpcv1.Cluster{c.truth(t, nil)}
	for _, which := range []string{"restored", "restored again, from the same backup and with the same token"} {
		c.later(t, append(c.routing, conn)...)
		late.interrupt(t)
		c.restore(t, file, "monday")
		restoredEverywhere(t, c.routing...)
		late, conn = c.startLate(t)
		if strings.Contains(late.log.String(), "etcd does not answer; beginning with the copy on disk") {
			t.Log("etcd was too slow to be asked first: the copy is used, which says its age, until etcd answers")
			restoredEverywhere(t, conn)
		} else if revision, entitled := viewOf(t, conn); !entitled || revision <= restoredRevision {
			t.Errorf("%s: a process that starts with a copy of the truth that is no more answers from it: revision %d, entitled %v",
				which, revision, entitled)
		}
		for _, p := range append(c.routing, conn) {
			continued(t, p, openCall(t, p, "fresh-"+fmt.Sprint(which == "restored")).GetRoute())
		}
		continued(t, c.routing[1], call.GetRoute())
		c.s.inForce(t)
		told = append(told, c.truth(t, told[len(told)-1]))
	}
	late.interrupt(t)
	if told[0].GetClusterId() == told[1].GetClusterId() || told[1].GetClusterId() != told[2].GetClusterId() {
		t.Errorf("clusters %s, %s and %s", told[0].GetClusterId(), told[1].GetClusterId(), told[2].GetClusterId())
	}

	// The same file on one machine, to look around.
	data := filepath.Join(t.TempDir(), "look")
	drillRun(t, "restore", file, "--data", data)
	alone := serve(t, data)
	if revision, entitled := viewOf(t, dial(t, alone.addresses(t).GRPC)); !entitled || revision <= restoredRevision {
		t.Errorf("restored on one machine: revision %d, entitled %v", revision, entitled)
	}
	alone.interrupt(t)
}

// TestABackupOfAnEtcdWithUsersIsRoots: a service that is taken over cannot copy everything.
func TestABackupOfAnEtcdWithUsersIsRoots(t *testing.T) {
	p := newPKI(t)
	files := p.issue(t, "service", "etcd", "--ip", "127.0.0.1")
	etcd, root, service := startEtcdWith(t, &files), p.issue(t, "admin", "etcd"), p.issue(t, "service", "routing")
	for _, command := range []string{
		"user add root:unused", "user grant-role root root", "user add admin-etcd --no-password", "user grant-role admin-etcd root",
		"role add all", "role grant-permission all readwrite --prefix /", "user add service-routing --no-password",
		"user grant-role service-routing all", "put /dayside/a 1", "auth enable",
	} {
		if out, err := etcd.ctl(t, root, strings.Fields(command)...); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	save := func(file string, as host.TLSFiles) (string, error) {
		_, stderr, err := dayside(t, "backup", "--out", file, "--only", "etcd", "--etcd", "https://"+etcd.client,
			"--etcd-cert", as.Cert, "--etcd-key", as.Key, "--etcd-ca", as.CA)
		return stderr, err
	}
	file := filepath.Join(t.TempDir(), "backup")
	if stderr, err := save(file, service); err == nil || !strings.Contains(stderr, "no backup was made") ||
		!strings.Contains(stderr, "root") {
		t.Errorf("a service makes one: %v %s", err, stderr)
	}
	if stderr, err := save(file, root); err != nil {
		t.Fatalf("root makes none: %v %s", err, stderr)
	}
	drillRun(t, "restore", file, "--verify")
}
