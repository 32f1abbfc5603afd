package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

const (
	// charsPerS is how fast a message that is typed would be spoken.
	charsPerS = 15
	// hangUp is typed by a caller who does.
	hangUp = "!"
	// personKey leads to a person, before a message too.
	personKey = "0"
	// maxTalkLineBytes bounds what is typed at once.
	maxTalkLineBytes = 1024
)

// outcome is how a step ended.
type outcome struct {
	// over: somebody answered, the caller hung up, or the step ended the call.
	over       bool
	answeredAt time.Time
	attempts   []*routingv1.Attempt
	input      *routingv1.Input
	recording  *routingv1.Recording
}

// carryOut does what a step says.
func (t *talker) carryOut(ctx context.Context, r *routingv1.Route) (outcome, error) {
	if t.app.output != formatTable {
		if err := t.app.show(r, nil); err != nil {
			return outcome{}, err
		}
	}
	linef(t.w, "")
	switch step := r.GetStep().(type) {
	case *routingv1.Route_Forward:
		t.head(r, "phones ring")
		return t.ring(ctx, r, step.Forward)
	case *routingv1.Route_Prompt:
		t.head(r, word(talkPrompts, step.Prompt.GetKind()))
		return t.hear(ctx, step.Prompt)
	case *routingv1.Route_Record:
		t.head(r, "a message is recorded")
		return t.record(ctx, step.Record)
	case *routingv1.Route_End:
		t.head(r, "the call ends")
		text := word(endCauseWords, step.End.GetCause())
		if said := oneLine(step.End.GetText()); !strings.Contains(text, strings.ToLower(said)) { // it may say the same
			text += ": " + said
		}
		linef(t.w, "  %s", text)
		return outcome{over: true}, nil
	}
	return outcome{}, &failure{message: "the route holds a step that this program does not know"}
}

// head begins a step, with how it was decided where that is asked for.
func (t *talker) head(r *routingv1.Route, what string) {
	linef(t.w, "%d. %s", r.GetStepNumber(), what)
	if e := r.GetExplanation(); e.GetOffer() > routingv1.OfferFate_OFFER_FATE_MADE {
		linef(t.w, "  %s", offerText(e))
	}
	if !t.why {
		return
	}
	var why []string
	for _, v := range r.GetExplanation().GetVerdicts() {
		why = append(why, word(verdictWords, v))
	}
	if len(why) > 0 {
		linef(t.w, "  why: %s", strings.Join(why, "; "))
	}
	if fate := r.GetExplanation().GetContinuation(); fate > routingv1.ContinuationFate_CONTINUATION_FATE_READ {
		linef(t.w, "  the step before was not taken up: %s", enumName(fate, "CONTINUATION_FATE_"))
	}
}

var talkPrompts = map[routingv1.PromptKind]string{
	routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT: "the caller is told",
	routingv1.PromptKind_PROMPT_KIND_NAME:         "the caller is asked for a name",
	routingv1.PromptKind_PROMPT_KIND_WHICH:        "the caller is asked which one",
	routingv1.PromptKind_PROMPT_KIND_PIN:          "the caller is asked for a PIN",
	routingv1.PromptKind_PROMPT_KIND_OUT_OF_HOURS: "the caller is told that nobody is open",
	routingv1.PromptKind_PROMPT_KIND_REFUSAL:      "the caller is told why not",
	routingv1.PromptKind_PROMPT_KIND_OFFER:        "the caller is made an offer",
}

// ring lets the targets ring in order, until one answers or the caller is gone. A gateway that can redirect and no more
// hands them on.
func (t *talker) ring(ctx context.Context, r *routingv1.Route, f *routingv1.Forward) (outcome, error) {
	if !t.can(routingv1.Capability_CAPABILITY_FORWARD) {
		for i, target := range f.GetTargets() {
			linef(t.w, "  %d. %s", i+1, targetWords(target))
		}
		linef(t.w, "  The call is handed back to the network with these, and is out of sight.")
		t.tell(r)
		return outcome{over: true}, nil
	}
	var o outcome
	for _, target := range f.GetTargets() {
		began := t.app.Now()
		d, err := t.disposition(ctx, target)
		if err != nil {
			return o, err
		}
		attempt := &routingv1.Attempt{
			TargetId: target.GetTargetId(), Disposition: d, StartTime: timestamppb.New(began),
			EndTime: timestamppb.New(t.app.Now()),
		}
		o.attempts, t.attempts = append(o.attempts, attempt), append(t.attempts, attempt)
		if d == routingv1.Disposition_DISPOSITION_ANSWERED {
			o.over, o.answeredAt = true, t.app.Now()
			linef(t.w, "  The caller talks to %s.", targetOwner(target))
			t.tell(r)
			return o, nil
		}
		if d == routingv1.Disposition_DISPOSITION_CALLER_GONE {
			o.over = true
			return o, nil
		}
	}
	return o, nil
}

