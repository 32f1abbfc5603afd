// Package checker judges a history of a run that tried to break Dayside: whether each answer was one that the guarantees
// allow, given all changes and faults around it. It is pure: a history in, a report out.
//
// What is possible it derives from the history alone. A change stands at one revision of etcd: the one that its
// acknowledgement told or, where none was told, one between what was known before it began and what came to be after it had
// ended; a doubtful one may stand at any revision from its beginning on, until a later reading settles it. An answer that
// tells its view's revision is judged by exactly the states possible at that revision; one that does not, such as a SIP
// redirect, by the states possible within the time that guarantees allow. So it accuses nobody of what could have been
// right, and it simulates nothing: it has no part of the product in it.
package checker

import (
	"fmt"
	"slices"
	"time"

	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

// Rule is a guarantee that a history can break.
type Rule string

// The rules.
const (
	// OpenSite: an entitled caller's first target is an open, undrained site wherever there is one, and no drained site is
	// among the targets.
	OpenSite Rule = "open site first"
	// NextStep: no call is left without a next step, whatever dies.
	NextStep Rule = "a next step"
	// InForce: a change is in force within its time at every process that hears etcd.
	InForce Rule = "in force"
	// Lost: what was acknowledged as committed is there at the end, once.
	Lost Rule = "nothing lost"
	// TrueAge: a view is never older than it says, and never goes back.
	TrueAge Rule = "age of the view"
	// Unjudged: the history lacks what is needed to judge it.
	Unjudged Rule = "unjudged"
)

// Limits are the times that guarantees allow.
type Limits struct {
	// InForce is how long after its acknowledgement a change is in force everywhere.
	InForce time.Duration
	// Recover is how long after a fault a process that it touched is not yet held to InForce, nor to answering.
	Recover time.Duration
	// AgeSlack is by how much an age may be off, and Backlog by how much more where a fault touches the process: changes that
	// a cut link held back count as news when they come, until the next of them, or the next question, shows that they are old.
	AgeSlack, Backlog time.Duration
	// ConnectedAge is the highest age of a view whose process hears etcd.
	ConnectedAge time.Duration
}

// DefaultLimits are the design's: a second for a change, some seconds to find one's feet again.
func DefaultLimits() Limits {
	return Limits{
		InForce: time.Second, Recover: 5 * time.Second, AgeSlack: time.Second, Backlog: time.Second, ConnectedAge: 3 * time.Second,
	}
}

// Violation is one break of a rule.
type Violation struct {
	Rule Rule
	// At is the instant of the run.
	At time.Duration
	// What happened, for people; it names calls, instances and switches, never numbers.
	What string
}

// String is one line.
func (v Violation) String() string {
	return fmt.Sprintf("%9.3fs  %s: %s", v.At.Seconds(), v.Rule, v.What)
}

// Report is what a history showed.
type Report struct {
	// Violations in order of time.
	Violations []Violation
	// Calls asked, Answered ones among them, and Excused ones, which nobody could have answered.
	Calls, Answered, Excused int
	// Retried had to ask a second process; ByTable were answered from what a gateway remembered.
	Retried, ByTable int
	// Judged counts the times that each rule was applied: a rule that was never applied proves nothing.
	Judged map[Rule]int
	// Lags are the times from a change's acknowledgement to the first answer with it, by process that heard etcd
	// throughout; in order of length. How often processes are asked bounds how fine they are.
	Lags []time.Duration
}

// run is a history taken apart.
type run struct {
	limits Limits
	about  history.Run
	calls  []*history.Call
	faults []*history.Fault
	stalls []*history.Stall
	kept   map[string]*history.Kept
	// finals are readings of switches at the end.
	finals   map[string]*history.Change
	switches []*toggle
	known    knowledge
	// edges are all revisions at which something can have changed, and worlds what can have been from there on.
	edges  []int64
	worlds map[int64]world
	report Report
}

// Check judges a history.
func Check(events []history.Event, limits Limits) Report {
	r := &run{limits: limits, kept: map[string]*history.Kept{}, finals: map[string]*history.Change{}, worlds: map[int64]world{}}
	r.report.Judged = map[Rule]int{}
	var changes []*history.Change
	for _, e := range events {
		switch {
		case e.Run != nil:
			r.about = *e.Run
		case e.Call != nil:
			r.calls = append(r.calls, e.Call)
		case e.Fault != nil:
			r.faults = append(r.faults, e.Fault)
		case e.Stall != nil:
			r.stalls = append(r.stalls, e.Stall)
		case e.Kept != nil:
			r.kept[e.Kept.ID] = e.Kept
		case e.Change != nil && e.Change.Final:
			r.finals[e.Change.Switch] = e.Change
		case e.Change != nil && e.Change.Outcome != history.Refused:
			changes = append(changes, e.Change)
		}
	}
	slices.SortStableFunc(r.calls, func(a, b *history.Call) int { return int(a.Begin - b.Begin) })
	slices.SortStableFunc(changes, func(a, b *history.Change) int { return int(a.Begin - b.Begin) })
	if len(r.about.Sites) == 0 || len(r.about.Routing) == 0 {
		r.broken(Unjudged, 0, "the history does not say which sites and which routing processes there are")
		return r.report
	}
	r.known = newKnowledge(changes, r.calls)
	r.switches = toggles(changes, r.known)
	r.answers()
	r.views()
	r.firstTargets()
	r.lags(changes)
	r.nothingLost()
	slices.SortStableFunc(r.report.Violations, func(a, b Violation) int { return int(a.At - b.At) })
	return r.report
}

func (r *run) broken(rule Rule, at time.Duration, format string, args ...any) {
	r.report.Violations = append(r.report.Violations, Violation{rule, at, fmt.Sprintf(format, args...)})
}

func (r *run) judged(rule Rule) { r.report.Judged[rule]++ }

// stalled is for how long the machine stood still within [from, to].
func (r *run) stalled(from, to time.Duration) time.Duration {
	var sum time.Duration
	for _, s := range r.stalls {
		if d := min(to, s.End) - max(from, s.Begin); d > 0 {
			sum += d
		}
	}
	return sum
}

// touched says whether a fault of a kind lasted, or was recovered from, within [from, to] at an instance.
func (r *run) touched(instance string, from, to time.Duration, of func(*history.Fault) []string) bool {
	return slices.ContainsFunc(r.faults, func(f *history.Fault) bool {
		return f.Begin <= to && f.End+r.limits.Recover >= from && slices.Contains(of(f), instance)
	})
}

func deaf(f *history.Fault) []string        { return slices.Concat(f.Cut, f.Slow) }
func unreachable(f *history.Fault) []string { return f.Unreachable }
func skewed(f *history.Fault) []string      { return f.Skewed }
func lossy(f *history.Fault) []string       { return f.Lossy }

// by is the instance that answered.
func by(c *history.Call) string { return c.Tries[len(c.Tries)-1] }

// routed says whether a call was answered by a process that told its view, and by which of its lives.
func routed(c *history.Call) bool {
	return c.Error == "" && c.Over != "sip" && c.Life > 0 && !c.Table && c.Asked != history.Report && len(c.Tries) > 0
}
