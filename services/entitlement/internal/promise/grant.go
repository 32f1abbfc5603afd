package promise

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/offer"
)

// grant is what a new promise gives, and is noted in it. It has the promise's ID.
func grant(p *entitlementv1.Promise, f Facts, at time.Time) *entitlementv1.Grant {
	ends := at.Add(offer.Covers(f.Offer))
	g := &entitlementv1.Grant{
		Name: "grants/" + strings.TrimPrefix(p.GetName(), Names), Customer: p.GetAcceptance().GetCustomer(),
		Basis: entitlementv1.Basis_BASIS_PROMISE, Lines: lines(p, f), Product: product(f), Plan: f.Offer.GetPlan(),
		StartTime: timestamppb.New(at.Truncate(time.Second)), Promise: p.GetName(),
		Reason: p.GetOfferDisplayName(), GrantedBy: f.By,
	}
	if g.GetCustomer() == "" {
		g.Number = p.GetAcceptance().GetNumber()
	}
	if p.GetState() == entitlementv1.PromiseState_PROMISE_STATE_PENDING {
		g.Basis = entitlementv1.Basis_BASIS_PENDING_PROMISE
		if most := at.Add(MaxPendingGrant); ends.After(most) {
			p.ConfirmedGrantEndTime = timestamppb.New(wholeSecond(ends))
			ends = most
		}
	}
	g.EndTime = timestamppb.New(wholeSecond(ends))
	p.Grant, p.GrantEndTime = g.GetName(), g.GetEndTime()
	return g
}

// wholeSecond rounds up: whoever was told four hours has them.
func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}

func product(f Facts) string {
	if f.Offer.GetProduct() != "" {
		return f.Offer.GetProduct()
	}
	return f.Line.GetProduct()
}

// lines that a promise gives: of a call the one that was called; of a day the lines that make the same offer, for whoever
// has it would not buy it again there, and so where none was called; of an upgrade those of the plan.
func lines(p *entitlementv1.Promise, f Facts) []string {
	called := p.GetAcceptance().GetLine()
	if f.Offer.GetKind() == entitlementv1.OfferKind_OFFER_KIND_UPGRADE {
		return nil
	}
	var all []string
	if called != "" {
		all = append(all, called)
	}
	if called == "" || f.Offer.GetKind() == entitlementv1.OfferKind_OFFER_KIND_DAY_PASS {
		all = append(all, f.OfferedBy...)
		slices.Sort(all)
		all = slices.Compact(all)
	}
	if len(all) > maxGrantLines {
		return nil
	}
	return all
}

// Regrant is a promise's grant as it is once the promise is owed, or waived, and the promise with its end; false where
// nothing of it changes: it was revoked, or is as it should be. Of what is waived nobody pays: what it gave is given, for
// as long as it was.
func Regrant(p *entitlementv1.Promise, g *entitlementv1.Grant) (*entitlementv1.Promise, *entitlementv1.Grant, bool) {
	basis := entitlementv1.Basis_BASIS_PROMISE
	switch p.GetState() { //nolint:exhaustive // others leave it as it is
	case entitlementv1.PromiseState_PROMISE_STATE_OWED:
		if g.GetBasis() != entitlementv1.Basis_BASIS_PENDING_PROMISE {
			return p, g, false
		}
	case entitlementv1.PromiseState_PROMISE_STATE_WAIVED:
		basis = entitlementv1.Basis_BASIS_COMPLIMENTARY
	default:
		return p, g, false
	}
	if g.GetRevokeTime() != nil || g.GetBasis() == basis {
		return p, g, false
	}
	p, g = proto.CloneOf(p), proto.CloneOf(g)
	g.Basis = basis
	if n := len(p.GetTrail()); basis == entitlementv1.Basis_BASIS_COMPLIMENTARY && n > 0 {
		// Why is said where it is erased with the person: in the promise.
		g.GrantedBy, g.Reason = p.GetTrail()[n-1].GetBy(), p.GetOfferDisplayName()+", waived: why is in "+p.GetName()
	}
	if longer := p.GetConfirmedGrantEndTime(); longer != nil && basis == entitlementv1.Basis_BASIS_PROMISE {
		g.EndTime, p.GrantEndTime, p.ConfirmedGrantEndTime = longer, longer, nil
	}
	return p, g, true
}
