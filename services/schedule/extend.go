package schedule

import (
	"context"
	"fmt"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
)

// extendInterval is how often it is looked whether a new day has begun.
const extendInterval = time.Hour

// extendForever looks at once, since the process may have slept over a day, and then every hour.
func (s *Service) extendForever(ctx context.Context) {
	for ctx.Err() == nil {
		extended, err := s.extend(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.ErrorContext(ctx, "timelines were not extended", "extended", extended, "error", err)
		case extended > 0:
			s.cfg.Log.InfoContext(ctx, "timelines were extended", "extended", extended)
		}
		select {
		case <-ctx.Done():
		case <-s.cfg.Clock.After(extendInterval):
		}
	}
}

// extend compiles anew every site whose timeline ends before today's horizon does. Any process may do so, and several at
// once: each record is written by compare-and-swap, from the source it was compiled from, and whoever comes second finds
// it done. A site that cannot be compiled keeps the timeline it has, and does not keep the others from theirs.
func (s *Service) extend(ctx context.Context) (extended int, err error) {
	sources, _, err := s.cfg.Store.ListAll(ctx, sourcePrefix)
	if err != nil {
		return 0, err
	}
	records, _, err := s.cfg.Store.ListAll(ctx, published.SitePrefix)
	if err != nil {
		return 0, err
	}
	stands := make(map[string]coord.Entry, len(records))
	for _, e := range records {
		stands[e.Key] = e
	}
	_, endS := horizon(s.cfg.Clock.Now())
	for _, source := range sources {
		id, _ := published.ID(source.Key, sourcePrefix)
		record := stands[published.SitePrefix+id]
		if reaches(record, endS) {
			continue
		}
		switch err := s.extendOne(ctx, source, record); {
		case err == nil:
			extended++
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT: // somebody wrote it, with a horizon as late as ours
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || ctx.Err() != nil:
			return extended, err
		default:
			s.cfg.Log.ErrorContext(ctx, "a site's timeline cannot be extended", "site", "sites/"+id, "error", err)
		}
	}
	return extended, nil
}

// reaches says whether a published record knows the time up to endS.
func reaches(record coord.Entry, endS int64) bool {
	p, err := published.Site(record.Value)
	return record.ModRevision != 0 && err == nil && p.GetTimeline().GetToUnixS() >= endS
}

func (s *Service) extendOne(ctx context.Context, source, record coord.Entry) error {
	site, _, err := collection.Decode[*schedulev1.Site](source.Value, source.ModRevision)
	if err != nil {
		return fault.Internal(fmt.Errorf("key %s: %w", source.Key, err))
	}
	write, err := s.owner.record(site)
	if err != nil {
		return err
	}
	_, err = s.cfg.Store.Commit(ctx, []*rpcv1.Condition{
		coord.Unchanged(source.Key, source.ModRevision), coord.Unchanged(write.GetKey(), record.ModRevision),
	}, []*rpcv1.Write{write})
	return err
}
