package generation

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

// maxFoldRounds bounds how often folding begins anew because somebody else wrote meanwhile.
const maxFoldRounds = 8

// Fold copies the staged records in force to their own keys and removes them, and removes those that a later write has
// overtaken; nothing in force changes by that. It may be called at any time, by any number of processes at once. It
// answers how many records it removed. CONFLICT where others wrote again and again.
func Fold(ctx context.Context, store Store, limits Limits) (folded int, err error) {
	for range maxFoldRounds {
		n, err := foldOnce(ctx, store, limits)
		folded += n
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return folded, err
		}
	}
	return folded, fault.Conflict("what is being folded")
}

func foldOnce(ctx context.Context, store Store, limits Limits) (folded int, err error) {
	p, err := pointer(ctx, store)
	if err != nil || p.name == "" {
		return 0, err
	}
	staged, _, err := store.ListAll(ctx, published.StagedPrefix+p.name+"/")
	if err != nil || len(staged) == 0 {
		return 0, err
	}
	own, err := revisions(ctx, store)
	if err != nil {
		return 0, err
	}
	for f := range folds(p, staged, own, limits) {
		if _, err := store.Commit(ctx, f.conditions, f.writes); err != nil {
			return folded, err
		}
		folded += f.records
	}
	return folded, nil
}

// fold is one transaction of folding.
type fold struct {
	conditions []*rpcv1.Condition
	writes     []*rpcv1.Write
	records    int
}

// folds are the transactions that fold what is staged. Each one holds only while the pointer stands, and while no record
// that it overwrites was written since.
func folds(p position, staged []coord.Entry, own map[string]int64, limits Limits) iter.Seq[fold] {
	empty := fold{conditions: []*rpcv1.Condition{coord.Unchanged(published.GenerationKey, p.revision)}}
	return func(yield func(fold) bool) {
		next := empty
		for _, e := range staged {
			_, key, known := published.Staged(e.Key)
			if !known {
				continue // a later release may know what it is
			}
			more := next.with(p, e, key, own)
			if next.records > 0 && !limits.fits(more.conditions, more.writes) {
				if !yield(next) {
					return
				}
				more = empty.with(p, e, key, own)
			}
			next = more
		}
		if next.records > 0 {
			yield(next)
		}
	}
}

// with is the transaction with one record more, which is staged for the key.
func (f fold) with(p position, e coord.Entry, key string, own map[string]int64) fold {
	if revision, exists := own[key]; exists && revision < p.revision {
		f.conditions = append(f.conditions, coord.Unchanged(key, revision))
		f.writes = append(f.writes, coord.Put(key, e.Value))
	}
	f.writes = append(f.writes, coord.Delete(e.Key))
	f.records++
	return f
}

// settle folds until nothing is left of what is in force, and answers with the revision of the pointer under which that
// is so; 0 where there never was one. Nothing is ever added to a generation in force.
func settle(ctx context.Context, store Store, limits Limits) (pointerRevision int64, err error) {
	for range maxFoldRounds {
		before, err := pointer(ctx, store)
		if err != nil || before.name == "" {
			return before.revision, err
		}
		if _, err := Fold(ctx, store, limits); err != nil {
			return 0, err
		}
		after, err := pointer(ctx, store)
		if err != nil || after == before {
			return after.revision, err
		}
	}
	return 0, fault.Conflict("the generation in force")
}

// Collect removes generations that were staged more than ten minutes ago and never came in force. It answers how many
// records it removed. Names that it cannot read are left alone.
func Collect(ctx context.Context, store Store, limits Limits, now time.Time) (removed int, err error) {
	staged, _, err := store.Keys(ctx, published.StagedPrefix)
	if err != nil || len(staged) == 0 {
		return 0, err
	}
	p, err := pointer(ctx, store)
	if err != nil {
		return 0, err
	}
	abandoned := map[string][]string{}
	for _, e := range staged {
		name, _, ok := published.Staged(e.Key)
		if at, known := stagedAt(name); ok && known && name != p.name && now.Sub(at) > abandonedAfter {
			abandoned[name] = append(abandoned[name], e.Key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(abandoned)) {
		n, err := remove(ctx, store, limits, name, abandoned[name])
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// remove deletes the records of a generation that is not in force, in order of key: the first goes first, and with it the
// rest can no longer come in force.
func remove(ctx context.Context, store Store, limits Limits, name string, keys []string) (removed int, err error) {
	p, err := pointer(ctx, store)
	if err != nil || p.name == name {
		return 0, err
	}
	conditions := []*rpcv1.Condition{coord.Unchanged(published.GenerationKey, p.revision)}
	writes := make([]*rpcv1.Write, len(keys))
	for i, key := range keys {
		writes[i] = coord.Delete(key)
	}
	for part := range limits.parts(writes) {
		if _, err := store.Commit(ctx, conditions, part); err != nil {
			return removed, err
		}
		removed += len(part)
	}
	return removed, nil
}

// parts are writes in their order, as many a part as a transaction takes.
func (l Limits) parts(writes []*rpcv1.Write) iter.Seq[[]*rpcv1.Write] {
	return func(yield func([]*rpcv1.Write) bool) {
		from, size := 0, opBytes // one condition
		for i, w := range writes {
			if i > from && (i-from == l.MaxOps || size+weight(w) > l.MaxBytes) {
				if !yield(writes[from:i]) {
					return
				}
				from, size = i, opBytes
			}
			size += weight(w)
		}
		if from < len(writes) {
			yield(writes[from:])
		}
	}
}

// position is the pointer as it stands: the generation it names, "" where there is none, and its revision.
type position struct {
	name     string
	revision int64
}

func pointer(ctx context.Context, store Store) (position, error) {
	e, err := store.Get(ctx, published.GenerationKey)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return position{}, nil
	}
	if err != nil {
		return position{}, err
	}
	g, err := published.Generation(e.Value)
	if err != nil {
		return position{revision: e.ModRevision}, nil //nolint:nilerr // names none; the next one replaces it
	}
	return position{g.GetId(), e.ModRevision}, nil
}

// revisions are those of all stageable records that exist, by key.
func revisions(ctx context.Context, store Store) (map[string]int64, error) {
	own := map[string]int64{}
	for _, prefix := range []string{published.SitePrefix, published.RotaPrefix} {
		entries, _, err := store.Keys(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			own[e.Key] = e.ModRevision
		}
	}
	return own, nil
}
