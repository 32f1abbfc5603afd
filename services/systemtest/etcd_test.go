package systemtest

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/freeaddr"
)

// etcdAttempts is how often a start is tried: a port that was free may be taken before etcd takes it.
const etcdAttempts = 3

// etcdServer is a standalone etcd, or a member of a cluster.
type etcdServer struct {
	path, dir    string
	client, peer string
	// name and cluster are its own and, as --initial-cluster has them, all members' names.
	name, cluster string
	// more flags.
	more  []string
	cmd   *exec.Cmd
	ended chan struct{}
	out   *syncBuffer
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
		e := &etcdServer{path: path, dir: t.TempDir(), client: freeAddr(t), peer: freeAddr(t), files: files, name: "test"}
		e.cluster = "test=http://" + e.peer
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
	e.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), e.path, append(slices.Concat(secured, e.more), "--name", e.name,
		"--data-dir", e.dir,
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", "http://"+e.peer, "--initial-advertise-peer-urls", "http://"+e.peer,
		"--initial-cluster", e.cluster, "--log-level", "error", "--unsafe-no-fsync")...)
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

// pause stops the process without ending it: its connections stay, and nothing comes of them. resume undoes it.
func (e *etcdServer) pause(t testing.TB) { e.signal(t, syscall.SIGSTOP) }

// resume has a paused process go on.
func (e *etcdServer) resume(t testing.TB) { e.signal(t, syscall.SIGCONT) }

func (e *etcdServer) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := e.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// etcdCluster is three members, each a process, with election in half a second.
type etcdCluster struct{ members []*etcdServer }

// startEtcdCluster runs one until the test ends. Each member can be killed and run again, paused and resumed.
func startEtcdCluster(t testing.TB) *etcdCluster {
	t.Helper()
	path := peer(t, "etcd")
	for range etcdAttempts {
		c := &etcdCluster{}
		var names []string
		for i := range 3 {
			e := &etcdServer{
				path: path, dir: t.TempDir(), client: freeAddr(t), peer: freeAddr(t), name: fmt.Sprintf("m%d", i),
				more: []string{"--heartbeat-interval", "50", "--election-timeout", "500"},
			}
			c.members, names = append(c.members, e), append(names, e.name+"=http://"+e.peer)
		}
		for _, e := range c.members {
			e.cluster = strings.Join(names, ",")
			e.run(t)
		}
		if !slices.ContainsFunc(c.members, func(e *etcdServer) bool { return !e.answers(t) }) {
			return c
		}
	}
	t.Fatal("the etcd cluster does not start")
	return nil
}

// endpoints are all members', as --etcd takes them.
func (c *etcdCluster) endpoints() []string {
	var all []string
	for _, e := range c.members {
		all = append(all, e.client)
	}
	return all
}

// client is a connection to all members, until the test ends.
func (c *etcdCluster) client(t testing.TB) *coord.Client {
	t.Helper()
	client, err := coord.Open(t.Context(), coord.Config{Endpoints: c.endpoints(), Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
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
		defer func() { _ = c.Close() }()
		return c.Reach(ctx) == nil
	})
	return !gone
}

// freeAddr is a loopback address nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	return freeaddr.Loopback(t)
}
