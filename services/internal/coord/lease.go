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
	// leaseTry is how long one member is given before another is asked: one that is paused keeps its connections, and answers
	// nothing.
	leaseTry = 700 * time.Millisecond
	// leaseTries bounds how often something is asked before the lease is given up for now.
	leaseTries = 4
)

// retryAfter is how long to wait before a lease is taken anew: about a second, so that etcd's return is no stampede.
func retryAfter() time.Duration {
	return time.Second/2 + rand.N(time.Second) //nolint:gosec // jitter, not a secret
}

// lease takes a lease of five seconds.
func (c *Client) lease(ctx context.Context) (id clientv3.LeaseID, err error) {
	err = c.tries(ctx, func(ctx context.Context) error {
		granted, err := c.etcd.Grant(ctx, leaseTTLS)
		if err == nil {
			id = granted.ID
		}
		return err
	})
	return id, err
}

// tries asks one member after another, as etcd's client goes round them. What is asked must bear being done twice.
func (c *Client) tries(ctx context.Context, ask func(context.Context) error) (err error) {
	for range leaseTries {
		try, cancel := context.WithTimeout(ctx, leaseTry)
		err = ask(try)
		late := try.Err() != nil
		cancel()
		if err == nil || !late || ctx.Err() != nil {
			return err
		}
	}
	return err
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
			err := c.tries(ctx, func(ctx context.Context) error {
				_, err := c.etcd.KeepAliveOnce(ctx, id)
				return err
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*leaseTry)
	defer cancel()
	_ = c.tries(ctx, func(ctx context.Context) error {
		_, err := c.etcd.Revoke(ctx, id)
		return err
	})
}
