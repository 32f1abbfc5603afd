package decide

import (
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// defaultTries is how often a name or a PIN is asked for where a line does not say.
const defaultTries = 2

// chooseStep is behind all stages, those that end a decision too: what the gateway is to do with what they found. What
// the line wants said, asked or recorded comes first, once each, as far as the gateway can carry it out; then the ladder.
func chooseStep(d *Decision) (routingv1.Verdict, bool) {
	st := d.call.State
	switch {
	case st.GetOver():
		return d.end(routingv1.EndCause_END_CAUSE_OVER, 0), true
	case st.GetMessageTaken():
		return d.end(routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN, 0), true
	case d.End == routingv1.EndCause_END_CAUSE_UNKNOWN_LINE:
		d.Step = routingv1.StepKind_STEP_KIND_END
		return routingv1.Verdict_VERDICT_UNSPECIFIED, true
	case d.End == routingv1.EndCause_END_CAUSE_REFUSED, d.End == routingv1.EndCause_END_CAUSE_NUMBER_CHANGED:
		if d.maySpeak() && !st.GetAnnounced() && d.can(routingv1.Capability_CAPABILITY_PROMPT) {
			return d.prompt(routingv1.PromptKind_PROMPT_KIND_REFUSAL), true
		}
		d.Step = routingv1.StepKind_STEP_KIND_END
		return routingv1.Verdict_VERDICT_UNSPECIFIED, true
	case d.nTargets == 0:
		return d.lastChance(), true
	}
	verdict := d.beforeLadder()
	if d.Step == routingv1.StepKind_STEP_KIND_FORWARD && d.Treatment == routingv1.Treatment_TREATMENT_IDENTIFY {
		d.FollowUp = true // nobody knows who it was
	}
	return verdict, true
}

// end ends the call, whatever else the stages found.
func (d *Decision) end(cause routingv1.EndCause, retryAfterS int64) routingv1.Verdict {
	d.Step, d.End, d.RetryAfterS = routingv1.StepKind_STEP_KIND_END, cause, retryAfterS
	return routingv1.Verdict_VERDICT_STEP_OVER
}

func (d *Decision) prompt(kind routingv1.PromptKind) routingv1.Verdict {
	d.Step, d.Prompt, d.End = routingv1.StepKind_STEP_KIND_PROMPT, kind, routingv1.EndCause_END_CAUSE_UNSPECIFIED
	return routingv1.Verdict_VERDICT_STEP_PROMPT
}

func (d *Decision) record() routingv1.Verdict {
	d.Step, d.End, d.RetryAfterS = routingv1.StepKind_STEP_KIND_RECORD, routingv1.EndCause_END_CAUSE_UNSPECIFIED, 0
	return routingv1.Verdict_VERDICT_STEP_RECORD
}

// can says whether the gateway can carry a step out, and hand its outcome back. With a continuation that cannot be trusted
// nothing follows, so that nothing can be asked.
func (d *Decision) can(one routingv1.Capability) bool { return !d.Safe() && d.call.Gateway.has(one) }

// canAsk says whether the gateway can say something and gather an answer.
func (d *Decision) canAsk() bool {
	return !d.Safe() && d.call.Gateway.asks()
}

// asks says whether a gateway can say something and gather an answer.
func (c Capabilities) asks() bool {
	return c.has(routingv1.Capability_CAPABILITY_PROMPT) &&
		(c.has(routingv1.Capability_CAPABILITY_GATHER_DIGITS) || c.has(routingv1.Capability_CAPABILITY_GATHER_SPEECH))
}

// MenuLine is the line to which "press 1" leads outside the hours of another one; nil where that has no menu, or the gateway
// cannot ask.
func MenuLine(v *view.View, l *view.Line, gateway Capabilities) *view.Line {
	if o := l.OutOfHours(); o != nil && gateway.asks() {
		return v.LineByID(lineID(o.GetTransferLine()))
	}
	return nil
}

// Gathers says whether the gateway gathers digits, and speech.
func (d *Decision) Gathers() (digits, speech bool) {
	return d.can(routingv1.Capability_CAPABILITY_GATHER_DIGITS), d.can(routingv1.Capability_CAPABILITY_GATHER_SPEECH)
}

// Forwards says whether the gateway dials targets itself, and knows how that ends.
func (d *Decision) Forwards() bool {
	return d.call.Gateway.has(routingv1.Capability_CAPABILITY_FORWARD)
}

// Briefs says whether the gateway hands a brief's token on to whoever answers.
func (d *Decision) Briefs() bool {
	return d.Step == routingv1.StepKind_STEP_KIND_FORWARD && d.call.Gateway.has(routingv1.Capability_CAPABILITY_BRIEF)
}

// Whispers says whether the gateway can tell the answering person of the call before it is connected.
func (d *Decision) Whispers() bool {
	return d.Forwards() && d.call.Gateway.has(routingv1.Capability_CAPABILITY_PROMPT)
}

// Untrusted says that a continuation was to be handed in, and that none was, or one that cannot be trusted.
func (c *Call) Untrusted() bool {
	return c.Fate != routingv1.ContinuationFate_CONTINUATION_FATE_UNSPECIFIED &&
		c.Fate != routingv1.ContinuationFate_CONTINUATION_FATE_READ &&
		c.Fate != routingv1.ContinuationFate_CONTINUATION_FATE_READ_AGAIN
}

// Safe says that the continuation handed in cannot be trusted: nothing is asked, and nothing follows.
func (d *Decision) Safe() bool { return d.call.Untrusted() }

// maySpeak says whether anything may be said or asked still: not to a caller who wants a person, nor once somebody was
// rung.
func (d *Decision) maySpeak() bool {
	st := d.call.State
	return st == nil || !st.GetPersonWanted() && st.GetAsked() != routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED
}

// lastChance is what is left where nothing can be rung: a message, else the end. Somebody is told in both cases.
func (d *Decision) lastChance() routingv1.Verdict {
	if d.can(routingv1.Capability_CAPABILITY_RECORD) && !d.call.State.GetRecording() {
		return d.record()
	}
	if d.End == routingv1.EndCause_END_CAUSE_UNSPECIFIED {
		d.End, d.RetryAfterS = routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED, unavailableRetryS
	}
	d.Step = routingv1.StepKind_STEP_KIND_END
	return routingv1.Verdict_VERDICT_UNSPECIFIED
}

// beforeLadder chooses what comes before the ladder, else the ladder. Of what the gateway cannot carry out, the verdict
// tells.
func (d *Decision) beforeLadder() routingv1.Verdict {
	d.Step = routingv1.StepKind_STEP_KIND_FORWARD
	outOfHours := d.outOfHours()
	if d.Treatment == routingv1.Treatment_TREATMENT_FORWARD && outOfHours == nil && d.call.State == nil {
		return routingv1.Verdict_VERDICT_UNSPECIFIED // most calls
	}
	switch {
	case d.Safe():
		return routingv1.Verdict_VERDICT_STEP_SAFE
	case d.call.State.GetPersonWanted():
		return routingv1.Verdict_VERDICT_STEP_PERSON_WANTED
	case !d.maySpeak():
		return routingv1.Verdict_VERDICT_UNSPECIFIED
	}
	ladder := routingv1.Verdict_VERDICT_UNSPECIFIED
	if d.Treatment == routingv1.Treatment_TREATMENT_IDENTIFY {
		switch question := d.question(); {
		case question == routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED:
			return routingv1.Verdict_VERDICT_STEP_PERSON_WANTED
		case d.canAsk():
			return d.prompt(question)
		}
		ladder = routingv1.Verdict_VERDICT_STEP_NOT_CARRIED
	}
	if outOfHours != nil {
		if v := d.sayOutOfHours(outOfHours); v != routingv1.Verdict_VERDICT_UNSPECIFIED {
			return v
		}
		ladder = routingv1.Verdict_VERDICT_STEP_NOT_CARRIED
	}
	switch {
	case d.announces():
		if d.can(routingv1.Capability_CAPABILITY_PROMPT) {
			return d.prompt(routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT)
		}
		ladder = routingv1.Verdict_VERDICT_STEP_NOT_CARRIED
	case d.Treatment == routingv1.Treatment_TREATMENT_OFFER:
		return d.makeOffer()
	case d.Treatment == routingv1.Treatment_TREATMENT_MESSAGE:
		if d.can(routingv1.Capability_CAPABILITY_RECORD) {
			return d.record()
		}
		ladder = routingv1.Verdict_VERDICT_STEP_NOT_CARRIED
	}
	return ladder
}

// announces says whether something is to be said, which was not said yet, before the ladder.
func (d *Decision) announces() bool {
	if d.call.State.GetAnnounced() {
		return false
	}
	return d.Treatment == routingv1.Treatment_TREATMENT_ANNOUNCE ||
		d.Treatment == routingv1.Treatment_TREATMENT_FORWARD_AND_FOLLOW_UP && d.Line.Announcement() != nil
}

// question is what a caller whom nobody knows is asked next; UNSPECIFIED where they are asked no more.
func (d *Decision) question() routingv1.PromptKind {
	st := d.call.State
	tries := d.Line.Identification().GetMaxTries()
	if tries <= 0 {
		tries = defaultTries
	}
	switch {
	case d.pinWanted():
		if d.pinAsked() && st.GetPinTries() < tries {
			return routingv1.PromptKind_PROMPT_KIND_PIN
		}
		return routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED
	case st.GetTries() >= tries:
		return routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED
	case d.nCandidate > 0 && len(st.GetOffered()) > 0,
		st.GetTries() == 0 && d.choices > 1 && d.choices <= maxCandidates:
		return routingv1.PromptKind_PROMPT_KIND_WHICH
	}
	return routingv1.PromptKind_PROMPT_KIND_NAME
}

// outOfHours is what the callers of a published line hear now, where they have not heard it yet; else nil. Whoever was
// transferred hears no second one: lines that lead to each other would never end.
func (d *Decision) outOfHours() *routingv1.OutOfHours {
	o := d.Line.OutOfHours()
	if o == nil || d.Open() > 0 || !d.Line.Published() || d.TransferredFrom != "" || d.call.State.GetAnnounced() {
		return nil
	}
	return o
}

// sayOutOfHours says what a line says outside hours, with its menu where the gateway can ask; where it cannot, an entitled
// caller is transferred at once. UNSPECIFIED where the gateway can do nothing of it.
func (d *Decision) sayOutOfHours(o *routingv1.OutOfHours) routingv1.Verdict {
	to := d.view.LineByID(lineID(o.GetTransferLine()))
	entitled := to != nil && d.entitledTo(to)
	if entitled && !d.canAsk() {
		d.transferTo = to
		return routingv1.Verdict_VERDICT_STEP_NOT_CARRIED
	}
	if !d.can(routingv1.Capability_CAPABILITY_PROMPT) {
		return routingv1.Verdict_VERDICT_UNSPECIFIED
	}
	if d.canAsk() {
		d.menu = to
	}
	if entitled && d.verified && o.GetReveal() == routingv1.Reveal_REVEAL_VERIFIED_ENTITLED {
		d.revealed = to
	}
	return d.prompt(routingv1.PromptKind_PROMPT_KIND_OUT_OF_HOURS)
}

// lineID is the last part of a line's name.
func lineID(name string) string {
	const names = "lines/"
	if len(name) < len(names) {
		return ""
	}
	return name[len(names):]
}

// Menu is the line that "press 1" of an OUT_OF_HOURS prompt leads to; nil where there is no menu.
func (d *Decision) Menu() *view.Line { return d.menu }

// Revealed is the line whose hidden number the caller is told with an OUT_OF_HOURS prompt; nil where it is none.
func (d *Decision) Revealed() *view.Line { return d.revealed }

// Again says that the question of a prompt was asked in vain just before. Whoever is none of those whom they were asked
// about is asked for a name as anybody is: they gave none yet, or one that was found.
func (d *Decision) Again() bool { return d.call.State.GetAsked() == d.Prompt }

// Call is what was decided on.
func (d *Decision) Call() Call { return d.call }
