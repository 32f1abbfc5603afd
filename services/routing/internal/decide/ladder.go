package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// buildLadder is the last stage: what is tried, in which order. First the first target of each open site in turn, then the
// second ones, and so on, for another site in daylight is worth more than the same one again; then the sites that open
// soon, alike; then the people on duty; and always, last, the line's last resort. Of a call that has tried all of it once,
// those who may be rung again; then nothing is left.
func buildLadder(d *Decision) (routingv1.Verdict, bool) {
	if !d.call.Gateway.has(routingv1.Capability_CAPABILITY_REDIRECT) &&
		!d.call.Gateway.has(routingv1.Capability_CAPABILITY_FORWARD) {
		d.End, d.RetryAfterS = routingv1.EndCause_END_CAUSE_UNAVAILABLE, unavailableRetryS
		return routingv1.Verdict_VERDICT_LADDER_NOT_CARRIED, false
	}
	ringSites(d)
	d.ringDuty()
	d.budgetChanges()
	others := d.nTargets
	if last := d.lastResort(); !d.spent(last) {
		d.targets[d.nTargets] = last
		d.nTargets++
	}
	switch {
	case d.nTargets == 0:
		return routingv1.Verdict_VERDICT_LADDER_EXHAUSTED, true
	case d.rings.round > 0:
		return routingv1.Verdict_VERDICT_LADDER_SECOND_ROUND, true
	case d.ranking.n > 0 && d.ranking.rungs[0].group&groupSoon != 0:
		return routingv1.Verdict_VERDICT_LADDER_OPENING_SOON, true
	case d.ranking.n > 0:
		return routingv1.Verdict_VERDICT_LADDER_SITES, true
	case others > 0:
		return routingv1.Verdict_VERDICT_LADDER_ON_DUTY, true
	}
	return routingv1.Verdict_VERDICT_LADDER_LAST_RESORT_ONLY, true
}

// lastResort is the line's, as the gateway can carry it.
func (d *Decision) lastResort() *routingv1.RouteTarget {
	if d.rings.accepting {
		return d.Line.LastResortAccepting
	}
	return d.Line.LastResort
}

// ringSites puts the sites of the ranking on the ladder, as far as there is room beside the people on duty, and keeps
// those in the ranking that found some.
func ringSites(d *Decision) {
	room, ranked := d.reserve(), d.ranking.rungs[:d.ranking.n]
	open := 0
	for open < len(ranked) && ranked[open].group&groupSoon == 0 {
		open++
	}
	placed := ringInTurn(d, ranked[:open], room)
	if placed == open {
		placed += ringInTurn(d, ranked[open:], room)
	}
	d.rings.sitesCut = d.rings.cut && placed < len(ranked)
	d.ranking.n = placed
}

// ringInTurn puts the first target of each site on the ladder, then the second ones, and so on, and answers with how many
// of the sites have one there: the first ones of them.
func ringInTurn(d *Decision, rungs []rung, room int) (placed int) {
	for round, more := 0, true; more; round++ {
		more = false
		for i, r := range rungs {
			s := &d.states[r.site]
			t, place := nth(d.Line.Sites[r.site].Site.Targets, s.gone, s.behind, round)
			if t == nil || d.rings.cut || d.nTargets >= room {
				continue
			}
			more = true
			if !s.spent.Has(place) && d.ring(t, room) {
				placed = max(placed, i+1)
			}
		}
	}
	return placed
}

// nth is the n-th target that is not gone, from 0, those behind after the others, and its place; nil where there are fewer.
func nth(targets []*routingv1.RouteTarget, gone, behind view.Targets, n int) (*routingv1.RouteTarget, int) {
	if gone|behind == 0 {
		if n < len(targets) {
			return targets[n], n
		}
		return nil, 0
	}
	for _, last := range [...]bool{false, true} {
		for i, t := range targets {
			if gone.Has(i) || behind.Has(i) != last {
				continue
			}
			if n == 0 {
				return t, i
			}
			n--
		}
	}
	return nil, 0
}
