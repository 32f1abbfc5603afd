package sip

import (
	"context"
	"slices"
	"testing"

	"github.com/daysidehq/dayside/services/gateway/sip/probe"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// The probe and the gateway understand each other.
func TestProbe(t *testing.T) {
	g := startGateway(t, testConfig(), fixedRouter{redirectTo("sip:a@dublin.example.com", "tel:+13035550100")},
		clock.System{})
	udp, tcp := g.Addrs()
	for network, addr := range map[string]string{"udp": udp.String(), "tcp": tcp.String()} {
		r, err := probe.Place(context.Background(), clock.System{},
			probe.Call{Network: network, Gateway: addr, Dialled: "+61255501234"})
		if err != nil {
			t.Fatal(err)
		}
		if want := []probe.Contact{{URI: "sip:a@dublin.example.com", Q: 1}, {URI: "tel:+13035550100", Q: 0.9}}; r.Status != 302 ||
			!slices.Equal(r.Contacts, want) {
			t.Errorf("%s: %+v", network, r)
		}
	}
	g.waitFor(t, "dayside.sip.requests", map[string]string{"method": "ACK", "status": "0"}, 2)
}
