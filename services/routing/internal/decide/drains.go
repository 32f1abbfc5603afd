package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// A drain overrules hours: a site whose targets are all drained is no open one, and a drained target is left out of its
// site's or person's. Lines that no drain concerns hold none, and pay for the question alone. Nothing here touches a last
// resort.

// drainedSite is which targets of the site at a place of the line are drained, and by which drain.
func (d *Decision) drainedSite(place int) (view.Targets, *view.Drain) {
	if d.Line.Drains == nil {
		return 0, nil
	}
	return d.Line.Drains.Site(place, d.nowS)
}

// drainedPerson is the same for somebody on duty.
func (d *Decision) drainedPerson(p *view.Person) (view.Targets, *view.Drain) {
	if d.Line.Drains == nil || p == nil {
		return 0, nil
	}
	return d.Line.Drains.Person(p.ID, d.nowS)
}

// drainsChange notes when the next drain begins or ends.
func (d *Decision) drainsChange() {
	if d.Line.Drains != nil {
		d.changesAt(d.Line.Drains.ChangesUnixS(d.nowS))
	}
}

// leftOf is the n-th of the targets that are not drained, from 0; nil where there are fewer.
func leftOf(targets []*routingv1.RouteTarget, drained view.Targets, n int) *routingv1.RouteTarget {
	if drained == 0 {
		if n < len(targets) {
			return targets[n]
		}
		return nil
	}
	for i, t := range targets {
		if drained.Has(i) {
			continue
		}
		if n == 0 {
			return t
		}
		n--
	}
	return nil
}

// left is how many targets of the person are not drained.
func (v *DutyVerdict) left() int {
	if v.Person == nil {
		return 0
	}
	n := len(v.Person.Targets)
	if v.drained == 0 {
		return n
	}
	for i := range v.Person.Targets {
		if v.drained.Has(i) {
			n--
		}
	}
	return n
}
