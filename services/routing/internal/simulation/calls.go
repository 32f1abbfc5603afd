package simulation

import (
	"fmt"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/flow"
)

const (
	// maxSteps is how many answers a call can get: those with a continuation, and the safe one.
	maxSteps = flow.MaxSteps + 2
	// retryMS is how long a gateway waits before it asks again, when no process answered.
	retryMS = 2 * secondMS
	// failing is how often, once in so many times, a target does not answer.
	failing = 6
)

// gateway takes calls, and carries out what it is told.
type gateway struct {
	id           string
	capabilities []routingv1.Capability
	can          decide.Capabilities
	// down are sites whose phones are dead.
	last int // the process it asked last
}

// call is one call as its gateway knows it.
type call struct {
	id       string
	line     *line
	caller   phone.Number
	attested bool
	gateway  *gateway
	// token is the continuation, attempts what was tried since it was given.
	token    []byte
	sealed   sealed
	attempts []*routingv1.Attempt
	input    *routingv1.Input
	message  *routingv1.Recording
	// steps is how many answers it got.
	steps int
	// rung says whether the last resort was tried; answered how it went.
	rung, answered bool
	beganMS        int64
	tries          int
}

func (s *sim) beginCalls() {
	const (
		redirect = routingv1.Capability_CAPABILITY_REDIRECT
		forward  = routingv1.Capability_CAPABILITY_FORWARD
		prompt   = routingv1.Capability_CAPABILITY_PROMPT
		digits   = routingv1.Capability_CAPABILITY_GATHER_DIGITS
		speech   = routingv1.Capability_CAPABILITY_GATHER_SPEECH
		record   = routingv1.Capability_CAPABILITY_RECORD
	)
	for i, can := range [][]routingv1.Capability{
		{redirect}, {redirect}, {forward}, {forward, prompt, digits}, {forward, prompt, digits, speech, record},
	} {
		s.gateways = append(s.gateways, &gateway{
			id: fmt.Sprintf("gateway-%d", i+1), capabilities: can, can: decide.CapabilitiesOf(can), last: i % s.cfg.Processes,
		})
	}
	if s.cfg.CallsPerHour > 0 {
		s.after(s.gap(), s.ring)
	}
	s.after(hourMS, s.keys)
}

// gap is the time to the next call.
func (s *sim) gap() int64 { return s.exponential(int64(float64(hourMS) / s.cfg.CallsPerHour)) }

// ring is a new call.
func (s *sim) ring() {
	s.after(s.gap(), s.ring)
	s.ask(s.newCall())
}

// try has a process answer some calls soon: what it has just begun with is asked about before it knows better.
func (p *process) try() {
	s := p.s
	if s.cfg.CallsPerHour == 0 {
		return
	}
	for range 2 {
		s.after(s.between(1, 4*secondMS), func() {
			if p.up && p.view() != nil {
				s.answer(p, s.newCall())
			}
		})
	}
}

func (s *sim) newCall() *call {
	s.callsMade++
	s.counts.Calls++
	return &call{
		id: fmt.Sprintf("call-%d", s.callsMade), line: s.world.lines[s.chance.IntN(len(s.world.lines))],
		caller: phone.Number(13035550100 + s.chance.IntN(14)), attested: s.often(2), beganMS: s.nowMS,
		gateway: s.gateways[s.chance.IntN(len(s.gateways))],
	}
}

// ask has the gateway ask a process for the next step: the one it asked before, else the next one that answers.
func (s *sim) ask(c *call) {
	g := c.gateway
	if s.often(8) {
		g.last = s.chance.IntN(len(s.processes))
	}
	for range s.processes {
		p := s.processes[g.last]
		if p.up && p.view() != nil {
			s.answer(p, c)
			return
		}
		g.last = (g.last + 1) % len(s.processes)
	}
	// Nobody answers: the gateway's own table takes over, which is not simulated here. It asks again.
	s.counts.NoProcess++
	if c.tries++; c.tries < 5 {
		s.after(retryMS, func() { s.ask(c) })
	}
}

