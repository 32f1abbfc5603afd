package simulation

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// inForceMS is within how long a change must be in force at every process that is connected.
	inForceMS = secondMS
	// ageSlackMS is how much younger a view may say it is than it is: what a message takes, and a heartbeat.
	ageSlackMS = secondMS
	// olderSlackMS is how much older: what a copy on disk notes of heartbeats, a heartbeat, and a message.
	olderSlackMS = notedEveryMS + 2*secondMS
)

// check asks of an answer whether the guarantees hold.
func (p *process) check(a *asked) {
	st := p.s.worldAt(p.truth, a.v.Revision())
	if st == nil {
		p.s.find(p, "%s: decided on revision %d, which never was", a.c.id, a.v.Revision())
		return
	}
	if st.world != p.s.world {
		p.s.counts.Stale++
	}
	p.checkFresh(a, st)
	p.checkAge(a)
	p.checkStep(a)
	p.checkOffer(a)
	p.checkFate(a)
	if a.at.Unix() >= st.world.fromS && a.at.Unix() < st.world.toS {
		p.checkSites(a, st.world)
	}
}

// checkFresh: guarantee 3, and that nobody who is connected answers from another truth than etcd's.
func (p *process) checkFresh(a *asked, st *state) {
	f, s := &p.follow, p.s
	if p.began != (coord.Truth{}) && p.began == s.etcd.truth && p.truth != p.began {
		s.find(p, "%s: etcd told it its truth when it began, and it answers from another one", a.c.id)
		return
	}
	if !f.watching || !f.reaches() || f.stuck || s.nowMS-f.sinceMS < inForceMS {
		return
	}
	if p.truth != s.etcd.truth {
		s.find(p, "%s: connected for %d ms, it answers from another truth", a.c.id, s.nowMS-f.sinceMS)
		return
	}
	for i := len(s.states) - 1; i >= 0; i-- {
		due := &s.states[i]
		if due.truth != p.truth || due.revision <= st.revision {
			return
		}
		if due.atMS < s.nowMS-inForceMS && due.atMS > f.sinceMS {
			s.find(p, "%s: revision %d of %v is not in force", a.c.id, due.revision, at(due.atMS))
			return
		}
	}
}

// checkAge: a view never says that it is younger than it is, nor much older, but for what its clock was set by meanwhile.
func (p *process) checkAge(a *asked) {
	told := a.route.GetExplanation().GetViewAge().AsDuration()
	s := p.s
	if p.fromDisk && (p.offsetSetMS > p.heardMS-2*notedEveryMS || p.torn && p.offsetSetMS > 0) {
		return // its clock was set after that was noted which stands on disk: no age can be told from that
	}
	// What this process last heard is what it has; what it was sent and has not got yet is not heard.
	truly := s.nowMS - p.heardMS
	set := p.offsetMS - p.heardOffset
	says := told.Milliseconds() - set
	s.counts.MaxAge = max(s.counts.MaxAge, time.Duration(truly)*time.Millisecond)
	if told > 0 && says < truly-ageSlackMS || told == 0 && truly+set > ageSlackMS {
		s.find(p, "%s: the view says it is %v old, and is %d ms", a.c.id, told, truly)
	}
	if told > 0 && says > truly+olderSlackMS && !p.torn {
		s.find(p, "%s: the view says it is %v old, and is only %d ms", a.c.id, told, truly)
	}
	if got := a.route.GetExplanation().GetViewRevision(); got != a.v.Revision() {
		s.find(p, "%s: the route says revision %d, decided on %d", a.c.id, got, a.v.Revision())
	}
}

