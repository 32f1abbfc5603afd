package client_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// TestNoCallIsWithoutAnAnswer: processes stop, come back, fall silent and change what they tell, one after the other and once
// all together, while calls are placed and reported; each gets somewhere to go, and each report is delivered in the end.
func TestNoCallIsWithoutAnAnswer(t *testing.T) {
	ps := []*process{start(t), start(t), start(t)}
	tell := func(p *process, first string) {
		p.set(func() {
			p.tables = []*routingv1.WatchRoutesResponse{{
				Tables: []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), first)}, ViewAge: durationpb.New(0),
			}}
			p.endpoints = nil
			for _, other := range ps {
				p.endpoints = append(p.endpoints, &rpcv1.RoutingEndpoint{Address: other.addr})
			}
		})
	}
	for _, p := range ps {
		tell(p, "sip:a@dublin.example")
	}
	cfg := config(ps[0])
	cfg.StateFile = filepath.Join(t.TempDir(), "routes")
	c := open(t, cfg)
	ready(t, c, 3)
	eventually(t, "the table", func() bool { return c.Stats().TableLines == 1 })

	ctx, end := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var placed atomic.Int64
	for n := range 8 {
		callers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d-%d", n, i)
				r := call(id)
				route, err := c.RouteCall(context.WithoutCancel(ctx), r)
				r.CallId = "" // the request is its caller's again
				if err != nil || len(route.GetForward().GetTargets()) == 0 || route.GetCallId() != id {
					t.Errorf("%s: %+v, %v", id, route, err)
					return
				}
				if _, err := c.ReportCall(context.WithoutCancel(ctx), &routingv1.ReportCallRequest{CallId: id}); err != nil {
					t.Errorf("%s is not reported: %v", id, err)
				}
				placed.Add(1)
				<-time.After(time.Millisecond)
			}
		})
	}
	more := func() {
		want := placed.Load() + 100
		eventually(t, "calls to go on", func() bool { return placed.Load() >= want || t.Failed() })
	}
	for i, p := range ps {
		more()
		p.server.Stop()
		more()
		p.serve(t)
		tell(p, fmt.Sprintf("sip:b%d@cork.example", i))
		p.set(func() { p.answer = silent })
		more()
		p.set(func() { p.answer = nil })
	}
	for _, p := range ps {
		p.server.Stop()
	}
	more()
	if c.Stats().FromTable == 0 {
		t.Error("with all of them gone the table did not answer")
	}
	for _, p := range ps {
		p.serve(t)
	}
	more()
	end()
	callers.Wait()
	eventually(t, "all reports to be delivered", func() bool { return c.Stats().ReportsWaiting == 0 })
	got := map[string]bool{}
	for _, p := range ps {
		for _, id := range p.reported() {
			got[id] = true
		}
	}
	if int64(len(got)) != placed.Load() {
		t.Errorf("%d calls were placed, and %d reported", placed.Load(), len(got))
	}
	t.Logf("%d calls, %+v", placed.Load(), c.Stats())
}
