// Package flow is how a call goes from step to step: what the outcome of a step changes in what is known of the call
// (Advance), which look-up that needs first and what becomes of its answer (Need), and what is sealed for the step after
// (Next). What the next step is, package decide says.
//
// It is pure: data in, data out, and time an argument. It asks nobody, seals nothing, and never fails: what a gateway
// tells it that makes no sense leads to a person, for a menu must not be a trap.
package flow

import (
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/continuation"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// MaxSteps is how many steps a call can have whose continuations are read; one more is the safe one.
	MaxSteps = 24
	// SafeStep is the number of a step behind which nothing follows, for its continuation could not be trusted: how many there
	// were before is not known.
	SafeStep = MaxSteps + 1

	// forwardLife is how long a continuation of a forward step holds: the call may be talked for long before its report.
	forwardLife = 12 * time.Hour
	// askLife is for a step that says, asks or records something.
	askLife = 30 * time.Minute
)

// Outcome is what a gateway says of a step.
type Outcome struct {
	// Attempts at targets that the line knows, in order.
	Attempts []*routingv1.Attempt
	// Input and Recording are nil where there were none.
	Input     *routingv1.Input
	Recording *routingv1.Recording
	// Choices are what a WHICH prompt offered, as it was read out: see ChoicesOf.
	Choices []view.Label
	// MenuLine is the ID of the line that "press 1" led to outside hours; empty where there was no menu.
	MenuLine string
}

// Safe is the state of a call that is to have one last step, and is asked nothing. was is nil where nothing is known of it;
// of a call that had too many steps it says who was busy or declined, and they are not rung again. Where the attempts that
// came in say that the call is over, it is.
func Safe(was *routingv1.ContinuationState, attempts []*routingv1.Attempt) *routingv1.ContinuationState {
	now := &routingv1.ContinuationState{}
	proto.Merge(now, was)
	rung(now, attempts)
	safe := &routingv1.ContinuationState{PersonWanted: true, Over: now.GetOver()}
	if was != nil { // what was promised holds
		safe.Offer, safe.Accepted, safe.AcceptedVerified = was.GetOffer(), was.GetAccepted(), was.GetAcceptedVerified()
		safe.Promise, safe.OurFault = was.GetPromise(), was.GetOurFault()
	}
	for _, t := range now.GetTried() {
		switch t.GetDisposition() { //nolint:exhaustive // all others may be rung again
		case routingv1.Disposition_DISPOSITION_BUSY, routingv1.Disposition_DISPOSITION_DECLINED:
			if was != nil {
				safe.Tried = append(safe.Tried, t)
			}
		}
	}
	return safe
}

// Advance is the state behind a step, and the look-up to be made before the next decision; was is not changed. A message is
// taken for kept: see MessageLost.
func Advance(was *routingv1.ContinuationState, o Outcome) (*routingv1.ContinuationState, Need) {
	next := proto.CloneOf(was)
	next.TooMany = false
	switch was.GetAsked() {
	case routingv1.PromptKind_PROMPT_KIND_NAME:
		return next, named(next, o.Input)
	case routingv1.PromptKind_PROMPT_KIND_PIN:
		return next, pinTyped(next, o.Input)
	case routingv1.PromptKind_PROMPT_KIND_WHICH:
		chosen(next, o.Input, o.Choices)
	case routingv1.PromptKind_PROMPT_KIND_OUT_OF_HOURS:
		menu(next, o)
	case routingv1.PromptKind_PROMPT_KIND_OFFER:
		return next, offered(next, o.Input)
	case routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT, routingv1.PromptKind_PROMPT_KIND_REFUSAL:
		next.Announced = true
	case routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED:
		if was.GetRecording() && len(o.Attempts) == 0 {
			recorded(next, o)
			break
		}
		rung(next, o.Attempts)
	default: // of a newer release
		next.PersonWanted = true
	}
	return next, Need{}
}

// rung notes how attempts ended. Where one was answered, or the caller is gone, the call is over.
func rung(s *routingv1.ContinuationState, attempts []*routingv1.Attempt) {
	for _, a := range attempts {
		s.Rung++
		if len(s.GetTried()) < continuation.MaxTried {
			s.Tried = append(s.Tried, &routingv1.TriedTarget{TargetId: a.GetTargetId(), Disposition: a.GetDisposition()})
		}
		if a.GetTargetId() == view.LastResortID {
			s.Round++
		}
		if a.GetDisposition() == routingv1.Disposition_DISPOSITION_ANSWERED ||
			a.GetDisposition() == routingv1.Disposition_DISPOSITION_CALLER_GONE {
			s.Over = true
		}
	}
}

