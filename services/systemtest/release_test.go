package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
)

// earlierRelease is the commit that stands for the release before: the last one that knows of no schema, heartbeat, view on
// disk or spool of alerts.
const earlierRelease = "9809196"

// earlierBuilt is the path of its binary, or why there is none; built once, and kept beside the peers.
var earlierBuilt = sync.OnceValues(func() (string, error) { return buildEarlier() }) //nolint:gochecknoglobals // built once

// earlier is the binary of the release before. Where the checkout has no history that goes back so far (a shallow clone, an
// archive) the test skips; that what is there cannot be built is a failure.
func earlier(t testing.TB) string {
	t.Helper()
	unseenByRace(t)
	if err := exec.Command("git", "-C", repo(t), "cat-file", "-e", earlierRelease+"^{commit}").Run(); err != nil {
		t.Skipf("SKIP: the release before (%s) is not in this checkout's history: %v", earlierRelease, err)
	}
	path, err := earlierBuilt()
	if err != nil {
		t.Fatalf("the release before (%s) cannot be built: %v", earlierRelease, err)
	}
	return path
}

// buildEarlier builds that commit out of the repository's history, in a folder of its own.
func buildEarlier() (path string, err error) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "", err
	}
	path = filepath.Join(root, ".cache", "releases", "dayside-"+earlierRelease)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	source, err := os.MkdirTemp("", "dayside-earlier")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(source) }()
	archive := filepath.Join(source, "source.tar")
	built := filepath.Join(source, "dayside")
	for _, step := range []struct {
		dir  string
		args []string
	}{
		{root, []string{"git", "archive", "-o", archive, earlierRelease}},
		{source, []string{"tar", "-xf", archive}},
		{source, []string{"go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", built, "./cmd/dayside"}},
		{root, []string{"mkdir", "-p", filepath.Dir(path)}},
		{root, []string{"cp", built, path + ".new"}},
		{root, []string{"mv", path + ".new", path}}, // whole, or not there
	} {
		cmd := exec.Command(step.args[0], step.args[1:]...)
		cmd.Dir = step.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", &exec.Error{Name: strings.Join(step.args, " ") + ": " + string(bytes.TrimSpace(out)), Err: err}
		}
	}
	return path, nil
}

// released is a `dayside serve` of some release.
type released struct {
	binary string
	args   []string
	addr   host.Addresses
	grpc   *grpc.ClientConn
	log    *syncBuffer
	cmd    *exec.Cmd
	ended  chan struct{}
}

// release runs a binary's `serve` with the data directory, on free ports unless args say others, until the test ends; ready or
// not.
func release(t testing.TB, binary, data string, args ...string) *released {
	t.Helper()
	unseenByRace(t)
	r := &released{binary: binary, args: append([]string{
		"serve", "--log-format", "json", "--data", data, "--clock-offset", offset().String(), "--zoneinfo", "",
		"--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--sip-udp", "127.0.0.1:0",
		"--sip-tcp", "127.0.0.1:0",
	}, args...)}
	r.run(t)
	return r
}

// run starts the process, again where it has ended.
func (r *released) run(t testing.TB) {
	t.Helper()
	r.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), r.binary, r.args...)
	r.log, r.ended = &syncBuffer{}, make(chan struct{})
	r.cmd.Stdout, r.cmd.Stderr = &syncBuffer{}, r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, ended := r.cmd, r.ended
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
}

// ready waits until it serves, and connects.
func (r *released) ready(t testing.TB) *released {
	t.Helper()
	await.True(t, strings.Join(r.args, " ")+" to be ready", func() bool {
		select {
		case <-r.ended:
			t.Fatalf("%v ended:\n%s", r.args, r.log)
		default:
		}
		for line := range strings.Lines(r.log.String()) {
			var entry struct {
				Msg       string         `json:"msg"`
				Addresses host.Addresses `json:"addresses"`
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "ready" {
				r.addr = entry.Addresses
				return true
			}
		}
		return false
	})
	r.grpc = dial(t, r.addr.GRPC)
	return r
}

// interrupt asks it to end, and waits for that.
func (r *released) interrupt(t testing.TB) {
	t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, "the process to end", r.ended)
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("interrupted, %v ended with %d:\n%s", r.args, code, r.log)
	}
}

// kill ends it as a power failure does.
func (r *released) kill(t testing.TB) {
	t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, "the process to end", r.ended)
}
