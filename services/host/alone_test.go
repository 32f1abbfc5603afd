package host

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
)

// shared is a log that a process writes and a test reads.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestAnEmbeddedEtcdThatCannotStart: the process answers calls with what it knew, whoever started it is told how to mend the
// rest, and nothing that follows from it is told as an error of its own.
func TestAnEmbeddedEtcdThatCannotStart(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Instance, cfg.DataDir, cfg.EtcdFast, cfg.ZoneinfoDir, cfg.StopLinger = "one", t.TempDir(), true, "", 0
	cfg.GRPCListen, cfg.HTTPListen, cfg.EtcdListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP.ListenUDP, cfg.SIP.ListenTCP = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Seed, cfg.Logger = oneLineOneSite(), slog.New(slog.DiscardHandler)
	_, stopped := run(t, cfg)
	stopped()
	heard := clock.System{}.Now()
	damageEtcd(t, filepath.Join(cfg.DataDir, "etcd"))

	log := &shared{}
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	p, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := await.Receive(t, "it to stop", done); err != nil {
			t.Error(err)
		}
	}()
	known := await.Receive(t, "it to tell what it knows", p.Alone())
	if known.Member == nil || known.Heard.After(heard) || heard.Sub(known.Heard) > time.Minute {
		t.Errorf("it knows %+v, and etcd was heard before %v", known, heard)
	}
	if route := ring(t, p.Conn()); route.GetLine() != "lines/gold" || route.GetForward() == nil {
		t.Errorf("the call goes %v", route)
	}
	select {
	case <-p.Ready():
		t.Error("it says that everything is there")
	default:
	}
	// What etcd itself says of its files comes before.
	n := strings.Count(log.String(), "level=ERROR") - strings.Count(log.String(), `level=ERROR msg="embedded etcd: `)
	if n != 1 || !strings.Contains(log.String(), "dayside restore") {
		t.Errorf("%d errors are told:\n%s", n, log)
	}
}

func ring(t *testing.T, conn grpc.ClientConnInterface) *routingv1.Route {
	t.Helper()
	resp, err := routingv1.NewRoutingServiceClient(conn).RouteCall(t.Context(), &routingv1.RouteCallRequest{
		CallId: "alone", DialledNumber: rung,
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetRoute()
}

// damageEtcd makes all of its files unreadable for it.
func damageEtcd(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.WriteFile(path, bytes.Repeat([]byte("no etcd "), 1000), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
