package entitlement

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/frugal"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/tzdata"
)

const (
	// rulesKey says by which rules all customers are compiled: the revision of tzdata.Key, decimal. It has another name than in
	// releases that did not compile what clocks do to a plan's grace: all are looked at once more.
	rulesKey = "entitlement/compiled"
	// maxPageRecords is how many customers, grants, promises or counts are read at once by what looks at all of them.
	maxPageRecords = 1000
	// maxBatchCustomers is how many are written at once: with three keys each, a transaction that every etcd takes.
	maxBatchCustomers = 50
	// recompileRetry is how soon a round that failed is tried anew.
	recompileRetry = 10 * time.Second
)

// keepToRules compiles customers anew whenever other rules are in force than those they were compiled by, until ctx ends.
func (s *Service) keepToRules(ctx context.Context) {
	for ctx.Err() == nil {
		changed := s.cfg.Rules.Changed()
		var retry <-chan time.Time
		if rules := s.cfg.Rules.Load(); rules != nil && rules.Revision != 0 {
			written, err := s.recompile(ctx, rules)
			switch {
			case ctx.Err() != nil:
				return
			case fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT: // the rules changed again
				retry = s.cfg.Clock.After(recompileRetry)
			case err != nil:
				s.cfg.Log.ErrorContext(ctx, "customers are not all compiled by the time-zone rules in force",
					"release", rules.Release(), "written", written, "error", err)
				retry = s.cfg.Clock.After(recompileRetry)
			case written > 0:
				s.cfg.Log.InfoContext(ctx, "customers were compiled by other time-zone rules",
					"release", rules.Release(), "written", written)
			}
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-retry:
		}
	}
}

// recompile writes the records of all customers whose dates are other instants by these rules, in batches, each by
// compare-and-swap. Any process may do so, and several at once: whoever comes second finds it done. What others write
// meanwhile is right already, since it is written on the condition that these rules stand. Where the rules change again
// while it is at work, it ends early: the next round has the others.
func (s *Service) recompile(ctx context.Context, rules *tzdata.Rules) (written int, err error) {
	done, err := s.compiledBy(ctx)
	if err != nil || done.revision == rules.Revision {
		return 0, err
	}
	defer frugal.Collect()() // a million customers are garbage, each as soon as it is read
	r := round{s: s, rules: rules}
	for after := ""; ; {
		page, err := s.cfg.Store.List(ctx, sourcePrefix, after, maxPageRecords)
		if err != nil {
			return r.written, err
		}
		if err := r.page(ctx, page.Entries); err != nil {
			return r.written, err
		}
		if !page.More || len(page.Entries) == 0 {
			break
		}
		after = page.Entries[len(page.Entries)-1].Key
	}
	_, err = s.cfg.Store.Commit(ctx, []*rpcv1.Condition{
		coord.Unchanged(tzdata.Key, rules.Revision), coord.Unchanged(rulesKey, done.modRevision),
	}, []*rpcv1.Write{coord.Put(rulesKey, strconv.AppendInt(nil, rules.Revision, 10))})
	return r.written, unlessConflict(err)
}

// mark is what stands under rulesKey.
type mark struct{ revision, modRevision int64 }

func (s *Service) compiledBy(ctx context.Context) (mark, error) {
	e, err := s.cfg.Store.Get(ctx, rulesKey)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, err
	}
	revision, err := strconv.ParseInt(string(e.Value), 10, 64)
	if err != nil {
		revision = 0 // nobody knows: all are looked at again
	}
	return mark{revision, e.ModRevision}, nil
}

// round is one pass over all customers.
type round struct {
	s       *Service
	rules   *tzdata.Rules
	written int
}

// change is a record to be written, and the source and the record that it is made from and replaces.
type change struct {
	source, record coord.Entry
	write          *rpcv1.Write
}

