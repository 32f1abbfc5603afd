// Package entitle holds the one rule of entitlement: do these contracts cover this product at this instant, on what
// basis, and until when does that stay so. Entitlement's own answers and routing's decisions follow it; whoever compiles
// contracts into a faster form tests that form against Judge.
//
// It is pure, and works on published contracts: it knows no customers, no numbers and no time zones.
package entitle

import (
	"math"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
)

// Never is the end of a verdict that does not change by itself, and of a contract without an end.
const Never = math.MaxInt64

// Verdict is the answer for one customer and one product at one instant.
type Verdict struct {
	// Basis is why. Of several that apply, the first of: CONTRACT, CONTRACT_NOT_STARTED, CONTRACT_ENDED, OTHER_PRODUCT,
	// NO_CONTRACT. So a renewal that begins next month is said before the contract that ended, and what concerns the
	// product before what concerns others.
	Basis entitlementv1.Basis
	// Contract is the index of the contract that the answer rests on; -1 where there is none.
	Contract int
	// UntilUnixS is the first instant after the one asked about at which Basis is another one, Unix seconds; Never where
	// it stays.
	UntilUnixS int64
}

// Entitled says whether the customer may have the product.
func (v Verdict) Entitled() bool { return v.Basis == entitlementv1.Basis_BASIS_CONTRACT }

// Covers says whether a contract is one for the product; an empty product, on either side, means any.
func Covers(c *publishedv1.Contract, product string) bool {
	return product == "" || c.GetProduct() == "" || c.GetProduct() == product
}

// Judge applies the rule at an instant, Unix seconds. It allocates nothing.
func Judge(contracts []*publishedv1.Contract, product string, atUnixS int64) Verdict {
	ours := scan(contracts, product, true, atUnixS)
	switch {
	case ours.current >= 0:
		return Verdict{
			entitlementv1.Basis_BASIS_CONTRACT, ours.current, unbroken(contracts, product, true, atUnixS),
		}
	case ours.next >= 0:
		return Verdict{
			entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED, ours.next, contracts[ours.next].GetFromUnixS(),
		}
	case ours.past >= 0:
		return Verdict{entitlementv1.Basis_BASIS_CONTRACT_ENDED, ours.past, Never}
	}
	others := scan(contracts, product, false, atUnixS)
	switch {
	case others.current >= 0:
		return Verdict{
			entitlementv1.Basis_BASIS_OTHER_PRODUCT, others.current, unbroken(contracts, product, false, atUnixS),
		}
	case others.next >= 0:
		return Verdict{entitlementv1.Basis_BASIS_NO_CONTRACT, -1, contracts[others.next].GetFromUnixS()}
	}
	return Verdict{entitlementv1.Basis_BASIS_NO_CONTRACT, -1, Never}
}

// found are indexes of contracts, -1 for none: of those in force the one that ends last, of those to come the first to
// begin, of those gone the last to end. Of equals the first in the list.
type found struct{ current, next, past int }

// scan looks among the contracts that cover the product, or among those that do not.
func scan(contracts []*publishedv1.Contract, product string, covers bool, atUnixS int64) found {
	f := found{-1, -1, -1}
	for i, c := range contracts {
		if Covers(c, product) != covers || empty(c) {
			continue
		}
		switch {
		case c.GetFromUnixS() > atUnixS:
			if f.next < 0 || c.GetFromUnixS() < contracts[f.next].GetFromUnixS() {
				f.next = i
			}
		case c.GetToUnixS() > atUnixS:
			if f.current < 0 || c.GetToUnixS() > contracts[f.current].GetToUnixS() {
				f.current = i
			}
		case f.past < 0 || c.GetToUnixS() > contracts[f.past].GetToUnixS():
			f.past = i
		}
	}
	return f
}

// unbroken is the end of the time, begun at or before the instant, over which some contract is in force without a break.
func unbroken(contracts []*publishedv1.Contract, product string, covers bool, atUnixS int64) int64 {
	until := atUnixS
	for grown := true; grown && until != Never; {
		grown = false
		for _, c := range contracts {
			if c.GetFromUnixS() <= until && c.GetToUnixS() > until && Covers(c, product) == covers {
				until, grown = c.GetToUnixS(), true
			}
		}
	}
	return until
}

// empty is a contract that is never in force; entitlement publishes none.
func empty(c *publishedv1.Contract) bool { return c.GetToUnixS() <= c.GetFromUnixS() }
