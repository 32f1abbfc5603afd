package view

import (
	"slices"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
)

// naming is who names whom: customers their parents and partners, and contracts their plans. It tells what must not be
// deleted.
type naming struct {
	// by are, by the ID of a parent or partner, the places of the customers that name it.
	by map[string][]place
	// contracts is how many there are, by their plan's ID.
	contracts map[string]int
}

func newNaming() naming { return naming{map[string][]place{}, map[string]int{}} }

// change is that of the customer at a place; each may be nil. A partner may have a million customers, and most changes are
// none of whom a customer names.
func (n *naming) change(at place, was, is *publishedv1.Customer) {
	for _, c := range was.GetContracts() {
		if n.contracts[c.GetPlan()]--; n.contracts[c.GetPlan()] == 0 {
			delete(n.contracts, c.GetPlan())
		}
	}
	for _, c := range is.GetContracts() {
		n.contracts[c.GetPlan()]++
	}
	before, after := Kin(was), Kin(is)
	for _, id := range before {
		if slices.Contains(after, id) {
			continue
		}
		n.by[id] = slices.DeleteFunc(n.by[id], func(have place) bool { return have == at })
		if len(n.by[id]) == 0 {
			delete(n.by, id)
		}
	}
	for _, id := range after {
		if !slices.Contains(before, id) {
			n.by[id] = append(n.by[id], at)
		}
	}
}

// Kin are the IDs of a customer's parent and partners, each once; nil of most.
func Kin(c *publishedv1.Customer) (ids []string) {
	if c.GetParent() != "" {
		ids = append(ids, c.GetParent())
	}
	for _, p := range c.GetPartners() {
		if !slices.Contains(ids, p.GetPartner()) {
			ids = append(ids, p.GetPartner())
		}
	}
	return ids
}

// NamedBy are IDs of customers that have one as their parent or a partner, at most limit of them, and how many do.
func (x *Index) NamedBy(id string, limit int) (ids []string, all int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := x.named.by[id]
	for _, at := range list[:min(len(list), limit)] {
		ids = append(ids, x.places[at].id)
	}
	return ids, len(list)
}

// OnPlan is how many contracts are by a plan.
func (x *Index) OnPlan(planID string) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.named.contracts[planID]
}

// Levels is how many levels of sub-accounts a customer has below it, looking no deeper than limit, and at no more than
// maxLooked customers: then there are that many at least.
func (x *Index) Levels(id string, limit int) int {
	const maxLooked = 10_000
	x.mu.RLock()
	defer x.mu.RUnlock()
	looked, level := 0, []string{id}
	for depth := range limit {
		var below []string
		for _, parent := range level {
			for _, at := range x.named.by[parent] {
				if looked++; looked > maxLooked {
					return depth
				}
				if x.at(at).GetParent() == parent {
					below = append(below, x.places[at].id)
				}
			}
		}
		if len(below) == 0 {
			return depth
		}
		level = below
	}
	return limit
}
