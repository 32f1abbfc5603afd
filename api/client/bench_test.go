package client_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// BenchmarkRouteCall is what asking through the client costs, against a bare connection, and what the table does.
func BenchmarkRouteCall(b *testing.B) {
	p := start(b)
	b.Run("bare", func(b *testing.B) {
		cc, err := grpc.NewClient(p.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = cc.Close() }()
		routing, r := routingv1.NewRoutingServiceClient(cc), call("a")
		for b.Loop() {
			if _, err := routing.RouteCall(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	p.tables = []*routingv1.WatchRoutesResponse{{
		Tables: []*routingv1.RouteTable{tableOf("lines/gold", hidden, thisHour(), "sip:a@dublin.example")},
	}}
	c := open(b, config(p))
	ready(b, c, 1)
	eventually(b, "the table", func() bool { return c.Stats().TableLines == 1 })
	ask := func(b *testing.B) {
		r := call("a")
		for b.Loop() {
			if _, err := c.RouteCall(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("client", ask)
	p.server.Stop()
	ready(b, c, 0)
	b.Run("table", ask)
}
