// Package netfault is a network that breaks as it is told: delay, jitter, loss and cuts, for each direction of each pair of
// hosts by itself. Switch joins network namespaces of one machine by TUN devices, so that what runs in them sees real
// packets lost, and reaches nothing but each other; Proxy, for where namespaces may not be made, stands in the way of
// one TCP listener and can delay and cut only.
//
// It knows nothing of Dayside, and decides not when to break.
package netfault

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Rule is what a direction of a link does to what goes over it. The zero Rule does nothing.
type Rule struct {
	// Cut takes everything, and tells nobody.
	Cut bool
	// Delay is added to each packet, and up to Jitter more by chance; order is kept.
	Delay, Jitter time.Duration
	// Loss is the share of packets that are lost, 0 to 1.
	Loss float64
}

// Rules are those of all links; safe for concurrent use. Several may be on one direction: it is cut where one cuts, delays
// add up, and each loses its share.
type Rules struct {
	mu     sync.RWMutex
	byLink map[Link][]*Rule
	chance *rand.Rand
}

// Link is one direction between two hosts.
type Link struct{ From, To string }

// NewRules draws loss and jitter by the seed.
func NewRules(seed uint64) *Rules {
	return &Rules{byLink: map[Link][]*Rule{}, chance: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable, on purpose
}

// Add puts a rule on links, until it is healed; others that are on them stay.
func (r *Rules) Add(rule Rule, links ...Link) (heal func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range links {
		r.byLink[l] = append(r.byLink[l], &rule)
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, l := range links {
			r.byLink[l] = slices.DeleteFunc(r.byLink[l], func(other *Rule) bool { return other == &rule })
			if len(r.byLink[l]) == 0 {
				delete(r.byLink, l)
			}
		}
	}
}

// Both are the links of a host with others, in both directions.
func Both(host string, others ...string) []Link {
	return append(From(host, others...), To(host, others...)...)
}

// From are the links from a host to others.
func From(host string, others ...string) []Link {
	var links []Link
	for _, other := range others {
		if other != host {
			links = append(links, Link{host, other})
		}
	}
	return links
}

// To are the links from others to a host.
func To(host string, others ...string) []Link {
	links := From(host, others...)
	for i, l := range links {
		links[i] = Link{l.To, l.From}
	}
	return links
}

// cut says whether a direction takes everything.
func (r *Rules) cut(l Link) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.ContainsFunc(r.byLink[l], func(rule *Rule) bool { return rule.Cut })
}

// judge says whether a packet goes over, and how late.
func (r *Rules) judge(l Link) (late time.Duration, passes bool) {
	r.mu.RLock()
	free := len(r.byLink[l]) == 0
	r.mu.RUnlock()
	if free {
		return 0, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rule := range r.byLink[l] {
		if rule.Cut || rule.Loss > 0 && r.chance.Float64() < rule.Loss {
			return 0, false
		}
		late += rule.Delay
		if rule.Jitter > 0 {
			late += time.Duration(r.chance.Int64N(int64(rule.Jitter)))
		}
	}
	return late, true
}
