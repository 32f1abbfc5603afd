package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// chooseStep is behind all stages, those that end a decision too: what the gateway is to do with what they found.
func chooseStep(d *Decision) (routingv1.Verdict, bool) {
	d.Step = routingv1.StepKind_STEP_KIND_FORWARD
	if d.End != routingv1.EndCause_END_CAUSE_UNSPECIFIED {
		d.Step = routingv1.StepKind_STEP_KIND_END
	}
	return routingv1.Verdict_VERDICT_UNSPECIFIED, true
}
