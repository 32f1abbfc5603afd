// Package keeper keeps the keys of continuations in etcd: it makes the next one in time and removes those that nothing
// needs any more, as internal/continuation says. Every routing process may have one: of several one makes each key, by
// compare-and-swap.
//
// It hands keys to nobody; processes see them in their views. Secrets are in the values it writes, and nowhere else: not in
// a key's name, a log or an error.
package keeper

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
)

// turnEvery is how often keys are looked after: many times within the hours that a key is made before its time.
const turnEvery = 10 * time.Minute

// Store is the part of etcd that a keeper needs; coord.Client is one.
type Store interface {
	// ListAll reads every key with a prefix, linearizably.
	ListAll(ctx context.Context, prefix string) (entries []coord.Entry, revision int64, err error)
	// Commit writes all where all conditions hold, else nothing: CONFLICT.
	Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error)
}

// Keeper looks after the keys of a cluster. Safe for concurrent use.
type Keeper struct {
	store Store
	clock clock.Clock
	log   *slog.Logger
}

// New is a keeper; all of its arguments are required.
func New(store Store, c clock.Clock, log *slog.Logger) *Keeper { return &Keeper{store, c, log} }

// Run looks after the keys until ctx ends, and returns its error. While etcd is away the keys stay as they are, and go on
// sealing and opening.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		if err := k.Turn(ctx); err != nil && ctx.Err() == nil {
			k.log.WarnContext(ctx, "keys of continuations cannot be looked after; those that stand go on", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-k.clock.After(turnEvery):
		}
	}
}

// Turn does once what is to be done. That another process was first is no error.
func (k *Keeper) Turn(ctx context.Context) error {
	entries, _, err := k.store.ListAll(ctx, continuation.Prefix)
	if err != nil {
		return err
	}
	standing := map[uint64]int64{} // revisions by number
	var keys []continuation.Key
	for _, e := range entries {
		key, err := continuation.ReadKey(strings.TrimPrefix(e.Key, continuation.Prefix), e.Value)
		if err != nil {
			k.log.WarnContext(ctx, "a key of continuations cannot be read", "key", e.Key, "error", err)
			continue
		}
		keys, standing[key.Number] = append(keys, key), e.ModRevision
	}
	add, remove := continuation.Next(continuation.NewRing(keys...), k.clock.Now())
	var conditions []*rpcv1.Condition
	var writes []*rpcv1.Write
	for _, number := range remove {
		name := continuation.EtcdKey(number)
		conditions, writes = append(conditions, coord.Unchanged(name, standing[number])), append(writes, coord.Delete(name))
	}
	if add.Number != 0 {
		var secret [continuation.SecretBytes]byte
		_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
		value, err := add.Value(secret)
		if err != nil {
			return fmt.Errorf("a key of continuations: %w", err)
		}
		conditions = append(conditions, coord.Unchanged(continuation.EtcdKey(add.Number), 0))
		if add.Number > 1 {
			conditions = append(conditions, coord.Exists(continuation.EtcdKey(add.Number-1)))
		}
		writes = append(writes, coord.Put(continuation.EtcdKey(add.Number), value))
	}
	if len(writes) == 0 {
		return nil
	}
	if _, err = k.store.Commit(ctx, conditions, writes); fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return nil
	}
	return err
}
