package entitlement

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/plans"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/published"
)

// uses is which hours are used in which zones and with which calendars, and which customers let others call for them. What
// customers begin to use is added at once; what none of them uses any more is found by looking at all.
type uses struct {
	mu   sync.Mutex
	have map[plans.Use]bool
	// stale says that all customers are to be looked at: at first, when plans change, and once a day.
	stale bool
	// clients are, by partner, the customers that it may call for; partners the reverse.
	clients  map[string]map[string]bool
	partners map[string][]string
	changed  chan struct{}
	// revision is one at which all is known that was written until then; 0 before the first list. moved is closed by the next.
	revision int64
	moved    chan struct{}
}

func newUses() *uses {
	return &uses{
		have: map[plans.Use]bool{}, stale: true, changed: make(chan struct{}, 1),
		clients: map[string]map[string]bool{}, partners: map[string][]string{}, moved: make(chan struct{}),
	}
}

// heard takes over what is published: what belongs on the shelf, and of customers what is needed here. Keys of records that
// cannot be read are the answer; those of customers are the index's to tell.
func (c *catalog) heard(b coord.Batch) (unreadable []string) {
	unreadable = c.shelf.Apply(b)
	if len(b.Events) == 0 && !b.Reset {
		return unreadable // a heartbeat
	}
	limited := c.limited()
	c.used.mu.Lock()
	defer c.used.mu.Unlock()
	c.used.revision = b.Revision
	close(c.used.moved)
	c.used.moved = make(chan struct{})
	if b.Reset {
		c.used.stale, c.used.clients, c.used.partners = true, map[string]map[string]bool{}, map[string][]string{}
	}
	for _, e := range b.Events {
		if id, ok := published.ID(e.Key, published.CustomerPrefix); ok {
			c.used.customer(id, e.Value, limited)
		}
		if strings.HasPrefix(e.Key, published.PlanPrefix) {
			c.used.stale = true
		}
	}
	c.used.wake()
	return unreadable
}

// apply takes over what is published: in the index first, where the catalog looks customers up.
func (s *Service) apply(b coord.Batch) (unreadable []string) {
	unreadable = s.index.Apply(b)
	return append(unreadable, s.catalog.heard(b)...)
}

// limited are the hours of plans that are not round the clock, by plan.
func (c *catalog) limited() map[string]string {
	hoursIDs := map[string]string{}
	for id, p := range c.shelf.Plans() {
		if p.HoursID != "" {
			hoursIDs[id] = p.HoursID
		}
	}
	return hoursIDs
}

// seen is a revision at which all of the index and the shelf is known, and what tells that more is; VIEW_NOT_READY before
// they are listed.
func (c *catalog) seen() (revision int64, moved <-chan struct{}, err error) {
	c.used.mu.Lock()
	defer c.used.mu.Unlock()
	if c.used.revision == 0 {
		return 0, nil, notReady("who names whom")
	}
	return c.used.revision, c.used.moved, nil
}

func (u *uses) wake() {
	select {
	case u.changed <- struct{}{}:
	default: // it is awake
	}
}

// partnersField is the number of publishedv1.Customer.partners.
const partnersField = 9

// customer takes over one that is published, or was (nil).
func (u *uses) customer(id string, value []byte, limited map[string]string) {
	for _, p := range u.partners[id] {
		delete(u.clients[p], id)
		if len(u.clients[p]) == 0 {
			delete(u.clients, p)
		}
	}
	delete(u.partners, id)
	// Most customers have no partner, and a million are read at once.
	if value == nil || (u.stale || len(limited) == 0) && !has(value, partnersField) {
		return
	}
	c, err := published.Customer(value)
	if err != nil {
		return
	}
	for _, p := range c.GetPartners() {
		if u.clients[p.GetPartner()] == nil {
			u.clients[p.GetPartner()] = map[string]bool{}
		}
		u.clients[p.GetPartner()][id] = true
		u.partners[id] = append(u.partners[id], p.GetPartner())
	}
	addUses(u.have, c, limited)
}

// addUses adds the hours that a customer's contracts use.
func addUses(have map[plans.Use]bool, c *publishedv1.Customer, limited map[string]string) {
	for _, k := range c.GetContracts() {
		if hoursID, ok := limited[k.GetPlan()]; ok {
			have[plans.NewUse(hoursID, c.GetTimeZone(), c.GetCalendars())] = true
		}
	}
}

// has says whether a message has a field, without reading it.
func has(value []byte, field protowire.Number) bool {
	for len(value) > 0 {
		number, _, n := protowire.ConsumeField(value)
		if n < 0 {
			return false
		}
		if number == field {
			return true
		}
		value = value[n:]
	}
	return false
}

// clientsOf are IDs of the customers that a partner may call for, in no particular order.
func (u *uses) clientsOf(partnerID string) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	ids := make([]string, 0, len(u.clients[partnerID]))
	for id := range u.clients[partnerID] {
		ids = append(ids, id)
	}
	return ids
}

// inUse is which hours are in use; whole says that all customers were looked at, so that no others are.
func (c *catalog) inUse() (have map[plans.Use]bool, whole bool) {
	limited := c.limited()
	c.used.mu.Lock()
	whole = c.used.stale && c.s.index.Listed() && c.shelf.Listed()
	if whole { // what comes while we look is added to the new set
		c.used.stale, c.used.have = false, map[plans.Use]bool{}
	}
	c.used.mu.Unlock()
	if whole && len(limited) > 0 {
		found := map[plans.Use]bool{}
		for _, id := range c.s.index.IDs() {
			if customer, ok := c.s.index.Customer(id); ok {
				addUses(found, customer, limited)
			}
		}
		c.used.mu.Lock()
		for u := range found {
			c.used.have[u] = true
		}
		c.used.mu.Unlock()
	}
	have = map[plans.Use]bool{}
	c.used.mu.Lock()
	for u := range c.used.have {
		have[u] = true
	}
	c.used.mu.Unlock()
	c.grantedUses(have, limited)
	return have, whole
}

// grantedUses adds the hours that grants use: of a customer in its zone, of a number in UTC.
func (c *catalog) grantedUses(have map[plans.Use]bool, limited map[string]string) {
	for customerID, granted := range c.shelf.GrantedPlans() {
		party := entitle.Party{}
		if customer, ok := c.s.index.Customer(customerID); ok {
			party = entitle.PartyOf(customer, nil)
		}
		for _, planID := range granted {
			if hoursID, ok := limited[planID]; ok {
				have[plans.NewUse(hoursID, party.TimeZone, party.CalendarIDs)] = true
			}
		}
	}
}

// lookAgain has all customers looked at, since what none uses any more is to go.
func (u *uses) lookAgain() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stale = true
}
