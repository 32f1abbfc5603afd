package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// What is known of this minute orders sites, and never rules one out: an open site that is full, unattended or unreachable
// comes behind those that are not. Lines of which nothing is known hold nil, and pay for the question alone.

// group is what comes before a strategy's key, the lower first. A closed site that opens soon comes behind all open ones.
// Of a call that comes back, sites whose first target it has tried come behind those that it has not; among these those
// that can take a call come first, and among these the one that works on the customer's open case.
type group uint8

const (
	groupNoCase group = 1 << iota
	groupBusy
	// groupTurn times the turn, 0 to 7: a site has eight targets at most.
	groupTurn
	groupSoon group = 1 << 5
)

// liveSite is what is known of this minute of the site at a place of the line.
func (d *Decision) liveSite(place int) view.SiteLive {
	if d.Line.Live == nil {
		return view.SiteLive{}
	}
	return d.Line.Live.Site(place, d.nowS)
}

// livePerson is which targets of somebody on duty cannot be reached.
func (d *Decision) livePerson(p *view.Person) view.Targets {
	if d.Line.Live == nil || p == nil {
		return 0
	}
	return d.Line.Live.Person(p.ID, d.nowS)
}

// liveChanges notes when the next of it ends.
func (d *Decision) liveChanges() {
	if d.Line.Live != nil {
		d.changesAt(d.Line.Live.ChangesUnixS(d.nowS))
	}
}

// hindrance is why an open site cannot take a call this minute; UNSPECIFIED where it can. gone are its targets that are
// not rung anyway.
func hindrance(at *view.LineSite, live view.SiteLive, gone view.Targets) routingv1.SiteReason {
	switch {
	case live.AgentsKnown && live.Agents == 0:
		return routingv1.SiteReason_SITE_REASON_UNATTENDED
	case at.Capacity > 0 && live.ActiveCalls >= int32(at.Capacity):
		return routingv1.SiteReason_SITE_REASON_FULL
	case live.Unreachable != 0 && (live.Unreachable | gone).All(len(at.Site.Targets)):
		return routingv1.SiteReason_SITE_REASON_UNREACHABLE
	}
	return routingv1.SiteReason_SITE_REASON_UNSPECIFIED
}
