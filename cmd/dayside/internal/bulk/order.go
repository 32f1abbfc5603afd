package bulk

import (
	"slices"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// maxHeld bounds the customers that wait for others to be written.
const maxHeld = 200_000

// order has customers written so that they can be brought in again line by line: each behind its parent and partners. They
// come in order of name, so that one waits only for those whose names are behind its own, and for those that wait.
type order struct {
	write func(*entitlementv1.Customer) error
	// held are those that wait, by name, and waiting who waits for a name.
	held    map[string]*held
	waiting map[string][]*held
}

// held is a customer, and for how many it waits.
type held struct {
	customer *entitlementv1.Customer
	missing  int
}

func newOrder(write func(*entitlementv1.Customer) error) *order {
	return &order{write, map[string]*held{}, map[string][]*held{}}
}

// refersTo are the names that a customer refers to, each once.
func refersTo(c *entitlementv1.Customer) (names []string) {
	if c.GetParent() != "" {
		names = append(names, c.GetParent())
	}
	for _, p := range c.GetPartners() {
		if !slices.Contains(names, p.GetPartner()) {
			names = append(names, p.GetPartner())
		}
	}
	return names
}

// add writes a customer, or keeps it until those are written that it refers to.
func (o *order) add(c *entitlementv1.Customer) error {
	h := &held{customer: c}
	if len(o.held) < maxHeld {
		for _, name := range refersTo(c) {
			if name > c.GetName() || o.held[name] != nil {
				o.waiting[name] = append(o.waiting[name], h)
				h.missing++
			}
		}
	}
	if h.missing > 0 {
		o.held[c.GetName()] = h
		return nil
	}
	for ready := []*entitlementv1.Customer{c}; len(ready) > 0; ready = ready[1:] {
		name := ready[0].GetName()
		if err := o.write(ready[0]); err != nil {
			return err
		}
		for _, h := range o.waiting[name] {
			if h.missing--; h.missing == 0 {
				delete(o.held, h.customer.GetName())
				ready = append(ready, h.customer)
			}
		}
		delete(o.waiting, name)
	}
	return nil
}

// end writes those that still wait: for one another, or for somebody who is gone. To whom they refer in vain follows behind
// them all, in a line of its own.
func (o *order) end() error {
	var names []string
	for name := range o.held {
		names = append(names, name)
	}
	slices.Sort(names)
	var rest []*entitlementv1.Customer
	for _, name := range names {
		c := o.held[name].customer
		later := &entitlementv1.Customer{Name: name}
		if len(o.waiting[c.GetParent()]) > 0 {
			later.Parent, c.Parent = c.GetParent(), ""
		}
		c.Partners = slices.DeleteFunc(slices.Clone(c.GetPartners()), func(p *entitlementv1.PartnerAccess) bool {
			gone := len(o.waiting[p.GetPartner()]) > 0
			if gone {
				later.Partners = append(later.Partners, p)
			}
			return gone
		})
		if err := o.write(c); err != nil {
			return err
		}
		rest = append(rest, later)
	}
	for _, later := range rest {
		if err := o.write(later); err != nil {
			return err
		}
	}
	clear(o.held)
	clear(o.waiting)
	return nil
}
