package checker

import (
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// answers judges NextStep.
func (r *run) answers() {
	for _, c := range r.calls {
		if c.Asked == history.Probe {
			continue
		}
		r.report.Calls++
		if len(c.Tries) > 1 {
			r.report.Retried++
		}
		if c.Table {
			r.report.ByTable++
		}
		if c.Asked == history.Report {
			if c.Error == "" {
				r.report.Answered++
			}
			continue // a gateway keeps a report that nobody takes, and tells it later
		}
		r.judged(NextStep)
		switch {
		case c.Error != "" && r.excused(c):
			r.report.Excused++
		case c.Error != "":
			r.broken(NextStep, c.End, "%s %s over %s asked %v, and got no answer: %s", c.Asked, c.ID, c.Over, c.Tries,
				c.Error)
		default:
			r.report.Answered++
			r.step(c)
		}
	}
}

// step judges whether the step of an answer leads on.
func (r *run) step(c *history.Call) {
	switch {
	case c.Step == "forward" && len(c.Targets) > 0 && (c.Follows || c.Targets[len(c.Targets)-1].LastResort):
	case (c.Step == "prompt" || c.Step == "record") && c.Follows:
	default:
		r.broken(NextStep, c.End, "%s %s over %s was answered by %s with a step (%s, %d targets) that leads nowhere", c.Asked,
			c.ID, c.Over, by(c), c.Step, len(c.Targets))
	}
}

// excused says whether nobody could have answered: every process that decides was unreachable at some time meanwhile. Over
// SIP the gateway itself must have been; and a client that keeps a table is never excused, for it asks itself at last.
func (r *run) excused(c *history.Call) bool {
	gone := func(instance string) bool { return r.touched(instance, c.Begin, c.End, unreachable) }
	switch c.Over {
	case "client":
		return false
	case "sip":
		return slices.ContainsFunc(c.Tries, gone)
	}
	return !slices.ContainsFunc(r.about.Routing, func(i string) bool { return !gone(i) })
}

// life is one life of a process, and what its answers said so far.
type life struct {
	revision int64
	heard    time.Duration
}

// views judges InForce and TrueAge of every answer that tells its view.
func (r *run) views() {
	type who struct {
		instance string
		life     int
	}
	lives := map[who]*life{}
	// pending are answers that a later one must not be behind, in order of their end.
	var pending []*history.Call
	for _, c := range r.calls {
		if !routed(c) {
			continue
		}
		for len(pending) > 0 && pending[0].End <= c.Begin {
			p := pending[0]
			pending = pending[1:]
			k := who{by(p), p.Life}
			if lives[k] == nil {
				lives[k] = &life{heard: p.Begin - p.Age}
			}
			lives[k].revision = max(lives[k].revision, p.Revision)
			lives[k].heard = max(lives[k].heard, p.Begin-p.Age)
		}
		at, _ := slices.BinarySearchFunc(pending, c, func(a, b *history.Call) int { return int(a.End - b.End) })
		pending = slices.Insert(pending, at, c)
		r.view(c)
		if l := lives[who{by(c), c.Life}]; l != nil {
			r.judged(TrueAge)
			if c.Revision < l.revision {
				r.broken(TrueAge, c.End, "%s answered %s at revision %d, after it had answered at %d", by(c), c.ID, c.Revision,
					l.revision)
			}
			if c.End-c.Age+r.limits.AgeSlack < l.heard {
				r.broken(TrueAge, c.End, "%s told of %s an age of %v: it had heard etcd later than that", by(c), c.ID, c.Age)
			}
		}
	}
}

// view judges one answer by itself.
func (r *run) view(c *history.Call) {
	instance := by(c)
	connected := !r.touched(instance, c.Begin-r.limits.InForce, c.End, deaf)
	allowed := r.limits.InForce + r.stalled(c.Begin-2*r.limits.InForce, c.End)
	if connected {
		r.judged(InForce)
		if want := r.known.committed(c.Begin - allowed); c.Revision < want {
			r.broken(InForce, c.Begin, "%s hears etcd, and answered %s at revision %d more than %v after %d was committed", instance,
				c.ID, c.Revision, allowed, want)
		}
		if most := r.limits.ConnectedAge + allowed - r.limits.InForce; c.Age > most {
			r.broken(TrueAge, c.End, "%s hears etcd, and told of %s an age of %v", instance, c.ID, c.Age)
		}
	}
	r.judged(TrueAge)
	slack := r.limits.AgeSlack + r.stalled(c.Begin-2*r.limits.AgeSlack, c.End)
	backlog := time.Duration(0)
	if !connected {
		backlog = r.limits.Backlog
	}
	if want := r.known.committed(c.Begin - c.Age - slack - backlog); c.Revision < want {
		r.broken(TrueAge, c.Begin, "%s answered %s at revision %d and told an age of %v, but %d was committed before that",
			instance, c.ID, c.Revision, c.Age, want)
	}
	if r.touched(instance, c.Begin, c.End, skewed) {
		return // when it was heard last, another clock said
	}
	for _, f := range r.faults {
		if cut := c.Begin - f.Begin; slices.Contains(f.Cut, instance) && cut > 0 && c.End <= f.End && c.Age < cut-slack {
			r.broken(TrueAge, c.End, "%s was cut off from etcd %v ago, and told of %s an age of %v", instance, cut, c.ID, c.Age)
		}
	}
}

// firstTargets judges OpenSite.
func (r *run) firstTargets() {
	for _, c := range r.calls {
		first := c.Asked == history.Route || c.Asked == history.Probe
		if !first || c.Error != "" || c.Step != "forward" || len(c.Targets) == 0 {
			continue
		}
		r.judged(OpenSite)
		low, high := c.Revision, c.Revision
		if !routed(c) {
			low, high = r.between(c)
		}
		if why := r.wrongTargets(c, r.revisions(low, high)); why != "" {
			r.broken(OpenSite, c.End, "%s over %s was answered by %s at revision %d to %d: %s", c.ID, c.Over, by(c), low, high, why)
		}
	}
}

// between are the revisions that an answer which does not tell its own can be of: from what was committed when everything
// heard etcd for the last time, to what may have been committed when it came.
func (r *run) between(c *history.Call) (low, high int64) {
	since := c.Begin
	for again := true; again; {
		again = false
		for _, f := range r.faults {
			if f.Begin < since && f.End+r.limits.Recover >= since {
				since, again = f.Begin, true
			}
		}
	}
	since -= max(c.Age, r.limits.InForce)
	low = r.known.committed(since - r.stalled(since-r.limits.InForce, c.End))
	for _, t := range r.switches {
		for _, p := range t.changes {
			if p.begin > c.End {
				continue
			}
			if high = max(high, p.from); p.certain != never {
				high = max(high, p.certain)
			}
		}
	}
	return low, max(low, high)
}

// wrongTargets says why no state allows the targets; empty where one does.
func (r *run) wrongTargets(c *history.Call, revisions []int64) string {
	why := ""
	for _, revision := range revisions {
		if why = r.wrongIn(c, r.worldAt(revision)); why == "" {
			return ""
		}
	}
	return why
}

func (r *run) wrongIn(c *history.Call, w world) string {
	for _, t := range c.Targets {
		if t.Site != "" && w.drained[t.Site] {
			return t.Site + " is drained, and among the targets"
		}
	}
	first := c.Targets[0].Site
	if first != "" {
		if !w.open[first] {
			return "its first target is " + first + ", which is shut"
		}
		return ""
	}
	for _, s := range r.about.Sites {
		if w.open[s] && !w.shut[s] {
			return "its first target is nobody of a site, and " + s + " is open"
		}
	}
	return ""
}

// lags measures how long changes took to be seen.
func (r *run) lags(changes []*history.Change) {
	byInstance := map[string][]*history.Call{}
	for _, c := range r.calls {
		if routed(c) {
			byInstance[by(c)] = append(byInstance[by(c)], c)
		}
	}
	for _, change := range changes {
		if change.Outcome != history.Done || change.Revision == 0 || change.Read {
			continue
		}
		for instance, calls := range byInstance {
			if till := change.End + r.limits.InForce; r.touched(instance, change.Begin, till, deaf) ||
				r.touched(instance, change.Begin, till, unreachable) {
				continue
			}
			i, _ := slices.BinarySearchFunc(calls, change.End, func(c *history.Call, t time.Duration) int { return int(c.Begin - t) })
			for ; i < len(calls); i++ {
				if calls[i].Revision >= change.Revision {
					r.report.Lags = append(r.report.Lags, max(0, calls[i].Begin-change.End))
					break
				}
			}
		}
	}
	slices.Sort(r.report.Lags)
}

// nothingLost judges Lost: switches and calls as they were found at the end.
func (r *run) nothingLost() {
	for _, t := range r.switches {
		f := r.finals[t.name]
		if f == nil {
			r.broken(Unjudged, 0, "%s was not looked at at the end", t.name)
			continue
		}
		r.judged(Lost)
		if m := t.at(never - 1); (f.On && !m.on) || (!f.On && !m.off) {
			r.broken(Lost, f.End, "%s is on at the end: %v; what was acknowledged says otherwise", t.name, f.On)
		}
	}
	tries := map[string]map[int32]int{}
	for _, c := range r.calls {
		if c.Asked != history.Probe {
			r.keptOf(c, tries)
		}
	}
	for id, steps := range tries {
		for _, step := range slices.Compact(slices.Sorted(slices.Values(r.kept[id].Steps))) {
			n := 0
			for _, s := range r.kept[id].Steps {
				if s == step {
					n++
				}
			}
			if n > max(1, steps[step]) {
				r.broken(Lost, 0, "%s has step %d %d times in the ledger, and was decided at most %d times", id, step, n, steps[step])
			}
		}
	}
}

// keptOf judges whether the ledger has what was answered, and counts how often each step may have been decided.
func (r *run) keptOf(c *history.Call, tries map[string]map[int32]int) {
	k := r.kept[c.ID]
	if k == nil {
		if c.Error == "" && !c.Table {
			r.broken(Unjudged, c.End, "%s was not looked for in the ledger", c.ID)
		}
		return
	}
	if tries[c.ID] == nil {
		tries[c.ID] = map[int32]int{}
	}
	if c.Asked != history.Report {
		tries[c.ID][max(1, c.StepNumber)] += max(1, len(c.Tries))
	}
	if c.Error != "" || c.Table || len(c.Tries) == 0 {
		return
	}
	r.judged(Lost)
	spared := r.touched(by(c), c.Begin, c.End, lossy)
	switch {
	case c.Asked == history.Report && c.Reported != "" && !(k.Found && k.Answered):
		r.broken(Lost, c.End, "the report of %s was acknowledged by %s (%s), and is not in the ledger", c.ID, by(c), c.Reported)
	case c.Asked != history.Report && c.Over != "sip" && !spared && !slices.Contains(k.Steps, c.StepNumber):
		r.broken(Lost, c.End, "step %d of %s was decided by %s, and is not in the ledger", c.StepNumber, c.ID, by(c))
	case c.Over == "sip" && !k.Found && !r.anyFault(c):
		r.broken(Lost, c.End, "%s was redirected by %s while all was well, and is not in the ledger", c.ID, by(c))
	}
}

// anyFault: over SIP it is not told who decided, nor whether it was the gateway's own memory.
func (r *run) anyFault(c *history.Call) bool {
	return slices.ContainsFunc(r.faults, func(f *history.Fault) bool {
		return f.Begin <= c.End && f.End+r.limits.Recover >= c.Begin
	})
}
