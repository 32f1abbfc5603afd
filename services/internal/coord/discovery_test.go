package coord_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/resolver"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// dialler is a connection of gRPC's that is told where to connect.
type dialler struct {
	resolver.ClientConn

	mu   sync.Mutex
	told string
}

func (d *dialler) UpdateState(s resolver.State) error {
	var all []string
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			all = append(all, a.Addr)
		}
	}
	slices.Sort(all)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = strings.Join(all, " ")
	return nil
}

func (d *dialler) ReportError(error) {}

func (d *dialler) finds(t *testing.T, want string) {
	t.Helper()
	await.True(t, "the processes "+want, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.told == want
	})
}

// find begins to look for the processes of a service, as gRPC does for a first call: it must not take its time.
func find(t *testing.T, c *coord.Client) *dialler {
	t.Helper()
	builder := c.Resolver()
	target, err := url.Parse(c.Target("ledger"))
	if err != nil {
		t.Fatal(err)
	}
	d, built := &dialler{}, make(chan resolver.Resolver, 1)
	go func() {
		r, err := builder.Build(resolver.Target{URL: *target}, d, resolver.BuildOptions{})
		if err != nil {
			t.Error(err)
		}
		built <- r
	}()
	select {
	case r := <-built:
		if r != nil {
			t.Cleanup(r.Close)
		}
	case <-(clock.System{}).After(await.Limit): // where etcd is away, it would be for ever
		t.Fatal("whoever calls waits for etcd, whatever their deadline")
	}
	return d
}

func announce(t *testing.T, c *coord.Client, instance, addr string) (withdraw func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Announce(ctx, "ledger", instance, addr) }()
	withdraw = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(withdraw)
	return withdraw
}

// Who looks for a service while etcd is away holds nobody up, and finds it when etcd is back.
func TestAServiceIsFoundOnceEtcdIsThere(t *testing.T) {
	endpoint, direct := member(t)
	announce(t, direct, "a", "a.example:1")
	way := newRelay(t, "")
	d := find(t, connect(t, way.listener.Addr().String()))
	way.lead(endpoint)
	d.finds(t, "a.example:1")
}

// What happened to the processes of a service while this one was cut off was compacted, as it is after a restore: it finds
// those that are there, and goes on finding those that come.
func TestAServiceIsFoundAfterACompaction(t *testing.T) {
	endpoint, direct := member(t)
	withdraw := announce(t, direct, "a", "a.example:1")
	way := newRelay(t, endpoint)
	d := find(t, connect(t, way.listener.Addr().String()))
	d.finds(t, "a.example:1")
	way.lead("")
	withdraw()
	announce(t, direct, "b", "b.example:1")
	await.True(t, "the other process to be announced", func() bool {
		all, _, err := direct.ListAll(t.Context(), "discovery/ledger/")
		return err == nil && len(all) == 1
	})
	revision := write(t, direct, "v/more", "1")
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	if _, err := etcd.Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	way.lead(endpoint)
	d.finds(t, "b.example:1")
	announce(t, direct, "c", "c.example:1")
	d.finds(t, "b.example:1 c.example:1")
}
