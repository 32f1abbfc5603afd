package view

import (
	"errors"
	"fmt"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
)

// maxGrantLines bounds the lines of a grant.
const maxGrantLines = 100

// grants is access besides contracts, as entitlement publishes it.
type grants struct{ held }

func newGrants() *grants { return &grants{newHeld()} }

// append adds those of a holder, in order of ID.
func (g *grants) append(all []entitle.Grant, holder string) []entitle.Grant {
	r := g.reader(holder)
	for id, value, more := r.next(); more; id, value, more = r.next() {
		w := wire{s: value}
		one, _, _ := readGrant(&w) // it was read without an error when it came
		one.ID = id
		all = append(all, one)
	}
	return all
}

// grantsBuilder is the next state of grants. Whose a grant is, its ID does not say.
type grantsBuilder struct {
	heldBuilder
	from *grants
}

func buildGrants(from, before *grants) grantsBuilder {
	return grantsBuilder{buildHeld(from.held, before.held, func(string) string { return "" }), from}
}

func (b *grantsBuilder) put(id string, value []byte) error {
	w := wire{s: string(value), strict: true}
	g, customerID, n := readGrant(&w)
	holder, ok := holderOf(customerID, n)
	switch {
	case w.bad:
		return errors.New("published Grant: cannot be parsed")
	case !ok:
		return errors.New("a grant is a customer's or a number's")
	case len(g.LineIDs) > maxGrantLines:
		return fmt.Errorf("%d lines, at most %d", len(g.LineIDs), maxGrantLines)
	}
	return b.heldBuilder.put(id, holder, without(value, grantID, grantCustomer, grantNumber, grantPromise))
}

func (b *grantsBuilder) finish() *grants {
	if next, changed := b.heldBuilder.finish(); changed {
		return &grants{next}
	}
	return b.from
}

// The fields of publishedv1.Grant; a test compares what is read with what proto.Unmarshal reads.
const (
	grantID       = 1
	grantCustomer = 2
	grantNumber   = 3
	grantBasis    = 4
	grantLines    = 5
	grantProduct  = 6
	grantPlan     = 7
	grantFrom     = 8
	grantTo       = 9
	grantPromise  = 10
)

// readGrant reads a publishedv1.Grant, but for its ID, and whose it is.
func readGrant(w *wire) (g entitle.Grant, customerID string, n phone.Number) {
	for number, kind, ok := w.next(); ok; number, kind, ok = w.next() {
		switch {
		case kind == wireBytes && number == grantCustomer:
			customerID = w.text()
		case kind == wireFixed64 && number == grantNumber:
			n = phone.Number(w.fixed64())
		case kind == wireVarint && number == grantBasis:
			g.Basis = entitlementv1.Basis(w.varint()) //nolint:gosec // as the encoding says
		case kind == wireBytes && number == grantLines:
			g.LineIDs = append(g.LineIDs, w.text())
		case kind == wireBytes && number == grantProduct:
			g.Product = w.text()
		case kind == wireBytes && number == grantPlan:
			g.PlanID = w.text()
		case kind == wireVarint && number == grantFrom:
			g.FromUnixS = int64(w.varint()) //nolint:gosec // two's complement, as the encoding says
		case kind == wireVarint && number == grantTo:
			g.ToUnixS = int64(w.varint()) //nolint:gosec // see above
		case kind == wireBytes && (number == grantID || number == grantPromise):
			w.text()
		default:
			w.skip(kind)
		}
	}
	return g, customerID, n
}
