package sip

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// TestABriefTravelsWithTheRedirect: an independent parser finds the token as a header of the URI, as RFC 3261, 19.1.1 has
// it; and routing is asked for one where the operator wants it alone.
func TestABriefTravelsWithTheRedirect(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		var asked []routingv1.Capability
		router := routerFunc(func(_ context.Context, r *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
			asked = r.GetGateway().GetCapabilities()
			route := redirectTo("sip:a@dublin.example.com;transport=tcp", "tel:+13035550100", "sip:b@denver.example.com")
			if slices.Contains(asked, routingv1.Capability_CAPABILITY_BRIEF) {
				route.BriefToken = "AQEx_-9"
			}
			return &routingv1.RouteCallResponse{Route: route}, nil
		})
		cfg := testConfig()
		cfg.UserToUser = wanted
		g := startGateway(t, cfg, router, clock.System{})
		msg, err := sip.ParseMessage([]byte(answerTo(g, inviteRequest("brief"))))
		if err != nil {
			t.Fatal(err)
		}
		r, ok := msg.(*sip.Response)
		if !ok || !slices.Contains(asked, routingv1.Capability_CAPABILITY_REDIRECT) {
			t.Fatalf("%v, asked with %v", msg, asked)
		}
		var told []string
		for _, h := range r.GetHeaders("Contact") {
			contact, ok := h.(*sip.ContactHeader)
			if !ok {
				t.Fatalf("%T", h)
			}
			value, _ := contact.Address.Headers.Get("User-to-User")
			unescaped, err := url.PathUnescape(value)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, contact.Address.Host+" "+unescaped)
		}
		header := ""
		if wanted {
			header = "AQEx_-9;purpose=dayside"
		}
		if told[0] != "dublin.example.com "+header || !strings.HasSuffix(told[1], " ") || told[2] != "denver.example.com "+header {
			t.Errorf("wanted %v: %q", wanted, told)
		}
	}
}
