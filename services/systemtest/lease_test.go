package systemtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// TestAPausedMemberTakesNobodyOutOfDiscovery: it keeps its connections and answers nothing, and leases end after five seconds.
func TestAPausedMemberTakesNobodyOutOfDiscovery(t *testing.T) {
	const processes, pause = 6, 12 * time.Second
	etcd := startEtcdCluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range processes {
		c := etcd.client(t)
		running.Go(func() { _ = c.Announce(ctx, "routing", fmt.Sprintf("p%d", i), "127.0.0.1:1") })
		running.Go(func() {
			_ = c.Hold(ctx, fmt.Sprintf("status/processes/p%d", i), func() []byte { return []byte("here") }, nil)
		})
	}
	watcher, err := coord.Open(t.Context(), coord.Config{Endpoints: etcd.endpoints()[1:], Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watcher.Close() }()
	var mu sync.Mutex
	held, gone := map[string]bool{}, map[string]time.Time{}
	for _, prefix := range []string{"discovery/", "status/"} {
		running.Go(func() {
			_ = watcher.Follow(ctx, coord.Prefix(prefix), func(b coord.Batch) {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range b.Events {
					if held[e.Key] = e.Value != nil; e.Value == nil {
						gone[e.Key] = clock.System{}.Now()
					}
				}
			})
		})
	}
	await.True(t, "all to be there", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(held) == 2*processes
	})
	etcd.members[0].pause(t)
	<-clock.System{}.After(pause) // what must not happen can only be waited for
	etcd.members[0].resume(t)
	mu.Lock()
	defer mu.Unlock()
	if len(gone) > 0 {
		t.Errorf("%d of %d went while a member was paused: %v", len(gone), 2*processes, slices.Sorted(maps.Keys(gone)))
	}
}
