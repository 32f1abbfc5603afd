package coord_test

import (
	"context"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// TestALeaseThatIsLostIsTakenAnew: as after a restore, or an hour without etcd.
func TestALeaseThatIsLostIsTakenAnew(t *testing.T) {
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{srv.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	var holding sync.WaitGroup
	holding.Go(func() { _ = c.Hold(ctx, "held", func() []byte { return []byte("here") }, nil) })
	holding.Go(func() { _ = c.Announce(ctx, "routing", "p1", "127.0.0.1:1") })
	created := func() [2]int64 {
		var out [2]int64
		for i, key := range []string{"held", "discovery/routing/p1"} {
			if e, err := c.Get(t.Context(), key); err == nil {
				out[i] = e.CreateRevision
			}
		}
		return out
	}
	await.True(t, "both to be there", func() bool { n := created(); return n[0] > 0 && n[1] > 0 })
	before := created()
	leases, err := etcd.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases.Leases {
		if _, err := etcd.Revoke(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "both to be there again", func() bool { n := created(); return n[0] > before[0] && n[1] > before[1] })
	cancel()
	holding.Wait()
	if n := created(); n != [2]int64{} {
		t.Errorf("what was withdrawn still stands: %v", n)
	}
	if leases, err = etcd.Leases(t.Context()); err != nil || len(leases.Leases) != 0 {
		t.Errorf("leases are left: %v, %v", leases, err)
	}
}
