package deploy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/daysidehq/dayside/services/internal/await"
)

// voters are the members with a vote, by region.
func voters() []string { return []string{"europe", "asia-pacific", "americas"} }

// cluster is etcd as deploy/etcd sets it up, on this machine: the files as they are, but for addresses and folders.
type cluster struct {
	pki, dir string
	// client, peer and metric are where each member listens, by region.
	client, peer, metric map[string]string
}

// startCluster runs the three voters until the test ends.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		pki: filepath.Join(t.TempDir(), "pki"), dir: t.TempDir(),
		client: map[string]string{}, peer: map[string]string{}, metric: map[string]string{},
	}
	for _, region := range append(voters(), "gulf") {
		c.client[region], c.peer[region], c.metric[region] = freeAddr(t), freeAddr(t), freeAddr(t)
	}
	for _, args := range [][]string{
		{"init", "--dir", c.pki},
		{"issue", "--dir", c.pki, "--role", "service", "--name", "etcd", "--ip", "127.0.0.1"},
		{"issue", "--dir", c.pki, "--role", "admin", "--name", "etcd"},
	} {
		if out, err := dayside(t, append([]string{"pki"}, args...)...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, region := range voters() {
		c.run(t, region, region+".yaml")
	}
	await.True(t, "a leader", func() bool {
		_, err := c.ctl(t, voters()[0], "put", "/dayside/x", "1")
		return err == nil
	})
	return c
}

// settings is a member's file, with this machine's addresses in it.
func (c *cluster) settings(t *testing.T, region, file string) string {
	t.Helper()
	text := read(t, "etcd", file)
	pairs := []string{
		"https://0.0.0.0:2380", "https://" + c.peer[region], "https://0.0.0.0:2379", "https://" + c.client[region],
		"http://0.0.0.0:2381", "http://" + c.metric[region], "/var/lib/dayside-etcd", filepath.Join(c.dir, region),
		"/etc/dayside/etcd/server.crt", filepath.Join(c.pki, "service-etcd.crt"),
		"/etc/dayside/etcd/server.key", filepath.Join(c.pki, "service-etcd.key"),
		"/etc/dayside/etcd/ca.crt", filepath.Join(c.pki, "ca.crt"),
	}
	for name := range c.peer {
		pairs = append(pairs, "https://etcd."+name+".dayside.example:2380", "https://"+c.peer[name],
			"https://etcd."+name+".dayside.example:2379", "https://"+c.client[name])
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") && strings.Contains(line, "dayside.example") {
			t.Fatalf("%s still names %s", file, line)
		}
	}
	path := filepath.Join(c.dir, region+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *cluster) run(t *testing.T, region, file string) {
	t.Helper()
	log, err := os.Create(filepath.Join(c.dir, region+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), peer(t, "etcd"), "--config-file", c.settings(t, region, file))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("etcd %s:\n%s", region, text[max(0, len(text)-1500):])
		}
		_ = log.Close()
	})
}

// ctl is etcdctl at one member, as root would be.
func (c *cluster) ctl(t *testing.T, region string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), peer(t, "etcdctl"), append(args, "--endpoints", "https://"+c.client[region],
		"--cert", filepath.Join(c.pki, "admin-etcd.crt"), "--key", filepath.Join(c.pki, "admin-etcd.key"),
		"--cacert", filepath.Join(c.pki, "ca.crt"), "--command-timeout", "5s")...).CombinedOutput()
	return string(out), err
}

// metrics are those of a member. How far the others are it says half a minute after its start; that it will, its program
// tells.
func (c *cluster) metrics(t *testing.T) map[string]bool {
	t.Helper()
	all := names(t, page(t, "http://"+c.metric[voters()[0]]+"/metrics"))
	const late = "peer_round_trip_time_seconds"
	program, err := os.ReadFile(peer(t, "etcd"))
	if err != nil {
		t.Fatal(err)
	}
	all["etcd_network_"+late+"_bucket"] = bytes.Contains(program, []byte(late))
	return all
}

// member asks a member as another one does, with a certificate.
func (c *cluster) member(t *testing.T, name string) error {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.pki, name+".crt"), filepath.Join(c.pki, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: c.roots(t), Certificates: []tls.Certificate{pair},
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+c.peer["europe"]+"/members", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// roots are what certificates of the cluster are believed by.
func (c *cluster) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	roots := x509.NewCertPool()
	text, err := os.ReadFile(filepath.Join(c.pki, "ca.crt"))
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	return roots
}

// endpoints are those of all voters.
func (c *cluster) endpoints() string {
	var all []string
	for _, region := range voters() {
		all = append(all, "https://"+c.client[region])
	}
	return strings.Join(all, ",")
}

