package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/telemetry"
)

// What deploy/examples/followthesun says.
const (
	exampleHiddenLine      = "lines/gold-emergency"
	exampleHiddenNumber    = "+61255500100"
	examplePublishedNumber = "+13035550100"
	exampleCaller          = "+13035550101" // of customers/acme, entitled
	exampleRefusedCaller   = "+13035550103" // of customers/cormorant-bank, whose contract has ended
	exampleUnknownCaller   = "+13035550199"
)

// tuesdayTenUTC is when tests begin: Dublin, Bengaluru and nobody else is at work.
func tuesdayTenUTC() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

// system is a running Dayside with the example configuration in it.
type system struct {
	grpc           *grpc.ClientConn
	grpcAddr       string
	httpAddr       string
	sipUDP, sipTCP string
	etcd           string
	member         *etcdServer // nil where etcd is embedded
	logs           *syncBuffer
	cli            func(t testing.TB, args ...string) (stdout, stderr string, err error)
}

// kinds are the ways to run Dayside; every test of behaviour runs on both.
func kinds() map[string]func(testing.TB, options) *system {
	return map[string]func(testing.TB, options) *system{"one process": startOne, "processes": startProcesses}
}

type options struct {
	otlp string
	// folder is the configuration applied at the start; the example where empty.
	folder string
	// configure changes the configuration of one process; nil: nothing is changed.
	configure func(*host.Config)
}

// eachKind runs a test on one process and on separate ones.
func eachKind(t *testing.T, opts options, test func(t *testing.T, s *system)) {
	for name, start := range kinds() {
		t.Run(name, func(t *testing.T) { test(t, start(t, opts)) })
	}
}

// testConfig is a process on free ports, at tuesdayTenUTC, with the etcd of tests.
func testConfig(dir string) host.Config {
	cfg := host.DefaultConfig()
	cfg.DataDir = dir
	cfg.GRPCListen, cfg.HTTPListen, cfg.EtcdListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP.ListenUDP, cfg.SIP.ListenTCP = "127.0.0.1:0", "127.0.0.1:0"
	cfg.EtcdFast = true
	cfg.StopLinger = 0
	cfg.ZoneinfoDir = "" // the machine's rules are of any age
	cfg.Clock = clock.Skewed{Base: clock.System{}, Offset: offset()}
	cfg.Logger = slog.New(slog.DiscardHandler)
	return cfg
}

// offset takes the machine's clock to tuesdayTenUTC.
func offset() time.Duration { return tuesdayTenUTC().Sub(clock.System{}.Now()).Round(time.Second) }

// startOne is everything in this test's own process, where the race detector sees it.
func startOne(t testing.TB, opts options) *system {
	t.Helper()
	logs := &syncBuffer{}
	cfg := testConfig(t.TempDir())
	cfg.OTLPEndpoint = opts.otlp
	cfg.Logger = slog.New(telemetry.LogHandler{Handler: slog.NewJSONHandler(logs,
		&slog.HandlerOptions{Level: slog.LevelDebug})})
	if opts.configure != nil {
		opts.configure(&cfg)
	}
	h, err := host.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := await.Receive(t, "the process to stop", done); err != nil {
			t.Errorf("stopped with %v", err)
		}
	})
	await.Receive(t, "the process to be ready", h.Ready())
	a := h.Addresses()
	s := &system{
		grpcAddr: a.GRPC, httpAddr: a.HTTP, sipUDP: a.SIPUDP, sipTCP: a.SIPTCP, etcd: a.Etcd, logs: logs,
	}
	return s.begin(t, opts)
}

// processes are what each of separate processes holds, in order of start. History is kept beside customers, by a process
// that tests do not ask: so what they ask of it is forwarded.
func processes(t testing.TB) [][]string {
	t.Helper()
	list := [][]string{{host.Schedule}, {host.Entitlement, host.Ledger}, {host.Routing}, {host.SIP}}
	if held := slices.Concat(list...); !slices.Equal(held, host.Names()) {
		t.Fatalf("separate processes hold %v, and a whole Dayside %v", held, host.Names())
	}
	return list
}

