package generation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

// maxCommits bounds how often a generation is tried anew after another one came in force before it.
const maxCommits = 4

// Commit writes all of a plan or nothing, whatever the number of published records in it, and answers with the revision
// that put it in force. Where the plan is within limits, or has nothing to stage, that is one transaction of the store.
// Else the puts of records that exist are staged, and the rest goes with the pointer: sources, deletions, new records and
// all conditions. What etcd does not take even so is LIMIT_EXCEEDED, and so are more records than a generation may hold.
// CONFLICT where a condition does not hold; a generation of somebody else that came in force meanwhile is no conflict of
// itself.
func Commit(ctx context.Context, store Store, clk clock.Clock, limits Limits, conditions []*rpcv1.Condition,
	writes []*rpcv1.Write) (int64, error) {
	if limits.fits(conditions, writes) || !slices.ContainsFunc(writes, stageable) {
		return store.Commit(ctx, conditions, writes)
	}
	s := stager{store: store, limits: limits, name: newName(clk.Now())}
	records, rest, err := s.split(ctx, writes)
	if err != nil {
		return 0, err
	}
	if len(records) == 0 {
		return store.Commit(ctx, conditions, writes)
	}
	if err := s.stage(ctx, records); err != nil {
		s.discard(ctx, records, err)
		return 0, err
	}
	revision, err := s.commit(ctx, conditions, rest, coord.Exists(records[0].GetKey()))
	if err != nil {
		s.discard(ctx, records, err)
		return 0, err
	}
	return revision, nil
}

func stageable(w *rpcv1.Write) bool { return !w.GetDelete() && published.Stageable(w.GetKey()) }

// stager makes one generation.
type stager struct {
	store  Store
	limits Limits
	name   string
}

// split is what is to be staged, in order of key, and what must go with the pointer. A staged record stands only where
// there is one already: so a new one goes with the pointer.
func (s stager) split(ctx context.Context, writes []*rpcv1.Write) (records, rest []*rpcv1.Write, err error) {
	exist, err := revisions(ctx, s.store)
	if err != nil {
		return nil, nil, err
	}
	size := 0
	for _, w := range writes {
		if _, ok := exist[w.GetKey()]; !ok || !stageable(w) {
			rest = append(rest, w)
			continue
		}
		record := coord.Put(published.StagedKey(s.name, w.GetKey()), w.GetValue())
		size += weight(record)
		records = append(records, record)
	}
	if len(records) > maxStagedRecords || size > maxStagedBytes {
		return nil, nil, fault.LimitExceeded(fmt.Sprintf("a change of %d compiled records of %d bytes together; one change "+
			"holds at most %d of %d bytes", len(records), size, maxStagedRecords, maxStagedBytes))
	}
	slices.SortFunc(records, func(a, b *rpcv1.Write) int { return strings.Compare(a.GetKey(), b.GetKey()) })
	return records, rest, nil
}

// stage writes the records where nobody reads them. The first of them stands for all: it is written before the others and
// removed before them, and without it nothing comes in force.
func (s stager) stage(ctx context.Context, records []*rpcv1.Write) error {
	for part := range s.limits.parts(records) {
		if _, err := s.store.Commit(ctx, nil, part); err != nil {
			return err
		}
	}
	return nil
}

// commit puts the generation in force together with the rest of the plan. What was in force before must be folded by
// then, since the pointer names one generation only; so the pointer must not move in between, and where it does, what
// came in force is folded too and the commit is tried again: the plan's own conditions say whether it is still true.
func (s stager) commit(ctx context.Context, conditions []*rpcv1.Condition, rest []*rpcv1.Write, whole *rpcv1.Condition,
) (int64, error) {
	value, err := published.Marshal(&publishedv1.Generation{Id: s.name})
	if err != nil {
		return 0, fault.Internal(err)
	}
	writes := append(slices.Clip(rest), coord.Put(published.GenerationKey, value))
	for try := 1; ; try++ {
		before, err := settle(ctx, s.store, s.limits)
		if err != nil {
			return 0, err
		}
		all := append(slices.Clip(conditions), coord.Unchanged(published.GenerationKey, before), whole)
		revision, err := s.store.Commit(ctx, all, writes)
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT || try == maxCommits {
			return revision, err
		}
		now, lookErr := pointer(ctx, s.store)
		if lookErr != nil {
			return 0, lookErr
		}
		if now.revision == before {
			return 0, err // it is the plan that is out of date
		}
	}
}

// discard removes what was staged in vain, where it is certain that it never comes in force. What it leaves does no harm,
// and is removed later by Collect.
func (s stager) discard(ctx context.Context, records []*rpcv1.Write, why error) {
	switch fault.ReasonOf(why) {
	case rpcv1.Reason_REASON_CONFLICT, rpcv1.Reason_REASON_LIMIT_EXCEEDED:
	default:
		return // the commit may have been done, and its answer lost
	}
	keys := make([]string, len(records))
	for i, w := range records {
		keys[i] = w.GetKey()
	}
	_, _ = remove(ctx, s.store, s.limits, s.name, keys)
}
