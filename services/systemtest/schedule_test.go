package systemtest

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
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