// checkStep: guarantee 2.
func (p *process) checkStep(a *asked) {
	s, d := p.s, &p.decision
	redirects := a.c.gateway.can.Redirects()
	switch d.Step {
	case routingv1.StepKind_STEP_KIND_FORWARD:
		targets := a.route.GetForward().GetTargets()
		if n := len(targets); n == 0 || !targets[n-1].GetLastResort() && (len(a.token) == 0 || !gaveUp(a.call.State)) {
			s.find(p, "%s: the ladder of step %d has %d targets, and does not end with the last resort: %v", a.c.id, a.step, n,
				a.call.State)
			return
		}
		if first := targets[0]; first.GetSite() != "" {
			s.counts.ToSites++
		} else if first.GetPerson() != "" {
			s.counts.ToPeople++
		} else {
			s.counts.ToLastResort++
		}
		if len(a.token) == 0 && !redirects && !a.call.Untrusted() {
			s.find(p, "%s: nothing follows a ladder that may fail", a.c.id)
		}
	case routingv1.StepKind_STEP_KIND_PROMPT, routingv1.StepKind_STEP_KIND_RECORD:
		if len(a.token) == 0 || redirects {
			s.find(p, "%s: nothing follows a %v", a.c.id, d.Step)
		}
	case routingv1.StepKind_STEP_KIND_END:
		s.counts.Ended++
		p.checkEnd(a)
	case routingv1.StepKind_STEP_KIND_UNSPECIFIED:
		s.find(p, "%s: no step at all", a.c.id)
	}
}

// checkOffer: whoever accepted an offer is entitled for the rest of the call, at every process.
func (p *process) checkOffer(a *asked) {
	d := &p.decision
	if len(d.Offers()) > 0 {
		p.s.counts.Offered++
	}
	if a.call.State.GetAccepted() == nil {
		return
	}
	p.s.counts.Accepted++
	if d.Class != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		p.s.find(p, "%s: step %d takes a caller who has accepted an offer for %v", a.c.id, a.step, d.Class)
	}
}

// gaveUp says that the last resort was busy or declined in this call: then it is not rung again, and what follows is a
// message, or the end with an alert.
func gaveUp(st *routingv1.ContinuationState) bool {
	return slices.ContainsFunc(st.GetTried(), func(t *routingv1.TriedTarget) bool {
		how := t.GetDisposition()
		return t.GetTargetId() == view.LastResortID &&
			(how == routingv1.Disposition_DISPOSITION_BUSY || how == routingv1.Disposition_DISPOSITION_DECLINED)
	})
}

// checkEnd: a call ends as its line wants it, or when it is over, or once somebody was signalled.
func (p *process) checkEnd(a *asked) {
	d, state := &p.decision, a.call.State
	switch d.End {
	case routingv1.EndCause_END_CAUSE_REFUSED:
		if d.Treatment == routingv1.Treatment_TREATMENT_REJECT {
			return
		}
	case routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN:
		if state.GetMessageTaken() {
			return
		}
	case routingv1.EndCause_END_CAUSE_OVER:
		if a.c.answered || state.GetOver() {
			return
		}
	case routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED:
		if a.c.rung && alert.Of(d, len(state.GetTried())) == alert.NobodyAnswered {
			return
		}
	case routingv1.EndCause_END_CAUSE_UNSPECIFIED, routingv1.EndCause_END_CAUSE_UNKNOWN_LINE,
		routingv1.EndCause_END_CAUSE_UNAVAILABLE, routingv1.EndCause_END_CAUSE_NUMBER_CHANGED:
	}
	p.s.find(p, "%s: step %d leaves the caller with %v", a.c.id, a.step, d.End)
}

// checkFate: a continuation is opened by any process of the cluster, until it expires or another truth has other keys.
func (p *process) checkFate(a *asked) {
	const tooMany = routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS
	if !a.call.Untrusted() || a.call.Fate == tooMany {
		return
	}
	by := a.c.sealed
	if by.truth == p.truth && by.connected && p.follow.watching && by.offsetMS == p.offsetMS {
		p.s.find(p, "%s: its continuation is worth %v", a.c.id, a.call.Fate)
	}
}

