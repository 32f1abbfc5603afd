package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"unique"

	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
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

// Contract is in force over [FromUnixS, ToUnixS).
type Contract struct {
	FromUnixS, ToUnixS int64
	// Product it covers.
	Product Product
}

// Customer is who pays, as decisions see it.
type Customer struct {
	// Name is "customers/ID".
	Name string
	// Contracts in no particular order.
	Contracts []Contract
	numbers   []phone.Number
}

const (
	customerNames = "customers/"
	// maxCustomerNumbers and maxContracts are entitlement's own limits.
	maxCustomerNumbers = 1000
	maxContracts       = 100
)

// shardBits: 4,096 shards of a million numbers hold some 250 each, so that a change copies microseconds' worth, and the
// table of shards itself is small beside them.
const (
	shardBits = 12
	numShards = 1 << shardBits
)

// Holders are the customers who have one number: mostly one.
type Holders struct {
	slot *numberSlot
	many []*Customer
}

// Len is how many they are.
func (h Holders) Len() int {
	if h.slot != nil {
		return 1
	}
	return len(h.many)
}

// At is the i-th, in order of name.
func (h Holders) At(i int) *Customer {
	if h.slot != nil {
		return h.slot.customer
	}
	return h.many[i]
}

// Contracts are those of the only one; do not change them.
func (h Holders) Contracts() []Contract {
	if h.slot.inline {
		return h.slot.contract[:]
	}
	return h.slot.customer.Contracts
}

// customers is the part that entitlement publishes. Its indexes are split in shards that successive views share.
type customers struct {
	count    int
	byID     [numShards]map[string]*Customer
	byNumber [numShards]*numberTable
	// shared are the numbers of several customers, in order of name: conference bridges, relay services; few.
	shared map[phone.Number][]*Customer
}

func newCustomers() *customers { return &customers{} }

func (c *customers) holders(n phone.Number) Holders {
	slot := c.byNumber[numberShard(n)].get(n)
	if slot != nil && slot.customer == nil {
		return Holders{many: c.shared[n]}
	}
	return Holders{slot: slot}
}

func numberShard(n phone.Number) uint {
	return uint(uint64(n) * 0x9e3779b97f4a7c15 >> (64 - shardBits))
}

func idShard(id string) uint { return uint(rendezvous.Of(id) >> (64 - shardBits)) }

// customersBuilder copies a shard when it is first written to.
type customersBuilder struct {
	next, before *customers
	edited       bool
	ownsID       [numShards]bool
	ownsNumber   [numShards]bool
	ownsShared   bool
}

func (b *customersBuilder) put(id string, value []byte) error {
	c, err := readCustomer(id, value)
	if err != nil {
		return err
	}
	b.set(id, c)
	return nil
}

func (b *customersBuilder) keep(id string) {
	if c := b.before.byID[idShard(id)][id]; c != nil {
		b.set(id, c)
	}
}

func (b *customersBuilder) set(id string, c *Customer) {
	b.remove(id)
	b.ids(id)[id] = c
	b.next.count++
	for _, n := range c.numbers {
		b.addNumber(n, c)
	}
}

func (b *customersBuilder) remove(id string) {
	old := b.next.byID[idShard(id)][id]
	if old == nil {
		return
	}
	delete(b.ids(id), id)
	b.next.count--
	for _, n := range old.numbers {
		b.dropNumber(n, old)
	}
}

// edit makes next our own: its shards are still those of the view begun with.
func (b *customersBuilder) edit() {
	if !b.edited {
		own := *b.next
		b.next, b.edited = &own, true
	}
}

func (b *customersBuilder) ids(id string) map[string]*Customer {
	b.edit()
	i := idShard(id)
	if !b.ownsID[i] {
		b.next.byID[i], b.ownsID[i] = cloneMap(b.next.byID[i]), true
	}
	return b.next.byID[i]
}

func (b *customersBuilder) numbers(n phone.Number) *numberTable {
	b.edit()
	i := numberShard(n)
	if !b.ownsNumber[i] {
		b.next.byNumber[i], b.ownsNumber[i] = b.next.byNumber[i].clone(), true
	}
	return b.next.byNumber[i]
}

func (b *customersBuilder) share(n phone.Number, holders []*Customer) {
	b.edit()
	if !b.ownsShared {
		b.next.shared, b.ownsShared = cloneMap(b.next.shared), true
	}
	if holders == nil {
		delete(b.next.shared, n)
		return
	}
	b.next.shared[n] = holders
}

func (b *customersBuilder) addNumber(n phone.Number, c *Customer) {
	table := b.numbers(n)
	slot := table.get(n)
	if slot == nil {
		table.put(n, c)
		return
	}
	holders := []*Customer{slot.customer}
	if slot.customer == nil {
		holders = slices.Clone(b.next.shared[n])
	}
	at, _ := slices.BinarySearchFunc(holders, c.Name, byName)
	table.put(n, nil)
	b.share(n, slices.Insert(holders, at, c))
}

func (b *customersBuilder) dropNumber(n phone.Number, c *Customer) {
	table := b.numbers(n)
	if table.get(n).customer != nil {
		table.remove(n)
		return
	}
	left := slices.DeleteFunc(slices.Clone(b.next.shared[n]), func(o *Customer) bool { return o == c })
	if len(left) == 1 {
		table.put(n, left[0])
		left = nil
	}
	b.share(n, left)
}

func byName(c *Customer, name string) int { return cmp.Compare(c.Name, name) }

// cloneMap is a map to write to, nil or not.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func readCustomer(id string, value []byte) (*Customer, error) {
	p, err := published.Customer(value)
	if err != nil {
		return nil, err
	}
	if len(p.GetNumbers()) > maxCustomerNumbers {
		return nil, fmt.Errorf("%d numbers, at most %d", len(p.GetNumbers()), maxCustomerNumbers)
	}
	if len(p.GetContracts()) > maxContracts {
		return nil, fmt.Errorf("%d contracts, at most %d", len(p.GetContracts()), maxContracts)
	}
	c := &Customer{Name: customerNames + id, Contracts: make([]Contract, 0, len(p.GetContracts()))}
	for _, k := range p.GetContracts() {
		c.Contracts = append(c.Contracts, Contract{k.GetFromUnixS(), k.GetToUnixS(), ProductOf(k.GetProduct())})
	}
	for _, n := range p.GetNumbers() {
		if n != 0 && !slices.Contains(c.numbers, phone.Number(n)) {
			c.numbers = append(c.numbers, phone.Number(n))
		}
	}
	return c, nil
}
