package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

	"github.com/daysidehq/dayside/api/client"
)

// A gateway that dials, from the first ring to the report. `dayside serve --example` answers it.
func Example() {
	dayside, err := client.New(client.Config{
		Endpoints:    []string{"127.0.0.1:7400"}, // one is enough; the others are learned from it
		GatewayID:    "pbx-1",
		Capabilities: []routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD},
		StateFile:    "/var/lib/pbx/dayside-routes", // answers when nobody else does
	})
	if err != nil {
		slog.Error("Dayside", "error", err)
		return
	}
	defer func() { _ = dayside.Close() }()

	ctx := context.Background()
	route, err := dayside.RouteCall(ctx, &routingv1.RouteCallRequest{
		CallId: "call-1", DialledNumber: "+61255500100", Caller: &routingv1.Caller{Number: "+13035550101"},
	})
	for err == nil && route.GetForward() != nil {
		attempts, answered := dial(route.GetForward().GetTargets())
		if answered || route.GetContinuation() == nil {
			break
		}
		route, err = dayside.ContinueCall(ctx, &routingv1.ContinueCallRequest{
			CallId: "call-1", DialledNumber: "+61255500100", Continuation: route.GetContinuation(), Attempts: attempts,
		})
	}
	// A report waits where nobody takes it, and goes later.
	kept, err := dayside.ReportCall(ctx, &routingv1.ReportCallRequest{CallId: "call-1", EndTime: timestamppb.Now()})
	fmt.Println(kept.Queued, err)
}

// dial rings the targets in order; the gateway's own business.
func dial(targets []*routingv1.RouteTarget) (attempts []*routingv1.Attempt, answered bool) {
	for _, target := range targets {
		attempts = append(attempts, &routingv1.Attempt{
			TargetId: target.GetTargetId(), Disposition: routingv1.Disposition_DISPOSITION_NO_ANSWER,
		})
	}
	return attempts, false
}

// Where a route comes from, and what an error means.
func ExampleClient_RouteCall() {
	dayside, err := client.New(client.Config{Endpoints: []string{"127.0.0.1:1"}, GatewayID: "pbx-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = dayside.Close() }()
	route, err := dayside.RouteCall(context.Background(), &routingv1.RouteCallRequest{
		CallId: "call-1", DialledNumber: "+61255500100",
	})
	switch {
	case errors.Is(err, client.ErrNoTable):
		fmt.Println("nobody answers, and this gateway has never been told where lines forward: try another gateway")
	case errors.Is(err, client.ErrUnknownNumber):
		fmt.Println("nobody answers, and the table does not know the number: try another gateway")
	case status.Code(err) == codes.InvalidArgument:
		fmt.Println("a defect of this gateway:", err)
	case err != nil:
		fmt.Println(err)
	case route.Source == client.SourceTable:
		fmt.Println("dial these, as of", route.Age, "ago:", route.GetForward().GetTargets())
	default:
		fmt.Println("dial these:", route.GetForward().GetTargets())
	}
	// Output: nobody answers, and this gateway has never been told where lines forward: try another gateway
}
