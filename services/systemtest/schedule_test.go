package systemtest

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/host"
)

// TestWhyASiteIsClosed asks for Dublin's lunch break by each way in.
func TestWhyASiteIsClosed(t *testing.T) {
	const want = "Dublin is closed at Tue 24 Nov 13:00 GMT: between 12:30 and 13:30 by weekly hours, Tue 08:00-12:30, " +
		"13:30-17:30; opens at 13:30"
	eachKind(t, options{}, func(t *testing.T, s *system) {
		code, body := s.get(t, "/v1/sites/dublin:explain?at=2026-11-24T13:00:00Z")
		var answer schedulev1.ExplainSiteResponse
		if code != http.StatusOK || protojson.Unmarshal(body, &answer) != nil || answer.GetSentence() != want ||
			answer.GetRuleKind() != schedulev1.HoursRule_HOURS_RULE_WEEKLY {
			t.Errorf("REST: %d %s", code, body)
		}
		stdout, stderr, err := s.cli(t, "why", "dublin", "--at", "2026-11-24 13:00 Europe/Dublin")
		if err != nil || stdout != want+".\n" {
			t.Errorf("dayside why: %v\n%s%s", err, stdout, stderr)
		}
		_, stderr, err = s.cli(t, "why", "atlantis")
		if err == nil || !strings.Contains(stderr, "sites/atlantis") {
			t.Errorf("a site that does not exist: %v %s", err, stderr)
		}
	})
}

// TestWatchTellsWhatChanges watches through a process that does not hold the schedule: from the API, by REST and from the
// command line, all hear of a change of hours.
func TestWatchTellsWhatChanges(t *testing.T) {
	eachKind(t, options{}, func(t *testing.T, s *system) {
		edge := startProcess(t, s.logs, host.Entitlement, "--etcd", s.etcd)
		stream, err := schedulev1.NewScheduleServiceClient(dial(t, edge.GRPC)).WatchCoverage(t.Context(),
			&schedulev1.WatchCoverageRequest{Line: exampleHiddenLine})
		if err != nil {
			t.Fatal(err)
		}
		first, err := stream.Recv()
		if err != nil || !slices.Contains(first.GetSites(), "sites/dublin") || first.GetNextChange() == nil {
			t.Fatalf("at first: %v, %v", first, err)
		}
		lines := watchByCLI(t, edge.GRPC)
		if line := <-lines; !strings.Contains(line, "sites/dublin") {
			t.Errorf("dayside watch: %q", line)
		}
		rest := watchByREST(t, edge.HTTP)
		if line := <-rest; !strings.Contains(line, "sites/dublin") {
			t.Errorf("REST: %q", line)
		}
		if code, body := s.patch(t, "/v1/sites/dublin", `{"weeklyHours":{}}`); code != http.StatusOK {
			t.Fatalf("PATCH: %d %s", code, body)
		}
		second, err := stream.Recv()
		if err != nil || slices.Contains(second.GetSites(), "sites/dublin") {
			t.Errorf("with Dublin closed: %v, %v", second, err)
		}
		var told schedulev1.WatchCoverageResponse
		if line := <-lines; protojson.Unmarshal([]byte(line), &told) != nil || slices.Contains(told.GetSites(), "sites/dublin") {
			t.Errorf("dayside watch: %q", line)
		}
		if line := <-rest; line == "" || strings.Contains(line, "sites/dublin") {
			t.Errorf("REST: %q", line)
		}
	})
}

// watchByREST is the lines that a web client reads until the test ends, an answer each.
func watchByREST(t *testing.T, addr string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://"+addr+"/v1/"+exampleHiddenLine+":watchCoverage", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // by the goroutine that reads it
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		defer func() { _ = resp.Body.Close() }()
		for read := bufio.NewScanner(resp.Body); read.Scan(); {
			lines <- read.Text()
		}
	}()
	return lines
}

// watchByCLI is the lines of `dayside watch`, which is interrupted when the test ends.
func watchByCLI(t *testing.T, server string) <-chan string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary(t),
		"watch", "gold-emergency", "-o", "json", "--server", server)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for read := bufio.NewScanner(out); read.Scan(); {
			lines <- read.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		for range lines { //nolint:revive // read to the end, as Wait asks
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("dayside watch was interrupted, and ended with %v", err)
		}
	})
	return lines
}
