package coord

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// minHoldInterval is the least time between two writes of a held key: what changes faster is written together.
const minHoldInterval = 250 * time.Millisecond

// Hold keeps a key under a lease of its own, at what value answers, until ctx ends; then the key goes, as it does within
// some seconds where the process is killed. A receive from changed says that value may answer otherwise: the first is
// written at once, others at most every 250 ms. It keeps trying while etcd is away, and takes a new lease where one was
// lost. It returns only ctx's error. value is called from one goroutine.
func (c *Client) Hold(ctx context.Context, key string, value func() []byte, changed <-chan struct{}) error {
	return c.HoldEvery(ctx, func() time.Duration { return minHoldInterval }, key, value, changed)
}

// HoldEvery is Hold with another least time between two writes, asked for at each one: for keys of which there are many.
func (c *Client) HoldEvery(ctx context.Context, interval func() time.Duration, key string, value func() []byte,
	changed <-chan struct{},
) error {
	for ctx.Err() == nil {
		c.holdOnce(ctx, interval, key, value, changed)
		select {
		case <-ctx.Done():
		case <-c.clock.After(retryAfter()):
		}
	}
	return ctx.Err()
}

// holdOnce holds the key until its lease is lost, etcd does not answer, or ctx ends.
func (c *Client) holdOnce(ctx context.Context, interval func() time.Duration, key string, value func() []byte,
	changed <-chan struct{},
) {
	id, err := c.lease(ctx)
	if err != nil {
		return
	}
	defer c.drop(ctx, id)
	keeping, stop := context.WithCancel(ctx)
	defer stop()
	ended := c.kept(keeping, id)
	dirty := true
	var resting <-chan time.Time // nil where the next write may come at once
	for {
		if dirty && resting == nil {
			if c.putUnder(ctx, id, key, value()) != nil {
				return
			}
			dirty, resting = false, c.clock.After(interval())
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-changed:
			dirty = true
		case <-resting:
			resting = nil
		}
	}
}

func (c *Client) putUnder(ctx context.Context, lease clientv3.LeaseID, key string, value []byte) error {
	return c.tries(ctx, func(ctx context.Context) error {
		_, err := c.etcd.Put(ctx, c.prefix+key, string(value), clientv3.WithLease(lease))
		return err
	})
}
