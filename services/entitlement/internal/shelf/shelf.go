// Package shelf is what the entitlement service knows, without asking etcd, of what is published besides customers: plans
// and when their hours are, offers, grants, what was used, and the lines. It is an entitle.Catalog. Customers are package
// view's; ringing phones have routing's view.
package shelf

import (
	"maps"
	"slices"
	"strings"
	"sync"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// Shelf is kept current by Apply, and is safe for concurrent use. What it answers with is not to be changed.
type Shelf struct {
	mu        sync.RWMutex
	listed    bool
	plans     map[string]*entitle.Plan
	timelines map[string]*timeline.Timeline // by the last part of their key
	offers    map[string]*publishedv1.Offer
	lines     map[string]*publishedv1.Line
	grants    held[*publishedv1.Grant]
	usage     held[*publishedv1.Usage]
}

// New is a shelf that has heard of nothing yet.
func New() *Shelf {
	s := &Shelf{}
	s.clear()
	return s
}

func (s *Shelf) clear() {
	s.plans, s.timelines = map[string]*entitle.Plan{}, map[string]*timeline.Timeline{}
	s.offers, s.lines = map[string]*publishedv1.Offer{}, map[string]*publishedv1.Line{}
	s.grants, s.usage = newHeld[*publishedv1.Grant](), newHeld[*publishedv1.Usage]()
}

// Apply takes over a batch of events of published records; those of other kinds are passed over. A record that cannot be
// read is left out, and its keys are the answer.
func (s *Shelf) Apply(b coord.Batch) (unreadable []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Reset {
		s.clear()
		s.listed = true
	}
	for _, e := range b.Events {
		if err := s.apply(e); err != nil {
			unreadable = append(unreadable, e.Key)
		}
	}
	return unreadable
}

func (s *Shelf) apply(e coord.Event) error {
	rest, ours := strings.CutPrefix(e.Key, published.AllPrefix)
	service, rest, _ := strings.Cut(rest, "/")
	kind, id, _ := strings.Cut(rest, "/")
	if !ours || id == "" {
		return nil
	}
	switch service + "/" + kind {
	case "entitlement/plans":
		return learn(s.plans, id, e.Value, func(value []byte) (*entitle.Plan, error) {
			p, err := published.Plan(value)
			return entitle.PlanOf(p), err
		})
	case "entitlement/timelines":
		return learn(s.timelines, id, e.Value, func(value []byte) (*timeline.Timeline, error) {
			p, err := published.PlanTimeline(value)
			if err != nil {
				return nil, err
			}
			return timeline.FromProto(p.GetTimeline())
		})
	case "entitlement/offers":
		return learn(s.offers, id, e.Value, published.Offer)
	case "routing/lines":
		return learn(s.lines, id, e.Value, published.Line)
	case "entitlement/grants":
		return s.grants.learn(id, e.Value, published.Grant)
	case "entitlement/usage":
		return s.usage.learn(id, e.Value, published.Usage)
	}
	return nil
}

// learn keeps what a value says under an id; nothing where it was deleted, or cannot be read.
func learn[T any](all map[string]T, id string, value []byte, read func([]byte) (T, error)) error {
	delete(all, id)
	if value == nil {
		return nil
	}
	item, err := read(value)
	if err == nil {
		all[id] = item
	}
	return err
}

// Listed says whether the shelf has heard the whole state once.
func (s *Shelf) Listed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listed
}

// Plan by ID; nil where there is none.
func (s *Shelf) Plan(id string) *entitle.Plan {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.plans[id]
}

// Plans are all plans, by ID.
func (s *Shelf) Plans() map[string]*entitle.Plan {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.plans)
}

// Hours are those of plans in a zone with calendars; nil where nothing is known of them (yet).
func (s *Shelf) Hours(hoursID, timeZone string, calendarIDs []string) *timeline.Timeline {
	id := plans.NewUse(hoursID, timeZone, calendarIDs).ID()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.timelines[id]
}

// TimelineIDs are those of all timelines, ascending.
func (s *Shelf) TimelineIDs() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := make([]string, 0, len(s.timelines))
	for id := range s.timelines {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Offer by ID; nil where there is none.
func (s *Shelf) Offer(id string) *publishedv1.Offer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.offers[id]
}

// Line by ID; nil where there is none.
func (s *Shelf) Line(id string) *publishedv1.Line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lines[id]
}

// GrantsOf are a customer's, in order of ID.
func (s *Shelf) GrantsOf(customerID string) []*publishedv1.Grant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.grants.byCustomer[customerID])
}

// GrantsBy are those of a number that nobody knows, in order of ID.
func (s *Shelf) GrantsBy(n phone.Number) []*publishedv1.Grant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.grants.byNumber[n])
}

// GrantedPlans are, by customer ID (empty of numbers), the plans that grants give.
func (s *Shelf) GrantedPlans() map[string][]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := map[string][]string{}
	for _, g := range s.grants.all {
		if g.GetPlan() != "" {
			all[g.GetCustomer()] = append(all[g.GetCustomer()], g.GetPlan())
		}
	}
	return all
}

// GrantsOn are the names of grants by a plan that have not ended at an instant, in order.
func (s *Shelf) GrantsOn(planID string, atUnixS int64) (names []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, g := range s.grants.all {
		if g.GetPlan() == planID && atUnixS < g.GetToUnixS() {
			names = append(names, "grants/"+id)
		}
	}
	slices.Sort(names)
	return names
}

// Party is what a published customer holds, with its grants and what it used.
func (s *Shelf) Party(c *publishedv1.Customer) entitle.Party {
	p := entitle.PartyOf(c, nil)
	s.mu.RLock()
	defer s.mu.RUnlock()
	p.Grants = grantsOf(s.grants.byCustomer[c.GetId()])
	for _, u := range s.usage.byCustomer[c.GetId()] {
		p.Used = append(p.Used, entitle.UsesOf(u)...)
	}
	return p
}

// NumberParty is what a number holds that nobody knows; false where that is nothing.
func (s *Shelf) NumberParty(n phone.Number) (entitle.Party, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := s.grants.byNumber[n]
	return entitle.Party{Grants: grantsOf(list)}, len(list) > 0
}

// Goodwill is how often goodwill was shown to a customer from an instant on.
func (s *Shelf) Goodwill(customerID string, fromUnixS int64) (times int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return goodwill(s.usage.byCustomer[customerID], fromUnixS)
}

// NumberGoodwill is how often it was shown to a number that nobody knows.
func (s *Shelf) NumberGoodwill(n phone.Number, fromUnixS int64) (times int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return goodwill(s.usage.byNumber[n], fromUnixS)
}

func goodwill(list []*publishedv1.Usage, fromUnixS int64) (times int) {
	for _, u := range list {
		for _, at := range u.GetGoodwillUnixS() {
			if at >= fromUnixS {
				times++
			}
		}
	}
	return times
}

func grantsOf(list []*publishedv1.Grant) []entitle.Grant {
	out := make([]entitle.Grant, 0, len(list))
	for _, g := range list {
		out = append(out, entitle.GrantOf(g))
	}
	return out
}
