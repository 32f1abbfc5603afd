package cli_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// TestWatchOutlivesItsServer: one that goes away after it has answered is asked again; one that never answered, or says no,
// is an error.
func TestWatchOutlivesItsServer(t *testing.T) {
	f := &fake{lost: 2, watched: []*schedulev1.WatchCoverageResponse{{
		Line: "lines/gold", At: timestamppb.New(now), Sites: []string{"sites/dublin"},
	}}}
	term := newTerminal(t, f)
	if code := term.run(t.Context(), "watch", "gold"); code != 0 {
		t.Errorf("exit %d\n%s", code, term.err.String())
	}
	if got := strings.Count(term.out.String(), "sites/dublin"); got != 3 {
		t.Errorf("told %d times, want 3:\n%s", got, term.out.String())
	}
	if got := strings.Count(term.err.String(), "asking again"); got != 2 {
		t.Errorf("said %d times that it asks again, want 2:\n%s", got, term.err.String())
	}
	f.watched, f.lost = nil, 1
	if code := term.run(t.Context(), "watch", "gold"); code != 1 {
		t.Errorf("a server that never answered: exit %d", code)
	}
	f.err = status.Error(codes.NotFound, "lines/gold does not exist")
	if code := term.run(t.Context(), "watch", "gold"); code != 1 || !strings.Contains(term.err.String(), "does not exist") {
		t.Errorf("no such line: exit %d\n%s", code, term.err.String())
	}
}
