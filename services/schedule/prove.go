package schedule

import (
	"context"
	"maps"
	"strings"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
)

// provable is a line as coverage is proved from, by what is published: what calls are decided on. NOT_FOUND where there is
// no such line.
func (s *Service) provable(name string) (proof.Line, error) {
	from, to := horizon(s.cfg.Clock.Now())
	l, err := s.askLine(name, from, to)
	return l.Proof(), err
}

// followCalendars keeps the view's calendars current, until ctx ends.
func (s *Service) followCalendars(ctx context.Context) {
	current := map[string]*schedulev1.Calendar{}
	_ = s.cfg.Store.Follow(ctx, coord.Prefix(calendarsPrefix), func(b coord.Batch) { // only ctx ends it
		if !b.Reset && len(b.Events) == 0 {
			return
		}
		next := maps.Clone(current) // readers keep the one they have
		if b.Reset {
			clear(next)
		}
		for _, e := range b.Events {
			name := strings.TrimPrefix(e.Key, sourcesPrefix)
			delete(next, name)
			if e.Value == nil {
				continue
			}
			c, _, err := collection.Decode[*schedulev1.Calendar](e.Value, e.ModRevision)
			if err != nil {
				s.cfg.Log.ErrorContext(ctx, "a calendar cannot be read", "key", e.Key, "error", err)
				continue
			}
			next[name] = c
		}
		current = next
		s.index.SetCalendars(next)
	})
}
