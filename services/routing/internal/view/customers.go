package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unique"

	"github.com/daysidehq/dayside/services/internal/entitle"
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

// Name is the product's; empty of any product.
func (p Product) Name() string {
	if p == (Product{}) {
		return ""
	}
	return p.name.Value()
}

// Case is being worked on.
type Case struct {
	// ID is the case's in the system that keeps it.
	ID string
	// SiteID is the ID of the site that works on it; empty where none does.
	SiteID string
	// Title is for people.
	Title string
}

// Customer is who pays, as decisions see it. What it holds is read, not changed.
type Customer struct {
	// Name is "customers/ID".
	Name string
	// DisplayName is for people, and so is Locality: town and country, to tell it from others.
	DisplayName, Locality string
	// LanguageTag is the BCP 47 tag of the language its people speak; empty where not known.
	LanguageTag string
	// TimeZone (IANA) and CalendarIDs are those of its plans' hours.
	TimeZone    string
	CalendarIDs []string
	// Contracts in no particular order.
	Contracts []entitle.Contract
	// Suspended is nil where it is not.
	Suspended *entitle.Span
	// ParentID is the customer whose contracts it has, too; empty where there is none.
	ParentID string
	// Partners may call for it.
	Partners []Partner
	// Cases being worked on, the latest first.
	Cases []Case
	// HasPIN and HasPhrase say whether callers can show a PIN, or a phrase.
	HasPIN, HasPhrase bool

	numbers []phone.Number
}

// Partner is a customer that may call for another one.
type Partner struct {
	// ID is the partner's.
	ID string
	// Product it may call about; any where empty.
	Product string
	// ToUnixS is until when, Unix seconds; entitle.Never where it is open-ended.
	ToUnixS int64
}

// ID is the last part of its name.
func (c *Customer) ID() string { return strings.TrimPrefix(c.Name, customerNames) }

// CaseSite is the ID of the site that works on the latest of the open cases that a site works on; empty where there is none.
func (c *Customer) CaseSite() string {
	for _, k := range c.Cases {
		if k.SiteID != "" {
			return k.SiteID
		}
	}
	return ""
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

// shardBits: 4,096 shards of a million numbers hold some 250 each, so that a change copies microseconds' worth, and the
// table of shards itself is small beside them.
const (
	shardBits = 12
	numShards = 1 << shardBits
)

// Holders are the customers who have one number: mostly one. Or one customer by name.
type Holders struct {
	slot *numberSlot
	one  *Customer
	many []*Customer
}

// Only is one customer; nobody where it is nil.
func Only(c *Customer) Holders { return Holders{one: c} }

// Len is how many they are.
func (h Holders) Len() int {
	if h.slot != nil || h.one != nil {
		return 1
	}
	return len(h.many)
}

// At is the i-th, in order of name.
func (h Holders) At(i int) *Customer {
	switch {
	case h.slot != nil:
		return h.slot.customer
	case h.one != nil:
		return h.one
	}
	return h.many[i]
}

// CaseSite is that of the only one; empty where they are none, or several. It reads no customer but those with cases: a
// read is a cache miss.
func (h Holders) CaseSite() string {
	if h.Len() != 1 || h.slot != nil && !h.slot.cases {
		return ""
	}
	return h.At(0).CaseSite()
}

// customers is the part that entitlement publishes. Its indexes are split in shards that successive views share.
type customers struct {
	count    int
	byID     [numShards]map[string]*Customer
	byNumber [numShards]*numberTable
	// clients are who a partner may call for, by its ID, in order of their IDs.
	clients map[string][]Client
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
	owns         *owned // nil until something changes: most batches are heartbeats
}

// owned says which parts of the next index are its own, and no longer those of the view begun with.
type owned struct {
	id, number      [numShards]bool
	shared, clients bool
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
	b.addClient(id, c)
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
	b.dropClient(id, old)
}

// edit makes next our own: its shards are still those of the view begun with.
func (b *customersBuilder) edit() {
	if b.owns == nil {
		own := *b.next
		b.next, b.owns = &own, &owned{}
	}
}

func (b *customersBuilder) ids(id string) map[string]*Customer {
	b.edit()
	i := idShard(id)
	if !b.owns.id[i] {
		b.next.byID[i], b.owns.id[i] = cloneMap(b.next.byID[i]), true
	}
	return b.next.byID[i]
}

func (b *customersBuilder) numbers(n phone.Number) *numberTable {
	b.edit()
	i := numberShard(n)
	if !b.owns.number[i] {
		b.next.byNumber[i], b.owns.number[i] = b.next.byNumber[i].clone(), true
	}
	return b.next.byNumber[i]
}

func (b *customersBuilder) share(n phone.Number, holders []*Customer) {
	b.edit()
	if !b.owns.shared {
		b.next.shared, b.owns.shared = cloneMap(b.next.shared), true
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
	if len(p.GetOpenCases()) > maxCases {
		return nil, fmt.Errorf("%d open cases, at most %d", len(p.GetOpenCases()), maxCases)
	}
	if len(p.GetPartners()) > maxPartners || len(p.GetCalendars()) > maxCalendars {
		return nil, fmt.Errorf("%d partners and %d calendars, at most %d and %d",
			len(p.GetPartners()), len(p.GetCalendars()), maxPartners, maxCalendars)
	}
	c := &Customer{
		Name: customerNames + id, DisplayName: p.GetDisplayName(), Locality: p.GetLocality(), LanguageTag: p.GetLanguage(),
		TimeZone: p.GetTimeZone(), CalendarIDs: p.GetCalendars(), ParentID: p.GetParent(),
		HasPIN: p.GetHasPin(), HasPhrase: p.GetHasPhrase(),
		Contracts: make([]entitle.Contract, 0, len(p.GetContracts())),
		Suspended: span(p.GetSuspendedFromUnixS(), p.GetSuspendedToUnixS()),
	}
	for _, k := range p.GetContracts() {
		own := entitle.Contract{
			ID: k.GetId(), FromUnixS: k.GetFromUnixS(), ToUnixS: k.GetToUnixS(), PlanID: k.GetPlan(), Product: k.GetProduct(),
			GraceS: entitle.PlanGrace, OwnOnly: k.GetOwnOnly(),
			Suspended: span(k.GetSuspendedFromUnixS(), k.GetSuspendedToUnixS()),
		}
		if k.GraceS != nil {
			own.GraceS = max(k.GetGraceS(), 0)
		}
		c.Contracts = append(c.Contracts, own)
	}
	for _, k := range p.GetPartners() {
		c.Partners = append(c.Partners, Partner{k.GetPartner(), k.GetProduct(), k.GetToUnixS()})
	}
	for _, k := range p.GetOpenCases() {
		c.Cases = append(c.Cases, Case{k.GetId(), k.GetSite(), k.GetTitle()})
	}
	for _, n := range p.GetNumbers() {
		if n != 0 && !slices.Contains(c.numbers, phone.Number(n)) {
			c.numbers = append(c.numbers, phone.Number(n))
		}
	}
	return c, nil
}

// span is none where both ends are 0.
func span(fromUnixS, toUnixS int64) *entitle.Span {
	if fromUnixS == 0 && toUnixS == 0 {
		return nil
	}
	return &entitle.Span{FromUnixS: fromUnixS, ToUnixS: toUnixS}
}
