package view

import (
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// maxParents is how far up a customer's parents count.
const maxParents = 4

// Parties are whom entitle.Ask is asked about: the customer, then its parents, the nearest first, four at most. They are
// appended to buf; each has its own grants, use, zone and calendars, which hold until the customer's room is used again.
func (v *View) Parties(c *Customer, buf []entitle.Party) []entitle.Party {
	begin := len(buf)
	for c != nil && len(buf)-begin <= maxParents {
		id := c.ID()
		if slices.ContainsFunc(buf[begin:], func(p entitle.Party) bool { return p.CustomerID == id }) {
			return buf // parents go round, as when two writes cross: each counts once
		}
		buf = append(buf, v.party(id, c))
		if c.ParentID == "" {
			return buf
		}
		c = v.Customer(c.ParentID)
	}
	return buf
}

func (v *View) party(id string, c *Customer) entitle.Party {
	c.grants, c.used = v.grants.append(c.grants[:0], id), v.usage.append(c.used[:0], id)
	return entitle.Party{
		CustomerID: id, Contracts: c.Contracts, Grants: c.grants, Used: c.used, Suspended: c.Suspended,
		TimeZone: c.TimeZone, CalendarIDs: c.CalendarIDs,
	}
}

// NumberParty is whom entitle.Ask is asked about where nobody knows the number; false where it has no grants.
func (v *View) NumberParty(n phone.Number) (entitle.Party, bool) {
	if n == 0 || v.grants.of.count == 0 {
		return entitle.Party{}, false
	}
	own := v.grants.append(nil, n.String())
	return entitle.Party{Grants: own}, len(own) > 0
}

// Goodwill is when the customer was shown goodwill, Unix seconds, ascending; the last 16.
func (v *View) Goodwill(customerID string) []int64 { return v.usage.goodwill(customerID) }

// NumberGoodwill is that of a number nobody knows.
func (v *View) NumberGoodwill(n phone.Number) []int64 {
	if n == 0 || v.usage.of.count == 0 {
		return nil
	}
	return v.usage.goodwill(n.String())
}

// Client is a customer that a partner may call for.
type Client struct {
	// CustomerID is the client's.
	CustomerID string
	// Product the partner may call about; any where empty.
	Product string
	// ToUnixS is until when, Unix seconds; entitle.Never where it is open-ended.
	ToUnixS int64
}

// ClientsOf are the customers that a partner may call for, in order of ID, those whose time is over among them. Do not
// change them.
func (v *View) ClientsOf(partnerID string) []Client { return v.customers.clients[partnerID] }

// addClient notes whom a customer's partners may call for.
func (b *customersBuilder) addClient(id string, partners []Partner) {
	for _, p := range partners {
		all, partner := b.clientsOf(p.ID)
		at, _ := slices.BinarySearchFunc(all, id, func(have Client, id string) int {
			return strings.Compare(have.CustomerID, id)
		})
		b.next.clients[partner] = slices.Insert(all, at, Client{strings.Clone(id), strings.Clone(p.Product), p.ToUnixS})
	}
}

func (b *customersBuilder) dropClient(id string, partners []Partner) {
	for _, p := range partners {
		all, partner := b.clientsOf(p.ID)
		left := slices.DeleteFunc(all, func(have Client) bool { return have.CustomerID == id })
		if b.next.clients[partner] = left; len(left) == 0 {
			delete(b.next.clients, partner)
		}
	}
}

// clientsOf is the list of a partner's clients, to be changed in its place, and the partner's ID as the view keeps it: one
// that a record holds would keep that whole.
func (b *customersBuilder) clientsOf(partnerID string) (list []Client, partner string) {
	if !b.owns.clients {
		b.next.clients, b.owns.clients = cloneMap(b.next.clients), true
	}
	if b.owns.clientsOf[partnerID] {
		return b.next.clients[partnerID], partnerID
	}
	partnerID = strings.Clone(partnerID)
	b.owns.clientsOf[partnerID] = true
	return slices.Clone(b.next.clients[partnerID]), partnerID
}
