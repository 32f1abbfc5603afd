package simulation

import (
	"errors"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// told is what a gateway was told.
type told struct {
	kind    routingv1.StepKind
	targets []string
	token   []byte
	step    int
	fate    routingv1.ContinuationFate
	sealed  sealed
}

// sealed is who made a continuation: whose truth it followed, how far its clock was ahead, and whether it was connected.
type sealed struct {
	truth     coord.Truth
	offsetMS  int64
	connected bool
}

// asked is one step of a call as a process answers it: what routing's calls do, without what waits for others.
type asked struct {
	p    *process
	c    *call
	v    *view.View
	at   time.Time
	call decide.Call
	step int
	// attempts are those at targets that the line knows.
	attempts []*routingv1.Attempt
	token    []byte
	route    *routingv1.Route
}

// step answers a call's next step.
func (p *process) step(c *call) told {
	p.s.answers++
	p.s.counts.Answers++
	a := &p.asked
	*a = asked{p: p, c: c, v: p.view(), at: p.now(), step: 1, call: decide.Call{
		ID: c.id, Dialled: c.line.number, Caller: c.caller, Attested: c.attested, Gateway: c.gateway.can,
	}}
	if len(c.token) > 0 {
		a.resume()
	}
	if !a.call.Gateway.Redirects() && a.v.Ring().Sealing(a.at.Unix()) == 0 {
		a.call.Gateway = a.call.Gateway.Silent()
	}
	decide.Decide(&p.decision, a.v, a.call, a.at, decide.MaxSites)
	a.seal()
	a.route = render.Route(&p.decision, a.v, c.id, a.at, false).GetRoute()
	a.plant()
	p.record(a)
	p.check(a)
	st := told{kind: p.decision.Step, token: a.token, step: a.step, fate: a.call.Fate}
	st.sealed = sealed{p.truth, p.offsetMS, p.follow.watching}
	for _, t := range a.route.GetForward().GetTargets() {
		st.targets = append(st.targets, t.GetTargetId())
	}
	return st
}

// resume brings in what the steps before came to.
func (a *asked) resume() {
	of := continuation.Of{Gateway: a.c.gateway.id, CallID: a.c.id}
	if a.p.s.cfg.Plant == PlantBinding && a.p.s.often(16) {
		of.CallID += "x"
	}
	opened, err := a.v.Ring().Open(of, a.c.token, a.at)
	line := a.v.LineByID(opened.State.GetLine())
	switch {
	case err != nil:
		a.call.Fate = fateOf(err)
	case opened.Step >= flow.MaxSteps:
		a.call.Fate = routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS
	default:
		a.call.Fate = routingv1.ContinuationFate_CONTINUATION_FATE_READ
	}
	if a.call.Untrusted() {
		if err != nil {
			line = a.v.LineByNumber(a.call.Dialled)
		}
		a.known(line)
		a.call.State, a.step = flow.Safe(opened.State, a.attempts), flow.SafeStep
		a.call.Gateway = a.call.Gateway.Silent()
		return
	}
	a.step = int(opened.Step) + 1
	a.known(line)
	outcome := flow.Outcome{
		Attempts: a.attempts, Input: a.c.input, Recording: a.c.message, Choices: flow.ChoicesOf(a.v, opened.State.GetOffered()),
	}
	if line != nil {
		if to := decide.MenuLine(a.v, line, a.call.Gateway); to != nil {
			outcome.MenuLine = to.ID
		}
	}
	state, need := flow.Advance(opened.State, outcome)
	a.lookUp(state, need)
	if state.GetMessageTaken() && !opened.State.GetMessageTaken() && !a.p.follow.reaches() && a.p.s.often(8) {
		flow.MessageLost(state) // nobody could be told of it, and the disk is full
	}
	a.call.State = state
}

// known keeps the attempts at targets of a line.
func (a *asked) known(line *view.Line) {
	if line == nil {
		return
	}
	for _, one := range a.c.attempts {
		if line.Target(one.GetTargetId()) != nil {
			a.attempts = append(a.attempts, one)
		}
	}
}

// lookUp is what entitlement answers: a caller who says a name is found, if somebody is there to be asked.
func (a *asked) lookUp(state *routingv1.ContinuationState, need flow.Need) {
	s := a.p.s
	switch {
	case need.Kind == flow.NeedNothing:
	case need.Kind == flow.NeedAccept:
		fate := routingv1.OfferFate_OFFER_FATE_PENDING
		if s.etcd.away {
			fate = routingv1.OfferFate_OFFER_FATE_SPOOLED
		}
		flow.Accepted(state, flow.Acceptance{Offer: need.Offer, Fate: fate})
	case s.etcd.away || s.often(10):
		flow.LookUpFailed(state)
	case need.Kind == flow.NeedPIN:
		flow.PINCompared(state, s.often(2), false)
	case s.often(3):
		flow.Identified(state, flow.Found{})
	default:
		found := []flow.Candidate{{ID: s.world.customers[s.chance.IntN(len(s.world.customers))].id, Confidence: 1}}
		if s.often(2) {
			found[0].Confidence = 0.8
		}
		if a.v.Customer(found[0].ID) == nil {
			found = nil
		}
		flow.Identified(state, flow.Found{Candidates: found, Certain: s.often(4)})
	}
}

func fateOf(err error) routingv1.ContinuationFate {
	var refusal *continuation.Refusal
	if errors.As(err, &refusal) && refusal.Why() == continuation.Expired {
		return routingv1.ContinuationFate_CONTINUATION_FATE_EXPIRED
	}
	return routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS
}

// seal makes the continuation of the step, where one follows.
func (a *asked) seal() {
	d := &a.p.decision
	life, follows := flow.Follows(d)
	if !follows {
		return
	}
	of := continuation.Of{Gateway: a.c.gateway.id, CallID: a.c.id}
	var err error
	a.token, err = a.v.Ring().Seal(of, uint16(a.step), flow.Next(d, a.at, ""), a.at, life)
	if err == nil {
		return
	}
	if !errors.Is(err, continuation.ErrNoKey) {
		a.p.s.find(a.p, "%s: step %d cannot be sealed: %v", a.c.id, a.step, err)
	}
	if d.Step != routingv1.StepKind_STEP_KIND_FORWARD {
		a.call.Gateway = a.call.Gateway.Silent()
		decide.Decide(d, a.v, a.call, a.at, decide.MaxSites)
	}
}

// plant spoils the answer, where a test wants that.
func (a *asked) plant() {
	f := a.route.GetForward()
	switch n := len(f.GetTargets()); {
	case a.p.s.cfg.Plant == PlantLadder && n > 1:
		f.Targets = f.Targets[:n-1]
	case a.p.s.cfg.Plant == PlantOrder && n > 2:
		f.Targets[0], f.Targets[n-2] = f.Targets[n-2], f.Targets[0]
	}
}

// record leaves the record of an answer in the spool, and in the trace.
func (p *process) record(a *asked) {
	of := record.Of{
		Decision: &p.decision, View: a.v, Call: a.call, At: a.at, Gateway: a.c.gateway.id, Step: a.step,
		Attempts: a.attempts, Recording: a.c.message, NumberRevealed: p.decision.Revealed() != nil,
	}
	made := p.maker.Make(&of)
	if p.s.cfg.Plant == PlantRecord && len(made.Targets) > 1 {
		made.Targets[0], made.Targets[1] = made.Targets[1], made.Targets[0]
	}
	var err error
	if p.buf, err = record.Append(p.buf[:0], made); err != nil {
		p.s.find(p, "%s: no record can be written: %v", a.c.id, err)
		return
	}
	p.s.trace.bytes(p.s.nowMS, p.id, p.buf)
	p.spool.append(p.buf)
	fresh := p.replayed != a.v.Revision()
	p.replayed = a.v.Revision()
	if p.s.answers%p.s.cfg.ReplayEvery == 0 || fresh && a.v.Revision()%32 == 0 {
		p.replay(a, made)
	}
}
