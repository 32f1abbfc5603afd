package view

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unique"

	"github.com/daysidehq/dayside/services/internal/phone"
)

// Product is a product's name, compared at the price of a pointer. The zero value is any product.
type Product struct{ name unique.Handle[string] }

// ProductOf is the product with that name; the empty name means any.
func ProductOf(name string) Product {
	if name == "" {
		return Product{}
	}
	return Product{unique.Make(name)}
}

// Name is the product's; empty of any product.
func (p Product) Name() string {
	if p == (Product{}) {
		return ""
	}
	return p.name.Value()
}

const (
	customerNames = "customers/"
	// maxCustomerNumbers and maxContracts are entitlement's own limits.
	maxCustomerNumbers = 1000
	maxContracts       = 100
	maxCases           = 8
	// maxPartners and maxCalendars are above entitlement's own limits.
	maxPartners  = 100
	maxCalendars = 32
)

// Holders are the customers who have one number: mostly one. Or one customer by name.
type Holders struct {
	one  *Customer
	many []ref
	of   *records
}

// Only is one customer; nobody where it is nil.
func Only(c *Customer) Holders { return Holders{one: c} }

// Len is how many they are.
func (h Holders) Len() int {
	if h.one != nil {
		return 1
	}
	return len(h.many)
}

// At is the i-th, in order of name. Of several each is read when it is asked for.
func (h Holders) At(i int) *Customer {
	if h.one != nil {
		return h.one
	}
	return customerAt(h.of, h.many[i], &Customer{})
}

// CaseSite is that of the only one; empty where they are none, or several.
func (h Holders) CaseSite() string {
	if h.one == nil {
		return ""
	}
	return h.one.CaseSite()
}

// customers is the part that entitlement publishes. Its indexes are split in shards that successive views share.
type customers struct {
	records  *records
	byNumber *numbers
	// clients are who a partner may call for, by its ID, in order of their IDs.
	clients map[string][]Client
	// shared are the numbers of several customers, in order of name: conference bridges, relay services; few.
	shared map[phone.Number][]ref
}

func newCustomers() *customers {
	return &customers{records: newRecords(customerNames), byNumber: newNumbers()}
}

func (c *customers) find(id string) *Customer {
	if which, ok := c.records.find(id); ok {
		return customerAt(c.records, which, &Customer{})
	}
	return nil
}

func (c *customers) holders(n phone.Number, room *Customer) Holders {
	which, ok := c.byNumber.get(n)
	switch {
	case !ok:
		return Holders{}
	case which == several:
		return Holders{many: c.shared[n], of: c.records}
	case room == nil:
		room = &Customer{}
	}
	return Holders{one: customerAt(c.records, which, room)}
}

// isOnly says whether a number is one customer's, and whose.
func (c *customers) isOnly(n phone.Number, id string) bool {
	which, ok := c.byNumber.get(n)
	if !ok || which == several {
		return false
	}
	name, _ := c.records.at(which)
	return c.records.isNamed(name, id)
}

// customersBuilder copies a shard when it is first written to.
type customersBuilder struct {
	before   *customers
	next     *customers
	records  recordsBuilder
	byNumber numbersBuilder
	owns     *owned // nil until something changes: most batches are heartbeats
	// heard, and stands, are one customer after the other as it comes, and as it stood.
	heard, stands Customer
	packer        packer
}

func buildCustomers(from, before *customers) customersBuilder {
	return customersBuilder{
		before: before, next: from, records: recordsBuilder{next: from.records}, byNumber: numbersBuilder{next: from.byNumber},
		heard: Customer{strict: true},
	}
}

// owned says which parts of the next index are its own, and no longer those of the view begun with.
type owned struct {
	clients, shared bool
	clientsOf       map[string]bool
	sharedBy        map[phone.Number]bool
}

func (b *customersBuilder) put(id string, value []byte) error {
	text := string(value)
	b.heard.again()
	if err := b.heard.read(text); err != nil {
		return err
	}
	return b.set(id, b.packer.pack(&b.heard, text))
}

