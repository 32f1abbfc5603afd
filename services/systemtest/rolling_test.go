package systemtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/api/client"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// load is gateways that place calls, one after the other, until stop.
type load struct {
	client *client.Client
	mu     sync.Mutex
	// took is how long each request took, failed what was wrong with calls.
	took   []time.Duration
	failed []string
	stop   func()
}

// startLoad begins with so many gateways' worth of calls, at most a hundred a second each: each is routed, its first target is
// busy, and it goes on.
func startLoad(t testing.TB, endpoints []string, callers int) *load {
	t.Helper()
	c, err := client.New(client.Config{
		Endpoints: endpoints, GatewayID: "pbx", Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &load{client: c}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var callersDone sync.WaitGroup
	for n := range callers {
		callersDone.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.call(fmt.Sprintf("roll-%d-%d", n, i))
				<-clock.System{}.After(10 * time.Millisecond)
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); callersDone.Wait(); _ = c.Close() })
	t.Cleanup(l.stop)
	return l
}

// call is one call, to its second step.
func (l *load) call(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	began := clock.System{}.Now()
	route, err := l.client.RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	if !l.note(began, id, "routed", route, err) || len(route.GetForward().GetTargets()) < 2 {
		return
	}
	began = clock.System{}.Now()
	next, err := l.client.ContinueCall(ctx, &routingv1.ContinueCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
		Continuation: route.GetContinuation(), Attempts: []*routingv1.Attempt{{
			TargetId: route.GetForward().GetTargets()[0].GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_BUSY,
		}},
	})
	if l.note(began, id, "goes on", next, err) && next.GetStepNumber() != 2 {
		l.fail(fmt.Sprintf("%s: step %d, its continuation is %v", id, next.GetStepNumber(), next.GetExplanation().GetContinuation()))
	}
}

// note says whether a request was answered by routing, with targets.
func (l *load) note(began time.Time, id, what string, route *client.Route, err error) bool {
	switch {
	case err != nil:
		l.fail(fmt.Sprintf("%s %s: %v", id, what, err))
		return false
	case route.Source != client.SourceRouting || len(route.GetForward().GetTargets()) == 0:
		l.fail(fmt.Sprintf("%s %s: by %v, %v", id, what, route.Source, route.Route))
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, clock.System{}.Now().Sub(began))
	return true
}

func (l *load) fail(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, what)
}

func (l *load) requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.took)
}

// more waits until so many more requests were answered.
func (l *load) more(t testing.TB, n int) {
	t.Helper()
	before := l.requests()
	await.True(t, "calls go on", func() bool { return l.requests() >= before+n })
}

// TestARollingUpgradeFailsNoCall: three routing processes of the release before, and those that they depend on, are replaced
// by this release's one by one, on the same addresses and data, under steady calls, one of them back and forth; then the
// cluster is upgraded.
func TestARollingUpgradeFailsNoCall(t *testing.T) {
	before := earlier(t)
	etcd := startEtcd(t)
	control := release(t, before, t.TempDir(), host.Schedule, host.Entitlement, host.Ledger, "--etcd", etcd.client, "--instance", "control",
		"--grpc-listen", freeAddr(t))
	var routers []*released
	for i := range 3 {
		routers = append(routers, release(t, before, t.TempDir(), host.Routing, "--etcd", etcd.client,
			"--instance", fmt.Sprint("routing-", i), "--grpc-listen", freeAddr(t)))
	}
	control.ready(t)
	var endpoints []string
	for _, r := range routers {
		endpoints = append(endpoints, r.ready(t).addr.GRPC)
	}
	routers[0].applied(t)
	for _, r := range routers {
		r.tells(t, "Dublin")
		await.True(t, "there are keys for continuations", func() bool {
			route, err := r.routed(t.Context(), "key")
			return err == nil && len(route.GetContinuation()) > 0
		})
	}
	l := startLoad(t, endpoints, 4)
	l.more(t, 100)
	replace := func(r *released, by string) {
		r.interrupt(t)
		r.binary = by
		r.run(t)
		r.ready(t)
		l.more(t, 100) // some of them by processes of both releases
	}
	replace(routers[0], binary(t))
	replace(routers[1], binary(t))
	replace(routers[0], before) // an operator who has second thoughts
	for _, r := range append(routers[:1:1], routers[2], control) {
		replace(r, binary(t))
	}
	routers[0].named(t, "Dublin by the newer")
	for _, r := range routers {
		r.tells(t, "Dublin by the newer")
	}
	upgrade(t, routers[1])
	l.more(t, 100)
	l.stop()
	slices.Sort(l.took)
	t.Logf("%d requests, %d failed; median %v, p99 %v, longest %v", len(l.took), len(l.failed), l.took[len(l.took)/2],
		l.took[len(l.took)*99/100], l.took[len(l.took)-1])
	if len(l.failed) > 0 {
		t.Errorf("%d calls failed, such as %s", len(l.failed), l.failed[0])
	}
}
