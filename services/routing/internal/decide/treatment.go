package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// treat is the fourth stage: what the line does with this class of caller, and with one who was helped first too often. One
// who dialled a number that is the line's no longer is told so: who it is was found before, so that they can be told the new
// one.
// Whatever this release does not know is FORWARD: in doubt a caller is helped. What a treatment says, asks or records is
// chosen by the last stage, from what the gateway can carry out; the ladder is found whatever the treatment, for all that
// cannot be carried out ends there.
func treat(d *Decision) (routingv1.Verdict, bool) {
	if d.NumberChanged {
		d.Treatment, d.End = routingv1.Treatment_TREATMENT_REJECT, routingv1.EndCause_END_CAUSE_NUMBER_CHANGED
		return routingv1.Verdict_VERDICT_NUMBER_CHANGED, false
	}
	d.Treatment = d.Line.Treatment(d.Class)
	used := d.goodwillUsed()
	if used {
		d.Treatment = d.Line.Goodwill.Then
	}
	d.offer()
	if d.call.Anyone && d.Treatment == routingv1.Treatment_TREATMENT_REJECT {
		d.Treatment = d.Line.Treatment(routingv1.CallerClass_CALLER_CLASS_ENTITLED)
	}
	verdict, goOn := d.treated()
	if used {
		verdict = routingv1.Verdict_VERDICT_TREATMENT_GOODWILL_USED
	}
	return verdict, goOn
}

// treated is the verdict on a treatment.
func (d *Decision) treated() (routingv1.Verdict, bool) {
	switch d.Treatment {
	case routingv1.Treatment_TREATMENT_REJECT:
		d.End = routingv1.EndCause_END_CAUSE_REFUSED
		return routingv1.Verdict_VERDICT_TREATMENT_REJECT, false
	case routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP:
		d.FollowUp = true
		return routingv1.Verdict_VERDICT_TREATMENT_FORWARD_AND_FOLLOW_UP, true
	case routingv1.Treatment_TREATMENT_ANNOUNCE:
		return routingv1.Verdict_VERDICT_TREATMENT_ANNOUNCE, true
	case routingv1.Treatment_TREATMENT_MESSAGE:
		return routingv1.Verdict_VERDICT_TREATMENT_MESSAGE, true
	case routingv1.Treatment_TREATMENT_OFFER:
		return routingv1.Verdict_VERDICT_TREATMENT_OFFER, true
	case routingv1.Treatment_TREATMENT_IDENTIFY:
		if d.Class == routingv1.CallerClass_CALLER_CLASS_UNKNOWN {
			return routingv1.Verdict_VERDICT_TREATMENT_IDENTIFY, true
		}
	case routingv1.Treatment_TREATMENT_UNSPECIFIED, routingv1.Treatment_TREATMENT_FORWARD:
	}
	d.Treatment = routingv1.Treatment_TREATMENT_FORWARD
	return routingv1.Verdict_VERDICT_TREATMENT_FORWARD, true
}
