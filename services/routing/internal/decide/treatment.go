package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// treat is the fourth stage: what the line does with this class of caller. Whatever this release does not know is
// FORWARD: in doubt a caller is helped.
func treat(d *Decision) (routingv1.Verdict, bool) {
	if d.Line.Treatment(d.Class) == routingv1.Treatment_TREATMENT_REJECT {
		d.End = routingv1.EndCause_END_CAUSE_REFUSED
		return routingv1.Verdict_VERDICT_TREATMENT_REJECT, false
	}
	return routingv1.Verdict_VERDICT_TREATMENT_FORWARD, true
}
