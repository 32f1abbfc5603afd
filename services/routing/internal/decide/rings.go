package decide

import routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"

// rings is what a call may still ring.
type rings struct {
	// leftS of the line's budget, seconds; never where there is none.
	leftS int64
	// room is how many targets the ladder holds beside the last resort; below 0, not even that.
	room int
	// round of the ladder, from 0.
	round int32
	// running: leftS shrinks as time passes, for the call has rung before.
	running bool
	// keepOne: nobody was rung yet, so that somebody is, whatever the budget.
	keepOne bool
	// cut: the budget held no more, and nothing behind is rung.
	cut bool
	// sitesCut: it held not all sites once.
	sitesCut bool
	// accepting: people are asked to press a key, for the gateway can gather it.
	accepting bool
}

// startRinging is what the call may ring from now on. The budget of a call that has rung before is what is left of it.
func (d *Decision) startRinging() {
	state := d.call.State
	tried := len(state.GetTried())
	d.rings = rings{
		leftS: never, round: d.call.round(), keepOne: tried == 0, room: min(maxRungs, maxTried-1-tried),
		accepting: d.call.Gateway.has(routingv1.Capability_CAPABILITY_FORWARD) &&
			d.call.Gateway.has(routingv1.Capability_CAPABILITY_GATHER_DIGITS),
	}
	switch until := state.GetRingUntilUnixMs(); {
	case until != 0:
		d.rings.leftS, d.rings.running = max(until/1000-d.nowS, 0), true
	case d.Line.RingBudgetS > 0:
		d.rings.leftS = int64(d.Line.RingBudgetS)
	}
}

// ring puts a target on the ladder, if that has room and the budget holds it; what does not fit cuts the ladder there.
func (d *Decision) ring(t *routingv1.RouteTarget, room int) bool {
	if d.nTargets >= min(room, d.rings.room) || d.rings.cut {
		return false
	}
	forS := t.GetRingTimeout().GetSeconds()
	if forS > d.rings.leftS && !(d.rings.keepOne && d.nTargets == 0) {
		d.rings.cut = true
		return false
	}
	d.rings.leftS = max(d.rings.leftS-forS, 0)
	d.targets[d.nTargets] = t
	d.nTargets++
	return true
}

// budgetChanges notes when a running budget holds less than the ladder.
func (d *Decision) budgetChanges() {
	if d.rings.running && d.nTargets > 0 {
		d.changesAt(d.nowS + d.rings.leftS + 1)
	}
}
