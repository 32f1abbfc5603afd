package coord

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// leaseTTLS is how long a killed process is still found.
	leaseTTLS = 5
	// renewEvery is how often a lease is renewed: twice may fail.
	renewEvery = 1500 * time.Millisecond
	// hedgeAfter is how long one member is given before another is asked beside it: one that is paused keeps its connections,
	// and answers nothing; one that is oceans away from the leader takes nearly a second.
	hedgeAfter = 800 * time.Millisecond
	// maxHedges bounds how many are asked.
	maxHedges = 4
	// dropTimeout is how long giving a lease back may take: it ends by itself.
	dropTimeout = 2 * time.Second
)

// retryAfter is how long to wait before a lease is taken anew: about a second, so that etcd's return is no stampede.
func retryAfter() time.Duration {
	return time.Second/2 + rand.N(time.Second) //nolint:gosec // jitter, not a secret
}

// lease takes a lease of five seconds. Another one may have been taken beside it, and ends by itself.
func (c *Client) lease(ctx context.Context) (clientv3.LeaseID, error) {
	granted, err := hedged(ctx, c, func(ctx context.Context) (*clientv3.LeaseGrantResponse, error) {
		return c.etcd.Grant(ctx, leaseTTLS)
	})
	if err != nil {
		return 0, err
	}
	return granted.ID, nil
}

// hedged asks one member, and after a while another one beside it, as etcd's client goes round them; the first answer is
// taken. What is asked must bear being done twice, and after hedged has returned: it reads nothing that changes then.
func hedged[T any](ctx context.Context, c *Client, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, maxHedges)
	for asked, failed := 1, 0; ; asked++ {
		go func() {
			value, err := ask(ctx)
			answers <- answer{value, err}
		}()
		var next <-chan time.Time
		if asked < maxHedges {
			next = c.clock.After(hedgeAfter)
		}
		for waiting := true; waiting; {
			select {
			case a := <-answers:
				if failed++; a.err == nil || failed == asked {
					return a.value, a.err
				}
			case <-next:
				waiting = false
			}
		}
	}
}

// kept renews a lease until ctx ends or the lease has; then the channel is closed. Each renewal is a request of its own: the
// stream of etcd's client clings to one member, and when that is paused all leases of the process end.
func (c *Client) kept(ctx context.Context, id clientv3.LeaseID) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		renewed := c.clock.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.clock.After(renewEvery*3/4 + rand.N(renewEvery/4)): //nolint:gosec // jitter, not a secret
			}
			_, err := hedged(ctx, c, func(ctx context.Context) (*clientv3.LeaseKeepAliveResponse, error) {
				return c.etcd.KeepAliveOnce(ctx, id)
			})
			switch {
			case err == nil:
				renewed = c.clock.Now()
			case errors.Is(err, rpctypes.ErrLeaseNotFound), c.clock.Now().Sub(renewed) > leaseTTLS*time.Second:
				return
			}
		}
	}()
	return ended
}

// drop gives a lease back, also after ctx has ended: what hangs on it must go now rather than with it.
func (c *Client) drop(ctx context.Context, id clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	_, _ = hedged(ctx, c, func(ctx context.Context) (*clientv3.LeaseRevokeResponse, error) { return c.etcd.Revoke(ctx, id) })
}