// tell says what the answering person is told.
func (t *talker) tell(r *routingv1.Route) {
	if r.GetWhisper() != "" {
		linef(t.w, "  Who answers hears: %s", oneLine(r.GetWhisper()))
	}
	if r.GetBriefToken() != "" {
		linef(t.w, "  Who answers sees: %s brief %s", t.app.Program, r.GetBriefToken())
	}
}

// targetOwner is whose a target is.
func targetOwner(t *routingv1.RouteTarget) string {
	switch {
	case t.GetLastResort():
		return "the last resort" + behindComma(t.GetDisplayName())
	case t.GetPerson() != "":
		return t.GetPerson()
	}
	return dash(t.GetSite())
}

func behindComma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + oneLine(s)
}

// targetWords is a target, and how long it may ring. People's own numbers are theirs.
func targetWords(t *routingv1.RouteTarget) string {
	words := targetOwner(t)
	if t.GetPerson() == "" {
		words += ", " + targetText(t.GetTarget())
	}
	if t.GetRingTimeout() != nil {
		words += ", " + shortSpan(t.GetRingTimeout().AsDuration())
	}
	if t.GetAcceptKey() != "" {
		words += ", who must press " + oneLine(t.GetAcceptKey())
	}
	return words
}

// disposition is how a phone that rings ends: as the script says, as typed, or answered where there is no more input.
func (t *talker) disposition(ctx context.Context, target *routingv1.RouteTarget) (routingv1.Disposition, error) {
	if len(t.script) > 0 {
		d := t.script[0]
		if len(t.script) > 1 {
			t.script = t.script[1:]
		}
		linef(t.w, "  %s: %s", targetWords(target), talkDisposition(d))
		return d, nil
	}
	for {
		line, err := t.typed(ctx, "  "+targetWords(target)+": ")
		if err != nil {
			return 0, err
		}
		if t.ended {
			linef(t.w, "answered")
			return routingv1.Disposition_DISPOSITION_ANSWERED, nil
		}
		if d, ok := dispositionOf(line); ok {
			return d, nil
		}
		linef(t.w, "  one of (a)nswered, (b)usy, (n)o-answer, (d)eclined, (u)nreachable, not-accepted (x), (g)one")
	}
}

// hear says a prompt, and gathers what it asks for.
func (t *talker) hear(ctx context.Context, p *routingv1.Prompt) (outcome, error) {
	linef(t.w, "  “%s”", oneLine(strings.TrimSpace(p.GetText()+" "+p.GetSecretText())))
	if p.GetMediaUri() != "" {
		linef(t.w, "  or, where the gateway has it: %s", oneLine(p.GetMediaUri()))
	}
	if p.GetMaxDigits() == 0 && !p.GetSpeech() {
		return outcome{}, nil
	}
	line, err := t.answer(ctx, p)
	if err != nil {
		return outcome{}, err
	}
	if line == hangUp {
		return t.gone(), nil
	}
	return outcome{input: t.inputOf(p, line)}, nil
}

// answer is what the caller types. A PIN is not shown, at a terminal or in a transcript.
func (t *talker) answer(ctx context.Context, p *routingv1.Prompt) (string, error) {
	if p.GetKind() != routingv1.PromptKind_PROMPT_KIND_PIN {
		return t.typed(ctx, "  > ")
	}
	if t.app.Interactive && t.app.ReadSecret != nil {
		_, _ = fmt.Fprint(t.w, "  > ")
		line, err := t.app.ReadSecret(ctx)
		linef(t.w, "")
		return strings.TrimSpace(line), err
	}
	line, err := t.read(ctx)
	linef(t.w, "  > %s", strings.Repeat("*", len(line)))
	return line, err
}