// checkSites: guarantee 1, by the oracle: which sites are open, and that one of them is rung first.
func (p *process) checkSites(a *asked, w *world) {
	s, d, nowS := p.s, &p.decision, a.at.Unix()
	if d.Line == nil {
		s.find(p, "%s: %s is no line", a.c.id, a.c.line.id)
		return
	}
	if a.step == 1 {
		if class := classOf(w, d.Line.Product.Name(), a.c, nowS); class != d.Class {
			s.find(p, "%s: the caller is %v, and was taken for %v", a.c.id, class, d.Class)
		}
	}
	if d.Treatment == routingv1.Treatment_TREATMENT_REJECT {
		return
	}
	var eligible [maxSites]bool
	some := false
	for i := range d.Line.Sites {
		one := w.sites[i]
		open := s.oracle.open(one, nowS)
		eligible[i] = open && !s.oracle.drained(w, one, nowS)
		some = some || eligible[i]
		if v := &d.Sites()[i]; v.At.Site.ID != one.id || v.State.Open != open {
			s.find(p, "%s at %v: %s is open: %v, and was taken for %v", a.c.id, a.at, one.id, open, v.State.Open)
		}
	}
	if d.Step == routingv1.StepKind_STEP_KIND_FORWARD && len(a.call.State.GetTried()) == 0 {
		p.checkFirst(a, w, eligible[:], some)
	}
}

// checkFirst: the first target of a call of which nothing was tried yet.
func (p *process) checkFirst(a *asked, w *world, eligible []bool, some bool) {
	first := a.route.GetForward().GetTargets()[0]
	id := strings.TrimPrefix(first.GetSite(), "sites/")
	i := slices.IndexFunc(w.sites, func(one *site) bool { return one.id == id })
	switch {
	case some && i < 0:
		p.s.find(p, "%s at %v: a site is open, and none is the first target", a.c.id, a.at)
	case some && !eligible[i]:
		p.s.find(p, "%s at %v: %s is the first target, and is not open", a.c.id, a.at, id)
	case !some && i < 0 && a.c.line.rota:
		holder := p.s.oracle.holder(w.duty, a.at.Unix())
		if holder != "" && first.GetPerson() != "people/"+holder {
			p.s.find(p, "%s at %v: %s is on duty, and %q is rung", a.c.id, a.at, holder, first.GetPerson())
		}
	case !some && i >= 0 && a.c.line.openingSoonS == 0:
		p.s.find(p, "%s at %v: no site is open, and %s is the first target", a.c.id, a.at, id)
	}
}

// maxSites is more than there are.
const maxSites = 16

// classOf is the class of a caller, from what their contract says.
func classOf(w *world, product string, c *call, nowS int64) routingv1.CallerClass {
	for _, one := range w.customers {
		if one.number != c.caller {
			continue
		}
		if (one.product == "" || product == "" || one.product == product) && one.fromS <= nowS && nowS < one.toS {
			return routingv1.CallerClass_CALLER_CLASS_ENTITLED
		}
		return routingv1.CallerClass_CALLER_CLASS_NOT_ENTITLED
	}
	return routingv1.CallerClass_CALLER_CLASS_UNKNOWN
}

// replay: guarantee 8. The decision is made again from its record and the facts that it names, and nothing else.
func (p *process) replay(a *asked, made *routingv1.DecisionRecord) {
	p.s.counts.Replayed++
	var facts []*routingv1.FactRecord
	add := func(all ...*view.Fact) {
		for _, f := range all {
			facts = append(facts, &routingv1.FactRecord{Id: f.ID[:], Key: f.Key, Value: f.Value})
		}
	}
	if l := p.decision.Line; l != nil { // what was known of that minute is in the record itself
		add(l.Facts...)
		add(l.FactList)
		add(p.maker.Others(&record.Of{Decision: &p.decision, View: a.v, Call: a.call, At: a.at})...)
	}
	stands := proto.CloneOf(made)
	if got := record.Again(stands, facts); len(got.Differences) > 0 {
		p.s.find(p, "%s: made again from its record the decision differs: %s", a.c.id, strings.Join(got.Differences, "; "))
	}
}
