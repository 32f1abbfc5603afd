package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// rung is a site in the ranking; a lower group comes first, then a lower key.
type rung struct {
	key   uint64
	site  int32
	group group
}

// ranking keeps the first of the sites that are open, or open soon, in order: a line may have a thousand, a ladder holds
// few.
type ranking struct {
	rungs [maxRungs]rung
	n     int
	// open are those that are open, not drained, and able to serve the line; withTargets those of them that have any.
	open, withTargets int
	// drained are those that would be open otherwise, misfits those that are open and cannot serve the line.
	drained, misfits int
	// offered are the open ones that were offered, and hindered those of them that cannot take a call this minute.
	offered, hindered int
}

func (r *ranking) offer(l *view.Line, what rung) {
	if r.n == maxRungs {
		if !before(l, what, r.rungs[r.n-1]) {
			return
		}
		r.n--
	}
	i := r.n
	for ; i > 0 && before(l, what, r.rungs[i-1]); i-- {
		r.rungs[i] = r.rungs[i-1]
	}
	r.rungs[i] = what
	r.n++
}

// before settles equal keys by ID, so that the order of the line's own list never matters by accident.
func before(l *view.Line, a, b rung) bool {
	switch {
	case a.group != b.group:
		return a.group < b.group
	case a.key != b.key:
		return a.key < b.key
	}
	return l.Sites[a.site].Site.ID < l.Sites[b.site].Site.ID
}

// allHindered: no open site can take a call this minute, so that this is passed over.
func (r *ranking) allHindered() bool { return r.offered > 0 && r.offered == r.hindered }

func (r *ranking) verdict() routingv1.Verdict {
	switch {
	case r.allHindered():
		return routingv1.Verdict_VERDICT_SITES_ALL_BUSY
	case r.withTargets > 0:
		return routingv1.Verdict_VERDICT_SITES_OPEN
	case r.drained > 0:
		return routingv1.Verdict_VERDICT_SITES_DRAINED
	case r.misfits > 0:
		return routingv1.Verdict_VERDICT_SITES_NO_SKILL
	}
	return routingv1.Verdict_VERDICT_SITES_NONE_OPEN
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
		v := SiteVerdict{At: &d.Line.Sites[i], State: s.State, Reason: d.reason(i, s), Live: d.liveSite(i)}
		_, v.Drain = d.drainedSite(i)
		if d.nTargets > 0 {
			v.Rank = int(s.rank)
		}
		d.sites = append(d.sites, v)
	}
}

// reason is why the site at a place of the line was chosen, or was not.
func (d *Decision) reason(i int, s *siteState) routingv1.SiteReason {
	at := &d.Line.Sites[i]
	switch {
	case s.out:
		return routingv1.SiteReason_SITE_REASON_DRAINED
	case !s.Known:
		return routingv1.SiteReason_SITE_REASON_NO_TIMELINE
	case at.Misfit == view.OtherProduct:
		return routingv1.SiteReason_SITE_REASON_OTHER_PRODUCT
	case at.Misfit == view.OtherLanguage:
		return routingv1.SiteReason_SITE_REASON_OTHER_LANGUAGE
	case s.tried:
		return routingv1.SiteReason_SITE_REASON_TRIED
	case !s.Open && s.rank > 0:
		return routingv1.SiteReason_SITE_REASON_OPENS_SOON
	case !s.Open:
		return routingv1.SiteReason_SITE_REASON_CLOSED
	case d.nTargets == 0 || len(at.Site.Targets) == 0:
		return routingv1.SiteReason_SITE_REASON_NOT_CARRIED
	case s.rank == 0 && d.rings.sitesCut:
		return routingv1.SiteReason_SITE_REASON_BEYOND_RING_BUDGET
	case s.rank == 0:
		return routingv1.SiteReason_SITE_REASON_BEYOND_TARGET_LIMIT
	}
	return d.standing(at, s)
}

// standing is the reason of a site on the ladder that is open.
func (d *Decision) standing(at *view.LineSite, s *siteState) routingv1.SiteReason {
	switch {
	case s.rank == 1 && d.ranking.rungs[0].group&groupNoCase == 0:
		return routingv1.SiteReason_SITE_REASON_OPEN_CASE
	case s.rank == 1:
		return routingv1.SiteReason_SITE_REASON_FIRST
	case s.hindered != 0 && !d.ranking.allHindered():
		return routingv1.SiteReason(s.hindered)
	case d.minds() && s.RemainingS < d.Line.MinRemainingS:
		return routingv1.SiteReason_SITE_REASON_CLOSING_SOON
	case d.Line.Strategy == routingv1.Strategy_STRATEGY_WEIGHTED && at.Weight == 0:
		return routingv1.SiteReason_SITE_REASON_STANDBY
	}
	return routingv1.SiteReason_SITE_REASON_NEXT
}
