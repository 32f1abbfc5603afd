package systemtest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// etcdAttempts is how often a start is tried: a port that was free may be taken before etcd takes it.
const etcdAttempts = 3

// startEtcd runs a standalone etcd until the test ends, and answers with its client address.
func startEtcd(t testing.TB) string {
	t.Helper()
	path := peer(t, "etcd")
	for range etcdAttempts {
		if client, ok := tryEtcd(t, path); ok {
			return client
		}
	}
	t.Fatal("etcd does not start")
	return ""
}

func tryEtcd(t testing.TB, path string) (client string, ok bool) {
	t.Helper()
	client, peerAddr := freeAddr(t), freeAddr(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--name", "test", "--data-dir", t.TempDir(),
		"--listen-client-urls", "http://"+client, "--advertise-client-urls", "http://"+client,
		"--listen-peer-urls", "http://"+peerAddr, "--initial-advertise-peer-urls", "http://"+peerAddr,
		"--initial-cluster", "test=http://"+peerAddr, "--log-level", "error", "--unsafe-no-fsync")
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	gone := false
	await.True(t, "etcd to answer", func() bool {
		select {
		case <-ended:
			t.Logf("etcd ended: %s", out.String())
			gone = true
			return true
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c, err := coord.Open(ctx, coord.Config{Endpoints: []string{client}, Clock: clock.System{}})
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return client, !gone
}

// freeAddr is a loopback address nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
