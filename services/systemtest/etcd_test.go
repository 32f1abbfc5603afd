package systemtest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// etcdAttempts is how often a start is tried: a port that was free may be taken before etcd takes it.
const etcdAttempts = 3

// etcdServer is a standalone etcd.
type etcdServer struct {
	path, dir    string
	client, peer string
	cmd          *exec.Cmd
	ended        chan struct{}
	out          *syncBuffer
	// files are its certificate, and the CA of its clients'; nil: plain text.
	files *host.TLSFiles
}

// startEtcd runs a standalone etcd until the test ends.
func startEtcd(t testing.TB) *etcdServer {
	t.Helper()
	return startEtcdWith(t, nil)
}

// startEtcdWith runs one that takes clients with certificates only, where it has one itself.
func startEtcdWith(t testing.TB, files *host.TLSFiles) *etcdServer {
	t.Helper()
	path := peer(t, "etcd")
	for range etcdAttempts {
		e := &etcdServer{path: path, dir: t.TempDir(), client: freeAddr(t), peer: freeAddr(t), files: files}
		e.run(t)
		if e.answers(t) {
			return e
		}
	}
	t.Fatal("etcd does not start")
	return nil
}

// run starts the process, on the data and the addresses it had before.
func (e *etcdServer) run(t testing.TB) {
	t.Helper()
	client := "http://" + e.client
	var secured []string
	if e.files != nil {
		client = "https://" + e.client
		secured = []string{
			"--cert-file", e.files.Cert, "--key-file", e.files.Key, "--trusted-ca-file", e.files.CA, "--client-cert-auth",
		}
	}
	e.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), e.path, append(secured, "--name", "test", "--data-dir", e.dir,
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", "http://"+e.peer, "--initial-advertise-peer-urls", "http://"+e.peer,
		"--initial-cluster", "test=http://"+e.peer, "--log-level", "error", "--unsafe-no-fsync")...)
	e.out, e.ended = &syncBuffer{}, make(chan struct{})
	e.cmd.Stdout, e.cmd.Stderr = e.out, e.out
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, ended := e.cmd, e.ended
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
}

// kill ends the process as a power failure does.
func (e *etcdServer) kill(t testing.TB) {
	t.Helper()
	if err := e.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-e.ended
}

// answers waits until etcd answers, or has ended.
func (e *etcdServer) answers(t testing.TB) bool {
	t.Helper()
	gone := false
	await.True(t, "etcd to answer", func() bool {
		select {
		case <-e.ended:
			t.Logf("etcd ended: %s", e.out.String())
			gone = true
			return true
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if e.files != nil { // what it thinks of clients is what the test is about
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.client)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		}
		c, err := coord.Open(ctx, coord.Config{Endpoints: []string{e.client}, Clock: clock.System{}})
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return !gone
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
