package schedule

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/schedule/internal/estate"
)

// loaded is the estate as etcd holds it, with what it takes to notice that it changed.
type loaded struct {
	*estate.Estate
	// revisions are those of the sources, by name; a name that is absent was not there.
	revisions map[string]int64
	// broken are the names of sources that are there and cannot be read; load fails where there are any.
	broken map[string]bool
	// sources and lines are the revisions at which sources and lines were read.
	sources, lines int64
}

func newLoaded() *loaded {
	return &loaded{Estate: estate.New(), revisions: map[string]int64{}, broken: map[string]bool{}}
}

// load reads all that schedule owns, and the lines, linearizably. Some thousands of resources take some tens of
// milliseconds: it is for writes and for what-if, not for queries.
func (s *Service) load(ctx context.Context) (*loaded, error) {
	return s.loadUnless(ctx, func(_ string, err error) error { return err })
}

// loadUnless is load, which goes on without a source that cannot be read where broken answers nil.
func (s *Service) loadUnless(ctx context.Context, broken func(key string, err error) error) (*loaded, error) {
	l := newLoaded()
	if err := s.loadLines(ctx, l); err != nil {
		return nil, err
	}
	entries, revision, err := s.cfg.Store.ListAll(ctx, sourcesPrefix)
	if err != nil {
		return nil, err
	}
	l.sources = revision
	for _, e := range entries {
		err := l.take(e)
		if err == nil {
			continue
		}
		if err := broken(e.Key, err); err != nil {
			return nil, err
		}
		l.broken[strings.TrimPrefix(e.Key, sourcesPrefix)] = true
	}
	return l, nil
}

// loadFor reads what a write of one site depends on: no more than its calendars, where no line uses it.
func (s *Service) loadFor(ctx context.Context, item proto.Message) (*loaded, error) {
	site, ok := item.(*schedulev1.Site)
	if !ok {
		return s.load(ctx)
	}
	l := newLoaded()
	if err := s.loadLines(ctx, l); err != nil {
		return nil, err
	}
	for _, line := range l.Lines {
		if slices.Contains(line.GetSites(), site.GetName()) {
			return s.load(ctx)
		}
	}
	return l, s.loadCalendars(ctx, l, site.GetCalendars())
}

// loadCalendars adds some calendars; those that do not exist stay out.
func (s *Service) loadCalendars(ctx context.Context, l *loaded, names []string) error {
	for _, name := range names {
		e, err := s.cfg.Store.Get(ctx, sourceKey(name))
		if fault.ReasonOf(err) == rpcNotFound {
			continue
		}
		if err == nil {
			err = l.take(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) loadLines(ctx context.Context, l *loaded) error {
	entries, revision, err := s.cfg.Store.ListAll(ctx, published.LinePrefix)
	if err != nil {
		return err
	}
	l.lines = revision
	for _, e := range entries {
		p, err := published.Line(e.Value)
		if err != nil {
			return fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
		}
		line := &schedulev1.LineCoverage{
			Line: "lines/" + p.GetId(), ServiceHours: p.GetServiceHours(), Product: p.GetProduct(), Language: p.GetLanguage(),
		}
		for _, id := range p.GetSites() {
			line.Sites = append(line.Sites, "sites/"+id)
		}
		for _, id := range p.GetRotas() {
			line.Rotas = append(line.Rotas, "rotas/"+id)
		}
		l.Put(line)
	}
	return nil
}

// take adds one stored source; what is under the prefix and no resource of an estate (swaps, feeds) is passed over.
func (l *loaded) take(e coord.Entry) error {
	kind, _, _ := strings.Cut(strings.TrimPrefix(e.Key, sourcesPrefix), "/")
	var item proto.Message
	var err error
	switch kind {
	case "sites":
		item, _, err = collection.Decode[*schedulev1.Site](e.Value, e.ModRevision)
	case "calendars":
		item, _, err = collection.Decode[*schedulev1.Calendar](e.Value, e.ModRevision)
	case "people":
		item, _, err = collection.Decode[*schedulev1.Person](e.Value, e.ModRevision)
	case "rotas":
		item, _, err = collection.Decode[*schedulev1.Rota](e.Value, e.ModRevision)
	default:
		return nil
	}
	if err != nil {
		return fault.Internal(fmt.Errorf("key %s: %w", e.Key, err))
	}
	l.Put(item)
	l.revisions[strings.TrimPrefix(e.Key, sourcesPrefix)] = e.ModRevision
	return nil
}

// unchanged is the condition that a source is as it was read.
func (l *loaded) unchanged(name string) condition {
	return coord.Unchanged(sourceKey(name), l.revisions[name])
}

// sourceKey is the key of a source: names are what follows the prefix of all.
func sourceKey(name string) string { return sourcesPrefix + name }
