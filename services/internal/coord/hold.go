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
		case <-c.clock.After(time.Second):
		}
	}
	return ctx.Err()
}

// holdOnce holds the key until its lease is lost, etcd does not answer, or ctx ends.
func (c *Client) holdOnce(ctx context.Context, interval func() time.Duration, key string, value func() []byte,
	changed <-chan struct{},
) {
	reqCtx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	lease, err := c.etcd.Grant(reqCtx, leaseTTLS)
	if err != nil {
		return
	}
	defer func() {
		// A fresh context: the one we were given may have ended, and the key must go now rather than with its lease.
		last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancelLast()
		_, _ = c.etcd.Revoke(last, lease.ID)
	}()
	aliveCtx, stop := context.WithCancel(ctx)
	defer stop()
	alive, err := c.etcd.KeepAlive(aliveCtx, lease.ID)
	if err != nil {
		return
	}
	dirty := true
	var resting <-chan time.Time // nil where the next write may come at once
	for {
		if dirty && resting == nil {
			if c.putUnder(ctx, lease.ID, key, value()) != nil {
				return
			}
			dirty, resting = false, c.clock.After(interval())
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-alive:
			if !ok {
				return
			}
		case <-changed:
			dirty = true
		case <-resting:
			resting = nil
		}
	}
}

func (c *Client) putUnder(ctx context.Context, lease clientv3.LeaseID, key string, value []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := c.etcd.Put(ctx, c.prefix+key, string(value), clientv3.WithLease(lease))
	return err
}
