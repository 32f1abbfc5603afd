package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

func newCallShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Tell the whole story of a call: what was decided, why, and how it went",
		Long: "Shows a call step by step, as the ledger has it: what was decided on what, which sites were chosen or not and\n" +
			"why, what the caller heard, and every attempt with its times. Sites are explained by deciding again from the\n" +
			"record. A call is named by its ID (dayside calls), or by the gateway's own id of it, such as the Call-ID that\n" +
			"`dayside call` shows.",
		Example: "  dayside call show 5a1hj2v0qk8m3c7d9e4f\n  dayside call show x1@probe -o json | jq .steps",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := callName(args[0])
			if err != nil {
				return err
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			c, err := ask(cmd.Context(), a, func(ctx context.Context) (*ledgerv1.Call, error) {
				return client.ledger().GetCall(ctx, &ledgerv1.GetCallRequest{Name: name})
			})
			if err != nil {
				return err
			}
			if a.output != formatTable {
				return a.show(c, nil)
			}
			s := story{app: a, call: c, replayed: map[int32]*routingv1.ReplayDecisionResponse{}}
			a.replaySteps(cmd.Context(), client, &s)
			return a.show(c, s.write)
		},
	}
}

// maxReplayedSteps bounds how many steps of a story are decided again; no call of routing's has more.
const maxReplayedSteps = 24

// replaySteps decides the steps again, to explain every site by its name. A story is told without it too: where facts have
// not arrived yet, or the peer may not ask.
func (a *app) replaySteps(ctx context.Context, client *api, s *story) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	for _, step := range s.call.GetSteps()[:min(len(s.call.GetSteps()), maxReplayedSteps)] {
		_, r, err := client.replay(ctx, s.call.GetName(), step.GetNumber())
		if err != nil {
			s.unexplained = a.failed(err)
			return
		}
		s.replayed[step.GetNumber()] = r
	}
}

// story tells a call to people.
type story struct {
	*app
	call *ledgerv1.Call
	// replayed are the steps as they are decided again, by number.
	replayed map[int32]*routingv1.ReplayDecisionResponse
	// unexplained is why some are not.
	unexplained error
}

func (s *story) write(w io.Writer) error {
	s.head(w)
	for _, step := range s.call.GetSteps() {
		linef(w, "")
		if err := s.step(w, step); err != nil {
			return err
		}
	}
	if len(s.call.GetAttempts()) > 0 {
		linef(w, "")
		if err := s.attempts().write(w); err != nil {
			return err
		}
	}
	if s.unexplained != nil {
		linef(w, "")
		linef(w, "Sites are not told one by one, for the decision cannot be made again: %v.", s.unexplained)
	}
	return nil
}

// head is the call in a few sentences.
func (s *story) head(w io.Writer) {
	c := s.call
	caller := c.GetCallerNumber()
	switch {
	case c.GetCallerErased():
		caller = "a number that was erased"
	case caller == "":
		caller = "a withheld number"
	}
	line := c.GetLine()
	if line == "" {
		line = "no line"
	}
	if c.GetUnrouted() && c.GetLine() == "" { // nobody said more
		linef(w, "A call at %s", instant(c.GetStartTime()))
	} else {
		linef(w, "A call from %s to %s at %s", caller, line, instant(c.GetStartTime()))
	}
	linef(w, "%s.", s.outcome())
	linef(w, "")
	linef(w, "Call: %s, which gateway %s calls %s.", c.GetName(), dash(c.GetGateway()), c.GetCallId())
	if c.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED {
		who := word(callerClassWords, c.GetCallerClass())
		if c.GetCustomer() != "" {
			who += fmt.Sprintf(" (%s)", strings.TrimSpace(c.GetCustomerDisplayName()+", "+c.GetCustomer()))
		}
		linef(w, "Caller: %s", strings.Replace(who, "(, ", "(", 1))
	}
	if c.GetRestsOn() != "" {
		of := ""
		if c.GetVia() != "" {
			of = " of " + c.GetVia()
		}
		linef(w, "Basis: %s (%s%s)", strings.ReplaceAll(enumName(c.GetBasis(), "BASIS_"), "_", " "), c.GetRestsOn(), of)
	}
	if fate := c.GetOfferFate(); fate != routingv1.OfferFate_OFFER_FATE_UNSPECIFIED {
		linef(w, "Offer: it %s%s.", word(offerWords, fate), inBrackets(c.GetPromise()))
	}
	if c.GetFormerNumber() {
		linef(w, "It came in on a number that the line had before.")
	}
	if c.GetFollowUp() {
		linef(w, "It is to be followed up the next business day.")
	}
	if c.GetUnrouted() {
		linef(w, "Its gateway reported it, and had asked nobody where it goes: who called, and which line, is not known.")
	}
	if c.GetTraceId() != "" {
		linef(w, "Trace: %s", c.GetTraceId())
	}
}

