package coord

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// revokeTimeout bounds the giving back of a lease that nothing hangs on any more.
const revokeTimeout = time.Second

// PutFor writes a key that goes by itself after ttl, in whole seconds, unless it is written again; no process need live for
// that. CONFLICT where a condition does not hold. It answers with the revision that put it in force.
func (c *Client) PutFor(ctx context.Context, ttl time.Duration, conditions []*rpcv1.Condition, key string, value []byte) (
	int64, error,
) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	lease, err := hedged(ctx, c, func(ctx context.Context) (*clientv3.LeaseGrantResponse, error) {
		return c.etcd.Grant(ctx, int64((ttl+time.Second-1)/time.Second))
	})
	if err != nil {
		return 0, wrap(err)
	}
	cmps := make([]clientv3.Cmp, 0, len(conditions))
	for _, cond := range conditions {
		cmps = append(cmps, c.compare(cond))
	}
	resp, err := c.etcd.Txn(ctx).If(cmps...).
		Then(clientv3.OpPut(c.prefix+key, string(value), clientv3.WithLease(lease.ID), clientv3.WithPrevKV())).Commit()
	switch {
	case err != nil:
		// Whether it was written is not known: then the lease must stay.
		return 0, wrap(err)
	case !resp.Succeeded:
		c.giveBack(ctx, lease.ID)
		return 0, fault.Conflict("the configuration")
	}
	// The key has left the lease of the write before, which nothing else hangs on: who writes often leaves no heap of them.
	if before := resp.Responses[0].GetResponsePut().GetPrevKv(); before.GetLease() != 0 {
		c.giveBack(ctx, clientv3.LeaseID(before.GetLease()))
	}
	return resp.Header.Revision, nil
}

// giveBack may fail: the lease ends by itself.
func (c *Client) giveBack(ctx context.Context, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	_, _ = c.etcd.Revoke(ctx, lease)
}
