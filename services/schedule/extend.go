package schedule

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
)

// extendInterval is how often it is looked whether a new day has begun.
const extendInterval = time.Hour

// extendForever looks as soon as the time-zone rules are known, since the process may have slept over a day, and then every
// hour.
func (s *Service) extendForever(ctx context.Context) {
	for ctx.Err() == nil {
		changed := s.cfg.Rules.Changed()
		if s.cfg.Rules.Load() == nil { // the process began while etcd was away
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		extended, err := s.extend(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE: // they know 400 days, and etcd may be away for long
			s.cfg.Log.WarnContext(ctx, "timelines were not extended; it is tried again in an hour", "extended", extended,
				"error", err)
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

// extend compiles anew every site and rota whose record ends before today's horizon does. Any process may do so, and several
// at once: each record is written by compare-and-swap, from the sources it was compiled from, and whoever comes second finds
// it done. What cannot be compiled keeps the record it has, and does not keep the others from theirs.
func (s *Service) extend(ctx context.Context) (extended int, err error) {
	rules, err := s.rules()
	if err != nil {
		return 0, err
	}
	l, err := s.loadUnless(ctx, func(key string, err error) error {
		s.cfg.Log.ErrorContext(ctx, "a source cannot be read", "key", key, "error", err)
		return nil // the others shall not wait for it
	})
	if err != nil {
		return 0, err
	}
	stands, err := s.standing(ctx)
	if err != nil {
		return 0, err
	}
	from, endS := horizon(s.cfg.Clock.Now())
	d := &draft{before: l, after: l.Estate, rules: rules, Compiler: estate.NewCompiler(rules, from, endS)}
	for _, name := range slices.Sorted(maps.Keys(l.revisions)) {
		record, published := stands[name]
		if kind := estate.KindOf(l.Get(name)); kind != "sites" && kind != "rotas" || published && record.endS >= endS {
			continue
		}
		switch err := s.extendOne(ctx, d, name, record.revision); {
		case err == nil:
			extended++
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT: // somebody wrote it, with a horizon as late as ours
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE || ctx.Err() != nil:
			return extended, err
		default:
			s.cfg.Log.ErrorContext(ctx, "what is published of it cannot be extended", "name", name, "error", err)
		}
	}
	if err := s.removeOrphans(ctx, l, stands); err != nil {
		return extended, err
	}
	return extended, s.sweepSwaps(ctx, l)
}

// removeOrphans deletes records whose source is gone: a large change may have brought one back that was deleted meanwhile.
func (s *Service) removeOrphans(ctx context.Context, l *loaded, stands map[string]standingRecord) error {
	for _, name := range slices.Sorted(maps.Keys(stands)) {
		if _, known := l.revisions[name]; known || l.broken[name] {
			continue
		}
		_, err := s.cfg.Store.Commit(ctx, []condition{
			coord.Unchanged(sourceKey(name), 0), coord.Unchanged(published.SchedulePrefix+name, stands[name].revision),
		}, []*rpcv1.Write{coord.Delete(published.SchedulePrefix + name)})
		switch {
		case err == nil:
			s.cfg.Log.WarnContext(ctx, "a published record without its source was removed", "name", name)
		case fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT: // or it was made, or removed, meanwhile
			return err
		}
	}
	return nil
}

// standingRecord is a published record: until when it knows, 0 where it cannot be read.
type standingRecord struct{ endS, revision int64 }

// standing are the published records of sites and rotas, by name.
func (s *Service) standing(ctx context.Context) (map[string]standingRecord, error) {
	all := map[string]standingRecord{}
	for _, prefix := range []string{published.SitePrefix, published.RotaPrefix} {
		entries, _, err := s.cfg.Store.ListAll(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := strings.TrimPrefix(e.Key, published.SchedulePrefix)
			all[name] = standingRecord{knownUntil(prefix, e.Value), e.ModRevision}
		}
	}
	return all, nil
}

func knownUntil(prefix string, value []byte) int64 {
	if prefix == published.RotaPrefix {
		if p, err := published.Rota(value); err == nil {
			return p.GetToUnixS()
		}
		return 0
	}
	if p, err := published.Site(value); err == nil {
		return p.GetTimeline().GetToUnixS()
	}
	return 0
}

func (s *Service) extendOne(ctx context.Context, d *draft, name string, recordRevision int64) error {
	item := d.after.Get(name)
	writes, err := d.record(item)
	if err != nil {
		return err
	}
	conditions := []condition{
		d.before.unchanged(name), coord.Unchanged(published.SchedulePrefix+name, recordRevision), d.rulesStand(),
	}
	// A rota hangs on its people, and they on calendars; a site on its calendars.
	conditions = append(conditions, d.before.nothingNew(calendarsPrefix, peoplePrefix)...)
	_, err = s.cfg.Store.Commit(ctx, conditions, writes)
	return err
}
