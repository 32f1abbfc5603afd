package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/daysidehq/dayside/api/client"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// clientCallers call by the client that gateways use; all share one, as they would.
const clientCallers = 2

// newClient is a client that has its table.
func (l *chaosLoad) newClient(t testing.TB) *client.Client {
	t.Helper()
	creds, err := host.ClientCredentials(l.c.certificate(t, rpcv1.Role_ROLE_GATEWAY, "fleet", ""))
	if err != nil {
		t.Fatal(err)
	}
	from := l.c.net.host(l.c.client)
	cfg := client.Config{
		Credentials: creds, GatewayID: "fleet", Capabilities: pbx().GetCapabilities(), StateFile: filepath.Join(l.c.dir, "fleet.state"),
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return from.dial(ctx, "tcp", addr)
		})},
	}
	for _, p := range l.c.holding(host.Routing) {
		cfg.Endpoints = append(cfg.Endpoints, l.c.net.reach(t, l.c.client, p.name, p.grpcAddr))
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	await.True(t, "the client's table", func() bool { return c.Stats().TableLines > 0 })
	return c
}

// clientCaller has one call after the other, and reports each.
func (l *chaosLoad) clientCaller(ctx context.Context, c *client.Client, number int) {
	for n := 0; pause(ctx, 100*time.Millisecond+rand.N(100*time.Millisecond)); n++ {
		h := &history.Call{ID: fmt.Sprintf("f-%d-%d", number, n), Asked: history.Route, Over: "client", Begin: l.rec.now()}
		lives := map[string]int{}
		for _, p := range l.c.holding(host.Routing) {
			lives[p.name] = int(p.life.Load())
		}
		route, err := c.RouteCall(context.WithoutCancel(ctx), &routingv1.RouteCallRequest{
			CallId: h.ID, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
		})
		if h.End = l.rec.now(); err != nil {
			h.Error = err.Error()
		} else {
			l.answeredBy(h, route, lives)
		}
		l.rec.Add(history.Event{Call: h})
		if err == nil && !h.Table {
			l.remember(h.ID)
			l.clientReport(ctx, c, h.ID, route.Route)
		}
	}
}

// answeredBy notes a route of the client's.
func (l *chaosLoad) answeredBy(h *history.Call, route *client.Route, lives map[string]int) {
	told(h, route.Route)
	if h.Table = route.Source == client.SourceTable; h.Table {
		h.Tries, h.Age = []string{"table"}, route.Age
		return
	}
	for _, p := range l.c.holding(host.Routing) {
		if l.c.net.joins == nil || p.grpcAddr == route.Endpoint {
			h.Tries, h.Life = []string{p.name}, sameLife(p, lives[p.name])
		}
	}
	if l.c.net.joins == nil { // behind proxies endpoints have many names
		h.Life = 0
	}
}

func (l *chaosLoad) clientReport(ctx context.Context, c *client.Client, id string, route *routingv1.Route) {
	targets := route.GetForward().GetTargets()
	if len(targets) == 0 {
		return
	}
	at := route.GetExplanation().GetDecidedAt().GetSeconds()
	h := &history.Call{ID: id, Asked: history.Report, Over: "client", Tries: []string{"fleet"}, Begin: l.rec.now()}
	reported, err := c.ReportCall(context.WithoutCancel(ctx), &routingv1.ReportCallRequest{
		CallId: id, Continuation: route.GetContinuation(), AnswerTime: &timestamppb.Timestamp{Seconds: at + 2},
		Attempts: []*routingv1.Attempt{{TargetId: targets[0].GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_ANSWERED}},
	})
	if h.End = l.rec.now(); err != nil {
		h.Error = err.Error()
	} else if h.Reported = acknowledged(reported.Durability); reported.Queued {
		h.Reported = "QUEUED"
	}
	l.rec.Add(history.Event{Call: h})
}
