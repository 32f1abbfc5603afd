// Package view is what the schedule service knows without asking etcd: when each site is open and which sites a line
// has, as published. It answers people's questions, not ringing phones: those have routing's view.
package view

import (
	"slices"
	"strings"
	"sync"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
)

// Range holds the keys that an Index is made from: published lines and sites, which are neighbours.
func Range() coord.Range {
	return coord.Range{From: published.LinePrefix, To: coord.Prefix(published.SitePrefix).To}
}

// Index is kept current by Apply, and is safe for concurrent use.
type Index struct {
	mu     sync.RWMutex
	listed bool
	sites  map[string]answer.Site
	lines  map[string][]string // IDs of a line's sites, in its order
	// changed is closed, and replaced, by the next Apply.
	changed chan struct{}
}

// NewIndex is an index that has heard of nothing yet.
func NewIndex() *Index {
	x := &Index{changed: make(chan struct{})}
	x.clear()
	return x
}

func (x *Index) clear() {
	x.sites = map[string]answer.Site{}
	x.lines = map[string][]string{}
}

// Apply takes over a batch of events under Range. A record that cannot be read is left out, and its keys are the answer.
func (x *Index) Apply(b coord.Batch) (unreadable []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.Reset {
		x.clear()
		x.listed = true
	}
	for _, e := range b.Events {
		if err := x.apply(e); err != nil {
			unreadable = append(unreadable, e.Key)
		}
	}
	close(x.changed)
	x.changed = make(chan struct{})
	return unreadable
}

// Changed is closed once something has been applied after this call. Take it before reading: then nothing is missed.
func (x *Index) Changed() <-chan struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changed
}

func (x *Index) apply(e coord.Event) error {
	if id, ok := published.ID(e.Key, published.SitePrefix); ok {
		delete(x.sites, id)
		if e.Value == nil {
			return nil
		}
		s, err := readSite(id, e.Value)
		if err == nil {
			x.sites[id] = s
		}
		return err
	}
	id, ok := published.ID(e.Key, published.LinePrefix)
	if !ok {
		return nil
	}
	delete(x.lines, id)
	if e.Value == nil {
		return nil
	}
	l, err := published.Line(e.Value)
	if err == nil {
		x.lines[id] = l.GetSites()
	}
	return err
}

func readSite(id string, value []byte) (answer.Site, error) {
	p, err := published.Site(value)
	if err != nil {
		return answer.Site{}, err
	}
	tl, err := timeline.FromProto(p.GetTimeline())
	if err != nil {
		return answer.Site{}, err
	}
	return answer.Site{
		Name: "sites/" + id, DisplayName: p.GetDisplayName(), TimeZone: p.GetTimeZone(), Timeline: tl,
	}, nil
}

// Listed says whether the index has heard the whole state once.
func (x *Index) Listed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listed
}

// Sites are all sites in order of name.
func (x *Index) Sites() []answer.Site {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := make([]answer.Site, 0, len(x.sites))
	for _, s := range x.sites {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b answer.Site) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// SitesOf are the sites of a line, in its order; false where there is no such line. Sites of which nothing is published
// are left out.
func (x *Index) SitesOf(lineID string) ([]answer.Site, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ids, ok := x.lines[lineID]
	list := make([]answer.Site, 0, len(ids))
	for _, id := range ids {
		if s, known := x.sites[id]; known {
			list = append(list, s)
		}
	}
	return list, ok
}
