package sip

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// fixedRouter answers every call with the same route.
type fixedRouter struct{ route *routingv1.Route }

func (r fixedRouter) RouteCall(context.Context, *routingv1.RouteCallRequest, ...grpc.CallOption) (
	*routingv1.RouteCallResponse, error,
) {
	return &routingv1.RouteCallResponse{Route: r.route}, nil
}

// routerFunc is a router by a function.
type routerFunc func(context.Context, *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error)

func (f routerFunc) RouteCall(ctx context.Context, in *routingv1.RouteCallRequest, _ ...grpc.CallOption) (
	*routingv1.RouteCallResponse, error,
) {
	return f(ctx, in)
}

// redirectTo is a route to SIP URIs and tel: numbers; the last is the last resort.
func redirectTo(targets ...string) *routingv1.Route {
	f := &routingv1.Forward{}
	for i, t := range targets {
		f.Targets = append(f.Targets, &routingv1.RouteTarget{
			TargetId: strconv.Itoa(i), Target: target(t), LastResort: i == len(targets)-1,
		})
	}
	return &routingv1.Route{Line: "lines/test", Step: &routingv1.Route_Forward{Forward: f}}
}

func target(s string) *schedulev1.Target {
	number, isNumber := strings.CutPrefix(s, "tel:")
	if !isNumber {
		return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: s}}
	}
	return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
		Kind: &phone_number.PhoneNumber_E164Number{E164Number: number},
	}}}
}
