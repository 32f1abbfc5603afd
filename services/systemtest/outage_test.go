package systemtest

import (
	"os"
	"strings"
	"testing"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// TestCallsGoOnWithoutEtcd kills etcd under four processes, places calls, and starts it again.
func TestCallsGoOnWithoutEtcd(t *testing.T) {
	s := startProcesses(t, options{})
	s.member.kill(t)
	await.True(t, "somebody to be told", func() bool { return strings.Contains(s.logs.String(), "etcd does not answer") })
	for _, transport := range []string{"udp", "tcp"} {
		if resp := s.invite(t, transport, exampleHiddenNumber, exampleCaller); resp.status != 302 {
			t.Errorf("SIP over %s without etcd: %d", transport, resp.status)
		}
	}
	age := func() time.Duration {
		return s.route(t, exampleHiddenNumber, exampleCaller).GetExplanation().GetViewAge().AsDuration()
	}
	await.True(t, "the route to say that the view is old", func() bool { return age() > 2*time.Second })
	_, stderr, err := s.cli(t, "list", "lines")
	if err == nil || !strings.Contains(stderr, "etcd did not answer") {
		t.Errorf("a read without etcd: %v\n%s", err, stderr)
	}
	s.member.run(t)
	if !s.member.answers(t) {
		t.Fatal("etcd did not start again")
	}
	await.True(t, "the view to be current again, though nothing was written", func() bool { return age() < 2*time.Second })
	if _, stderr, err := s.cli(t, "delete", "customers/acme"); err != nil {
		t.Fatalf("delete: %v\n%s", err, stderr)
	}
	await.True(t, "a change to be in force", func() bool {
		return s.route(t, exampleHiddenNumber, exampleCaller).GetExplanation().GetCallerClass() ==
			routingv1.CallerClass_CALLER_CLASS_UNKNOWN
	})
}

// TestAnOpenStreamDoesNotDelayAStop: processes watch each other's health all the time.
func TestAnOpenStreamDoesNotDelayAStop(t *testing.T) {
	s := serve(t, t.TempDir())
	stream, err := healthv1.NewHealthClient(dial(t, s.addresses(t).GRPC)).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	began := clock.System{}.Now()
	s.interrupt(t)
	if took := (clock.System{}).Now().Sub(began); took > 4*time.Second {
		t.Errorf("it took %v, which is what an open stream is given before it is cut", took)
	}
}

// TestCtrlCWhileStartingIsNoError interrupts at several moments of the start.
func TestCtrlCWhileStartingIsNoError(t *testing.T) {
	var clk clock.System
	for _, after := range []time.Duration{30 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond} {
		s := serve(t, t.TempDir())
		<-clk.After(after)
		if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		// Before the program has asked for signals, the signal ends it as it ends any program.
		if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState.ExitCode() != -1 {
			t.Errorf("interrupted after %v: %v\n%s", after, err, s.log)
		}
	}
}
