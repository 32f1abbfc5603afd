package deploy

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
)

// TestManifestsMakeACluster runs every process of a region with the very arguments that its pod has, on an etcd with the
// settings of deploy/etcd: they become ready, by probes that show no certificate, find each other, and route a call.
func TestManifestsMakeACluster(t *testing.T) {
	t.Parallel() // most of it is waiting
	etcd := startCluster(t)
	at := map[string]string{} // gRPC address, by service
	for _, service := range []string{"schedule", "entitlement", "ledger", "routing", "sip"} {
		at[service] = freeAddr(t)
	}
	started := 0
	for _, o := range rendered(t, "europe") {
		service := o.Spec.Template.Metadata.Labels["app.kubernetes.io/component"]
		if o.Kind != "StatefulSet" || at[service] == "" {
			continue
		}
		started++
		etcd.startPod(t, service, o.Spec.Template.Spec.Containers, at)
	}
	if started != len(at) {
		t.Fatalf("%d of %d services have a StatefulSet", started, len(at))
	}
	ask := func(args ...string) (string, error) {
		return dayside(t, append(args, "--server", at["routing"], "--tls-ca", filepath.Join(etcd.pki, "ca.crt"),
			"--tls-cert", filepath.Join(etcd.pki, "admin-etcd.crt"), "--tls-key", filepath.Join(etcd.pki, "admin-etcd.key"))...)
	}
	await.True(t, "the example to be applied", func() bool {
		_, err := ask("apply", "-f", files(t, "examples", "followthesun"))
		return err == nil
	})
	await.True(t, "a route", func() bool {
		out, err := ask("route", "--to", "gold-emergency", "--from", "+13035550101")
		return err == nil && strings.Contains(out, "RINGS")
	})
	await.True(t, "all five in the cluster's status", func() bool {
		out, err := ask("cluster", "status")
		for service := range at {
			if !strings.Contains(out, "europe-"+service+"-0") {
				return false
			}
		}
		return err == nil
	})
}

// startPod runs the container dayside as Kubernetes would: its variables replaced, its volumes there, on this machine's ports.
func (c *cluster) startPod(t *testing.T, service string, containers []container, at map[string]string) {
	t.Helper()
	i := slices.IndexFunc(containers, func(c container) bool { return c.Name == "dayside" })
	if out, err := dayside(t, "pki", "issue", "--dir", c.pki, "--role", "service", "--name", service, "--ip", "127.0.0.1"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	revoked := filepath.Join(t.TempDir(), "revoked")
	if err := os.WriteFile(revoked, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	https, sip := freeAddr(t), freeAddr(t)
	put := strings.NewReplacer("$(SERVICE)", service, "$(REGION)", "europe", "$(POD_NAME)", service+"-0",
		"$(POD_IP):7400", at[service], "$(ETCD_ENDPOINTS)", c.endpoints(), "0.0.0.0:7400", at[service], "0.0.0.0:7480", https,
		"/etc/dayside/tls/tls", filepath.Join(c.pki, "service-"+service), "/etc/dayside/tls/ca", filepath.Join(c.pki, "ca"),
		"/etc/dayside/access/revoked", revoked, "--data=/data", "--data="+t.TempDir(), "127.0.0.1:5070", sip,
		"routing-0.dayside:7400,routing-1.dayside:7400,routing-2.dayside:7400", at["routing"])
	var args []string
	for _, arg := range containers[i].Args {
		args = append(args, put.Replace(arg))
	}
	if left := strings.Join(args, " "); strings.Contains(left, "$(") || strings.Contains(left, "/etc/dayside") {
		t.Fatalf("not replaced: %s", left)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary(t), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%v\n%s", args, text[max(0, len(text)-3000):])
		}
		_ = log.Close()
	})
	probe(t, c, "https://"+https+"/livez")
	probe(t, c, "https://"+https+"/readyz")
}

// probe asks as the kubelet does, without a certificate, until the answer is 200.
func probe(t *testing.T, c *cluster, url string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.roots(t), MinVersion: tls.VersionTLS13}, DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	await.True(t, url, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}
