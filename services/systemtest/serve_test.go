package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
)

// served is a `dayside serve` that a person started.
type served struct {
	cmd *exec.Cmd
	out *syncBuffer
	log *syncBuffer
}

// serve starts `dayside serve` with the data directory, on free ports, as `make run` does.
func serve(t testing.TB, data string, args ...string) *served {
	t.Helper()
	unseenByRace(t)
	all := append([]string{
		"serve", "--example", "--data", data, "--log-format", "json", "--grpc-listen", "127.0.0.1:0", "--http-listen",
		"127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--sip-udp", "127.0.0.1:0", "--sip-tcp", "127.0.0.1:0",
		"--clock-offset", offset().String(),
	}, args...)
	s := &served{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), binary(t), all...), out: &syncBuffer{}, log: &syncBuffer{}}
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	return s
}

func (s *served) addresses(t testing.TB) host.Addresses {
	t.Helper()
	var found host.Addresses
	await.True(t, "dayside serve to be ready", func() bool {
		for line := range strings.Lines(s.log.String()) {
			var entry struct {
				Msg       string         `json:"msg"`
				Addresses host.Addresses `json:"addresses"`
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "ready" {
				found = entry.Addresses
				return true
			}
		}
		return false
	})
	return found
}

func (s *served) interrupt(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C ended it with %v\n%s", err, s.log)
	}
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Errorf("a clean stop logged errors:\n%s", s.log)
	}
}

func TestANewcomerIsToldAndTheSecondStartFindsTheDataOfTheFirst(t *testing.T) {
	data := filepath.Join(t.TempDir(), "made", "by", "dayside")
	first := serve(t, data)
	addr := first.addresses(t).GRPC
	await.True(t, "the banner", func() bool { return strings.Contains(first.out.String(), "Ctrl-C") })
	banner := first.out.String()
	for _, part := range []string{
		"gold-emergency", "Dublin until", "then Bengaluru", "open --server", "route --to gold-emergency", "call gold-emergency",
	} {
		if !strings.Contains(banner, part) {
			t.Errorf("%q is not in what a newcomer reads:\n%s", part, banner)
		}
	}
	if strings.Contains(banner, exampleHiddenNumber) {
		t.Errorf("the hidden number is in what a newcomer reads:\n%s", banner)
	}
	if _, stderr, err := dayside(t, "delete", "customers/acme", "--server", addr); err != nil {
		t.Fatalf("delete: %v\n%s", err, stderr)
	}
	first.interrupt(t)

	second := serve(t, data)
	addr = second.addresses(t).GRPC
	stdout, _, err := dayside(t, "list", "customers", "--server", addr)
	if err != nil || strings.Contains(stdout, "customers/acme") || !strings.Contains(stdout, "customers/blue-heron-air") {
		t.Errorf("the second start: %v\n%s", err, stdout)
	}
	// A killed process leaves data that the next one finds too.
	if err := second.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = second.cmd.Wait()
	third := serve(t, data)
	stdout, _, err = dayside(t, "list", "lines", "--server", third.addresses(t).GRPC)
	if err != nil || !strings.Contains(stdout, "lines/gold-emergency") {
		t.Errorf("after a kill: %v\n%s", err, stdout)
	}
	third.interrupt(t)
}

func TestWhatIsInTheWayIsOneClearLine(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	inUse := t.TempDir()
	running := serve(t, inUse)
	running.addresses(t)
	free := []string{
		"serve", "--data", t.TempDir(), "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--etcd-listen",
		"127.0.0.1:0", "--sip-udp", "127.0.0.1:0", "--sip-tcp", "127.0.0.1:0",
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"gRPC port in use":     {[]string{"--grpc-listen", busy}, []string{"--grpc-listen", busy, "in use"}},
		"HTTP port in use":     {[]string{"--http-listen", busy}, []string{"--http-listen", busy, "in use"}},
		"etcd port in use":     {[]string{"--etcd-listen", busy}, []string{"--etcd-listen", busy, "in use"}},
		"SIP port in use":      {[]string{"--sip-tcp", busy}, []string{"--sip-tcp", busy, "in use"}},
		"data is a file":       {[]string{"--data", file}, []string{"--data", file}},
		"data in use":          {[]string{"--data", inUse}, []string{"--data", inUse, "in use by another dayside"}},
		"an address of all":    {[]string{"--grpc-listen", "0.0.0.0:0"}, []string{"--grpc-listen", "0.0.0.0:0", "loopback"}},
		"SIP for all":          {[]string{"--sip-udp", "0.0.0.0:0"}, []string{"--sip-udp", "0.0.0.0:0", "loopback"}},
		"no etcd there":        {[]string{"--etcd", "127.0.0.1:1"}, []string{"etcd at 127.0.0.1:1", "did not answer"}},
		"an unknown service":   {[]string{"telepathy"}, []string{"telepathy", "routing"}},
		"a gateway's name":     {[]string{"--sip-gateway-id", "BAD!!"}, []string{"--sip-gateway-id", "BAD!!", "slug"}},
		"no number":            {[]string{"--sample-ratio", "NaN"}, []string{"--sample-ratio", "0 to 1"}},
		"a ratio out of range": {[]string{"--sample-ratio", "2"}, []string{"--sample-ratio", "0 to 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, err := dayside(t, append(free, c.args...)...)
			if err == nil {
				t.Fatal("it started")
			}
			var errorLines []string
			for line := range strings.Lines(stderr) {
				if !strings.HasPrefix(line, "time=") {
					errorLines = append(errorLines, line)
				}
			}
			if len(errorLines) != 1 {
				t.Errorf("%d lines:\n%s", len(errorLines), stderr)
			}
			for _, part := range c.want {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q is not in %s", part, stderr)
				}
			}
		})
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, bytes.Repeat([]byte("kind: Site\ncolour: red\n---\n"), 2), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := dayside(t, "apply", "-f", bad, "--server", running.addresses(t).GRPC)
	if err == nil || !strings.Contains(stderr, "bad.yaml:2") || !strings.Contains(stderr, "colour") {
		t.Errorf("a bad file: %v\n%s", err, stderr)
	}
	_, stderr, err = dayside(t, "apply", "-f", filepath.Join(t.TempDir(), "absent"), "--server", running.addresses(t).GRPC)
	if err == nil || !strings.Contains(stderr, "absent") {
		t.Errorf("a missing folder: %v\n%s", err, stderr)
	}
	running.interrupt(t)
}