// set makes a customer what is packed.
func (b *customersBuilder) set(id string, packed []byte) error {
	old, which, known := b.records.get(id)
	if known && old == string(packed) {
		b.records.listed.mark(which)
		return nil
	}
	b.edit()
	which, ok := b.records.put(id, packed)
	if !ok {
		return errors.New("there are too many customers")
	}
	b.records.listed.mark(which)
	b.index(id, which, old, string(packed))
	return nil
}

// index takes the indexes from what a customer was, packed, to what it is; empty where it was, or is, none.
func (b *customersBuilder) index(id string, which ref, old, now string) {
	if had, has := numbersOf(old), numbersOf(now); had != has {
		for i := range len(had) / packedNumber {
			if n := numberAt(had, i); !hasNumber(has, n) {
				b.dropNumber(n, which)
			}
		}
		for i := range len(has) / packedNumber {
			if n := numberAt(has, i); !hasNumber(had, n) {
				b.addNumber(n, which)
			}
		}
	}
	b.stands.again()
	b.heard.again()
	if old != "" {
		b.stands.unpack("", old)
	}
	if now != "" {
		b.heard.unpack("", now)
	}
	if !slices.Equal(b.stands.Partners, b.heard.Partners) {
		b.dropClient(id, b.stands.Partners)
		b.addClient(id, b.heard.Partners)
	}
}

func hasNumber(packed string, n phone.Number) bool {
	for i := range len(packed) / packedNumber {
		if numberAt(packed, i) == n {
			return true
		}
	}
	return false
}

func (b *customersBuilder) keep(id string) {
	if packed := b.before.records.get(id); packed != "" {
		_ = b.set(id, []byte(packed)) // it was put before
	}
}

func (b *customersBuilder) remove(id string) {
	old, which, ok := b.records.get(id)
	if !ok {
		return
	}
	b.edit()
	b.index(id, which, old, "")
	b.records.remove(id)
}

// edit makes next our own: its shards are still those of the view begun with.
func (b *customersBuilder) edit() {
	if b.owns == nil {
		own := *b.next
		b.next = &own
		b.owns = &owned{clientsOf: map[string]bool{}, sharedBy: map[phone.Number]bool{}}
	}
}

func (b *customersBuilder) finish() *customers {
	for _, id := range b.records.unlisted() {
		b.remove(id)
	}
	if b.owns != nil {
		b.next.records, b.next.byNumber = b.records.finish(), b.byNumber.finish()
	}
	return b.next
}

// sharing is the list of a number's holders, to be changed in its place.
func (b *customersBuilder) sharing(n phone.Number) []ref {
	if !b.owns.shared {
		b.next.shared, b.owns.shared = cloneMap(b.next.shared), true
	}
	if !b.owns.sharedBy[n] {
		b.owns.sharedBy[n] = true
		return slices.Clone(b.next.shared[n])
	}
	return b.next.shared[n]
}

func (b *customersBuilder) addNumber(n phone.Number, which ref) {
	first, taken := b.byNumber.next.get(n)
	if !taken {
		b.byNumber.put(n, which)
		return
	}
	holders := b.sharing(n)
	if first != several {
		holders = append(holders[:0], first)
		b.byNumber.put(n, several)
	}
	name := b.records.name(which)
	at, _ := slices.BinarySearchFunc(holders, name, func(r ref, name string) int {
		return strings.Compare(b.records.name(r), name)
	})
	b.next.shared[n] = slices.Insert(holders, at, which)
}

func (b *customersBuilder) dropNumber(n phone.Number, which ref) {
	if first, _ := b.byNumber.next.get(n); first != several {
		b.byNumber.remove(n)
		return
	}
	left := slices.DeleteFunc(b.sharing(n), func(o ref) bool { return o == which })
	if b.next.shared[n] = left; len(left) == 1 {
		b.byNumber.put(n, left[0])
		delete(b.next.shared, n)
	}
}

// cloneMap is a map to write to, nil or not.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}
