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
	rank    int32
	drained view.Targets
	// out: drained whole, as if it were closed.
	out bool
}

// orderSites is the fifth stage: which sites are open, and in which order.
func orderSites(d *Decision) (routingv1.Verdict, bool) {
	callHash := rendezvous.Of(d.call.ID)
	if cap(d.states) < len(d.Line.Sites) {
		d.states = make([]siteState, 0, len(d.Line.Sites))
	}
	for i := range d.Line.Sites {
		at := &d.Line.Sites[i]
		s := at.Timeline.At(d.nowS)
		drained, _ := d.drainedSite(i)
		out := drained != 0 && drained.All(len(at.Site.Targets))
		d.states = append(d.states, siteState{State: s, drained: drained, out: out})
		if !s.Known {
			d.changesAt(known(at.Timeline, d.nowS))
			continue
		}
		d.changesAt(s.UntilUnixS)
		if !s.Open {
			continue
		}
		if out {
			d.ranking.drained++
			continue
		}
		d.ranking.open++
		if len(at.Site.Targets) == 0 {
			continue
		}
		var key uint64
		switch d.Line.Strategy {
		case routingv1.Strategy_STRATEGY_PRIORITY:
			key = priorityKey(at, i)
		case routingv1.Strategy_STRATEGY_WEIGHTED:
			key = weightedKey(at, callHash)
		default: // of a newer release, too
			key = followSunKey(at, s, d.Line.MinRemainingS, callHash)
		}
		d.ranking.offer(d.Line, key, i)
	}
	if d.followsSun() {
		followSunChanges(d)
	}
	d.drainsChange()
	switch {
	case d.ranking.n == 0 && d.ranking.drained > 0:
		return routingv1.Verdict_VERDICT_SITES_DRAINED, true
	case d.ranking.n == 0:
		return routingv1.Verdict_VERDICT_SITES_NONE_OPEN, true
	}
	return routingv1.Verdict_VERDICT_SITES_OPEN, true
}

// followsSun is true for strategies that this release does not know, too: a newer one may have written the line.
func (d *Decision) followsSun() bool {
	return d.Line.Strategy != routingv1.Strategy_STRATEGY_PRIORITY && d.Line.Strategy != routingv1.Strategy_STRATEGY_WEIGHTED
}

// known is when something will be known of a site of which nothing is: the start of a horizon yet to come.
func known(t *timeline.Timeline, nowS int64) int64 {
	if from, _ := t.Horizon(); from > nowS {
		return from
	}
	return never
}

// rung is a site in the ranking; a lower key comes first.
type rung struct {
	key  uint64
	site int32
}

// ranking keeps the first of the open sites, in order: a line may have a thousand, a ladder holds few.
type ranking struct {
	rungs [maxRungs]rung
	n     int
	open  int
	// drained are those that would be open otherwise.
	drained int
}

func (r *ranking) offer(l *view.Line, key uint64, site int) {
	if r.n == maxRungs {
		if last := r.rungs[r.n-1]; !before(l, key, site, last) {
			return
		}
		r.n--
	}
	i := r.n
	for ; i > 0 && before(l, key, site, r.rungs[i-1]); i-- {
		r.rungs[i] = r.rungs[i-1]
	}
	r.rungs[i] = rung{key, int32(site)}
	r.n++
}

// before settles equal keys by ID, so that the order of the line's own list never matters by accident.
func before(l *view.Line, key uint64, site int, than rung) bool {
	if key != than.key {
		return key < than.key
	}
	return l.Sites[site].Site.ID < l.Sites[than.site].Site.ID
}

// explainSites says of each site why it was chosen or not: of all where they are at most maxSites, else of those on the
// ladder and of the first others.
func explainSites(d *Decision, maxSites int) {
	for i, r := range d.ranking.rungs[:d.ranking.n] {
		d.states[r.site].rank = int32(i) + 1
	}
	others := maxSites - d.ranking.n
	for i := range d.states {
		s := &d.states[i]
		if s.rank == 0 {
			if others--; others < 0 {
				d.SitesOmitted++
				continue
			}
		}
		v := SiteVerdict{At: &d.Line.Sites[i], State: s.State, Reason: d.reason(i, s)}
		_, v.Drain = d.drainedSite(i)
		if d.nTargets > 0 {
			v.Rank = int(s.rank)
		}
		d.sites = append(d.sites, v)
	}
}

func (d *Decision) reason(i int, s *siteState) routingv1.SiteReason {
	switch {
	case s.out:
		return routingv1.SiteReason_SITE_REASON_DRAINED
	case !s.Known:
		return routingv1.SiteReason_SITE_REASON_NO_TIMELINE
	case !s.Open:
		return routingv1.SiteReason_SITE_REASON_CLOSED
	case d.nTargets == 0 || len(d.Line.Sites[i].Site.Targets) == 0:
		return routingv1.SiteReason_SITE_REASON_NOT_CARRIED
	case s.rank == 0:
		return routingv1.SiteReason_SITE_REASON_BEYOND_TARGET_LIMIT
	case s.rank == 1:
		return routingv1.SiteReason_SITE_REASON_FIRST
	case d.followsSun() && s.RemainingS < d.Line.MinRemainingS:
		return routingv1.SiteReason_SITE_REASON_CLOSING_SOON
	case d.Line.Strategy == routingv1.Strategy_STRATEGY_WEIGHTED && d.Line.Sites[i].Weight == 0:
		return routingv1.SiteReason_SITE_REASON_STANDBY
	}
	return routingv1.SiteReason_SITE_REASON_NEXT
}
