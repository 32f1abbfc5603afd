package entitlement_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// sharedEtcd is of all tests: a start of one costs more than most of them do.
type sharedEtcd struct {
	once   sync.Once
	dir    string
	server *embed.Server
	err    error
	tests  atomic.Int64
}

var shared sharedEtcd

func (s *sharedEtcd) start() {
	if s.dir, s.err = os.MkdirTemp("", "entitlement-etcd"); s.err == nil {
		s.server, s.err = embed.Start(context.Background(), embed.Config{Dir: s.dir, Listen: "127.0.0.1:0", Fast: true})
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Close()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// newEtcd is a cluster's keys in an etcd in which other tests have theirs.
func newEtcd(t testing.TB) *coord.Client {
	t.Helper()
	shared.once.Do(shared.start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return client(t, shared.server, fmt.Sprintf("/test-%d/", shared.tests.Add(1)))
}

// ownEtcd is an etcd of its own; a fast one syncs nothing.
func ownEtcd(t testing.TB, fast bool) *coord.Client {
	t.Helper()
	server, err := embed.Start(context.Background(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: fast})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return client(t, server, "")
}

func client(t testing.TB, server *embed.Server, prefix string) *coord.Client {
	t.Helper()
	c, err := coord.Open(context.Background(), coord.Config{
		Endpoints: []string{server.Endpoint()}, Prefix: prefix, Clock: clock.System{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