// startProcesses is schedule, entitlement with ledger, routing and sip as processes of their own, on a standalone etcd.
func startProcesses(t testing.TB, opts options) *system {
	t.Helper()
	etcd := startEtcd(t)
	logs := &syncBuffer{}
	s := &system{logs: logs, etcd: etcd.client, member: etcd}
	for _, services := range processes(t) {
		ready := startProcess(t, logs, append(services, "--etcd", etcd.client, "--otlp", opts.otlp)...)
		switch services[0] {
		case host.Schedule:
			// Any process answers the whole API: tests ask one that holds little of it.
			s.grpcAddr, s.httpAddr = ready.GRPC, ready.HTTP
		case host.SIP:
			s.sipUDP, s.sipTCP = ready.SIPUDP, ready.SIPTCP
		}
	}
	return s.begin(t, opts)
}

// begin connects, and applies the configuration as an operator would.
func (s *system) begin(t testing.TB, opts options) *system {
	t.Helper()
	s.grpc = dial(t, s.grpcAddr)
	s.cli = func(t testing.TB, args ...string) (string, string, error) {
		t.Helper()
		return dayside(t, append(args, "--server", s.grpcAddr)...)
	}
	folder := opts.folder
	if folder == "" {
		folder = filepath.Join(repo(t), "deploy", "examples", "followthesun")
	}
	if _, stderr, err := s.cli(t, "apply", "-f", folder); err != nil {
		t.Fatalf("apply: %v\n%s", err, stderr)
	}
	await.True(t, "the published line to be in force", func() bool {
		return s.route(t, examplePublishedNumber, exampleCaller).GetLine() != ""
	})
	return s
}

// startProcess runs `dayside serve` until the test ends, and answers with its addresses once it is ready.
func startProcess(t testing.TB, logs *syncBuffer, args ...string) host.Addresses {
	t.Helper()
	unseenByRace(t)
	args = append([]string{
		"serve", "--log-format", "json", "--log-level", "debug", "--clock-offset", offset().String(),
		"--data", t.TempDir(), "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
		"--sip-udp", "127.0.0.1:0", "--sip-tcp", "127.0.0.1:0", "--zoneinfo", "",
	}, args...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary(t), args...)
	own := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = logs, teeWriter{own, logs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v stopped with %v", args, err)
		}
	})
	var ready host.Addresses
	await.True(t, "dayside "+strings.Join(args, " ")+" to be ready", func() bool {
		for line := range strings.Lines(own.String()) {
			var entry struct {
				Msg       string         `json:"msg"`
				Addresses host.Addresses `json:"addresses"`
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "ready" {
				ready = entry.Addresses
				return true
			}
		}
		return false
	})
	return ready
}

// dayside runs the CLI to its end.
func dayside(t testing.TB, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path := binary(t) // whose build has time of its own
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), await.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// built is the binary under test, built once for all tests of the package.
var built = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // built once
	dir, err := os.MkdirTemp("", "dayside-systemtest")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "dayside")
	out, err := exec.Command("go", "build", "-mod=readonly", "-o", path, "github.com/daysidehq/dayside/cmd/dayside").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: "go build: " + string(out), Err: err}
	}
	return path, nil
})

func binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// repo is the root of the checkout.
func repo(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller")
	}
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// peer is the path of a program the test runs against. Where it is absent the test skips; where DAYSIDE_REQUIRE_PEERS is
// set, it fails.
func peer(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("DAYSIDE_PEERS"), filepath.Join(repo(t), ".cache", "peers", "bin")} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); dir != "" && err == nil && !info.IsDir() {
			return path
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if os.Getenv("DAYSIDE_REQUIRE_PEERS") != "" {
		t.Fatalf("%s is not here, and DAYSIDE_REQUIRE_PEERS is set (make peers installs it)", name)
	}
	t.Skipf("SKIP: %s not found (make peers installs it)", name)
	return ""
}

// syncBuffer is a buffer that several goroutines write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String is what was written.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// teeWriter writes to two.
type teeWriter struct{ a, b *syncBuffer }

// Write appends to both.
func (w teeWriter) Write(p []byte) (int, error) {
	_, _ = w.a.Write(p)
	return w.b.Write(p)
}
