package generation

import (
	"context"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// Store is the part of coord.Client that is needed here, with its contracts.
type Store interface {
	Get(ctx context.Context, key string) (coord.Entry, error)
	List(ctx context.Context, prefix, after string, limit int) (coord.Page, error)
	ListAll(ctx context.Context, prefix string) ([]coord.Entry, int64, error)
	Keys(ctx context.Context, prefix string) ([]coord.Entry, int64, error)
	Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error)
	Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error
}

// Through is a store to which the size of a change of published records is no matter: Commit takes what would be too much
// for one transaction by way of a generation, all or nothing as ever, and Follow shows what is in force, never a staged
// record or the pointer. Everything else is the store's: Get and the lists read published records as they stand at their
// own keys, which for a moment after a large change are the ones before it.
func Through(store Store, clk clock.Clock) Store {
	return through{Store: store, clock: clk, limits: EtcdLimits()}
}

type through struct {
	Store
	clock  clock.Clock
	limits Limits
}

// Commit answers with the revision that put the writes in force.
func (t through) Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	return Commit(ctx, t.Store, t.clock, t.limits, conditions, writes)
}

// Follow shows the range as it is in force. A range that holds sites or rotas is watched together with what is staged for
// them, so that one watch brings everything that came in force at one revision.
func (t through) Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error {
	wide, concerned := widen(r)
	if !concerned {
		return t.Store.Follow(ctx, r, apply)
	}
	resolver := NewResolver()
	return t.Store.Follow(ctx, wide, func(b coord.Batch) {
		b = resolver.Resolve(b)
		if wide != r {
			b = clip(b, r)
		}
		apply(b)
	})
}

// widen is the least range that holds r, the pointer and what is staged; false where r holds no stageable key.
func widen(r coord.Range) (coord.Range, bool) {
	sites, rotas := coord.Prefix(published.SitePrefix), coord.Prefix(published.RotaPrefix)
	if !overlap(r, sites) && !overlap(r, rotas) {
		return r, false
	}
	wide := coord.Range{
		From: min(r.From, published.GenerationKey), To: max(r.To, coord.Prefix(published.StagedPrefix).To),
	}
	return wide, true
}

func overlap(a, b coord.Range) bool { return a.From < b.To && b.From < a.To }

// clip leaves out what is beyond r.
func clip(b coord.Batch, r coord.Range) coord.Batch {
	kept := make([]coord.Event, 0, len(b.Events))
	for _, e := range b.Events {
		if r.From <= e.Key && e.Key < r.To {
			kept = append(kept, e)
		}
	}
	b.Events = kept
	return b
}