// inBrackets is a text behind another one; nothing where it is empty.
func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// outcome is how the call ended, in one sentence.
func (s *story) outcome() string {
	c := s.call
	text := "was " + word(outcomeWords, c.GetOutcome())
	switch c.GetOutcome() {
	case ledgerv1.Outcome_OUTCOME_UNSPECIFIED:
		text = "ended nobody knows how"
	case ledgerv1.Outcome_OUTCOME_ROUTED:
		text = "was routed; how it went was not reported"
	case ledgerv1.Outcome_OUTCOME_ANSWERED:
		text = "was answered" + by(c)
	case ledgerv1.Outcome_OUTCOME_CALLER_GONE:
		text = "ended before anybody answered: the caller hung up"
	case ledgerv1.Outcome_OUTCOME_UNKNOWN_LINE:
		text = "was ended: no line has the number"
	case ledgerv1.Outcome_OUTCOME_NUMBER_CHANGED:
		text = "was ended: the number has changed"
	case ledgerv1.Outcome_OUTCOME_MESSAGE_TAKEN:
		text = "left a message"
	case ledgerv1.Outcome_OUTCOME_NOT_ANSWERED, ledgerv1.Outcome_OUTCOME_REFUSED: // as the table has it
	case ledgerv1.Outcome_OUTCOME_NOT_CARRIED:
		text = "was ended: the gateway could carry nothing that the line has"
	}
	if after := spanBetween(c.GetStartTime(), c.GetAnswerTime()); after != "-" {
		text += " after " + after
	}
	if lasted := spanBetween(c.GetAnswerTime(), c.GetEndTime()); lasted != "-" {
		text += ", and lasted " + lasted
	} else if c.GetEndTime() != nil {
		end := ", and ended "
		if strings.Contains(text, "ended") {
			end = ", at "
		}
		text += end + s.clock(c.GetEndTime())
	}
	return text
}

// by is who answered; of a call whose site is merely the one that was to ring first, nobody knows.
func by(c *ledgerv1.Call) string {
	answered := answeredTarget(c)
	switch who := c.GetSite() + c.GetPerson(); { // one of them
	case answered == "":
		return " (by whom was not reported)"
	case who != "":
		return " by " + who
	case answered == lastResortTarget:
		return " by the last resort"
	}
	return ""
}

// answeredTarget is the id of the target that answered; empty where nobody told of one.
func answeredTarget(c *ledgerv1.Call) string {
	for _, t := range c.GetAttempts() {
		if t.GetDisposition() == routingv1.Disposition_DISPOSITION_ANSWERED {
			return t.GetTargetId()
		}
	}
	return ""
}

// clock is an instant of the call: its time of day, to the millisecond, where it is of the day on which the call began.
func (s *story) clock(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return "-"
	}
	at := ts.AsTime()
	if at.Format(time.DateOnly) != s.call.GetStartTime().AsTime().Format(time.DateOnly) {
		return utc(at)
	}
	return at.Format("15:04:05.000")
}

