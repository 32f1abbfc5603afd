package coord

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxGetKeys is how many keys one request reads: fewer than the operations that every etcd takes.
	maxGetKeys = 100
	// eachTimeout bounds the reading of a whole range by somebody who may be slow.
	eachTimeout = 30 * time.Minute
)

// GetSome reads keys, linearizably, and answers with those that exist, by key; a hundred of them cost one request.
func (c *Client) GetSome(ctx context.Context, keys []string) (map[string]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	found := make(map[string]Entry, len(keys))
	for len(keys) > 0 {
		part := keys[:min(len(keys), maxGetKeys)]
		keys = keys[len(part):]
		ops := make([]clientv3.Op, 0, len(part))
		for _, key := range part {
			ops = append(ops, clientv3.OpGet(c.prefix+key))
		}
		resp, err := c.etcd.Txn(ctx).Then(ops...).Commit()
		if err != nil {
			return nil, wrap(err)
		}
		for _, r := range resp.Responses {
			for _, kv := range r.GetResponseRange().GetKvs() {
				key := strings.TrimPrefix(string(kv.Key), c.prefix)
				found[key] = Entry{key, kv.Value, kv.ModRevision, kv.CreateRevision}
			}
		}
	}
	return found, nil
}

// Each reads a range as it was at a revision, in order of key, and hands over one entry after another as they come; an
// error of each ends it, and is the answer. WRONG_STATE where that revision is compacted.
func (c *Client) Each(ctx context.Context, r Range, revision int64, each func(Entry) error) error {
	ctx, cancel := context.WithTimeout(ctx, eachTimeout)
	defer cancel()
	parts, err := c.etcd.GetStream(ctx, c.prefix+r.From, clientv3.WithRange(c.prefix+r.To), clientv3.WithRev(revision))
	if err != nil {
		return gone(err)
	}
	for {
		part, ok, err := c.nextPart(parts)
		switch {
		case err != nil:
			return gone(err)
		case !ok:
			return nil
		case part.Err() != nil:
			return gone(part.Err())
		}
		for _, kv := range part.Kvs {
			e := Entry{strings.TrimPrefix(string(kv.Key), c.prefix), kv.Value, kv.ModRevision, kv.CreateRevision}
			if err := each(e); err != nil {
				return err
			}
		}
	}
}

// gone makes a fault of etcd's error, which may be that a revision is compacted.
func gone(err error) error {
	if errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, errCompacted) {
		f := fault.WrongState("", "what was then is compacted")
		f.Err = err
		return f
	}
	return wrap(err)
}
