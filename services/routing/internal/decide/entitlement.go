package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	entitlement "github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// entitle is the third stage: may this caller have this line now. The rule is that of package services/internal/entitle,
// on contracts as the view holds them; a test compares the two. Who has not shown yet that they are of a customer is
// unknown.
func entitle(d *Decision) (routingv1.Verdict, bool) {
	if d.customers.Len() != 1 || d.pinWanted() {
		d.Class = routingv1.CallerClass_CALLER_CLASS_UNKNOWN
		return routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN, true
	}
	verdict := d.judged(d.Line.Product)
	d.Class = routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED
	if verdict == routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT {
		d.Class = routingv1.CallerClass_CALLER_CLASS_ENTITLED
	}
	return verdict, true
}

// entitledTo says whether the caller is entitled to another line than the call's.
func (d *Decision) entitledTo(l *view.Line) bool {
	if d.customers.Len() != 1 || d.pinWanted() {
		return false
	}
	return d.judged(l.Product) == routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT
}

// judged is the verdict on the only customer's contracts for a product. Whoever was entitled when the call began stays so: a
// contract that ends meanwhile must not end a call whose ladder is being rung.
func (d *Decision) judged(product view.Product) routingv1.Verdict {
	verdict, until := judge(d.customers.At(0).Contracts, product.Name(), d.nowS)
	began := d.call.State.GetBeganUnixMs() / 1000
	if verdict != routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT && began > 0 && began < d.nowS {
		then, _ := judge(d.customers.At(0).Contracts, product.Name(), began)
		if then == routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT {
			return then
		}
	}
	d.changesAt(until)
	return verdict
}

// judge is the verdict on contracts for a product, and the first instant at which it is another one.
func judge(contracts []entitlement.Contract, product string, nowS int64) (routingv1.Verdict, int64) {
	covers := func(c entitlement.Contract) bool {
		return c.Product == product || c.Product == "" || product == ""
	}
	ours := survey(contracts, nowS, covers)
	switch {
	case ours.inForce:
		return routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT, unbroken(contracts, nowS, covers)
	case ours.nextS != never:
		return routingv1.Verdict_VERDICT_CONTRACT_NOT_STARTED, ours.nextS
	case ours.ended:
		return routingv1.Verdict_VERDICT_CONTRACT_ENDED, never
	}
	others := survey(contracts, nowS, func(c entitlement.Contract) bool { return !covers(c) })
	if others.inForce {
		return routingv1.Verdict_VERDICT_OTHER_PRODUCT,
			unbroken(contracts, nowS, func(c entitlement.Contract) bool { return !covers(c) })
	}
	return routingv1.Verdict_VERDICT_NO_CONTRACT, others.nextS
}

// findings is what some contracts amount to.
type findings struct {
	inForce, ended bool
	// nextS is when the first of those to come begins; never where none comes.
	nextS int64
}

func survey(contracts []entitlement.Contract, nowS int64, covers func(entitlement.Contract) bool) findings {
	f := findings{nextS: never}
	for _, c := range contracts {
		switch {
		case c.ToUnixS <= c.FromUnixS || !covers(c):
		case c.FromUnixS > nowS:
			f.nextS = min(f.nextS, c.FromUnixS)
		case c.ToUnixS > nowS:
			f.inForce = true
		default:
			f.ended = true
		}
	}
	return f
}

// unbroken is the end of the time from now over which some contract is in force without a break.
func unbroken(contracts []entitlement.Contract, nowS int64, covers func(entitlement.Contract) bool) int64 {
	until := nowS
	for grown := true; grown && until != never; {
		grown = false
		for _, c := range contracts {
			if c.FromUnixS <= until && c.ToUnixS > until && covers(c) {
				until, grown = c.ToUnixS, true
			}
		}
	}
	return until
}
