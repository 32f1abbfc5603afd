package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// identify is the second stage: who is ringing. A number that nobody vouches for identifies all the same; only a charge
// would need more. Several candidates are named, never guessed between.
func identify(d *Decision) (routingv1.Verdict, bool) {
	if d.call.Caller == 0 {
		return routingv1.Verdict_VERDICT_CALLER_WITHHELD, true
	}
	d.customers = d.view.CustomersByNumber(d.call.Caller)
	n := d.customers.Len()
	d.nCandidate = min(n, maxCandidates)
	for i := range d.nCandidate {
		d.candidates[i] = d.customers.At(i)
	}
	switch {
	case n == 0:
		return routingv1.Verdict_VERDICT_CALLER_UNKNOWN, true
	case n > 1:
		return routingv1.Verdict_VERDICT_CALLER_AMBIGUOUS, true
	case d.call.Attested:
		return routingv1.Verdict_VERDICT_CALLER_VERIFIED, true
	}
	return routingv1.Verdict_VERDICT_CALLER_UNVERIFIED, true
}
