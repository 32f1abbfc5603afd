package coord

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// epochKey holds a rpcv1.ClusterEpoch. No view follows it.
const epochKey = "cluster/epoch"

// Truth is whose truth etcd tells: an etcd that was restored from a backup, or made anew, tells another one, and then what
// was known before is worth nothing. Two are the same where they are equal.
type Truth struct {
	// ClusterID is etcd's own id of itself.
	ClusterID uint64
	// Epoch is random, and another one after each restore; zero where no process that may write it has found it missing yet.
	Epoch [16]byte
}

// String is for logs.
func (t Truth) String() string {
	return fmt.Sprintf("%016x/%s", t.ClusterID, hex.EncodeToString(t.Epoch[:]))
}

// Head asks etcd, with one linearizable read, whose truth it tells and what its revision is. Where there is no epoch, or
// one of another etcd, as after a restore, it writes a new one, if this process may.
func (c *Client) Head(ctx context.Context) (truth Truth, revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for range 2 { // of those who write an epoch at once one does, and the others read it
		resp, err := c.read(ctx, c.prefix+epochKey)
		if err != nil {
			return Truth{}, 0, err
		}
		truth, revision = Truth{ClusterID: resp.Header.ClusterId}, resp.Header.Revision
		var written int64
		if len(resp.Kvs) > 0 {
			written = resp.Kvs[0].ModRevision
			if epoch, ok := readEpoch(resp.Kvs[0].Value, truth.ClusterID); ok {
				truth.Epoch = epoch
				return truth, revision, nil
			}
		}
		if c.mayNotWriteEpoch.Load() {
			return truth, revision, nil
		}
		epoch, at, err := c.writeEpoch(ctx, truth.ClusterID, written)
		if err != nil {
			return Truth{}, 0, err
		}
		if at > 0 {
			truth.Epoch = epoch
			return truth, at, nil
		}
	}
	return truth, revision, nil
}

// readEpoch is the epoch in a record; false where that is of another etcd, or cannot be read.
func readEpoch(value []byte, clusterID uint64) (epoch [16]byte, ok bool) {
	var e rpcv1.ClusterEpoch
	if proto.Unmarshal(value, &e) != nil || e.GetClusterId() != clusterID || len(e.GetEpoch()) != len(epoch) {
		return epoch, false
	}
	copy(epoch[:], e.GetEpoch())
	return epoch, epoch != [16]byte{}
}

// writeEpoch writes a new epoch while the record stands at a revision; at is 0 where it does not, or where this process may
// not write it.
func (c *Client) writeEpoch(ctx context.Context, clusterID uint64, written int64) (epoch [16]byte, at int64, err error) {
	_, _ = rand.Read(epoch[:]) // it never fails
	value, err := proto.Marshal(&rpcv1.ClusterEpoch{
		ClusterId: clusterID, Epoch: epoch[:], CreateTime: timestamppb.New(c.clock.Now()),
	})
	if err != nil {
		return epoch, 0, fmt.Errorf("the cluster's epoch: %w", err)
	}
	key := c.prefix + epochKey
	resp, err := c.etcd.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", written)).
		Then(clientv3.OpPut(key, string(value))).Commit()
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		if c.mayNotWriteEpoch.CompareAndSwap(false, true) {
			c.log.DebugContext(ctx, "this process may not write the cluster's epoch: another one will")
		}
		return epoch, 0, nil
	case errors.Is(err, rpctypes.ErrNoSpace):
		return epoch, 0, nil // read it all the same
	case err != nil:
		return epoch, 0, wrap(err)
	case !resp.Succeeded:
		return epoch, 0, nil
	}
	c.log.InfoContext(ctx, "a new epoch of the cluster begins", "cluster", fmt.Sprintf("%016x", clusterID))
	return epoch, resp.Header.Revision, nil
}

// errRefused is an etcd of which no member takes a connection.
var errRefused = errors.New("no member takes a connection")

// Knock is Reach for whoever can go on without etcd: it fails at once where no member takes a connection, and waits for an
// answer where one does, which across oceans is slow.
func (c *Client) Knock(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if c.refused(ctx) {
			cancel(errRefused)
		}
	}()
	err := c.Reach(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errRefused) {
		return fault.Unavailable(c.where(), errRefused)
	}
	return err
}

// refused returns true once all connections have failed, and false when ctx ends.
func (c *Client) refused(ctx context.Context) bool {
	conn := c.etcd.ActiveConnection()
	conn.Connect()
	for state := conn.GetState(); state != connectivity.TransientFailure; state = conn.GetState() {
		if !conn.WaitForStateChange(ctx, state) {
			return false
		}
	}
	return true
}

// Reach fails, with one clear line, unless etcd answers.
func (c *Client) Reach(ctx context.Context) error {
	if _, _, err := c.Head(ctx); err != nil {
		return fault.Unavailable(c.where(), err)
	}
	return nil
}
