// Package names finds customers by what they are called: as somebody said or typed it, or spelled it on a keypad. A name
// that is the same but for case, accents, punctuation and legal form has confidence 1, and nothing else has; below it
// come names that share words, begin alike, are the initials, have some letters wrong, or sound alike. A confidence says
// how likely it is that this one is meant, so several that fit alike have almost the same.
//
// It finds, and proves nothing: who is calling, and what they may have, is judged elsewhere. It is pure: a view brings the
// names, and asks.
package names

import (
	"iter"
	"slices"
	"sync"
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
	Script                  // the same but for the script: one is written in other letters
	Words                   // the same words: in another order, abbreviated, or some of them
	Begins                  // it begins so
	Initials                // one is the initials of the other
	Typing                  // letters are missing, wrong or too many
	Sound                   // it sounds so
	Digits                  // it is spelled with the keys pressed, or begins so
)

// Index knows many customers' names. One goroutine writes; any number may ask meanwhile, and never wait.
//
// Names are learned in place: a change adds rows behind the others, and marks the customer's earlier ones as gone from the
// next state on. A reader asks the state that was published last, in which rows that came later do not exist, and those
// that went later do. When most rows are gone, each change moves some of the rest to a new set of rows, until that takes
// the old one's place; so no single change costs much, whatever came before it.
type Index struct {
	now     atomic.Pointer[state]
	writer  *writer
	next    *writer // takes writer's place when it knows everybody whom that one knows; nil where there is no need
	moved   uint32  // rows of writer that next has been told of
	scratch sync.Pool
}

const (
	// minGoneRows is how many rows are gone before that is worth anything.
	minGoneRows = 1024
	// maxMovedRows is how many rows one change moves.
	maxMovedRows = 64
)

// NewIndex knows nobody.
func NewIndex() *Index {
	x := &Index{writer: newWriter()}
	x.now.Store(x.writer.publish())
	return x
}

// Reset forgets everybody, and learns all, about n customers. IDs are distinct.
func (x *Index) Reset(n int, all iter.Seq[Customer]) {
	x.next = nil
	w := newWriter()
	w.learnAll(n, all)
	x.writer = w
	x.now.Store(x.writer.publish())
}

// Apply takes over changes; of several of one customer the last counts.
func (x *Index) Apply(changed []Customer) {
	changed = lastOfEach(changed)
	x.writer.apply(changed)
	if x.next != nil {
		x.next.apply(changed)
		x.move(maxMovedRows * max(1, len(changed)))
	} else if gone := int(x.writer.n) - x.writer.live; gone > minGoneRows && gone > x.writer.live {
		x.next, x.moved = newWriter(), 0
	}
	x.now.Store(x.writer.publish())
}

// move tells next of some more rows, and lets it take over after the last one.
func (x *Index) move(rows int) {
	for ; rows > 0 && x.moved < x.writer.n; rows-- {
		r := x.writer.row(x.moved)
		if r.customer == x.moved && r.died.Load() == 0 {
			if c := x.writer.customer(x.moved); !x.next.knows(c.ID) {
				x.next.add(c)
			}
		}
		x.moved++
	}
	if x.moved == x.writer.n {
		x.writer, x.next = x.next, nil
	}
}

func lastOfEach(changed []Customer) []Customer {
	if len(changed) < 2 {
		return changed
	}
	last := make(map[string]int, len(changed))
	for i, c := range changed {
		last[c.ID] = i
	}
	if len(last) == len(changed) {
		return changed
	}
	at := -1
	return slices.DeleteFunc(slices.Clone(changed), func(c Customer) bool { at++; return last[c.ID] != at })
}

// Customers is how many are known.
func (x *Index) Customers() int { return x.now.Load().customers }
