package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
)

// maxGrantLines bounds the lines of a grant.
const maxGrantLines = 100

// whose is who has a grant: a customer, or a number that nobody knows.
type whose struct {
	customerID string
	number     phone.Number
}

func (w whose) hash() uint64 {
	if w.customerID == "" {
		return rendezvous.Mix(uint64(w.number))
	}
	return rendezvous.Of(w.customerID)
}

// grants is access besides contracts, as entitlement publishes it.
type grants struct {
	byID cow[recordID, whose]
	of   cow[whose, []entitle.Grant] // in order of ID
}

type grantsBuilder struct {
	byID         cowBuilder[recordID, whose]
	of           cowBuilder[whose, []entitle.Grant]
	from, before *grants
}

func buildGrants(from, before *grants) grantsBuilder {
	return grantsBuilder{buildCow(&from.byID), buildCow(&from.of), from, before}
}

func (b *grantsBuilder) put(id string, value []byte) error {
	g, of, err := readGrant(id, value)
	if err != nil {
		return err
	}
	b.set(of, g)
	return nil
}

func (b *grantsBuilder) set(of whose, g entitle.Grant) {
	b.remove(g.ID)
	b.byID.set(recordID(g.ID), of)
	all := b.of.next.get(of)
	at, _ := slices.BinarySearchFunc(all, g.ID, byGrantID)
	b.of.set(of, slices.Insert(slices.Clone(all), at, g))
}

func (b *grantsBuilder) keep(id string) {
	of := b.before.byID.get(recordID(id))
	for _, g := range b.before.of.get(of) {
		if g.ID == id {
			b.set(of, g)
		}
	}
}

func (b *grantsBuilder) remove(id string) {
	of := b.byID.next.get(recordID(id))
	if of == (whose{}) {
		return
	}
	b.byID.drop(recordID(id))
	left := slices.DeleteFunc(slices.Clone(b.of.next.get(of)), func(g entitle.Grant) bool { return g.ID == id })
	if len(left) == 0 {
		b.of.drop(of)
		return
	}
	b.of.set(of, left)
}

func (b *grantsBuilder) finish() *grants {
	if b.byID.own == nil {
		return b.from
	}
	return &grants{*b.byID.next, *b.of.next}
}

func byGrantID(g entitle.Grant, id string) int { return strings.Compare(g.ID, id) }

func readGrant(id string, value []byte) (entitle.Grant, whose, error) {
	p, err := published.Grant(value)
	if err != nil {
		return entitle.Grant{}, whose{}, err
	}
	of := whose{p.GetCustomer(), phone.Number(p.GetNumber())}
	switch {
	case (of.customerID == "") == (of.number == 0):
		return entitle.Grant{}, whose{}, errors.New("a grant is a customer's or a number's")
	case len(p.GetLines()) > maxGrantLines:
		return entitle.Grant{}, whose{}, fmt.Errorf("%d lines, at most %d", len(p.GetLines()), maxGrantLines)
	}
	return entitle.Grant{
		ID: id, PlanID: p.GetPlan(), Basis: p.GetBasis(), LineIDs: p.GetLines(), Product: p.GetProduct(),
		FromUnixS: p.GetFromUnixS(), ToUnixS: p.GetToUnixS(),
	}, of, nil
}
