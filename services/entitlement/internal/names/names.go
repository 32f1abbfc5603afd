// Package names finds customers by what they are called: as somebody said or typed it, or spelled it on a keypad. A name
// that is the same but for case, accents, punctuation and legal form has confidence 1, and nothing else has; below it
// come names that share words or begin alike.
//
// It finds, and proves nothing: who is calling, and what they may have, is judged elsewhere. It does not forgive a letter
// that is wrong. It is pure: a view brings the names, and asks.
package names

import (
	"slices"
	"strings"
	"sync/atomic"
)

// Customer is what one customer is called.
type Customer struct {
	ID string
	// Names, the display name first; none: the customer is gone.
	Names []string
}

// Match is a customer who can be meant.
type Match struct {
	ID string
	// Name is the one of the customer's names that fits best.
	Name string
	// Confidence is 0 to 1.
	Confidence float64
	// Why it can be meant: what Name and that which was said have in common.
	Why Why
}

// Why somebody can be meant.
type Why uint8

// The reasons, from the one that says most.
const (
	Exact    Why = iota + 1 // the same but for case, accents, punctuation and legal form: confidence 1, and nothing else has it
	Words                   // the same words: in another order, abbreviated, or some of them
	Begins                  // it begins so
	Initials                // one is the initials of the other
	Typing                  // letters are missing, wrong or too many
	Sound                   // it sounds so
	Digits                  // it is spelled with the keys pressed, or begins so
)

// Index knows many customers' names. One goroutine writes; any number may ask meanwhile, and never wait.
//
// It is made of segments that do not change: a change makes a small one, and segments that are not much smaller than the
// one before are made one again. So a change costs by its own size, and there are few segments to ask.
type Index struct{ now atomic.Pointer[[]slot] }

// slot is a segment, and which of its customers were changed since.
type slot struct {
	*segment
	dead bits
	gone int // how many are dead
}

func (s slot) live() int { return len(s.customers) - s.gone }

// mergeRatio: a segment is larger than the next one by more than this, so 1,000,000 customers have at most ten.
const mergeRatio = 4

// NewIndex knows nobody.
func NewIndex() *Index {
	x := &Index{}
	x.now.Store(&[]slot{})
	return x
}

// Reset forgets everybody, and learns all. IDs are distinct.
func (x *Index) Reset(all []Customer) {
	named := slices.DeleteFunc(slices.Clone(all), func(c Customer) bool { return len(c.Names) == 0 })
	x.now.Store(ptr(push(nil, named)))
}

// Apply takes over changes; of several of one customer the last counts.
func (x *Index) Apply(changed []Customer) {
	last := map[string]int{}
	for i, c := range changed {
		last[c.ID] = i
	}
	slots := slices.Clone(*x.now.Load())
	owned := make([]bool, len(slots))
	var learned []Customer
	for i, c := range changed {
		if last[c.ID] != i {
			continue
		}
		if len(c.Names) > 0 {
			learned = append(learned, c)
		}
		for j := range slots {
			at, ok := slots[j].find(c.ID)
			if !ok || slots[j].dead.has(at) {
				continue
			}
			if !owned[j] {
				slots[j].dead, owned[j] = slices.Clone(slots[j].dead), true
			}
			slots[j].dead.set(at)
			slots[j].gone++
		}
	}
	x.now.Store(ptr(settle(push(slots, learned))))
}

// Customers is how many are known.
func (x *Index) Customers() int {
	n := 0
	for _, s := range *x.now.Load() {
		n += s.live()
	}
	return n
}

// push adds a segment of those customers.
func push(slots []slot, customers []Customer) []slot {
	if len(customers) == 0 {
		return slots
	}
	g := newSegment(customers)
	return append(slots, slot{segment: g, dead: newBits(len(g.customers))})
}

// settle keeps segments few, and none mostly dead.
func settle(slots []slot) []slot {
	for i := 0; i < len(slots); i++ {
		if slots[i].gone > slots[i].live() {
			rest := slices.Clone(slots[i+1:])
			slots = append(push(slots[:i], slots[i].alive()), rest...)
			i--
		}
	}
	for n := len(slots); n > 1 && slots[n-1].live()*mergeRatio >= slots[n-2].live(); n = len(slots) {
		slots = push(slots[:n-2], append(slots[n-2].alive(), slots[n-1].alive()...))
	}
	return slots
}

// alive are the customers of a slot as they were learned.
func (s slot) alive() []Customer {
	out := make([]Customer, 0, s.live())
	for i, c := range s.customers {
		if !s.dead.has(uint32(i)) {
			out = append(out, c)
		}
	}
	return out
}

// find is a customer's place in the segment.
func (g *segment) find(id string) (uint32, bool) {
	at, ok := slices.BinarySearchFunc(g.customers, id, func(c Customer, id string) int { return strings.Compare(c.ID, id) })
	return uint32(at), ok
}

// bits is a set of small numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) has(i uint32) bool { return b[i/64]>>(i%64)&1 == 1 }

func (b bits) set(i uint32) { b[i/64] |= 1 << (i % 64) }

func ptr(s []slot) *[]slot { return &s }
