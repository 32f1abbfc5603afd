// Package render writes a decision as the API has it. It decides nothing, and it is on the path of a ringing phone:
// what the view holds ready is used as it is, and all that is new of an answer is made in a handful of allocations.
//
// An answer shares parts with the view and with other answers: send it, never change it.
package render

import (
	"math"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// maxVerdicts is how many stages a decision can have.
const maxVerdicts = 10

// answer is all messages that every answer has, made at once.
type answer struct {
	response    routingv1.RouteCallResponse
	route       routingv1.Route
	forwardStep routingv1.Route_Forward
	forward     routingv1.Forward
	explanation routingv1.Explanation
	decidedAt   timestamppb.Timestamp
	validUntil  timestamppb.Timestamp
	age         durationpb.Duration
	verdicts    [maxVerdicts]routingv1.Verdict
	customer    [1]string
}

// duty is all messages of what a rota says of one person.
type duty struct {
	verdict routingv1.DutyVerdict
	until   timestamppb.Timestamp
}

// site is all messages of one site's verdict that most sites have.
type site struct {
	verdict    routingv1.SiteVerdict
	remaining  durationpb.Duration
	nextChange timestamppb.Timestamp
	agents     int32
}

// Route is the answer to a call: decision d, made on v at now, as the first step of the call. A dry run has the rules
// besides, the texts behind open and closed; and people's own numbers are masked and no hidden number is told in it, since
// nobody is going to dial them.
func Route(d *decide.Decision, v *view.View, callID string, now time.Time, dryRun bool) *routingv1.RouteCallResponse {
	a := &answer{}
	a.response.Route = &a.route
	a.route.CallId, a.route.StepNumber = callID, 1
	a.route.Explanation = &a.explanation
	if d.Line != nil {
		a.route.Line = d.Line.Name
		a.explanation.TzdataRelease = d.Line.TZDataRelease
		a.explanation.Strategy = d.Line.Strategy
	}
	if d.ValidUntilUnixS != math.MaxInt64 {
		a.validUntil.Seconds = d.ValidUntilUnixS
		a.route.ValidUntil = &a.validUntil
	}
	a.step(d)
	if dryRun {
		maskPeople(a.forward.GetTargets())
		if p := a.route.GetPrompt(); p != nil {
			p.SecretText = "" // nobody is rung, so that nobody has the right to the number
		}
	}
	a.explain(d, v, now, dryRun)
	return &a.response
}

func (a *answer) step(d *decide.Decision) {
	switch d.Step {
	case routingv1.StepKind_STEP_KIND_END:
		a.route.Step = &routingv1.Route_End{End: end(d)}
	case routingv1.StepKind_STEP_KIND_PROMPT:
		a.route.Step = &routingv1.Route_Prompt{Prompt: prompt(d)}
	case routingv1.StepKind_STEP_KIND_RECORD:
		a.route.Step = &routingv1.Route_Record{Record: record(d)}
	case routingv1.StepKind_STEP_KIND_UNSPECIFIED, routingv1.StepKind_STEP_KIND_FORWARD:
		a.forward.Targets = append(make([]*routingv1.RouteTarget, 0, len(d.Targets())), d.Targets()...)
		a.forwardStep.Forward = &a.forward
		a.route.Step = &a.forwardStep
		if d.Whispers() {
			a.route.Whisper = whisper(d)
		}
	}
}

// maskPeople puts copies with masked numbers in the place of people's targets.
func maskPeople(targets []*routingv1.RouteTarget) {
	for i, t := range targets {
		number, ok := phone.Parse(t.GetTarget().GetPhoneNumber().GetE164Number())
		if t.GetPerson() == "" || !ok {
			continue
		}
		masked := proto.CloneOf(t)
		masked.Target.GetPhoneNumber().Kind = &phone_number.PhoneNumber_E164Number{E164Number: number.Masked()}
		targets[i] = masked
	}
}

// end says why in words that anybody may read: it travels in a Reason header.
func end(d *decide.Decision) *routingv1.End {
	e := &routingv1.End{Cause: d.End}
	switch d.End {
	case routingv1.EndCause_END_CAUSE_UNKNOWN_LINE:
		e.Text = "No line has this number"
	case routingv1.EndCause_END_CAUSE_NUMBER_CHANGED:
		e.Text = "The number has changed"
	case routingv1.EndCause_END_CAUSE_REFUSED:
		e.Text = "This line does not take this call"
	case routingv1.EndCause_END_CAUSE_UNAVAILABLE:
		e.Text = "This gateway can carry nothing that the line has"
	case routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN:
		e.Text = "A message was taken"
	case routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED:
		e.Text = "Nobody answered"
	case routingv1.EndCause_END_CAUSE_OVER:
		e.Text = "The call is over"
	case routingv1.EndCause_END_CAUSE_UNSPECIFIED:
	}
	if d.RetryAfterS > 0 {
		e.RetryAfter = &durationpb.Duration{Seconds: d.RetryAfterS}
	}
	return e
}

func (a *answer) explain(d *decide.Decision, v *view.View, now time.Time, rules bool) {
	e := &a.explanation
	setTime(&a.decidedAt, now)
	setDuration(&a.age, v.Age(now))
	e.DecidedAt, e.ViewAge, e.ViewRevision = &a.decidedAt, &a.age, v.Revision()
	e.CallerClass, e.Treatment, e.FollowUp = d.Class, d.Treatment, d.FollowUp
	e.FormerNumber = d.FormerNumber
	a.basis(d)
	if d.TransferredFrom != "" {
		e.TransferredFrom = "lines/" + d.TransferredFrom
	}
	call := d.Call()
	e.Continuation, e.Tried = call.Fate, call.State.GetTried()
	e.Verdicts = append(a.verdicts[:0], d.Verdicts()...)
	if n := len(d.Candidates()); n > 0 {
		e.Customers = a.customer[:0]
		for _, c := range d.Candidates() {
			e.Customers = append(e.Customers, c.Name)
		}
	}
	if n := len(d.Duties()); n > 0 {
		duties := make([]duty, n)
		e.Duties = make([]*routingv1.DutyVerdict, n)
		for i := range duties {
			duties[i].set(&d.Duties()[i])
			e.Duties[i] = &duties[i].verdict
		}
	}
	e.SitesOmitted = int32(d.SitesOmitted)
	if len(d.Sites()) == 0 {
		return
	}
	weighted := d.Line.Strategy == routingv1.Strategy_STRATEGY_WEIGHTED
	sites := make([]site, len(d.Sites()))
	e.Sites = make([]*routingv1.SiteVerdict, len(sites))
	for i := range sites {
		sites[i].set(&d.Sites()[i], weighted, rules)
		e.Sites[i] = &sites[i].verdict
	}
}

func (y *duty) set(from *decide.DutyVerdict) {
	v := &y.verdict
	v.Rota, v.TimeZone, v.Standing, v.Rank = from.Rota.Name, from.Rota.TimeZone, from.Standing, int32(from.Rank)
	if from.Person != nil {
		v.Person, v.DisplayName = from.Person.Name, from.Person.DisplayName
	}
	if from.Drain != nil {
		v.Drain, v.DrainReason = from.Drain.Name, from.Drain.Reason
	}
	if from.UntilUnixS != 0 {
		y.until.Seconds = from.UntilUnixS
		v.Until = &y.until
	}
}

func (s *site) set(from *decide.SiteVerdict, weighted, rules bool) {
	v := &s.verdict
	v.Site, v.Reason = from.At.Site.Name, from.Reason
	v.Rank, v.Tier = int32(from.Rank), int32(from.At.Tier)
	if weighted {
		v.Weight = int32(from.At.Weight)
	}
	if from.State.Open {
		s.remaining.Seconds = int64(from.State.RemainingS)
		v.Remaining = &s.remaining
	}
	// At the end of its horizon a timeline does not change: there nothing more is known.
	if _, to := from.At.Timeline.Horizon(); from.State.Known && from.State.UntilUnixS < to {
		s.nextChange.Seconds = from.State.UntilUnixS
		v.NextChange = &s.nextChange
	}
	if from.Drain != nil {
		v.Drain, v.DrainReason = from.Drain.Name, from.Drain.Reason
		if from.Drain.ToUnixS != math.MaxInt64 {
			v.DrainEnd = &timestamppb.Timestamp{Seconds: from.Drain.ToUnixS} // few are drained
		}
	}
	s.setLive(from)
	if rules {
		v.Rule = from.At.Timeline.Rule(from.State)
	}
}

// setLive tells what is known of this minute of the site.
func (s *site) setLive(from *decide.SiteVerdict) {
	v := &s.verdict
	v.ActiveCalls, v.Capacity = from.Live.ActiveCalls, int32(from.At.Capacity)
	if from.Live.AgentsKnown {
		s.agents = from.Live.Agents
		v.Agents = &s.agents
	}
	if from.Live.Unreachable != 0 {
		v.UnreachableTargets = int32(from.Live.Unreachable.Among(len(from.At.Site.Targets)))
	}
}

func setTime(t *timestamppb.Timestamp, at time.Time) {
	t.Seconds, t.Nanos = at.Unix(), int32(at.Nanosecond())
}

func setDuration(to *durationpb.Duration, d time.Duration) {
	to.Seconds, to.Nanos = int64(d/time.Second), int32(d%time.Second)
}

// Age is how long ago a view heard from etcd.
func Age(v *view.View, now time.Time) *durationpb.Duration { return durationpb.New(v.Age(now)) }
