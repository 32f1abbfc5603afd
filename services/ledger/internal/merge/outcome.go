package merge

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// outcome is how a call ended. What somebody heard (an answer, a message taken) counts more than how the last step was
// meant; and what a decision ended more than what a gateway says of the end.
func outcome(c *ledgerv1.Call) ledgerv1.Outcome {
	answered := slices.ContainsFunc(c.GetAttempts(), is(routingv1.Disposition_DISPOSITION_ANSWERED))
	gone := slices.ContainsFunc(c.GetAttempts(), is(routingv1.Disposition_DISPOSITION_CALLER_GONE))
	cause := lastEnd(c)
	switch {
	case answered || c.GetAnswerTime() != nil:
		return ledgerv1.Outcome_OUTCOME_ANSWERED
	case cause == routingv1.EndCause_END_CAUSE_MESSAGE_TAKEN || messageTaken(c):
		return ledgerv1.Outcome_OUTCOME_MESSAGE_TAKEN
	case cause == routingv1.EndCause_END_CAUSE_NUMBER_CHANGED:
		return ledgerv1.Outcome_OUTCOME_NUMBER_CHANGED
	case cause == routingv1.EndCause_END_CAUSE_REFUSED:
		return ledgerv1.Outcome_OUTCOME_REFUSED
	case cause == routingv1.EndCause_END_CAUSE_UNKNOWN_LINE:
		return ledgerv1.Outcome_OUTCOME_UNKNOWN_LINE
	case gone || leftAsked(c):
		return ledgerv1.Outcome_OUTCOME_CALLER_GONE
	case cause == routingv1.EndCause_END_CAUSE_UNAVAILABLE:
		return ledgerv1.Outcome_OUTCOME_NOT_CARRIED
	case cause == routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED || c.GetEndTime() != nil:
		return ledgerv1.Outcome_OUTCOME_NOT_ANSWERED
	case c.GetUnrouted():
		return ledgerv1.Outcome_OUTCOME_UNSPECIFIED
	}
	return ledgerv1.Outcome_OUTCOME_ROUTED
}

func is(d routingv1.Disposition) func(*routingv1.Attempt) bool {
	return func(a *routingv1.Attempt) bool { return a.GetDisposition() == d }
}

// lastEnd is why the last step ended the call; unspecified where it did not.
func lastEnd(c *ledgerv1.Call) routingv1.EndCause {
	if len(c.GetSteps()) == 0 {
		return routingv1.EndCause_END_CAUSE_UNSPECIFIED
	}
	return c.GetSteps()[len(c.GetSteps())-1].GetDecision().GetEnd()
}

// leftAsked says whether the call ended when its caller was being told or asked something, before anybody was rung.
func leftAsked(c *ledgerv1.Call) bool {
	if c.GetEndTime() == nil || len(c.GetAttempts()) > 0 || len(c.GetSteps()) == 0 {
		return false
	}
	kind := c.GetSteps()[len(c.GetSteps())-1].GetDecision().GetStepKind()
	return kind == routingv1.StepKind_STEP_KIND_PROMPT || kind == routingv1.StepKind_STEP_KIND_RECORD
}

// messageTaken says whether a recording came in that holds something.
func messageTaken(c *ledgerv1.Call) bool {
	return slices.ContainsFunc(c.GetSteps(), func(s *ledgerv1.Step) bool {
		r := s.GetDecision().GetRecording()
		return r.GetUri() != "" && r.GetLength().AsDuration() > 0
	})
}

// number is E.164 of its digits.
func number(digits uint64) string { return "+" + strconv.FormatUint(digits, 10) }

func micros(unixUS int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: floorDiv(unixUS, 1e6), Nanos: int32(unixUS-floorDiv(unixUS, 1e6)*1e6) * 1000}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// earlier and later choose among timestamps, some of which are unset, or no times at all: those say nothing.
func earlier(a, b *timestamppb.Timestamp) *timestamppb.Timestamp {
	switch {
	case !b.IsValid():
		return a
	case a == nil || compare(b, a) < 0:
		return b
	}
	return a
}

func later(a, b *timestamppb.Timestamp) *timestamppb.Timestamp {
	switch {
	case !b.IsValid():
		return a
	case a == nil || compare(b, a) > 0:
		return b
	}
	return a
}
