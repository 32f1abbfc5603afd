package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// identify is the second stage: who is ringing. A number that nobody vouches for identifies all the same; only a charge
// would need more. Several candidates are named, never guessed between. What the caller has said in an earlier step goes
// before the number.
func identify(d *Decision) (routingv1.Verdict, bool) {
	st := d.call.State
	if st.GetCustomer() != "" {
		if c := d.view.Customer(st.GetCustomer()); c != nil {
			return d.found(c), true
		}
	}
	verdict := d.byNumber()
	if len(st.GetOffered()) > 0 && d.customers.Len() != 1 {
		d.nCandidate, d.surmised = 0, st.GetNamed()
		for _, id := range st.GetOffered()[:min(len(st.GetOffered()), maxCandidates)] {
			if c := d.view.Customer(id); c != nil {
				d.candidates[d.nCandidate] = c
				d.nCandidate++
			}
		}
	}
	return verdict, true
}

// Surmised says that the candidates are like a name that the caller gave, and that the caller did not say which.
func (d *Decision) Surmised() bool { return d.surmised }

// byNumber finds customers by the caller's number.
func (d *Decision) byNumber() routingv1.Verdict {
	if d.call.Caller == 0 {
		return routingv1.Verdict_VERDICT_CALLER_WITHHELD
	}
	d.customers = d.view.CustomersByNumberInto(d.call.Caller, &d.room)
	n := d.customers.Len()
	d.nCandidate = min(n, maxCandidates)
	for i := range d.nCandidate {
		d.candidates[i] = d.customers.At(i)
	}
	switch {
	case n == 0:
		return routingv1.Verdict_VERDICT_CALLER_UNKNOWN
	case n > 1:
		return routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS
	case d.call.Attested:
		d.verified = true
		return routingv1.Verdict_VERDICT_CALLER_VERIFIED
	}
	return routingv1.Verdict_VERDICT_CALLER_UNVERIFIED
}

// found is the verdict on a customer whom an earlier step found. Who chose among several that share a number is not
// verified by that number.
func (d *Decision) found(c *view.Customer) routingv1.Verdict {
	d.customers = view.Only(c)
	d.candidates[0], d.nCandidate = c, 1
	switch st := d.call.State; {
	case st.GetPinVerified():
		d.verified = true
		return routingv1.Verdict_VERDICT_CALLER_PIN_VERIFIED
	case st.GetNamed():
		return routingv1.Verdict_VERDICT_CALLER_NAMED
	case d.call.Attested && d.call.Caller != 0:
		if d.view.OnlyOne(d.call.Caller, c.ID()) {
			d.verified = true
			return routingv1.Verdict_VERDICT_CALLER_VERIFIED
		}
	}
	return routingv1.Verdict_VERDICT_CALLER_UNVERIFIED
}

// pinWanted says whether the caller counts as the customer's only once a PIN is shown: a name finds, and proves nothing.
func (d *Decision) pinWanted() bool {
	st := d.call.State
	if !st.GetNamed() || st.GetPinVerified() || d.customers.Len() != 1 {
		return false
	}
	switch d.Line.Identification().GetPin() {
	case routingv1.PinPolicy_PIN_POLICY_ALWAYS:
		return true
	case routingv1.PinPolicy_PIN_POLICY_WHERE_SET:
		return d.customers.At(0).HasPIN
	case routingv1.PinPolicy_PIN_POLICY_UNSPECIFIED, routingv1.PinPolicy_PIN_POLICY_NEVER:
	}
	return false
}
