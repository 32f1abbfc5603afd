package routing_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
)

// TestABriefOfARealCall: a gateway that can hand it on gets a token, also one that only redirects, and no other one does;
// whoever answers is told of the call, and not whoever may merely read.
func TestABriefOfARealCall(t *testing.T) {
	h := staffed(t)
	briefs := routingv1.NewBriefServiceClient(h.conn)
	g := h.gateway("1", "+61255500100", acmeANI)
	for _, c := range []struct {
		can  []routingv1.Capability
		want bool
	}{
		{nil, false},
		{[]routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD}, false},
		{[]routingv1.Capability{routingv1.Capability_CAPABILITY_REDIRECT, routingv1.Capability_CAPABILITY_BRIEF}, true},
	} {
		g.can = c.can
		if got := g.begins(t).GetBriefToken() != ""; got != c.want {
			t.Errorf("with %v a token: %v", c.can, got)
		}
	}
	if len(g.last.GetContinuation()) != 0 || g.last.GetForward() == nil {
		t.Errorf("a redirect with a brief is followed by something: %v", g.last)
	}
	request := &routingv1.GetCallBriefRequest{Token: g.last.GetBriefToken()}
	h.roles = []rpcv1.Role{rpcv1.Role_ROLE_SITE}
	b, err := briefs.GetCallBrief(t.Context(), request)
	if err != nil || b.GetCustomer() != "customers/acme" || b.GetCallerNumber() != acmeANI || b.GetGuidance() != "Say hello to them." ||
		b.GetCallId() != "1" || b.GetGateway() != "media-1" || b.GetPlan() != "gold" ||
		b.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		t.Errorf("%v, %v", b, err)
	}
	for _, role := range []rpcv1.Role{rpcv1.Role_ROLE_READER, rpcv1.Role_ROLE_GATEWAY, rpcv1.Role_ROLE_AUDITOR} {
		h.roles = []rpcv1.Role{role}
		if _, err := briefs.GetCallBrief(t.Context(), request); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%v: %v", role, err)
		}
	}
	h.roles = nil
	for _, token := range []string{"x", g.last.GetBriefToken() + "A", strings.Repeat("A", 1000)} {
		_, err := briefs.GetCallBrief(t.Context(), &routingv1.GetCallBriefRequest{Token: token})
		wantReason(t, err, rpcv1.Reason_REASON_NOT_FOUND)
	}
	if strings.Contains(h.log.String(), request.GetToken()) || strings.Contains(h.log.String(), "13035550100") {
		t.Errorf("log:\n%s", h.log)
	}
}