func (r *round) page(ctx context.Context, sources []coord.Entry) error {
	stands, err := r.standing(ctx, sources)
	if err != nil {
		return err
	}
	var batch []change
	for _, source := range sources {
		c, differs, err := r.compile(source, stands)
		if err != nil {
			// It keeps its record, and does not keep the others from theirs.
			r.s.cfg.Log.ErrorContext(ctx, "a customer cannot be compiled by the time-zone rules in force", "key", source.Key,
				"release", r.rules.Release(), "error", err)
			continue
		}
		if !differs {
			continue
		}
		if batch = append(batch, c); len(batch) == maxBatchCustomers {
			if err := r.write(ctx, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	return r.write(ctx, batch)
}

// standing are the published records of the sources' customers, by key. They are in the same order, one each.
func (r *round) standing(ctx context.Context, sources []coord.Entry) (map[string]coord.Entry, error) {
	stands := make(map[string]coord.Entry, len(sources))
	if len(sources) == 0 {
		return stands, nil
	}
	id, _ := published.ID(sources[len(sources)-1].Key, sourcePrefix)
	last := published.CustomerPrefix + id
	id, _ = published.ID(sources[0].Key, sourcePrefix)
	first, err := r.s.cfg.Store.Get(ctx, published.CustomerPrefix+id)
	if err == nil {
		stands[first.Key] = first
	} else if fault.ReasonOf(err) != rpcv1.Reason_REASON_NOT_FOUND {
		return nil, err
	}
	for after := published.CustomerPrefix + id; after < last; {
		page, err := r.s.cfg.Store.List(ctx, published.CustomerPrefix, after, maxPageRecords)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			stands[e.Key] = e
			after = e.Key
		}
		if !page.More {
			break
		}
	}
	return stands, nil
}

// compile is a customer's record by the rules, and whether it is another one than stands. A customer without a record was
// written, or deleted, while we looked.
func (r *round) compile(source coord.Entry, stands map[string]coord.Entry) (change, bool, error) {
	c, _, err := collection.Decode[*entitlementv1.Customer](source.Value, source.ModRevision)
	if err != nil {
		return change{}, false, fmt.Errorf("key %s: %w", source.Key, err)
	}
	if c.GetTimeZone() == "" {
		return change{}, false, nil
	}
	write, err := record(c, r.rules)
	if err != nil {
		return change{}, false, err
	}
	stood, there := stands[write.GetKey()]
	return change{source, stood, write}, there && !bytes.Equal(stood.Value, write.GetValue()), nil
}

// write commits changes together; where somebody wrote one of them meanwhile, or they are too large together,
// each by itself.
func (r *round) write(ctx context.Context, batch []change) error {
	if len(batch) == 0 {
		return nil
	}
	conditions := []*rpcv1.Condition{coord.Unchanged(tzdata.Key, r.rules.Revision)}
	writes := make([]*rpcv1.Write, 0, len(batch))
	for _, c := range batch {
		conditions = append(conditions, coord.Unchanged(c.source.Key, c.source.ModRevision),
			coord.Unchanged(c.record.Key, c.record.ModRevision))
		writes = append(writes, c.write)
	}
	_, err := r.s.cfg.Store.Commit(ctx, conditions, writes)
	conflict := fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT
	large := fault.ReasonOf(err) == rpcv1.Reason_REASON_LIMIT_EXCEEDED
	switch {
	case err == nil:
		r.written += len(batch)
		return nil
	case len(batch) == 1 && conflict:
		return r.stillStand(ctx)
	case !conflict && !large || len(batch) == 1:
		return err
	}
	for i := range batch {
		if err := r.write(ctx, batch[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// stillStand tells a customer that somebody wrote from rules that somebody changed.
func (r *round) stillStand(ctx context.Context) error {
	e, err := r.s.cfg.Store.Get(ctx, tzdata.Key)
	if err == nil && e.ModRevision != r.rules.Revision {
		err = fault.Conflict("the time-zone rules")
	}
	return err
}

func unlessConflict(err error) error {
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return nil
	}
	return err
}
