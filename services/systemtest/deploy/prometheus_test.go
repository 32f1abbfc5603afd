package deploy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/daysidehq/dayside/services/internal/await"
)

// alertRules are the alerts of deploy/prometheus, by name.
func alertRules(t *testing.T) map[string]string {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      struct{ Severity string }
				Annotations struct{ Summary, Description string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus", "dayside.rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if found[r.Alert] != "" || r.Annotations.Summary == "" || r.Annotations.Description == "" ||
				r.Labels.Severity != "page" && r.Labels.Severity != "ticket" {
				t.Errorf("%s stands twice, or does not say what to do, or to whom", r.Alert)
			}
			found[r.Alert] = r.Expr
		}
	}
	return found
}

// TestAlertsFireWhenTheyShould hands the rules and their tests to Prometheus's own checker; each alert has a test.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	promtool := peer(t, "promtool")
	must(t, exec.CommandContext(t.Context(), promtool, "check", "rules", files(t, "prometheus", "dayside.rules.yaml")))
	must(t, exec.CommandContext(t.Context(), promtool, "check", "config", "--syntax-only", files(t, "prometheus", "prometheus.yaml")))
	must(t, exec.CommandContext(t.Context(), promtool, "check", "config", "--syntax-only", files(t, "compose", "prometheus.yaml")))
	tests := below(t, "prometheus", ".test.yaml")
	must(t, exec.CommandContext(t.Context(), promtool, append([]string{"test", "rules"}, tests...)...))
	var text strings.Builder
	for _, path := range tests {
		text.WriteString(readPath(t, path))
	}
	for name := range alertRules(t) {
		for _, fires := range []string{"value: 1}]", "exp_samples: []"} {
			if !regexp.MustCompile(`alertname="` + name + `".*` + regexp.QuoteMeta(fires)).MatchString(text.String()) {
				t.Errorf("no test of %s with %s", name, fires)
			}
		}
	}
}

// query is an expression, and where it stands.
type query struct {
	Where string `json:"where"`
	Expr  string `json:"expr"`
}

// panelQueries are those of the dashboard, with what Grafana puts in for its variables.
func panelQueries(t *testing.T) []query {
	t.Helper()
	var board struct {
		Title       string
		Panels      []panel
		Annotations struct{ List []struct{ Name, Expr string } }
	}
	decoder := json.NewDecoder(strings.NewReader(read(t, "grafana", "dayside.json")))
	if err := decoder.Decode(&board); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")
	var all []query
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q has another's number, no title or no query", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, query{p.Title, variables.Replace(target.Expr)})
		}
	}
	if len(all) < 40 {
		t.Errorf("the dashboard has %d queries", len(all))
	}
	return all
}

type panel struct {
	ID          int
	Type, Title string
	Targets     []struct{ Expr string }
}

// metricsOf asks Prometheus's own parser which metrics each query names.
func metricsOf(t *testing.T, queries []query) map[string][]string {
	t.Helper()
	var in bytes.Buffer
	for _, q := range queries {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), peer(t, "deploycheck"), "promql")
	cmd.Stdin = &in
	answers := map[string][]string{}
	for lines := bufio.NewScanner(strings.NewReader(must(t, cmd))); lines.Scan(); {
		var a struct {
			Where   string
			Metrics []string
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		answers[a.Where] = append(answers[a.Where], a.Metrics...)
	}
	return answers
}

// TestEveryQueryNamesAMetricThatIsServed: of the alerts and of the dashboard, by a process that has just taken one call, and
// by etcd. A metric that somebody renames fails here.
func TestEveryQueryNamesAMetricThatIsServed(t *testing.T) {
	t.Parallel() // most of it is waiting
	queries := panelQueries(t)
	for name, expr := range alertRules(t) {
		queries = append(queries, query{"alert " + name, expr})
	}
	named := metricsOf(t, queries)
	regions := startCluster(t)
	served := servedMetrics(t)
	etcd := regions.metrics(t)
	seen := map[string]bool{}
	for where, metrics := range named {
		if len(metrics) == 0 {
			t.Errorf("%s names no metric", where)
		}
		for _, m := range metrics {
			seen[m] = true
			// Prometheus makes `up` itself.
			if m != "up" && !served[m] && !etcd[m] {
				t.Errorf("%s: %s is served by nobody", where, m)
			}
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d metrics are looked up", len(seen))
	}
	for m := range served {
		if strings.HasPrefix(m, "dayside_") && !seen[m] && !strings.HasSuffix(m, "_sum") && !strings.HasSuffix(m, "_bucket") &&
			!strings.HasSuffix(m, "_count") {
			t.Logf("no alert and no panel names %s", m)
		}
	}
}

// names are the metrics of a page of /metrics.
func names(t *testing.T, page string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for line := range strings.Lines(page) {
		if end := strings.IndexAny(line, "{ "); end > 0 && line[0] != '#' {
			all[line[:end]] = true
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d metrics:\n%s", len(all), page)
	}
	return all
}

// page is what an address answers, or empty.
func page(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return body.String()
}

// servedMetrics starts a whole Dayside, calls it once, and reads its metrics.
func servedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	d := serve(t, "--example", "--etcd-listen", freeAddr(t), "--sip-udp", freeAddr(t), "--sip-tcp", "",
		"--portal-listen", freeAddr(t), "--smtp", "127.0.0.1:1", "--smtp-from", "support@vendor.example")
	await.True(t, "a call", func() bool {
		_, err := dayside(t, "call", "gold-emergency", "--from", "+13035550101", "--server", d.grpc, "--gateway", d.sip)
		return err == nil
	})
	var text string
	await.True(t, "the call, its record and etcd in the metrics", func() bool {
		text = page(t, "http://"+d.http+"/metrics")
		for _, late := range []string{"route_decisions_total{", "etcd_db_size_bytes{", "ledger_append_duration_seconds_bucket{"} {
			if !strings.Contains(text, "\ndayside_"+late) {
				return false
			}
		}
		return true
	})
	return names(t, text)
}

// server is a running `dayside serve`.
type server struct {
	grpc, http, sip string
	cmd             *exec.Cmd
	log             *os.File
}

// serve runs a process until the test ends.
func serve(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{grpc: freeAddr(t), http: freeAddr(t)}
	if i := slices.Index(args, "--sip-udp"); i >= 0 {
		s.sip = args[i+1]
	}
	var err error
	if s.log, err = os.Create(filepath.Join(t.TempDir(), "log")); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), binary(t), append([]string{"serve", "--data", t.TempDir(), "--zoneinfo", "",
		"--grpc-listen", s.grpc, "--http-listen", s.http}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(s.log.Name())
			t.Log(fmt.Sprint(s.cmd.Args) + "\n" + string(text[max(0, len(text)-4000):]))
		}
		_ = s.log.Close()
	})
	return s
}