// recorded brings in a message. Whoever presses 0 instead wants a person; so does, in effect, whoever's message did not come
// about, and they are asked for none again.
func recorded(s *routingv1.ContinuationState, o Outcome) {
	switch {
	case o.Recording.GetUri() != "":
		s.MessageTaken, s.Recording = true, false
	case zero(o.Input) && !s.GetPersonWanted():
		s.PersonWanted, s.Recording = true, false
	default:
		s.PersonWanted = true
	}
}

// MessageLost says of a message that was taken that nobody can be told of it now: the caller is put through to a person, and
// is asked for no other message.
func MessageLost(s *routingv1.ContinuationState) {
	s.MessageTaken, s.PersonWanted, s.Recording = false, true, true
}

// menu is what was pressed outside hours: 1 leads to the other line, under its own policy; anything else, and nothing, to
// the ladder of this one. Without a menu there was only something to hear.
func menu(s *routingv1.ContinuationState, o Outcome) {
	s.Announced = true
	switch {
	case o.MenuLine == "":
	case key(o.Input) == 1:
		s.TransferredFrom, s.Line, s.Announced = s.GetLine(), o.MenuLine, false
	default:
		s.PersonWanted = true
	}
}

// Next is what is sealed for the step behind a decision. traceparent is that of the call, kept where the state has one.
func Next(d *decide.Decision, now time.Time, traceparent string) *routingv1.ContinuationState {
	next := &routingv1.ContinuationState{}
	if was := d.Call().State; was != nil {
		next = proto.CloneOf(was)
	}
	next.Line, next.TransferredFrom, next.CallerClass = d.Line.ID, d.TransferredFrom, d.Class
	next.FormerNumber, next.NumberChanged = d.FormerNumber, d.NumberChanged
	if next.GetBeganUnixMs() == 0 {
		next.BeganUnixMs = now.UnixMilli()
	}
	if next.GetTraceparent() == "" {
		next.Traceparent = traceparent
	}
	// Whom the number found stays found, though a later step may come without the number.
	if c := d.Customer(); c != nil {
		if next.GetCustomer() != c.ID() { // a PIN that a partner showed is not its client's
			unverified(next)
		}
		next.Customer = c.ID()
	}
	next.Partner = ""
	if d.Partner != nil {
		next.Partner = d.Partner.ID()
	}
	next.GoodwillPlusOne = 0
	if d.Line.Goodwill != nil && d.Class != routingv1.CallerClass_CALLER_CLASS_ENTITLED {
		next.GoodwillPlusOne = int32(d.GoodwillCalls) + 1
	}
	next.Caller, next.Attested = uint64(d.Call().Caller), d.Call().Attested
	next.Made = Made(d)
	next.Asked, next.Offered = d.Prompt, nil
	if d.Prompt == routingv1.PromptKind_PROMPT_KIND_WHICH {
		for _, c := range d.Candidates() {
			next.Offered = append(next.Offered, c.ID())
		}
	}
	next.Recording = next.GetRecording() || d.Step == routingv1.StepKind_STEP_KIND_RECORD
	if d.Step == routingv1.StepKind_STEP_KIND_FORWARD && next.GetRingUntilUnixMs() == 0 && d.Line.RingBudgetS > 0 {
		next.RingUntilUnixMs = now.Add(time.Duration(d.Line.RingBudgetS) * time.Second).UnixMilli()
	}
	return next
}

// Follows says whether a step of a decision can have another one behind it, and for how long its continuation holds. A
// redirect is out of the gateway's sight, and the end is the end.
func Follows(d *decide.Decision) (life time.Duration, follows bool) {
	switch d.Step {
	case routingv1.StepKind_STEP_KIND_PROMPT, routingv1.StepKind_STEP_KIND_RECORD:
		return askLife, true
	case routingv1.StepKind_STEP_KIND_FORWARD:
		return forwardLife, d.Forwards() && !d.Safe()
	case routingv1.StepKind_STEP_KIND_UNSPECIFIED, routingv1.StepKind_STEP_KIND_END:
	}
	return 0, false
}
