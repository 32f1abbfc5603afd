// Package netfault is a network that breaks as it is told: delay, jitter, loss and cuts, for each direction of each pair of
// hosts by itself. Switch joins network namespaces of one machine by TUN devices, so that what runs in them sees real
// packets lost, and reaches nothing but each other; Proxy, for where namespaces may not be made, stands in the way of
// one TCP listener and can delay and cut only.
//
// It knows nothing of Dayside, and decides not when to break.
package netfault

import (
	"math/rand/v2"
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

// Rules are those of all links; safe for concurrent use. Links without one do nothing.
type Rules struct {
	mu     sync.RWMutex
	byLink map[link]Rule
	chance *rand.Rand
}

type link struct{ from, to string }

// NewRules draws loss and jitter by the seed.
func NewRules(seed uint64) *Rules {
	return &Rules{byLink: map[link]Rule{}, chance: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable, on purpose
}

// Set makes the rule of one direction; the zero Rule heals it.
func (r *Rules) Set(from, to string, rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rule == (Rule{}) {
		delete(r.byLink, link{from, to})
		return
	}
	r.byLink[link{from, to}] = rule
}

// Heal takes all rules away.
func (r *Rules) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.byLink)
}

// get is the rule of one direction.
func (r *Rules) get(from, to string) Rule {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byLink[link{from, to}]
}

// judge says whether a packet goes over, and how late.
func (r *Rules) judge(from, to string) (late time.Duration, passes bool) {
	rule := r.get(from, to)
	if rule == (Rule{}) {
		return 0, true
	}
	if rule.Cut {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if rule.Loss > 0 && r.chance.Float64() < rule.Loss {
		return 0, false
	}
	late = rule.Delay
	if rule.Jitter > 0 {
		late += time.Duration(r.chance.Int64N(int64(rule.Jitter)))
	}
	return late, true
}