// inputOf is what a gateway makes of what was typed: keys, where there is nothing else; words, where it hears them.
func (t *talker) inputOf(p *routingv1.Prompt, line string) *routingv1.Input {
	keys := keysOnly.MatchString(line) && t.can(routingv1.Capability_CAPABILITY_GATHER_DIGITS) && p.GetMaxDigits() > 0
	switch {
	case line == "":
		return &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
	case keys:
		if p.GetFinishKey() != "" {
			line, _, _ = strings.Cut(line, p.GetFinishKey())
		}
		line = line[:min(len(line), int(p.GetMaxDigits()))]
		if line == "" {
			return &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_SILENCE}
		}
		return &routingv1.Input{Digits: line}
	case p.GetSpeech() && t.can(routingv1.Capability_CAPABILITY_GATHER_SPEECH):
		return &routingv1.Input{Speech: line}
	}
	linef(t.w, "  The gateway makes nothing of that.")
	return &routingv1.Input{NoInput: routingv1.NoInput_NO_INPUT_FAILED}
}

// record takes a message. One that is typed stands for one that is spoken; nothing is kept of it but where it would be.
func (t *talker) record(ctx context.Context, r *routingv1.Record) (outcome, error) {
	linef(t.w, "  “%s”", oneLine(r.GetText()))
	line, err := t.typed(ctx, "  > ")
	if err != nil {
		return outcome{}, err
	}
	switch {
	case line == hangUp:
		return t.gone(), nil
	case line == "":
		return outcome{}, nil
	case line == personKey && t.can(routingv1.Capability_CAPABILITY_GATHER_DIGITS):
		return outcome{input: &routingv1.Input{Digits: line}}, nil
	}
	length := time.Duration(1+len(line)/charsPerS) * time.Second
	if most := r.GetMaxLength().AsDuration(); most > 0 {
		length = min(length, most)
	}
	return outcome{recording: &routingv1.Recording{Uri: "terminal:" + t.id, Length: durationpb.New(length)}}, nil
}

// gone is a caller who hung up.
func (t *talker) gone() outcome {
	linef(t.w, "  The caller hung up.")
	return outcome{over: true}
}

// typed asks for a line. Where nobody sees what they type, it is shown.
func (t *talker) typed(ctx context.Context, prompt string) (string, error) {
	_, _ = fmt.Fprint(t.w, visible(prompt))
	line, err := t.read(ctx)
	if !t.app.Interactive && !t.ended {
		linef(t.w, "%s", line)
	} else if t.ended && prompt == "  > " {
		linef(t.w, "")
	}
	return line, err
}

// read is the next line of input, empty at its end.
func (t *talker) read(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1) // whoever is interrupted leaves the reader behind
	go func() {
		line, err := t.lines.ReadString('\n')
		got <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", &failure{message: "interrupted"}
	case r := <-got:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", r.err
		}
		t.ended = r.err != nil && r.line == ""
		if len(r.line) > maxTalkLineBytes {
			return "", usagef("a line of input is at most %d bytes", maxTalkLineBytes)
		}
		return strings.TrimSpace(r.line), nil
	}
}

// report tells how the call went. What the API does not take is noted; the call is over anyway.
func (t *talker) report(ctx context.Context, r *routingv1.Route, began time.Time, o outcome) error {
	linef(t.w, "")
	if !t.can(routingv1.Capability_CAPABILITY_FORWARD) && r.GetForward() != nil {
		linef(t.w, "Over. A gateway that redirects does not know how the call went on.")
		return nil
	}
	request := &routingv1.ReportCallRequest{
		CallId: t.id, Gateway: t.gateway, Attempts: t.attempts, StartTime: timestamppb.New(began),
		EndTime: timestamppb.New(t.app.Now()), Continuation: r.GetContinuation(),
	}
	if !o.answeredAt.IsZero() {
		request.AnswerTime = timestamppb.New(o.answeredAt)
	}
	answer, err := ask(ctx, t.app, func(ctx context.Context) (*routingv1.ReportCallResponse, error) {
		return t.client.routing.ReportCall(ctx, request)
	})
	if err != nil {
		linef(t.app.Err, "note: the call is not reported: %v", err)
		return nil
	}
	linef(t.w, "Over, and reported: %s. To read it again: %s call show %s", word(talkDurability, answer.GetDurability()),
		t.app.Program, t.id)
	return nil
}

var talkDurability = map[routingv1.Durability]string{
	routingv1.Durability_DURABILITY_COMMITTED: "in the ledger",
	routingv1.Durability_DURABILITY_SPOOLED:   "on the disk of the process that was told, for the ledger",
}
