package cli

import (
	"fmt"
	"strings"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// stepOutcome is what a step told the gateway to do, in one phrase.
func stepOutcome(d *routingv1.DecisionRecord) string {
	switch d.GetStepKind() {
	case routingv1.StepKind_STEP_KIND_FORWARD:
		return "forwarded to " + ladderText(d.GetTargets())
	case routingv1.StepKind_STEP_KIND_PROMPT:
		text := word(promptedWords, d.GetPrompt())
		if d.GetNumberRevealed() {
			text += ", and told the hidden number"
		}
		return text
	case routingv1.StepKind_STEP_KIND_RECORD:
		return "asked for a message"
	case routingv1.StepKind_STEP_KIND_END:
		return "ended: " + word(endCauseWords, d.GetEnd())
	case routingv1.StepKind_STEP_KIND_UNSPECIFIED:
	}
	return "nothing is recorded of what was done"
}

// maxLadderShown bounds the targets told in one phrase.
const maxLadderShown = 8

// ladderText is "dublin.1, sydney.1, then the last resort".
func ladderText(targets []string) string {
	if len(targets) == 0 {
		return "nobody"
	}
	last := ""
	if n := len(targets); targets[n-1] == lastResortTarget {
		if n == 1 {
			return "the last resort"
		}
		targets, last = targets[:n-1], ", then the last resort"
	}
	if more := len(targets) - maxLadderShown; more > 0 {
		return fmt.Sprintf("%s and %d more%s", strings.Join(targets[:maxLadderShown], ", "), more, last)
	}
	return strings.Join(targets, ", ") + last
}

// messageKept is where a message was kept when its caller was answered; records of earlier releases do not say.
var messageKept = map[routingv1.Durability]string{
	routingv1.Durability_DURABILITY_SPOOLED: ", and was on the disk of the process that took it, alone, when the caller was " +
		"told so",
}

// cameIn is what a step was told by the gateway, and knew of the steps before; a sentence each.
func cameIn(d *routingv1.DecisionRecord) []string {
	var told []string
	if text := fateWords[d.GetFate()]; text != "" {
		told = append(told, text)
	}
	if d.GetTransferredFrom() != "" {
		told = append(told, "The caller had dialled lines/"+d.GetTransferredFrom()+", and was transferred")
	}
	if len(d.GetAttempts()) > 0 {
		tried := make([]string, len(d.GetAttempts()))
		for i, t := range d.GetAttempts() {
			tried[i] = t.GetTargetId() + " " + word(attemptWords, t.GetDisposition())
		}
		told = append(told, "Told: "+strings.Join(tried, ", "))
	}
	if d.GetRecording().GetUri() != "" || d.GetRecording().GetLength() != nil {
		of := ""
		if length := d.GetRecording().GetLength().AsDuration().Round(time.Second); length > 0 { // else nobody said how long
			of = fmt.Sprintf(" of %v", length)
		}
		told = append(told, "A message"+of+" came in"+messageKept[d.GetMessageDurability()])
	}
	s := d.GetState()
	if s.GetCustomer() != "" {
		how := "by number"
		switch {
		case s.GetPinVerified():
			how = "by name and PIN"
		case s.GetNamed():
			how = "by name"
		}
		told = append(told, fmt.Sprintf("The caller was found to be of customers/%s, %s", s.GetCustomer(), how))
	}
	if n := s.GetTries() + s.GetPinTries(); n > 0 {
		told = append(told, fmt.Sprintf("Asked in vain %s", times(int(n))))
	}
	if s.GetPersonWanted() && d.GetStepKind() != routingv1.StepKind_STEP_KIND_END {
		told = append(told, "The caller is to reach a person, and is asked nothing any more")
	}
	return told
}

var promptedWords = map[routingv1.PromptKind]string{
	routingv1.PromptKind_PROMPT_KIND_UNSPECIFIED:  "said something",
	routingv1.PromptKind_PROMPT_KIND_ANNOUNCEMENT: "said the line's announcement",
	routingv1.PromptKind_PROMPT_KIND_NAME:         "asked for the name of the company",
	routingv1.PromptKind_PROMPT_KIND_WHICH:        "asked which of several customers it is",
	routingv1.PromptKind_PROMPT_KIND_PIN:          "asked for the PIN",
	routingv1.PromptKind_PROMPT_KIND_OUT_OF_HOURS: "said that nobody is at work, and what can be done",
	routingv1.PromptKind_PROMPT_KIND_REFUSAL:      "said why the caller is refused",
	routingv1.PromptKind_PROMPT_KIND_OFFER:        "made an offer, with its price",
}

var attemptWords = map[routingv1.Disposition]string{
	routingv1.Disposition_DISPOSITION_UNSPECIFIED:  "not known",
	routingv1.Disposition_DISPOSITION_ANSWERED:     "answered",
	routingv1.Disposition_DISPOSITION_BUSY:         "busy",
	routingv1.Disposition_DISPOSITION_NO_ANSWER:    "did not answer",
	routingv1.Disposition_DISPOSITION_DECLINED:     "declined",
	routingv1.Disposition_DISPOSITION_UNREACHABLE:  "not reachable",
	routingv1.Disposition_DISPOSITION_NOT_ACCEPTED: "answered, not accepted (a voicemail)",
	routingv1.Disposition_DISPOSITION_CALLER_GONE:  "caller hung up",
}

const nothingKnown = ": nothing is known of the steps before"

// fateWords are of continuations that were not simply read.
var fateWords = map[routingv1.ContinuationFate]string{
	routingv1.ContinuationFate_CONTINUATION_FATE_READ_AGAIN:     "The gateway told the same step again",
	routingv1.ContinuationFate_CONTINUATION_FATE_MISSING:        "The gateway handed no continuation in" + nothingKnown,
	routingv1.ContinuationFate_CONTINUATION_FATE_EXPIRED:        "The continuation was too old" + nothingKnown,
	routingv1.ContinuationFate_CONTINUATION_FATE_NOT_OURS:       "The continuation was not of this call" + nothingKnown,
	routingv1.ContinuationFate_CONTINUATION_FATE_TOO_MANY_STEPS: "The call has had too many steps",
}