// TestEtcdAcrossRegions starts real members with the settings of deploy/etcd: they form a cluster, a learner joins and serves
// no client, all have the quota, the probes of Kubernetes are answered, and they are defragmented in turn.
func TestEtcdAcrossRegions(t *testing.T) {
	t.Parallel() // most of it is waiting
	c := startCluster(t)
	for _, region := range voters() {
		for _, path := range []string{"/readyz", "/livez"} {
			await.True(t, region+path, func() bool { return page(t, "http://"+c.metric[region]+path) != "" })
		}
	}
	// For its first five seconds a leader takes no member in.
	await.True(t, "the learner to be let in", func() bool {
		_, err := c.ctl(t, "europe", "member", "add", "gulf", "--learner", "--peer-urls", "https://"+c.peer["gulf"])
		return err == nil
	})
	c.run(t, "gulf", "learner.yaml")
	await.True(t, "the learner to be alive", func() bool { return page(t, "http://"+c.metric["gulf"]+"/livez") != "" })
	await.True(t, "the learner to know what was written", func() bool {
		out, err := c.ctl(t, "gulf", "get", "/dayside/x", "--consistency", "s", "--print-value-only")
		return err == nil && strings.TrimSpace(out) == "1"
	})
	if out, err := c.ctl(t, "gulf", "watch", "/dayside/x"); err == nil || !strings.Contains(out, "learner") {
		t.Errorf("a learner serves a watch, and deploy/README.md says it does not: %v %s", err, out)
	}

	// A process's certificate opens the clients' door, and not the members'.
	if out, err := dayside(t, "pki", "issue", "--dir", c.pki, "--role", "service", "--name", "routing"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, want := range map[string]bool{"service-etcd": true, "service-routing": false} {
		if err := c.member(t, name); (err == nil) != want {
			t.Errorf("%s as a member of etcd: %v", name, err)
		}
	}

	certs := []string{"--etcd-ca", filepath.Join(c.pki, "ca.crt"), "--etcd-cert", filepath.Join(c.pki, "admin-etcd.crt"),
		"--etcd-key", filepath.Join(c.pki, "admin-etcd.key")}
	out, err := dayside(t, append([]string{"etcd", "defrag", "--min-free-mib", "0", "--etcd", c.endpoints(), "-o", "json"}, certs...)...)
	var done struct {
		Members []struct{ Member, Skipped string }
	}
	if jsonErr := json.Unmarshal([]byte(out), &done); err != nil || jsonErr != nil || len(done.Members) != 4 {
		t.Fatalf("%v %v: %s", err, jsonErr, out)
	}
	for _, m := range done.Members {
		if (m.Skipped != "") != (m.Member == "gulf") { // etcd has no such request for learners
			t.Errorf("%s was left alone: %q", m.Member, m.Skipped)
		}
	}
	status, err := c.ctl(t, "europe", "endpoint", "status", "--cluster", "-w", "json")
	if err != nil || strings.Count(status, fmt.Sprintf(`"dbSizeQuota":%d`, 8<<30)) != 4 {
		t.Errorf("not all four have 8 GiB: %v: %s", err, status)
	}
}

// TestEtcdSettingsAreOne: what must be the same at all members is, and the time-outs are what their comments promise.
func TestEtcdSettingsAreOne(t *testing.T) {
	own := []string{"name", "initial-advertise-peer-urls", "advertise-client-urls", "initial-cluster", "initial-cluster-state"}
	var first map[string]any
	for _, file := range []string{"europe.yaml", "asia-pacific.yaml", "americas.yaml", "learner.yaml"} {
		var s map[string]any
		if err := yaml.Unmarshal([]byte(read(t, "etcd", file)), &s); err != nil {
			t.Fatal(err)
		}
		for _, key := range own {
			delete(s, key)
		}
		if first == nil {
			first = s
		}
		if fmt.Sprint(s) != fmt.Sprint(first) {
			t.Errorf("%s differs from europe.yaml", file)
		}
	}
	heartbeat, election := milliseconds(t, first, "heartbeat-interval"), milliseconds(t, first, "election-timeout")
	// etcd's guide: a heartbeat of about the longest round trip, an election of ten. A lease is at least 1.5 elections long,
	// and Dayside's are 5 s.
	if heartbeat < 300*time.Millisecond || election < 10*heartbeat || election*3/2 > 5*time.Second {
		t.Errorf("heartbeat %v, election %v", heartbeat, election)
	}
	if !slices.Equal([]any{first["quota-backend-bytes"], first["auto-compaction-mode"], first["auto-compaction-retention"]},
		[]any{8 << 30, "periodic", "1h"}) {
		t.Errorf("quota or compaction: %v", first)
	}
}

// milliseconds is a setting that etcd reads as such.
func milliseconds(t *testing.T, settings map[string]any, key string) time.Duration {
	t.Helper()
	n, ok := settings[key].(int)
	if !ok {
		t.Fatalf("%s is %v", key, settings[key])
	}
	return time.Duration(n) * time.Millisecond
}
