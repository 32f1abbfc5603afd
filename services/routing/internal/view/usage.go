package view

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

const (
	// maxGoodwill is how many instants of goodwill entitlement keeps.
	maxGoodwill = 16
	// customersUsage is what the ID of what was counted of a customer begins with; the customer's follows.
	customersUsage = "c-"
)

// usage is what was counted of customers, and of numbers nobody knows, as entitlement publishes it.
type usage struct{ held }

func newUsage() *usage { return &usage{newHeld()} }

// append adds what was counted of a holder's contracts.
func (u *usage) append(all []entitle.Use, holder string) []entitle.Use {
	r := u.reader(holder)
	for _, value, more := r.next(); more; _, value, more = r.next() {
		c := counted{used: all}
		c.read(&wire{s: value}) // it was read without an error when it came
		all = c.used
	}
	return all
}

// goodwill is when a holder was shown some, ascending.
func (u *usage) goodwill(holder string) []int64 {
	var c counted
	r := u.reader(holder)
	for _, value, more := r.next(); more; _, value, more = r.next() {
		c.read(&wire{s: value})
	}
	return c.goodwill
}

// usageBuilder is the next state of usage.
type usageBuilder struct {
	heldBuilder
	from *usage
}

func buildUsage(from, before *usage) usageBuilder {
	return usageBuilder{buildHeld(from.held, before.held, func(id string) string {
		customerID, ok := strings.CutPrefix(id, customersUsage)
		if !ok || strings.HasPrefix(customerID, "+") {
			return ""
		}
		return customerID
	}), from}
}

func (b *usageBuilder) put(id string, value []byte) error {
	w := wire{s: string(value), strict: true}
	var c counted
	c.read(&w)
	holder, ok := holderOf(c.customerID, c.number)
	switch {
	case w.bad:
		return errors.New("published Usage: cannot be parsed")
	case !ok:
		return errors.New("usage is a customer's or a number's")
	case len(c.used) > maxContracts || len(c.goodwill) > maxGoodwill:
		return fmt.Errorf("%d contracts and %d calls, at most %d and %d", len(c.used), len(c.goodwill), maxContracts, maxGoodwill)
	}
	return b.heldBuilder.put(id, holder, without(value, usageCustomer, usageNumber))
}

func (b *usageBuilder) finish() *usage {
	if next, changed := b.heldBuilder.finish(); changed {
		return &usage{next}
	}
	return b.from
}

// counted is what was counted of a customer, or of a number nobody knows.
type counted struct {
	customerID string
	number     phone.Number
	used       []entitle.Use
	goodwill   []int64
}

// The fields of publishedv1.Usage; a test compares what is read with what proto.Unmarshal reads.
const (
	usageCustomer  = 1
	usageNumber    = 2
	usageContracts = 3
	usageGoodwill  = 4
)

// read reads a publishedv1.Usage.
func (c *counted) read(w *wire) {
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number == usageCustomer:
			c.customerID = w.text()
		case kind == wireFixed64 && number == usageNumber:
			c.number = phone.Number(w.fixed64())
		case kind == wireBytes && number == usageContracts:
			inner := w.message()
			c.used = append(c.used, readUse(&inner))
			w.join(inner)
		case kind == wireBytes && number == usageGoodwill:
			packed := w.message()
			for packed.s != "" {
				c.goodwill = append(c.goodwill, int64(packed.varint())) //nolint:gosec // two's complement, as the encoding says
			}
			w.join(packed)
		case kind == wireVarint && number == usageGoodwill:
			c.goodwill = append(c.goodwill, int64(w.varint())) //nolint:gosec // see above
		default:
			w.skip(kind)
		}
	}
}

// readUse reads a publishedv1.ContractUsage.
func readUse(w *wire) (u entitle.Use) {
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number == 1:
			u.ContractID = w.text()
		case kind == wireVarint && number == 2:
			u.FromUnixS = int64(w.varint()) //nolint:gosec // two's complement, as the encoding says
		case kind == wireVarint && number == 3:
			u.ToUnixS = int64(w.varint()) //nolint:gosec // see above
		case kind == wireVarint && number == 4:
			u.Calls = int32(w.varint()) //nolint:gosec // as the encoding says
		default:
			w.skip(kind)
		}
	}
	return u
}
