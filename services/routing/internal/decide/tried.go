package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// A call that comes back has tried some targets. The list of them is in order, with a target as often as it was tried. A
// round ends with the last resort: in the first round no target is rung twice; in the second those who did not answer
// are rung once more; there is no third. Whoever was busy or declined is never rung again, in no round.

const (
	// maxRounds is how often a ladder is gone through.
	maxRounds = 2
	// maxTried is how many attempts a continuation keeps. A call that has made so many has nothing left to try: what is
	// forgotten would be rung again.
	maxTried = 32
)

// round is how often the call has gone through its ladder to the end. A gateway may have skipped what the state counts on,
// so the last resort's own attempts count too.
func (c *Call) round() int32 {
	var ends int32
	for _, t := range c.State.GetTried() {
		if t.GetTargetId() == view.LastResortID {
			ends++
		}
	}
	return max(c.State.GetRound(), ends)
}

// spent says whether a target is not to be rung, or not again.
func (d *Decision) spent(t *routingv1.RouteTarget) bool {
	if d.rings.round >= maxRounds || d.rings.room < 0 {
		return true
	}
	times := int32(0)
	for _, tried := range d.call.State.GetTried() {
		if tried.GetTargetId() != t.GetTargetId() {
			continue
		}
		if times++; times > d.rings.round || !again(tried.GetDisposition()) {
			return true
		}
	}
	return false
}

// spentOf are those of some targets that are not to be rung.
func (d *Decision) spentOf(targets []*routingv1.RouteTarget) view.Targets {
	if d.rings.keepOne && d.rings.round == 0 {
		return 0
	}
	var spent view.Targets
	for i, t := range targets {
		if d.spent(t) {
			spent |= 1 << i
		}
	}
	return spent
}

// again says whether somebody may be rung once more: nobody answered, or nobody knows.
func again(how routingv1.Disposition) bool {
	switch how {
	case routingv1.Disposition_DISPOSITION_NO_ANSWER, routingv1.Disposition_DISPOSITION_UNREACHABLE,
		routingv1.Disposition_DISPOSITION_NOT_ACCEPTED, routingv1.Disposition_DISPOSITION_UNSPECIFIED:
		return true
	case routingv1.Disposition_DISPOSITION_BUSY, routingv1.Disposition_DISPOSITION_DECLINED,
		routingv1.Disposition_DISPOSITION_ANSWERED, routingv1.Disposition_DISPOSITION_CALLER_GONE:
	}
	return false
}
