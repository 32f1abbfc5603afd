package view

import (
	"encoding/binary"
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
	many string // refs, packed
	of   *records
}

// Only is one customer; nobody where it is nil.
func Only(c *Customer) Holders { return Holders{one: c} }

// Len is how many they are.
func (h Holders) Len() int {
	if h.one != nil {
		return 1
	}
	return len(h.many) / packedRef
}

// At is the i-th, in order of name. Of several each is read when it is asked for.
func (h Holders) At(i int) *Customer {
	if h.one != nil {
		return h.one
	}
	return customerAt(h.of, ref(unpack32(h.many[i*packedRef:])), &Customer{})
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
	// shared are the customers of a number that several have, packed, in order of name: a group's switchboard, a relay service.
	shared *records
}

// packedRef is what a packed ref takes.
const packedRef = 4

func newCustomers() *customers {
	return &customers{records: newRecords(customerNames), byNumber: newNumbers(), shared: newRecords("")}
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
		return Holders{many: c.shared.get(sharedKey(n)), of: c.records}
	case room == nil:
		room = &Customer{}
	}
	return Holders{one: customerAt(c.records, which, room)}
}

// sharedKey names a number among those that are shared.
func sharedKey(n phone.Number) string {
	return string(binary.LittleEndian.AppendUint64(make([]byte, 0, 8), uint64(n)))
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
	shared   recordsBuilder
	owns     *owned // nil until something changes: most batches are heartbeats
	// heard, and stands, are one customer after the other as it comes, and as it stood.
	heard, stands Customer
	packer        packer
}

func buildCustomers(from, before *customers) customersBuilder {
	return customersBuilder{
		before: before, next: from, records: recordsBuilder{next: from.records}, byNumber: numbersBuilder{next: from.byNumber},
		shared: recordsBuilder{next: from.shared},
		heard:  Customer{strict: true},
	}
}

// owned says which parts of the next index are its own, and no longer those of the view begun with.
type owned struct {
	clients   bool
	clientsOf map[string]bool
	// shared are the customers of numbers that several had, or have.
	shared map[phone.Number][]ref
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
	_, now := b.records.at(which)
	b.index(id, which, old, now)
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
		b.owns = &owned{clientsOf: map[string]bool{}, shared: map[phone.Number][]ref{}}
	}
}

func (b *customersBuilder) finish() *customers {
	for _, id := range b.records.unlisted() {
		b.remove(id)
	}
	if b.owns != nil {
		b.finishShared()
		b.next.records, b.next.byNumber, b.next.shared = b.records.finish(), b.byNumber.finish(), b.shared.finish()
	}
	return b.next
}

// sharing is the list of a number's holders, to be changed in its place.
func (b *customersBuilder) sharing(n phone.Number) []ref {
	if list, ok := b.owns.shared[n]; ok {
		return list
	}
	packed := b.next.shared.get(sharedKey(n))
	list := make([]ref, 0, len(packed)/packedRef+1)
	for ; packed != ""; packed = packed[packedRef:] {
		list = append(list, ref(unpack32(packed)))
	}
	return list
}

// finishShared packs the lists that were changed.
func (b *customersBuilder) finishShared() {
	for n, list := range b.owns.shared {
		if len(list) < 2 {
			b.shared.remove(sharedKey(n))
			continue
		}
		packed := make([]byte, 0, packedRef*len(list))
		for _, which := range list {
			packed = binary.LittleEndian.AppendUint32(packed, uint32(which))
		}
		b.shared.put(sharedKey(n), packed) // there are fewer than numbers, and those had room
	}
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
	b.owns.shared[n] = slices.Insert(holders, at, which)
}

func (b *customersBuilder) dropNumber(n phone.Number, which ref) {
	if first, _ := b.byNumber.next.get(n); first != several {
		b.byNumber.remove(n)
		return
	}
	left := slices.DeleteFunc(b.sharing(n), func(o ref) bool { return o == which })
	if b.owns.shared[n] = left; len(left) == 1 {
		b.byNumber.put(n, left[0])
	}
}

// cloneMap is a map to write to, nil or not.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}
