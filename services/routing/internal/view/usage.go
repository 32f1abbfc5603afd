package view

import (
	"errors"
	"fmt"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

// maxGoodwill is how many instants of goodwill entitlement keeps.
const maxGoodwill = 16

// counted is what was counted of a customer, or of a number nobody knows.
type counted struct {
	of       whose
	used     []entitle.Use
	goodwill []int64
}

// usage is all of it, as entitlement publishes it.
type usage struct {
	byID cow[recordID, *counted]
	of   cow[whose, *counted]
}

type usageBuilder struct {
	byID         cowBuilder[recordID, *counted]
	of           cowBuilder[whose, *counted]
	from, before *usage
}

func buildUsage(from, before *usage) usageBuilder {
	return usageBuilder{buildCow(&from.byID), buildCow(&from.of), from, before}
}

func (b *usageBuilder) put(id string, value []byte) error {
	c, err := readUsage(value)
	if err != nil {
		return err
	}
	b.set(id, c)
	return nil
}

func (b *usageBuilder) set(id string, c *counted) {
	b.remove(id)
	b.byID.set(recordID(id), c)
	b.of.set(c.of, c)
}

func (b *usageBuilder) keep(id string) {
	if c := b.before.byID.get(recordID(id)); c != nil {
		b.set(id, c)
	}
}

func (b *usageBuilder) remove(id string) {
	old := b.byID.next.get(recordID(id))
	if old == nil {
		return
	}
	b.byID.drop(recordID(id))
	if b.of.next.get(old.of) == old {
		b.of.drop(old.of)
	}
}

func (b *usageBuilder) finish() *usage {
	if b.byID.own == nil {
		return b.from
	}
	return &usage{*b.byID.next, *b.of.next}
}

func readUsage(value []byte) (*counted, error) {
	p, err := published.Usage(value)
	if err != nil {
		return nil, err
	}
	of := whose{p.GetCustomer(), phone.Number(p.GetNumber())}
	switch {
	case (of.customerID == "") == (of.number == 0):
		return nil, errors.New("usage is a customer's or a number's")
	case len(p.GetContracts()) > maxContracts || len(p.GetGoodwillUnixS()) > maxGoodwill:
		return nil, fmt.Errorf("%d contracts and %d calls, at most %d and %d",
			len(p.GetContracts()), len(p.GetGoodwillUnixS()), maxContracts, maxGoodwill)
	}
	c := &counted{of: of, goodwill: p.GetGoodwillUnixS()}
	for _, k := range p.GetContracts() {
		c.used = append(c.used, entitle.Use{
			ContractID: k.GetContract(), FromUnixS: k.GetFromUnixS(), ToUnixS: k.GetToUnixS(), Calls: k.GetCalls(),
		})
	}
	return c, nil
}
