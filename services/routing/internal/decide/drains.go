package decide

import "github.com/daysidehq/dayside/services/routing/internal/view"

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