// answer has a process answer, and the gateway carry that out.
func (s *sim) answer(p *process, c *call) {
	st := p.step(c)
	c.steps++
	if c.steps > maxSteps {
		s.find(p, "%s: %d steps and no end", c.id, c.steps)
		return
	}
	if len(c.token) > 0 && s.often(50) {
		s.redeliver(c, st)
	}
	c.token, c.sealed, c.attempts, c.input, c.message = st.token, st.sealed, nil, nil, nil
	s.carryOut(c, st)
}

// redeliver has the gateway tell the same step again, to any process, since the answer got lost: both answers must do.
func (s *sim) redeliver(c *call, was told) {
	s.counts.Redelivered++
	p := s.processes[s.chance.IntN(len(s.processes))]
	if !p.up || p.view() == nil {
		return
	}
	again := p.step(c)
	const read = routingv1.ContinuationFate_CONTINUATION_FATE_READ
	if again.step != was.step && again.fate == read && was.fate == read {
		s.find(p, "%s: told again it is step %d, was %d", c.id, again.step, was.step)
	}
}

// carryOut does what the gateway was told to.
func (s *sim) carryOut(c *call, st told) {
	switch st.kind {
	case routingv1.StepKind_STEP_KIND_FORWARD:
		s.dial(c, st)
	case routingv1.StepKind_STEP_KIND_PROMPT:
		c.input = s.say()
		s.next(c, s.between(2, 20)*secondMS)
	case routingv1.StepKind_STEP_KIND_RECORD:
		switch s.chance.IntN(4) {
		case 0:
			c.input = &routingv1.Input{Digits: "0"}
		case 1: // nothing usable came of it
			c.input = &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
		default:
			c.message = &routingv1.Recording{Uri: "https://gateway.example.com/" + c.id}
		}
		s.next(c, s.between(5, 60)*secondMS)
	case routingv1.StepKind_STEP_KIND_END, routingv1.StepKind_STEP_KIND_UNSPECIFIED:
		s.report(c)
	}
}

// say is what a caller answers to a prompt.
func (s *sim) say() *routingv1.Input {
	switch s.chance.IntN(6) {
	case 0:
		return &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
	case 1:
		return &routingv1.Input{Digits: "0"}
	case 2:
		return &routingv1.Input{Digits: "9"}
	case 3:
		return &routingv1.Input{Speech: "acme"}
	}
	return &routingv1.Input{Digits: "1#"}
}

// dial tries the targets in order. A gateway that only redirects never comes back; any other does when nobody answered, or
// before it tried all.
func (s *sim) dial(c *call, st told) {
	if c.gateway.can.Redirects() {
		s.report(c)
		return
	}
	took := int64(0)
	tryAll := !s.often(4)
	for i, target := range st.targets {
		how := s.dialled()
		took += s.between(2, ringS) * secondMS
		c.attempts = append(c.attempts, &routingv1.Attempt{TargetId: target, Disposition: how})
		c.rung = c.rung || i == len(st.targets)-1
		if how == routingv1.Disposition_DISPOSITION_ANSWERED || how == routingv1.Disposition_DISPOSITION_CALLER_GONE {
			c.answered = true
			s.after(took+s.between(10, 900)*secondMS, func() { s.report(c) })
			return
		}
		if !tryAll && s.often(3) {
			break
		}
	}
	s.next(c, took)
}

// dialled is how an attempt ends.
func (s *sim) dialled() routingv1.Disposition {
	if !s.often(failing) {
		return routingv1.Disposition_DISPOSITION_ANSWERED
	}
	return routingv1.Disposition(s.between(int64(routingv1.Disposition_DISPOSITION_BUSY),
		int64(routingv1.Disposition_DISPOSITION_CALLER_GONE)))
}

// next has the gateway come back with what it has, if anything can follow.
func (s *sim) next(c *call, afterMS int64) {
	if len(c.token) == 0 {
		s.after(afterMS, func() { s.report(c) })
		return
	}
	s.counts.Continued++
	s.after(afterMS, func() { s.ask(c) })
}

// report tells how the call went, to any process that takes it; now and then twice.
func (s *sim) report(c *call) {
	for range 1 + s.chance.IntN(20)/19 {
		p := s.processes[s.chance.IntN(len(s.processes))]
		if p.up && p.current != nil {
			p.spool.report(c)
		}
	}
}
