package deploy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/daysidehq/dayside/services/internal/await"
)

// composed is a service of compose.yaml.
type composed struct {
	Image       string
	Command     []string
	Profiles    []string
	NetworkMode string `yaml:"network_mode"`
	Environment map[string]string
}

// machine is compose.yaml without containers: each service has a loopback address of its own in place of a name.
type machine struct {
	services map[string]composed
	address  map[string]string
	certs    string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	var project struct{ Services map[string]composed }
	if err := yaml.Unmarshal([]byte(read(t, "compose", "compose.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	m := &machine{services: project.Services, address: map[string]string{}, certs: filepath.Join(t.TempDir(), "certs")}
	// Addresses that no other run on this machine has.
	network := fmt.Sprintf("127.%d.%d.", 2+rand.IntN(250), rand.IntN(250)) //nolint:gosec // no secret
	for name := range m.services {
		m.address[name] = network + fmt.Sprint(len(m.address)+1)
	}
	return m
}

// here puts addresses for names, and a folder for a volume.
func (m *machine) here(text, own string) string {
	var pairs []string
	for name, address := range m.address {
		for _, end := range []string{":2379", ":2380", ":7400", ":5060"} {
			pairs = append(pairs, name+end, address+end)
		}
	}
	return strings.NewReplacer(append(pairs, "/certs/", m.certs+"/", "0.0.0.0", own, "127.0.0.1:5070", own+":5070")...).Replace(text)
}

// issue runs deploy/compose/init with a compose that notes what it is told, and does that of it which makes certificates.
func (m *machine) issue(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	notes, compose := filepath.Join(dir, "notes"), filepath.Join(dir, "compose")
	if err := os.WriteFile(compose, []byte("#!/bin/sh\necho \"$@\" >>"+notes+"\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	init := exec.CommandContext(t.Context(), files(t, "compose", "init"))
	init.Env = append(os.Environ(), "COMPOSE="+compose)
	must(t, init)
	authority := filepath.Join(dir, "authority")
	for line := range strings.Lines(readPath(t, notes)) {
		words := strings.Fields(line)
		if !slices.Contains(words, "pki-init") && !slices.Contains(words, "pki-issue") {
			continue
		}
		args := words[3:]
		if words[2] == "pki-init" {
			args = m.services["pki-init"].Command
		}
		for i, word := range args {
			switch {
			case word == "/data":
				args[i] = authority
			case word == "/certs":
				args[i] = m.certs
			case word == "--dns":
				args[i] = "--ip"
				var at []string
				for name := range strings.SplitSeq(args[i+1], ",") {
					at = append(at, m.address[name])
				}
				args[i+1] = strings.Join(at, ",")
			}
		}
		if out, err := dayside(t, args...); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
}

// start runs a service's command until the test ends.
func (m *machine) start(t *testing.T, name string) {
	t.Helper()
	s, own := m.services[name], m.address[name]
	if with, ok := strings.CutPrefix(s.NetworkMode, "service:"); ok {
		own = m.address[with]
	}
	var args []string
	for _, arg := range s.Command {
		args = append(args, m.here(arg, own))
	}
	program, data := binary(t), t.TempDir()
	if args[0] == "etcd" {
		program, args = peer(t, "etcd"), append(args[1:], "--unsafe-no-fsync")
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	for i, arg := range cmd.Args {
		cmd.Args[i] = strings.Replace(arg, "--data-dir=/data", "--data-dir="+data, 1)
	}
	cmd.Env = append(os.Environ(), "DAYSIDE_DATA="+data) // as the image says
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%v\n%s", cmd.Args, text[max(0, len(text)-2000):])
		}
		_ = log.Close()
	})
}

// TestComposeMakesACluster runs the commands of compose.yaml, with the certificates that its script makes: the cluster takes
// a configuration and routes a call, as its own command line asks.
func TestComposeMakesACluster(t *testing.T) {
	t.Parallel() // most of it is waiting
	m := newMachine(t)
	m.issue(t)
	var expect []string
	for name, s := range m.services {
		if len(s.Profiles) > 0 || name == "proxy" { // Kamailio has a test of its own
			continue
		}
		m.start(t, name)
		if !strings.HasPrefix(name, "etcd") {
			expect = append(expect, name)
		}
	}
	environment := m.services["cli"].Environment
	ask := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), binary(t), args...)
		for key, value := range environment {
			cmd.Env = append(cmd.Env, key+"="+m.here(value, ""))
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	await.True(t, "the example to be applied", func() bool {
		_, err := ask("apply", "-f", files(t, "examples", "followthesun"))
		return err == nil
	})
	await.True(t, "a route", func() bool {
		out, err := ask("route", "--to", "gold-emergency", "--from", "+13035550101")
		return err == nil && strings.Contains(out, "RINGS")
	})
	await.True(t, fmt.Sprint("all of the cluster in its status: ", expect), func() bool {
		out, err := ask("cluster", "status")
		for _, name := range expect {
			if !strings.Contains(out, name) {
				return false
			}
		}
		return err == nil
	})
}
