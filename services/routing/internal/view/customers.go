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
	byNumber [numShards]*numberTable
	// clients are who a partner may call for, by its ID, in order of their IDs.
	clients map[string][]Client
	// shared are the numbers of several customers, in order of name: conference bridges, relay services; few.
	shared map[phone.Number][]ref
}

func newCustomers() *customers { return &customers{records: &records{}} }

func (c *customers) find(id string) *Customer {
	if which, ok := c.records.find(customerNames, id); ok {
		return customerAt(c.records, which, &Customer{})
	}
	return nil
}

func (c *customers) holders(n phone.Number, room *Customer) Holders {
	which, ok := c.byNumber[numberShard(n)].get(n)
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
	which, ok := c.byNumber[numberShard(n)].get(n)
	if !ok || which == several {
		return false
	}
	name, _ := c.records.at(which)
	return isNamed(name, customerNames, id)
}

func numberShard(n phone.Number) uint {
	return uint(uint64(n) * 0x9e3779b97f4a7c15 >> (64 - shardBits))
}

// customersBuilder copies a shard when it is first written to.
type customersBuilder struct {
	before  *customers
	next    *customers
	records recordsBuilder
	owns    *owned // nil until something changes: most batches are heartbeats
	scratch []phone.Number
	// listed are the records that a list has said, by shard and slot; nil where there is no list. A list begins with what was
	// known before, most of which it says again, and ends by dropping what it did not say: so it takes no second memory.
	listed *[numShards][]uint64
}

func buildCustomers(from, before *customers) customersBuilder {
	return customersBuilder{
		before: before, next: from, records: recordsBuilder{prefix: customerNames, next: from.records},
	}
}

// owned says which parts of the next index are its own, and no longer those of the view begun with.
type owned struct {
	number          [numShards]bool
	clients, shared bool
	clientsOf       map[string]bool
	sharedBy        map[phone.Number]bool
}

func (b *customersBuilder) put(id string, value []byte) error {
	if stands, which, ok := b.records.get(id); ok && stands == string(value) {
		b.list(which)
		return nil
	}
	c := Customer{strict: true, numbers: b.scratch[:0]}
	if err := c.read(string(value)); err != nil {
		return err
	}
	b.scratch = c.numbers[:0]
	b.remove(id)
	b.edit()
	which, ok := b.records.put(id, value)
	if !ok {
		return errors.New("there are too many customers")
	}
	b.list(which)
	for _, n := range c.numbers {
		b.addNumber(n, which)
	}
	b.addClient(id, c.Partners)
	return nil
}

// list notes that a record is in the list.
func (b *customersBuilder) list(which ref) {
	if b.listed == nil {
		return
	}
	set := &b.listed[which.shard()]
	at := int(which.slot() / 64)
	for len(*set) <= at {
		*set = append(*set, 0)
	}
	(*set)[at] |= 1 << (which.slot() % 64)
}

func (b *customersBuilder) isListed(which ref) bool {
	set, at := b.listed[which.shard()], int(which.slot()/64)
	return at < len(set) && set[at]&(1<<(which.slot()%64)) != 0
}

// unlist forgets that a record is in the list: its place may become another's.
func (b *customersBuilder) unlist(which ref) {
	if b.listed != nil && b.isListed(which) {
		b.listed[which.shard()][which.slot()/64] &^= 1 << (which.slot() % 64)
	}
}

func (b *customersBuilder) keep(id string) {
	if which, ok := b.before.records.find(customerNames, id); ok {
		_, value := b.before.records.at(which)
		_ = b.put(id, []byte(value)) // it was put before
	}
}

func (b *customersBuilder) remove(id string) {
	value, which, ok := b.records.get(id)
	if !ok {
		return
	}
	b.edit()
	var old Customer
	old.strict = true // numbers are read
	_ = old.read(value)
	for _, n := range old.numbers {
		b.dropNumber(n, which)
	}
	b.dropClient(id, old.Partners)
	b.unlist(which)
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
	if b.listed != nil {
		for _, id := range b.unlisted() {
			b.remove(id)
		}
	}
	if b.owns != nil && b.records.changed() {
		b.next.records = b.records.finish()
	}
	return b.next
}

// unlisted are the IDs of what a list did not say.
func (b *customersBuilder) unlisted() (ids []string) {
	for i := range b.listed {
		b.records.each(uint32(i), func(which ref, name string) { //nolint:gosec // below numShards
			if !b.isListed(which) {
				ids = append(ids, name[len(customerNames):])
			}
		})
	}
	return ids
}

func (b *customersBuilder) numbers(n phone.Number) *numberTable {
	i := numberShard(n)
	if !b.owns.number[i] {
		b.next.byNumber[i], b.owns.number[i] = b.next.byNumber[i].clone(), true
	}
	return b.next.byNumber[i]
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
	table := b.numbers(n)
	first, taken := table.get(n)
	if !taken {
		table.put(n, which)
		return
	}
	holders := b.sharing(n)
	if first != several {
		holders = append(holders[:0], first)
		table.put(n, several)
	}
	name := b.records.name(which)
	at, _ := slices.BinarySearchFunc(holders, name, func(r ref, name string) int {
		return strings.Compare(b.records.name(r), name)
	})
	b.next.shared[n] = slices.Insert(holders, at, which)
}

func (b *customersBuilder) dropNumber(n phone.Number, which ref) {
	table := b.numbers(n)
	if first, _ := table.get(n); first != several {
		table.remove(n)
		return
	}
	left := slices.DeleteFunc(b.sharing(n), func(o ref) bool { return o == which })
	if b.next.shared[n] = left; len(left) == 1 {
		table.put(n, left[0])
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
