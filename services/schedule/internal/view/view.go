// Package view is what the schedule service knows without asking etcd: when each site is open, who is on duty, who holds
// the phone, and what coverage depends on of the lines, as published; and the calendars that lines' service hours use. It
// answers people's questions, not ringing phones: those have routing's view.
package view

import (
	"maps"
	"slices"
	"strings"
	"sync"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
	"github.com/daysidehq/dayside/services/schedule/internal/sites"
)

// Range holds the keys that an Index is made from: published lines, and all that schedule publishes, which are neighbours.
func Range() coord.Range {
	return coord.Range{From: published.LinePrefix, To: coord.Prefix(published.SchedulePrefix).To}
}

// Index is kept current by Apply, and is safe for concurrent use. What it answers with is not to be changed.
type Index struct {
	mu     sync.RWMutex
	listed bool
	state
	// calendars are sources, by name: lines' service hours use them. Nil until they are known.
	calendars map[string]*schedulev1.Calendar
	// changed is closed, and replaced, by the next Apply.
	changed chan struct{}
}

// state is what is known, by ID.
type state struct {
	sites   map[string]answer.Site
	lines   map[string]Line
	rosters map[string]*roster.Roster
	custody map[string]*publishedv1.Custody
	events  map[string]*schedulev1.ScheduleEvent
}

// Line is what coverage depends on of a line.
type Line struct {
	// Name is lines/ID, DisplayName for people.
	Name, DisplayName string
	// Product and Language are what a site must have to serve it; any where empty.
	Product, Language string
	// Sites and Rotas are names, in the line's order.
	Sites, Rotas []string
	// Hours are when it is meant to be served; nil means always.
	Hours *schedulev1.ServiceHours
}

// NewIndex is an index that has heard of nothing yet.
func NewIndex() *Index { return &Index{changed: make(chan struct{}), state: nothing()} }

func nothing() state {
	return state{
		sites: map[string]answer.Site{}, lines: map[string]Line{}, rosters: map[string]*roster.Roster{},
		custody: map[string]*publishedv1.Custody{}, events: map[string]*schedulev1.ScheduleEvent{},
	}
}

// Apply takes over a batch of events under Range. A record that cannot be read is left out, and its keys are the answer.
func (x *Index) Apply(b coord.Batch) (unreadable []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.Reset {
		x.state = nothing()
		x.listed = true
	}
	for _, e := range b.Events {
		if err := x.apply(e); err != nil {
			unreadable = append(unreadable, e.Key)
		}
	}
	if b.Reset || len(b.Events) > 0 {
		close(x.changed)
		x.changed = make(chan struct{})
	}
	return unreadable
}

// SetCalendars replaces all calendars.
func (x *Index) SetCalendars(byName map[string]*schedulev1.Calendar) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.calendars = byName
	close(x.changed)
	x.changed = make(chan struct{})
}

// Calendars are the calendars by name; not to be changed.
func (x *Index) Calendars() map[string]*schedulev1.Calendar {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.calendars
}

// Changed is closed once something has been applied after this call. Take it before reading: then nothing is missed.
func (x *Index) Changed() <-chan struct{} {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.changed
}

func (x *Index) apply(e coord.Event) error {
	if id, ok := published.ID(e.Key, published.SitePrefix); ok {
		return put(x.sites, id, e.Value, func(value []byte) (answer.Site, error) { return readSite(id, value) })
	}
	if id, ok := published.ID(e.Key, published.LinePrefix); ok {
		return put(x.lines, id, e.Value, func(value []byte) (Line, error) { return readLine(id, value) })
	}
	if id, ok := published.ID(e.Key, published.RotaPrefix); ok {
		return put(x.rosters, id, e.Value, readRoster)
	}
	if id, ok := published.ID(e.Key, published.CustodyPrefix); ok {
		return put(x.custody, id, e.Value, published.Custody)
	}
	if id, ok := published.ID(e.Key, published.EventPrefix); ok {
		return put(x.events, id, e.Value, published.Event)
	}
	return nil
}

// put takes over one record; a nil value removes it, and so does one that cannot be read.
func put[T any](m map[string]T, id string, value []byte, read func([]byte) (T, error)) error {
	delete(m, id)
	if value == nil {
		return nil
	}
	item, err := read(value)
	if err == nil {
		m[id] = item
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
		Products: p.GetProducts(), Languages: p.GetLanguages(),
	}, nil
}

func readLine(id string, value []byte) (Line, error) {
	p, err := published.Line(value)
	if err != nil {
		return Line{}, err
	}
	return Line{
		Name: "lines/" + id, DisplayName: p.GetDisplayName(), Hours: p.GetServiceHours(),
		Product: p.GetProduct(), Language: p.GetLanguage(),
		Sites: named("sites/", p.GetSites()), Rotas: named("rotas/", p.GetRotas()),
	}, nil
}

func named(prefix string, ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = prefix + id
	}
	return names
}

func readRoster(value []byte) (*roster.Roster, error) {
	p, err := published.Rota(value)
	if err != nil {
		return nil, err
	}
	return roster.FromProto(p)
}

// Listed says whether the index has heard the whole state once, calendars included.
func (x *Index) Listed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listed && x.calendars != nil
}

// Sites are all sites in order of name.
func (x *Index) Sites() []answer.Site {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return byName(x.sites)
}

// Site is one site by ID; false where there is none.
func (x *Index) Site(id string) (answer.Site, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, ok := x.sites[id]
	return s, ok
}

// SitesOf are the sites of a line, in its order; false where there is no such line. Sites of which nothing is published,
// and those that cannot serve it, are left out.
func (x *Index) SitesOf(lineID string) ([]answer.Site, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l, ok := x.lines[lineID]
	list := make([]answer.Site, 0, len(l.Sites))
	for _, name := range l.Sites {
		s, known := x.sites[strings.TrimPrefix(name, "sites/")]
		if known && sites.Serves(s.Products, s.Languages, l.Product, l.Language) {
			list = append(list, s)
		}
	}
	return list, ok
}

// Line is one line by ID; false where there is none.
func (x *Index) Line(id string) (Line, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l, ok := x.lines[id]
	return l, ok
}

// Lines are all lines in order of ID.
func (x *Index) Lines() []Line {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return byName(x.lines)
}

// Roster is who is on duty by a rota's ID; nil where there is none.
func (x *Index) Roster(id string) *roster.Roster {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.rosters[id]
}

// Rosters are all rosters, in order of the rotas' IDs.
func (x *Index) Rosters() []*roster.Roster {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return byName(x.rosters)
}

// Custody is the custody record of a rota's ID; nil where nobody ever accepted.
func (x *Index) Custody(id string) *publishedv1.Custody {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.custody[id]
}

// Events are the events that are published, in order of ID.
func (x *Index) Events() []*schedulev1.ScheduleEvent {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return byName(x.events)
}

// byName is a map's values in order of its keys.
func byName[T any](m map[string]T) []T {
	list := make([]T, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[id])
	}
	return list
}
