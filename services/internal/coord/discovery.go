package coord

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	grpcresolver "google.golang.org/grpc/resolver"
)

const (
	// discoveryPrefix and SERVICE/INSTANCE is where a process is found, as etcd's naming package writes it.
	discoveryPrefix = "discovery/"
	// findTimeout is after how long a call to a service of which no process is known fails rather than waits.
	findTimeout = 5 * time.Second
)

// Announce makes the process at addr found as one of the named service, until ctx ends; then it is found no longer. It
// keeps trying while etcd is away, and announces anew when a lease was lost. It returns only ctx's error.
func (c *Client) Announce(ctx context.Context, service, instance, addr string) error {
	manager, err := endpoints.NewManager(c.etcd, c.discoveryTarget(service))
	if err != nil {
		return wrap(err)
	}
	key := c.discoveryTarget(service) + "/" + instance
	for ctx.Err() == nil {
		c.announceOnce(ctx, manager, key, addr)
		select {
		case <-ctx.Done():
		case <-c.clock.After(retryAfter()):
		}
	}
	return ctx.Err()
}

// announceOnce holds one lease until it is lost or ctx ends.
func (c *Client) announceOnce(ctx context.Context, manager endpoints.Manager, key, addr string) {
	id, err := c.lease(ctx)
	if err != nil {
		return
	}
	defer c.drop(ctx, id)
	_, err = hedged(ctx, c, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, manager.AddEndpoint(ctx, key, endpoints.Endpoint{Addr: addr}, clientv3.WithLease(id))
	})
	if err == nil {
		<-c.kept(ctx, id)
	}
}

// Find tells where the processes of a service are reached, in order of address, whenever that changes, until ctx ends; it
// returns only ctx's error. While etcd is away, and where another truth knows of none yet, what was told holds.
func (c *Client) Find(ctx context.Context, service string, tell func(addresses []string)) error {
	known, told := map[string]string{}, []string(nil)
	return c.Follow(ctx, Prefix(discoveryPrefix+service+"/"), func(b Batch) {
		if b.Reset {
			clear(known)
		}
		for _, e := range b.Events {
			if addr, ok := readAddress(e.Value); ok {
				known[e.Key] = addr
			} else {
				delete(known, e.Key)
			}
		}
		now := slices.Compact(slices.Sorted(maps.Values(known)))
		if b.Reset && len(now) == 0 || slices.Equal(now, told) {
			return
		}
		told = now
		tell(now)
	})
}

// readAddress is false where nothing is reached there.
func readAddress(value []byte) (string, bool) {
	var entry struct{ Addr string }
	if json.Unmarshal(value, &entry) != nil || entry.Addr == "" {
		return "", false
	}
	return entry.Addr, true
}

// Resolver finds processes for gRPC: dial Target(service) with it. etcd's own would hold up whoever calls while etcd
// is away, and find nothing any more after a compaction that it missed.
func (c *Client) Resolver() grpcresolver.Builder { return finder{c} }

// Target is the gRPC target of a service, for use with Resolver.
func (c *Client) Target(service string) string { return "etcd:///" + service }

func (c *Client) discoveryTarget(service string) string { return c.prefix + discoveryPrefix + service }

// finder is a resolver.Builder.
type finder struct{ c *Client }

// Scheme is resolver.Builder's.
func (finder) Scheme() string { return "etcd" }

// Build is resolver.Builder's. It waits for nothing: whoever calls has a deadline.
func (f finder) Build(target grpcresolver.Target, cc grpcresolver.ClientConn, _ grpcresolver.BuildOptions) (
	grpcresolver.Resolver, error,
) {
	ctx, cancel := context.WithCancel(context.Background())
	found := &finding{cancel: cancel}
	service, first := target.Endpoint(), make(chan struct{})
	once := sync.OnceFunc(func() { close(first) })
	found.running.Go(func() {
		_ = f.c.Find(ctx, service, func(addresses []string) {
			once()
			endpoints := make([]grpcresolver.Endpoint, 0, len(addresses))
			for _, a := range addresses {
				endpoints = append(endpoints, grpcresolver.Endpoint{Addresses: []grpcresolver.Address{{Addr: a}}})
			}
			_ = cc.UpdateState(grpcresolver.State{Endpoints: endpoints}) // of none it complains to whoever calls
		})
	})
	found.running.Go(func() {
		select {
		case <-ctx.Done():
		case <-first:
		case <-f.c.clock.After(findTimeout):
			cc.ReportError(fmt.Errorf("no process of %s is found through %s", service, f.c.where()))
		}
	})
	return found, nil
}

// finding is a resolver.Resolver.
type finding struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// ResolveNow is resolver.Resolver's: what changes is told as it changes.
func (*finding) ResolveNow(grpcresolver.ResolveNowOptions) {}

// Close is resolver.Resolver's.
func (f *finding) Close() {
	f.cancel()
	f.running.Wait()
}
