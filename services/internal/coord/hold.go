package coord

import (
	"bytes"
	"context"
	"errors"
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
	dirty, stands := true, int64(0)
	var resting <-chan time.Time // nil where the next write may come at once
	for {
		if dirty && resting == nil {
			if stands, err = c.putUnder(ctx, id, key, value(), stands); err != nil {
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

// putUnder writes a value over what stood at a revision, and answers with the revision it stands at. A member that was
// paused may carry out what it was asked for when it wakes: by then another value stands, and that must not be undone.
func (c *Client) putUnder(ctx context.Context, lease clientv3.LeaseID, key string, value []byte, over int64) (int64, error) {
	for range maxHedges {
		// A member may be asked just when another has answered: what it is asked for is this round's, not the next one's.
		expected := clientv3.Compare(clientv3.ModRevision(c.prefix+key), "=", over)
		resp, err := hedged(ctx, c, func(ctx context.Context) (*clientv3.TxnResponse, error) {
			return c.etcd.Txn(ctx).If(expected).Then(clientv3.OpPut(c.prefix+key, string(value), clientv3.WithLease(lease))).
				Else(clientv3.OpGet(c.prefix + key)).Commit()
		})
		switch {
		case err != nil:
			return 0, err
		case resp.Succeeded:
			return resp.Header.Revision, nil
		}
		over = 0
		for _, kv := range resp.Responses[0].GetResponseRange().GetKvs() {
			if over = kv.ModRevision; kv.Lease == int64(lease) && bytes.Equal(kv.Value, value) {
				return over, nil // another member has done it
			}
		}
	}
	return 0, errContended
}

// errContended is a held key that somebody else writes, too.
var errContended = errors.New("somebody else writes the same key")