// step is one decision: what came in, what it made of that, and why.
func (s *story) step(w io.Writer, step *ledgerv1.Step) error {
	d := step.GetDecision()
	linef(w, "Step %d, %s: %s.", step.GetNumber(), s.clock(step.GetTime()), stepOutcome(d))
	for _, text := range cameIn(d) {
		linef(w, "  %s.", text)
	}
	if d.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED {
		linef(w, "  Caller: %s%s.", word(callerClassWords, d.GetCallerClass()), candidates(candidatesOf(d)))
	}
	linef(w, "  Why: %s.", recordedVerdicts(d))
	linef(w, "  Decided by %s in %v, on view revision %d, %v old, with zone rules %s.", dash(step.GetInstance()),
		time.Duration(d.GetTookUs())*time.Microsecond, d.GetViewRevision(), time.Duration(d.GetViewAgeMs())*time.Millisecond,
		dash(d.GetTzdataRelease()))
	if step.GetRepeats() > 0 {
		linef(w, "  The gateway asked for it %s more.", times(int(step.GetRepeats())))
	}
	r := s.replayed[step.GetNumber()]
	if r != nil && !r.GetEqual() {
		linef(w, "  Decided again it comes out differently: see %s call replay %s --step %d.", s.Program, s.call.GetName(),
			step.GetNumber())
	}
	e := r.GetRoute().GetExplanation()
	switch {
	case d.GetStepKind() != routingv1.StepKind_STEP_KIND_FORWARD: // the ladder that would have been next
	case len(e.GetSites()) > 0:
		linef(w, "")
		return siteGrid(e).write(w)
	case len(d.GetSiteReasons()) > 0:
		linef(w, "  Sites: %s.", countedReasons(d))
	}
	return nil
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func candidatesOf(d *routingv1.DecisionRecord) []string {
	names := make([]string, 0, len(d.GetCustomers()))
	for _, c := range d.GetCustomers() {
		names = append(names, collectionCustomers+"/"+c.GetId())
	}
	return names
}

func recordedVerdicts(d *routingv1.DecisionRecord) string {
	words := make([]string, len(d.GetVerdicts()))
	for i, v := range d.GetVerdicts() {
		words[i] = word(verdictWords, v)
	}
	if len(words) == 0 {
		return "not recorded"
	}
	return strings.Join(words, "; ")
}

// countedReasons is what became of the line's sites, where their names are not known: "1 first, 2 closed".
func countedReasons(d *routingv1.DecisionRecord) string {
	counts := map[routingv1.SiteReason]int{}
	for _, r := range d.GetSiteReasons() {
		counts[r]++
	}
	var parts []string
	for r := routingv1.SiteReason(0); int(r) < len(routingv1.SiteReason_name)+1; r++ {
		if counts[r] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[r], word(siteReasonWords, r)))
		}
	}
	return strings.Join(parts, ", ")
}

// attempts are those that were told, in order of time.
func (s *story) attempts() *grid {
	g := newGrid("#", "attempt at", "began", "ended", "rang", "outcome", "detail")
	for i, t := range s.call.GetAttempts() {
		g.row(fmt.Sprint(i+1), s.targetName(t.GetTargetId()), s.clock(t.GetStartTime()), s.clock(t.GetEndTime()),
			spanBetween(t.GetStartTime(), t.GetEndTime()), word(attemptWords, t.GetDisposition()), dash(t.GetDetail()))
	}
	return g
}

// targetName is whose target it is, where a step decided again says so; else its id.
func (s *story) targetName(id string) string {
	if id == lastResortTarget {
		return "last resort"
	}
	numbers := make([]int32, 0, len(s.replayed))
	for n := range s.replayed {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		for _, t := range s.replayed[n].GetRoute().GetForward().GetTargets() {
			if t.GetTargetId() == id && t.GetSite()+t.GetPerson() != "" {
				return fmt.Sprintf("%s (%s)", id, placeOf(t))
			}
		}
	}
	return dash(id)
}

// lastResortTarget is how routing calls the last rung.
const lastResortTarget = "last-resort"
