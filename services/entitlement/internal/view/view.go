// Package view is what the entitlement service knows without asking etcd: who has which number, and which product each
// line is for, as published (Index); and what customers are called (Directory). It answers people's questions and callers'
// words, not ringing phones: those have routing's view.
package view

import (
	"slices"
	"sync"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// Range holds the keys that an Index is made from: published customers and lines, and none of the far larger timelines.
func Range() coord.Range {
	return coord.Range{From: published.CustomerPrefix, To: coord.Prefix(published.LinePrefix).To}
}

// Index is kept current by Apply, and is safe for concurrent use.
type Index struct {
	mu        sync.RWMutex
	listed    bool
	customers map[string]*publishedv1.Customer
	byNumber  map[phone.Number][]string // customer IDs, ascending
	lines     map[string]string         // product by line ID
}

// NewIndex is an index that has heard of nothing yet.
func NewIndex() *Index {
	x := &Index{}
	x.clear()
	return x
}

func (x *Index) clear() {
	x.customers = map[string]*publishedv1.Customer{}
	x.byNumber = map[phone.Number][]string{}
	x.lines = map[string]string{}
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
		if !x.apply(e) {
			unreadable = append(unreadable, e.Key)
		}
	}
	return unreadable
}

func (x *Index) apply(e coord.Event) bool {
	if id, ok := published.ID(e.Key, published.CustomerPrefix); ok {
		x.forget(id)
		if e.Value == nil {
			return true
		}
		c, err := published.Customer(e.Value)
		if err == nil {
			x.learn(id, c)
		}
		return err == nil
	}
	id, ok := published.ID(e.Key, published.LinePrefix)
	if !ok {
		return true
	}
	delete(x.lines, id)
	if e.Value == nil {
		return true
	}
	l, err := published.Line(e.Value)
	if err == nil {
		x.lines[id] = l.GetProduct()
	}
	return err == nil
}

func (x *Index) forget(id string) {
	for _, digits := range x.customers[id].GetNumbers() {
		n := phone.Number(digits)
		left := slices.DeleteFunc(x.byNumber[n], func(have string) bool { return have == id })
		if len(left) == 0 {
			delete(x.byNumber, n)
			continue
		}
		x.byNumber[n] = left
	}
	delete(x.customers, id)
}

func (x *Index) learn(id string, c *publishedv1.Customer) {
	x.customers[id] = c
	for _, digits := range c.GetNumbers() {
		n := phone.Number(digits)
		at, have := slices.BinarySearch(x.byNumber[n], id)
		if !have {
			x.byNumber[n] = slices.Insert(x.byNumber[n], at, id)
		}
	}
}

// Listed says whether the index has heard the whole state once.
func (x *Index) Listed() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listed
}

// Product of a line; false where there is no such line.
func (x *Index) Product(lineID string) (string, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p, ok := x.lines[lineID]
	return p, ok
}

// Customer is what is published of one; false where nothing is. The record is not to be changed.
func (x *Index) Customer(id string) (*publishedv1.Customer, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c, ok := x.customers[id]
	return c, ok
}

// WhoHas is the customers that have the number, in order of ID, at most limit of them. The records are not to be changed.
func (x *Index) WhoHas(n phone.Number, limit int) []*publishedv1.Customer {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ids := x.byNumber[n]
	out := make([]*publishedv1.Customer, 0, min(len(ids), limit))
	for _, id := range ids[:min(len(ids), limit)] {
		out = append(out, x.customers[id])
	}
	return out
}
