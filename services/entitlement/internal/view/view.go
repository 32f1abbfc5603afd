// Package view is what the entitlement service knows of customers without asking etcd: who has which number, and who names
// whom, as published (Index); and what they are called, and by which other clues they are found (Directory). It answers
// people's questions and callers' words, not ringing phones: those have routing's view. All else that is published is
// package shelf's.
package view

import (
	"slices"
	"strings"
	"sync"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// Range holds the keys that an Index and a Shelf are made from: all that entitlement publishes, and lines; none of the far
// larger timelines of sites.
func Range() coord.Range {
	return coord.Range{From: published.CustomerPrefix, To: coord.Prefix(published.LinePrefix).To}
}

// Index is kept current by Apply, and is safe for concurrent use. It holds a million customers in half a gigabyte: each as
// the bytes that were published, which are read when it is asked for.
type Index struct {
	mu     sync.RWMutex
	listed bool
	*known
}

// known is all that an index knows.
type known struct {
	// places are customers, by where they stand; those in free are nobody's.
	places []record
	free   []place
	// byID are the places of customers, and byNumber of those who have a number, which several customers' leads to shared.
	byID     map[string]place
	byNumber map[phone.Number]place
	shared   map[phone.Number][]place // in order of ID
	named    naming
}

// record is a customer as it was published.
type record struct {
	id    string
	value []byte
}

// place is where a customer stands; several is no customer's.
type place uint32

const several = ^place(0)

// NewIndex is an index that has heard of nothing yet.
func NewIndex() *Index { return &Index{known: nothing()} }

func nothing() *known {
	return &known{
		byID: map[string]place{}, byNumber: map[phone.Number]place{}, shared: map[phone.Number][]place{},
		named: newNaming(),
	}
}

// Apply takes over a batch of events under Range, and passes over those of others than customers. A record that cannot be
// read is left out, and its key is in the answer. One goroutine applies; while it reads a whole list, others are answered
// from what was known before.
func (x *Index) Apply(b coord.Batch) (unreadable []string) {
	if b.Reset {
		fresh := nothing()
		unreadable = fresh.take(b.Events)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.known, x.listed = fresh, true
		return unreadable
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.take(b.Events)
}

func (k *known) take(events []coord.Event) (unreadable []string) {
	for _, e := range events {
		if !k.apply(e) {
			unreadable = append(unreadable, e.Key)
		}
	}
	return unreadable
}

func (k *known) apply(e coord.Event) bool {
	id, ok := published.ID(e.Key, published.CustomerPrefix)
	if !ok {
		return true
	}
	at, was := k.forget(id)
	if e.Value == nil {
		k.named.change(at, was, nil)
		return true
	}
	c, err := published.Customer(e.Value)
	if err != nil {
		k.named.change(at, was, nil)
		return false
	}
	k.named.change(k.learn(id, c, e.Value), was, c) // where it stood, if it did
	return true
}

// forget is where the customer stood, and what it was; the first place that is free is that one then.
func (k *known) forget(id string) (at place, was *publishedv1.Customer) {
	at, ok := k.byID[id]
	if !ok {
		return several, nil
	}
	was = k.at(at)
	for _, digits := range was.GetNumbers() {
		k.dropNumber(phone.Number(digits), at)
	}
	delete(k.byID, id)
	k.places[at] = record{}
	k.free = append(k.free, at)
	return at, was
}

func (k *known) dropNumber(n phone.Number, at place) {
	switch holder, ok := k.byNumber[n]; {
	case !ok, holder != several && holder != at: // said twice, and dropped already
	case holder == at:
		delete(k.byNumber, n)
	default:
		left := slices.DeleteFunc(k.shared[n], func(have place) bool { return have == at })
		if k.shared[n] = left; len(left) == 1 {
			k.byNumber[n] = left[0]
			delete(k.shared, n)
		}
	}
}

func (k *known) learn(id string, c *publishedv1.Customer, value []byte) (at place) {
	if n := len(k.free); n > 0 {
		at, k.free = k.free[n-1], k.free[:n-1]
	} else {
		at = place(len(k.places)) //nolint:gosec // etcd holds far fewer
		k.places = append(k.places, record{})
	}
	k.places[at], k.byID[id] = record{id, value}, at
	for _, digits := range c.GetNumbers() {
		k.addNumber(phone.Number(digits), at)
	}
	return at
}

func (k *known) addNumber(n phone.Number, at place) {
	holder, taken := k.byNumber[n]
	switch {
	case !taken:
		k.byNumber[n] = at
		return
	case holder == at:
		return
	case holder != several:
		k.byNumber[n], k.shared[n] = several, []place{holder}
	}
	i, have := slices.BinarySearchFunc(k.shared[n], k.places[at].id, func(p place, id string) int {
		return strings.Compare(k.places[p].id, id)
	})
	if !have {
		k.shared[n] = slices.Insert(k.shared[n], i, at)
	}
}

// at reads a customer, which was read without an error when it came.
func (k *known) at(p place) *publishedv1.Customer {
	c, _ := published.Customer(k.places[p].value)
	return c
}

// Listed says whether the index has heard the whole state once.
func (x *Index) Listed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listed
}

// Customer is what is published of one, read for whoever asks; false where nothing is.
func (x *Index) Customer(id string) (*publishedv1.Customer, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p, ok := x.byID[id]
	if !ok {
		return nil, false
	}
	return x.at(p), true
}

// WhoHas is the customers that have the number, in order of ID, at most limit of them.
func (x *Index) WhoHas(n phone.Number, limit int) []*publishedv1.Customer {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var holders []place
	switch holder, ok := x.byNumber[n]; {
	case !ok:
	case holder == several:
		holders = x.shared[n]
	default:
		holders = []place{holder}
	}
	out := make([]*publishedv1.Customer, 0, min(len(holders), limit))
	for _, p := range holders[:min(len(holders), limit)] {
		out = append(out, x.at(p))
	}
	return out
}
