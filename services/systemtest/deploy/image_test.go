package deploy

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/internal/await"
)

// podman is podman with a store of its own, so that a test leaves nothing on the machine.
type podman struct{ path, dir string }

func newPodman(t *testing.T) podman {
	t.Helper()
	peer(t, "runc")
	if os.Getuid() != 0 {
		t.Skip("SKIP: a store of its own needs root")
	}
	dir := t.TempDir()
	p := podman{filepath.Join(dir, "podman"), dir}
	script := "#!/bin/sh\nexec " + peer(t, "podman") + " --runtime runc --root " + dir + "/store --runroot " + dir + "/run \"$@\"\n"
	if err := os.WriteFile(p.path, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// What it keeps mounted would be in the way of removing the folder.
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), p.path, "system", "reset", "--force").CombinedOutput()
		if err != nil {
			t.Logf("podman's store stays: %v: %s", err, out)
		}
	})
	return p
}

func (p podman) cmd(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), p.path, args...)
}

// TestTheImageAnswersCalls builds the image as `make image` does, and runs it as the manifests do: as nobody's user, with a
// root that cannot be written to, and without a capability.
func TestTheImageAnswersCalls(t *testing.T) {
	p := newPodman(t)
	build := exec.CommandContext(t.Context(), files(t, "container", "build"), binary(t), "localhost/dayside:test")
	build.Env = append(os.Environ(), "CONTAINER="+p.path)
	must(t, build)
	var images []struct {
		Config struct {
			User       string
			Entrypoint []string
		}
	}
	if err := json.Unmarshal([]byte(must(t, p.cmd(t, "inspect", "localhost/dayside:test"))), &images); err != nil {
		t.Fatal(err)
	}
	if len(images) != 1 || images[0].Config.User != "65532:65532" {
		t.Errorf("the image runs as %+v", images)
	}

	certificatesInVolumes(t, p)

	const name = "dayside-test"
	addr, rest := freeAddr(t), freeAddr(t)
	must(t, p.cmd(t, "run", "--detach", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all",
		"--security-opt", "no-new-privileges", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
		"localhost/dayside:test", "serve", "--example", "--grpc-listen", addr, "--http-listen", rest, "--etcd-listen", freeAddr(t),
		"--sip-udp", freeAddr(t), "--sip-tcp", ""))
	t.Cleanup(func() {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), p.path, "rm", "--force", name).Run()
	})
	defer func() {
		if t.Failed() {
			t.Log(must(t, p.cmd(t, "logs", name)))
		}
	}()
	await.True(t, "the container to answer with the example in it", func() bool {
		// By the real clock: whoever is open now, the line is known, and its caller has a next step.
		out, err := dayside(t, "route", "--to", "gold-emergency", "--from", "+13035550101", "--server", addr)
		return err == nil && strings.Contains(out, "RINGS")
	})
	if !ready(t, "http://"+rest) {
		t.Error("it is not ready")
	}
	must(t, p.cmd(t, "stop", "--time", "20", name))
	if code := strings.TrimSpace(must(t, p.cmd(t, "inspect", "--format", "{{.State.ExitCode}}", name))); code != "0" {
		t.Errorf("stopped with %s", code)
	}
}

// certificatesInVolumes does what deploy/compose/init does: the user of the image makes the authority in one volume, and
// what that issues in another, which is all that the others see.
func certificatesInVolumes(t *testing.T, p podman) {
	t.Helper()
	with := func(args ...string) string {
		return must(t, p.cmd(t, append([]string{"run", "--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--ulimit",
			"nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--volume", "authority:/data", "--volume", "certs:/certs",
			"localhost/dayside:test"}, args...)...))
	}
	with("pki", "init", "--dir", "/data")
	if out := with("pki", "issue", "--dir", "/data", "--out", "/certs", "--role", "service", "--name", "routing", "--dns",
		"routing-1,routing-2"); !strings.Contains(out, "/certs/service-routing.crt") {
		t.Errorf("issued: %s", out)
	}
}

// ready says whether /readyz answers 200.
func ready(t *testing.T, url string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.StatusCode == http.StatusOK && resp.Body.Close() == nil
}
