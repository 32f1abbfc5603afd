package systemtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// A drained site gets no calls, at SIP too, at every routing process and within a second; ended, it gets them again. What
// --wait says is in force is so at once.
func TestADrainedSiteGetsNoCalls(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		second := dial(t, startProcess(t, s.logs, host.Routing, "--etcd", s.etcd, "--instance", "second").GRPC)
		const dublin = "sip:support@dublin.example.com"
		before := s.invite(t, "udp", exampleHiddenNumber, exampleCaller).contacts
		if before[0] != dublin {
			t.Fatalf("before: %v", before)
		}
		at := func(who *system) []string { return targets(who.route(t, exampleHiddenNumber, exampleCaller)) }
		other := &system{grpc: second}
		is := func(when string, drained bool) {
			t.Helper()
			for name, got := range map[string][]string{
				"SIP over UDP": s.invite(t, "udp", exampleHiddenNumber, exampleCaller).contacts,
				"gRPC":         at(s), "another process": at(other),
			} {
				if slices.Contains(got, dublin) == drained || got[len(got)-1] != before[len(before)-1] {
					t.Errorf("%s, %s: %v", when, name, got)
				}
			}
		}

		stdout, stderr, err := s.cli(t, "drain", "sites/dublin", "--reason", "fire alarm", "--wait")
		if err != nil || !strings.Contains(stdout, "in force at 2 of 2") {
			t.Fatalf("drain: %v\n%s%s", err, stdout, stderr)
		}
		is("drained", true)
		stdout, _, err = s.cli(t, "route", "--to", "gold-emergency", "--from", exampleCaller)
		if err != nil || !strings.Contains(stdout, "drained (fire alarm)") {
			t.Errorf("route: %v\n%s", err, stdout)
		}
		var list routingv1.ListDrainsResponse
		stdout, _, err = s.cli(t, "drain", "list", "-o", "json")
		if err != nil || protojson.Unmarshal([]byte(stdout), &list) != nil || len(list.GetDrains()) != 1 {
			t.Fatalf("drain list: %v\n%s", err, stdout)
		}
		stdout, stderr, err = s.cli(t, "drain", "end", list.GetDrains()[0].GetName(), "--wait")
		if err != nil || !strings.Contains(stdout, "in force at 2 of 2") {
			t.Fatalf("drain end: %v\n%s%s", err, stdout, stderr)
		}
		is("ended", false)

		// Without waiting, it takes less than a second all the same.
		_, err = routingv1.NewDrainServiceClient(s.grpc).CreateDrain(t.Context(), &routingv1.CreateDrainRequest{
			Drain: &routingv1.Drain{Subject: &routingv1.Drain_Site{Site: "sites/dublin"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		committed := clock.System{}.Now()
		for name, who := range map[string]*system{"one": s, "another": other} {
			await.True(t, name+" process to have it in force", func() bool { return !slices.Contains(at(who), dublin) })
		}
		if took := (clock.System{}).Now().Sub(committed); took > time.Second {
			t.Errorf("in force after %v", took)
		}
		is("drained again", true)
	})
}
