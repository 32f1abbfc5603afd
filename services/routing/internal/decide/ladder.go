package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// buildLadder is the last stage: what is tried, in which order. First the first target of each site in turn, then the
// second ones, and so on, for another site in daylight is worth more than the same one again; then the people on duty;
// and always, last, the line's last resort.
func buildLadder(d *Decision) (routingv1.Verdict, bool) {
	if !d.call.Gateway.has(routingv1.Capability_CAPABILITY_REDIRECT) &&
		!d.call.Gateway.has(routingv1.Capability_CAPABILITY_FORWARD) {
		d.End, d.RetryAfterS = routingv1.EndCause_END_CAUSE_UNAVAILABLE, unavailableRetryS
		return routingv1.Verdict_VERDICT_LADDER_NOT_CARRIED, false
	}
	ringSites(d)
	d.ringDuty()
	people := d.nTargets > 0 && d.ranking.n == 0
	d.targets[d.nTargets] = d.Line.LastResort
	d.nTargets++
	switch {
	case d.ranking.n > 0:
		return routingv1.Verdict_VERDICT_LADDER_SITES, true
	case people:
		return routingv1.Verdict_VERDICT_LADDER_ON_DUTY, true
	}
	return routingv1.Verdict_VERDICT_LADDER_LAST_RESORT_ONLY, true
}

// ringSites puts the open sites on the ladder, as far as there is room beside the people on duty.
func ringSites(d *Decision) {
	room := d.reserve()
	d.ranking.n = min(d.ranking.n, room)
	for round, more := 0, true; more; round++ {
		more = false
		for _, r := range d.ranking.rungs[:d.ranking.n] {
			t := leftOf(d.Line.Sites[r.site].Site.Targets, d.states[r.site].drained, round)
			if t != nil && d.nTargets < room {
				d.targets[d.nTargets] = t
				d.nTargets++
				more = true
			}
		}
	}
}
