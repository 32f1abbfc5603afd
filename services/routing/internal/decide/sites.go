package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxRungs is how many sites a ladder can hold: the last resort has the last place.
const maxRungs = maxTargets - 1

// siteState is a site of the line at the instant.
type siteState struct {
	timeline.State
	rank int32
	// hindered is why it cannot take a call this minute; a routingv1.SiteReason, 0 where it can.
	hindered uint8
	// gone are the targets that are drained, spent those that are not rung again: tried in this call.
	gone, spent view.Targets
	// behind are those that cannot be reached: they come behind the others.
	behind view.Targets
	// out: drained whole, as if it were closed.
	out bool
	// tried: all that is not drained was tried in this call.
	tried bool
	// eligible: open, able to serve the line, and with a target to ring.
	eligible bool
}

// orderSites is the fifth stage: which sites are open, and in which order.
func orderSites(d *Decision) (routingv1.Verdict, bool) {
	d.startRinging()
	o := order{callHash: rendezvous.Of(d.call.ID), caseSite: d.customers.CaseSite()}
	if cap(d.states) < len(d.Line.Sites) {
		d.states = make([]siteState, 0, len(d.Line.Sites))
	}
	for i := range d.Line.Sites {
		at := &d.Line.Sites[i]
		d.states = append(d.states, siteState{State: at.Timeline.At(d.nowS)})
		s := &d.states[i]
		s.gone, _ = d.drainedSite(i)
		s.out = s.gone != 0 && s.gone.All(len(at.Site.Targets))
		if !s.Known {
			d.changesAt(known(at.Timeline, d.nowS))
			continue
		}
		d.changesAt(s.UntilUnixS)
		switch soon := !s.Open && d.opensSoon(at.Timeline, s); {
		case !s.Open && !soon:
		case at.Misfit != view.Fits:
			d.ranking.misfits += one(s.Open)
		case s.out:
			d.ranking.drained += one(s.Open)
		default:
			d.ranking.open += one(s.Open)
			if len(at.Site.Targets) > 0 {
				d.rank(&o, i, s)
			}
		}
	}
	d.strategyChanges()
	d.drainsChange()
	d.liveChanges()
	return d.ranking.verdict(), true
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// order is what sites are ordered by, beside themselves.
type order struct {
	callHash uint64
	// caseSite is the ID of the site that works on an open case of the caller's customer; empty where none does.
	caseSite string
}

// rank offers a site to the ranking: one that is open, or opens soon, and has targets that are not drained.
func (d *Decision) rank(o *order, i int, s *siteState) {
	at := &d.Line.Sites[i]
	if s.Open {
		d.ranking.withTargets++
	}
	s.spent = d.spentOf(at.Site.Targets)
	if s.tried = s.spent != 0 && (s.gone | s.spent).All(len(at.Site.Targets)); s.tried {
		return
	}
	live := d.liveSite(i)
	s.behind = live.Unreachable
	place := rung{site: int32(i), group: s.turn(at.Site.Targets) * groupTurn}
	if !s.Open {
		place.key = d.soonKey(at, s, o.callHash)
		place.group |= groupSoon
		d.ranking.offer(d.Line, place)
		return
	}
	s.eligible = true
	place.key = d.strategyKey(at, i, s, live, o.callHash)
	if o.caseSite == "" || o.caseSite != at.Site.ID {
		place.group |= groupNoCase
	}
	d.ranking.offered++
	if why := hindrance(at, live, s.gone|s.spent); why != routingv1.SiteReason_SITE_REASON_UNSPECIFIED {
		s.hindered = uint8(why)
		place.group |= groupBusy
		d.ranking.hindered++
	}
	d.ranking.offer(d.Line, place)
}

// turn is in which turn of the ladder the site is rung next, from 0: its targets of earlier ones were tried in this call.
func (s *siteState) turn(targets []*routingv1.RouteTarget) group {
	for turn := 0; s.spent != 0; turn++ {
		if _, place := nth(targets, s.gone, s.behind, turn); !s.spent.Has(place) {
			return group(turn)
		}
	}
	return 0
}

func (d *Decision) strategyKey(at *view.LineSite, i int, s *siteState, live view.SiteLive, callHash uint64) uint64 {
	switch d.Line.Strategy {
	case routingv1.Strategy_STRATEGY_PRIORITY:
		return priorityKey(at, i)
	case routingv1.Strategy_STRATEGY_WEIGHTED:
		return weightedKey(at, callHash)
	case routingv1.Strategy_STRATEGY_LEAST_LOADED:
		return leastLoadedKey(at, live, callHash)
	case routingv1.Strategy_STRATEGY_FAIR_SHARE:
		return fairShareKey(at, s.State, d.Line.MinRemainingS, callHash)
	case routingv1.Strategy_STRATEGY_UNSPECIFIED, routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN:
	}
	return followSunKey(at, s.State, d.Line.MinRemainingS, callHash) // of a newer release, too
}

// strategyChanges notes when the order of the open sites changes though none of them opens or closes.
func (d *Decision) strategyChanges() {
	switch d.Line.Strategy {
	case routingv1.Strategy_STRATEGY_PRIORITY, routingv1.Strategy_STRATEGY_WEIGHTED,
		routingv1.Strategy_STRATEGY_LEAST_LOADED:
		return
	case routingv1.Strategy_STRATEGY_UNSPECIFIED, routingv1.Strategy_STRATEGY_FOLLOW_THE_SUN,
		routingv1.Strategy_STRATEGY_FAIR_SHARE:
	}
	followSunChanges(d)
}

// followsSun is true for strategies that this release does not know, too: a newer one may have written the line.
func (d *Decision) followsSun() bool {
	return d.Line.Strategy < routingv1.Strategy_STRATEGY_PRIORITY || d.Line.Strategy > routingv1.Strategy_STRATEGY_FAIR_SHARE
}

// minds says whether the line's strategy puts sites with less than min_remaining left behind the others.
func (d *Decision) minds() bool {
	return d.followsSun() || d.Line.Strategy == routingv1.Strategy_STRATEGY_FAIR_SHARE
}

// opensSoon says whether a closed site opens so soon that somebody may be there, and notes from when on it does.
func (d *Decision) opensSoon(t *timeline.Timeline, s *siteState) bool {
	if d.Line.OpeningSoonS == 0 {
		return false
	}
	if _, to := t.Horizon(); s.UntilUnixS >= to {
		return false // nothing is known to open
	}
	early := s.UntilUnixS - int64(d.Line.OpeningSoonS)
	if early > d.nowS {
		d.changesAt(early)
		return false
	}
	return true
}

// soonKey orders the sites that open soon; lower comes first. From the highest bit down:
//
//	12 seconds until it opens, at most 3,600
//	7  the site's tier on the line
//	1  outsourced
//	44 the site's weight for this call, which settles ties
func (d *Decision) soonKey(at *view.LineSite, s *siteState, callHash uint64) uint64 {
	key := uint64(s.UntilUnixS-d.nowS)<<8 | uint64(at.Tier)<<1
	if at.Outsourced {
		key |= 1
	}
	return key<<44 | rendezvous.Weight(callHash, at.Hash)>>20
}

// known is when something will be known of a site of which nothing is: the start of a horizon yet to come.
func known(t *timeline.Timeline, nowS int64) int64 {
	if from, _ := t.Horizon(); from > nowS {
		return from
	}
	return never
}
