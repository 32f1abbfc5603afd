package schedule

import (
	"context"
	"fmt"
	"slices"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
)

const (
	// pastDays is how far back a timeline reaches, for questions about the calls of yesterday.
	pastDays = 2
	// aheadDays is how far ahead: 400 days, and two in which extending it may fail.
	aheadDays = 402
	dayS      = 86400
)

// horizon is what a timeline compiled at that instant covers, in whole days of UTC. All processes that compile on one day
// agree on it.
func horizon(now time.Time) (fromUnixS, toUnixS int64) {
	today := now.Unix() / dayS * dayS
	return today - pastDays*dayS, today + aheadDays*dayS
}

// owner checks and compiles sites for their collection.
type owner struct {
	store collection.Store
	clock clock.Clock
	zones sites.Zones
}

// Compile is the published record of a site, or what is wrong with it.
func (o owner) Compile(_ context.Context, s *schedulev1.Site) (collection.Effect, error) {
	write, err := o.record(s)
	if err != nil {
		return collection.Effect{}, err
	}
	return collection.Effect{Writes: []*rpcv1.Write{write}}, nil
}

func (o owner) record(s *schedulev1.Site) (*rpcv1.Write, error) {
	from, to := horizon(o.clock.Now())
	c, err := sites.Compile(s, nil, o.zones, from, to)
	if err != nil {
		return nil, err
	}
	value, err := published.Marshal(c.Record)
	if err != nil {
		return nil, fault.LimitExceeded(fmt.Sprintf("%s: %v; it needs fewer spans, or shorter names of exceptions",
			s.GetName(), err))
	}
	return coord.Put(published.SitePrefix+c.Record.GetId(), value), nil
}

// Remove takes the published record away, where no line lists the site. A line written after the lines were read makes
// the commit fail.
func (o owner) Remove(ctx context.Context, id string) (collection.Effect, error) {
	entries, revision, err := o.store.ListAll(ctx, published.LinePrefix)
	if err != nil {
		return collection.Effect{}, err
	}
	var users []string
	for _, e := range entries {
		l, err := published.Line(e.Value)
		if err != nil {
			return collection.Effect{}, fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		if slices.Contains(l.GetSites(), id) {
			users = append(users, "lines/"+l.GetId())
		}
	}
	if len(users) > 0 {
		return collection.Effect{}, fault.InUse("sites/"+id, users...)
	}
	return collection.Effect{
		Conditions: []*rpcv1.Condition{coord.NothingNewUnder(published.LinePrefix, revision)},
		Writes:     []*rpcv1.Write{coord.Delete(published.SitePrefix + id)},
	}, nil
}
