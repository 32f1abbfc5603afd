package sip

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/freeaddr"
)

// SIPp is the phone: its stack is not ours.
func TestSIPp(t *testing.T) {
	sipp, err := exec.LookPath("sipp")
	if err != nil {
		if os.Getenv("DAYSIDE_REQUIRE_PEERS") == "1" {
			t.Fatal("sipp not found, and DAYSIDE_REQUIRE_PEERS=1")
		}
		t.Skip("SKIP: sipp not found (make peers installs it)")
	}
	end := func(cause routingv1.EndCause, text string) *routingv1.RouteCallResponse {
		return &routingv1.RouteCallResponse{Route: &routingv1.Route{
			Step: &routingv1.Route_End{End: &routingv1.End{Cause: cause, Text: text}},
		}}
	}
	router := routerFunc(func(_ context.Context, in *routingv1.RouteCallRequest) (*routingv1.RouteCallResponse, error) {
		switch in.GetDialledNumber() {
		case "+61255501234":
			return &routingv1.RouteCallResponse{Route: redirectTo(
				"sip:support@dublin.example.com", "sip:support@bengaluru.example.com", "tel:+13035550100")}, nil
		case "+61255500403":
			return end(routingv1.EndCause_END_CAUSE_REFUSED, "no contract"), nil
		}
		return end(routingv1.EndCause_END_CAUSE_UNKNOWN_LINE, ""), nil
	})
	for _, inProcess := range []bool{true, false} {
		cfg := testConfig()
		cfg.RouterInProcess = inProcess
		g := startGateway(t, cfg, router, clock.System{})
		udp, tcp := g.Addrs()
		for _, c := range []struct{ scenario, transport, addr string }{
			{"redirect.xml", "u1", udp.String()},
			{"redirect.xml", "t1", tcp.String()},
			{"redirect.xml", "tn", tcp.String()}, // a connection a call
			{"refused.xml", "u1", udp.String()},
			{"refused.xml", "t1", tcp.String()},
		} {
			t.Run(c.scenario+" "+c.transport, func(t *testing.T) {
				runSIPp(t, sipp, c.addr, "-sf", absolute(t, c.scenario), "-t", c.transport, "-s", "+61255501234",
					"-m", "200", "-r", "400", "-max_socket", "300")
			})
		}
		for status, calls := range map[string]int64{"302": 600, "403": 400, "404": 400} {
			labels := map[string]string{"method": "INVITE", "status": status}
			// More where one was sent again.
			if n := g.counter(t, "dayside.sip.requests", labels); n < calls {
				t.Errorf("%d calls of %d were counted with status %s", n, calls, status)
			}
		}
	}
}

func absolute(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// runSIPp places calls from a port of its own, and fails where one of them fails.
func runSIPp(t *testing.T, sipp, addr string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for tries := maxPorts; ; tries-- {
		dir := t.TempDir()
		cmd := exec.CommandContext(ctx, sipp, append([]string{
			addr, "-i", "127.0.0.1", "-p", freePort(t), "-nostdin", "-timeout", "40s", "-timeout_error",
			"-trace_err", "-error_file", filepath.Join(dir, "errors"),
		}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		errors, _ := os.ReadFile(filepath.Join(dir, "errors"))
		if tries == 0 || !strings.Contains(string(errors), "Unable to bind main socket") {
			t.Fatalf("sipp: %v\n%s\n%.3000s", err, errors, out)
		}
	}
}

// maxPorts is how many further ports are tried: other programs may take some between our look and SIPp's.
const maxPorts = 3

// freePort is a port that nobody has: SIPp's own choice begins at 5060.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeaddr.Loopback(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
