package systemtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEveryAlertNamesAMetricThatIsServed reads the alerts as Prometheus does, and looks their metrics up in a process that
// has just started and taken one call.
func TestEveryAlertNamesAMetricThatIsServed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repo(t), "deploy", "prometheus", "dayside.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
			}
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	s := startOne(t, options{})
	s.invite(t, "udp", exampleHiddenNumber, exampleCaller)
	_, body := s.get(t, "/metrics")
	name := regexp.MustCompile(`\b(?:dayside|rpc)_[a-z_]+(?:_total|_seconds|_count|_events|_open|_pending|_away|_gateways|_unreachable)\b`)
	seen := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			metrics := name.FindAllString(r.Expr, -1)
			if len(metrics) == 0 {
				t.Errorf("%s names no metric", r.Alert)
			}
			for _, m := range metrics {
				seen++
				if !strings.Contains(string(body), "\n"+m+"{") && !strings.Contains(string(body), "\n"+m+" ") {
					t.Errorf("%s: %s is not served", r.Alert, m)
				}
			}
		}
	}
	if seen < 17 {
		t.Errorf("only %d metrics were looked up", seen)
	}
}
