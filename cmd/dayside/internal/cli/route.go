package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/cmd/dayside/internal/manifest"
)

func newRoute(a *app) *cobra.Command {
	var to, from, at, attestation, can string
	c := &cobra.Command{
		Use: "route --to LINE [--from NUMBER]", Short: "Show where a call would go, and why",
		Long: "Decides for any caller and any instant as a dry run, and explains every site of the line.",
		Example: "  dayside route --to gold-emergency --from +13035550101\n" +
			"  dayside route --to +61255500100 --at \"2026-12-25 09:00 Europe/Dublin\"\n" +
			"  dayside route --to public-support --can forward,prompt,digits",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := a.routeRequest(to, from, at, attestation)
			if err != nil {
				return err
			}
			if can != "" {
				request.Gateway = &routingv1.GatewayInfo{}
				if request.Gateway.Capabilities, err = capabilitiesOf(can); err != nil {
					return err
				}
			}
			client, err := a.connect()
			if err != nil {
				return err
			}
			defer client.close()
			answer, err := ask(cmd.Context(), a, func(ctx context.Context) (*routingv1.ExplainRouteResponse, error) {
				return client.routing.ExplainRoute(ctx, request)
			})
			if err != nil {
				return err
			}
			return a.show(answer, func(w io.Writer) error { return a.routeText(w, request, answer.GetRoute()) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "the line, by name or ID, or a dialled number (required)")
	c.Flags().StringVar(&from, "from", "", fromHelp)
	c.Flags().StringVar(&at, "at", "", "another time than now: "+whenHelp)
	c.Flags().StringVar(&attestation, "attestation", "", "how far the caller's number was verified (STIR): A, B or C")
	c.Flags().StringVar(&can, "can", "",
		"what the gateway can: redirect (alone, where left out), forward, prompt, digits, speech, record, brief")
	a.completeLines(c, "to")
	return c
}

func (a *app) routeRequest(to, from, at, attestation string) (*routingv1.ExplainRouteRequest, error) {
	if to == "" {
		return nil, usagef("--to is required: a line such as gold-emergency, or a dialled number")
	}
	if err := checkCaller(from); err != nil {
		return nil, err
	}
	when, err := a.at(at)
	if err != nil {
		return nil, err
	}
	r := &routingv1.ExplainRouteRequest{Caller: &routingv1.Caller{Number: callerNumber(from)}, At: when}
	if isNumber(to) {
		r.DialledNumber = to
	} else if r.Line, err = lineName(to); err != nil {
		return nil, err
	}
	if attestation != "" {
		level, ok := routingv1.Attestation_value["ATTESTATION_"+strings.ToUpper(attestation)]
		if !ok || level == 0 {
			return nil, usagef("--attestation %q: must be A, B or C", attestation)
		}
		r.Caller.Attestation = routingv1.Attestation(level)
	}
	return r, nil
}

func (a *app) routeText(w io.Writer, request *routingv1.ExplainRouteRequest, r *routingv1.Route) error {
	e := r.GetExplanation()
	caller := "a withheld number"
	if n := request.GetCaller().GetNumber(); n != "" {
		caller = manifest.Mask(n)
	}
	line := r.GetLine()
	if line == "" {
		line = "no line"
	}
	linef(w, "A call from %s to %s at %s", caller, line, instant(e.GetDecidedAt()))
	linef(w, "is %s.", routeOutcome(r))
	if said := r.GetPrompt().GetText() + r.GetRecord().GetText(); said != "" { // one of them
		linef(w, "It says: %s", oneLine(said))
	}
	if e.GetTransferredFrom() != "" {
		linef(w, "The caller had dialled %s, and was transferred.", e.GetTransferredFrom())
	}
	linef(w, "")
	if e.GetCallerClass() != routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED {
		linef(w, "Caller: %s%s", word(callerClassWords, e.GetCallerClass()), candidates(e.GetCustomers()))
	}
	linef(w, "Why: %s.", verdicts(e, a.Now()))
	for _, ground := range groundsText(e) {
		linef(w, "%s", ground)
	}
	if targets := r.GetForward().GetTargets(); len(targets) > 0 {
		linef(w, "")
		if err := a.targetGrid(r).write(w); err != nil {
			return err
		}
	}
	if len(e.GetDuties()) > 0 {
		linef(w, "")
		if err := a.dutyGrid(e).write(w); err != nil {
			return err
		}
	}
	if len(e.GetSites()) > 0 {
		linef(w, "")
		if err := siteGrid(e).write(w); err != nil {
			return err
		}
	}
	linef(w, "")
	until := "; the same until the configuration changes"
	if r.GetValidUntil() != nil {
		until = "; the same until " + instant(r.GetValidUntil())
	}
	linef(w, "Decided on view revision %d, %v old, with zone rules %s%s.", e.GetViewRevision(),
		e.GetViewAge().AsDuration().Round(time.Millisecond), dash(e.GetTzdataRelease()), until)
	return nil
}

// routeOutcome is what happens, in one phrase.
func routeOutcome(r *routingv1.Route) string {
	if end := r.GetEnd(); end != nil {
		text := "ended: " + word(endCauseWords, end.GetCause())
		if end.GetText() != "" {
			text += " (" + end.GetText() + ")"
		}
		if end.GetRetryAfter() != nil {
			text += ", worth another try in " + shortSpan(end.GetRetryAfter().AsDuration())
		}
		return text
	}
	targets := r.GetForward().GetTargets()
	switch {
	case r.GetPrompt() != nil:
		return "answered: " + word(promptedWords, r.GetPrompt().GetKind())
	case r.GetRecord() != nil:
		return "asked for a message"
	case len(targets) == 0:
		return "not forwarded"
	case targets[0].GetLastResort():
		return "forwarded to the last resort: " + placeOf(targets[0])
	case targets[0].GetPerson() != "":
		return "forwarded to " + placeOf(targets[0]) + ", who is on duty"
	}
	return "forwarded to " + placeOf(targets[0])
}

// lastResortText is "last resort", with its name where it has one.
func lastResortText(t *routingv1.RouteTarget) string {
	if t.GetDisplayName() == "" {
		return "last resort"
	}
	return "last resort: " + t.GetDisplayName()
}

// placeOf is whose target it is.
func placeOf(t *routingv1.RouteTarget) string {
	name := t.GetDisplayName()
	if name == "" {
		name = t.GetSite() + t.GetPerson() // one of them
	}
	if name == "" {
		return targetText(t.GetTarget())
	}
	return name
}

func candidates(customers []string) string {
	if len(customers) == 0 {
		return ""
	}
	return " (" + strings.Join(customers, ", ") + ")"
}

func verdicts(e *routingv1.Explanation, now time.Time) string {
	words := make([]string, len(e.GetVerdicts()))
	for i, v := range e.GetVerdicts() {
		words[i] = word(verdictWords, v)
		if unknown := hoursUnknown(e.GetSites()); v == routingv1.Verdict_VERDICT_SITES_NONE_OPEN && unknown != "" {
			words[i] = fmt.Sprintf("no site is known to be open: the hours of %s are not known that far %s (beyond the horizon)",
				unknown, direction(e.GetDecidedAt().AsTime(), now))
		}
	}
	return strings.Join(words, "; ")
}

// groundsText is what an answer on entitlement rests on, and what became of an offer, one sentence each.
func groundsText(e *routingv1.Explanation) []string {
	var told []string
	if e.GetRestsOn() != "" {
		on := "It rests on " + e.GetRestsOn()
		if e.GetPlan() != "" {
			on += " (plan " + strings.TrimPrefix(e.GetPlan(), "plans/") + ")"
		}
		if e.GetVia() != "" {
			on += " of " + e.GetVia()
		}
		told = append(told, on+".")
	}
	if n := e.GetGoodwillCalls(); n > 0 {
		told = append(told, fmt.Sprintf("Helped first before, as often as %d times.", n))
	}
	if e.GetOffer() != routingv1.OfferFate_OFFER_FATE_UNSPECIFIED {
		told = append(told, offerText(e))
	}
	if e.GetFormerNumber() {
		told = append(told, "The number dialled is one that the line had before.")
	}
	return told
}

// offerText is what became of an offer.
func offerText(e *routingv1.Explanation) string {
	text := "The offer " + word(offerWords, e.GetOffer())
	if len(e.GetOffers()) > 0 {
		text += ": " + strings.Join(e.GetOffers(), ", ")
	}
	return text + inBrackets(e.GetPromise()) + "."
}

// hoursUnknown says of which sites the hours are compiled for other times than that of the decision; empty: of none.
func hoursUnknown(sites []*routingv1.SiteVerdict) string {
	var names []string
	for _, s := range sites {
		if s.GetReason() == routingv1.SiteReason_SITE_REASON_NO_TIMELINE {
			names = append(names, s.GetSite())
		}
	}
	if len(names) > 0 && len(names) == len(sites) {
		return "the sites"
	}
	return strings.Join(names, ", ")
}

func direction(at, now time.Time) string {
	if at.Before(now) {
		return "back"
	}
	return "ahead"
}

func (a *app) targetGrid(r *routingv1.Route) *grid {
	g := newGrid("#", "target", "of", "rings")
	for i, t := range r.GetForward().GetTargets() {
		of := t.GetSite()
		switch {
		case t.GetLastResort():
			of = lastResortText(t)
		case t.GetPerson() != "":
			of = a.dutyOf(r.GetExplanation(), t)
		}
		rings := "-"
		if t.GetRingTimeout() != nil {
			rings = fmt.Sprintf("%.0fs", t.GetRingTimeout().AsDuration().Seconds())
		}
		g.row(fmt.Sprint(i+1), targetText(t.GetTarget()), of, rings)
	}
	return g
}

// dutyOf is how a person on duty came to be rung: "on duty: Anna, until Mon 2026-11-30 09:00 GMT".
func (a *app) dutyOf(e *routingv1.Explanation, t *routingv1.RouteTarget) string {
	for _, y := range e.GetDuties() {
		if y.GetPerson() != t.GetPerson() || y.GetRank() == 0 {
			continue
		}
		of := word(dutyStandingWords, y.GetStanding()) + ": " + placeOf(t)
		if y.GetUntil() != nil && y.GetStanding() != routingv1.DutyStanding_DUTY_STANDING_STILL_HOLDS {
			of += ", until " + a.inZone(y.GetUntil(), y.GetTimeZone())
		}
		return of
	}
	return placeOf(t)
}

// dutyGrid is what the line's rotas say.
func (a *app) dutyGrid(e *routingv1.Explanation) *grid {
	g := newGrid("rota", "person", "verdict", "turn ends")
	for _, y := range e.GetDuties() {
		standing := word(dutyStandingWords, y.GetStanding())
		if why := drainReason(y.GetDrain(), y.GetDrainReason()); why != "" {
			standing += ", drained (" + why + ")"
		}
		g.row(y.GetRota(), dash(y.GetPerson()), standing, a.inZone(y.GetUntil(), y.GetTimeZone()))
	}
	return g
}

func targetText(t *schedulev1.Target) string {
	if t.GetPhoneNumber() != nil {
		return t.GetPhoneNumber().GetE164Number()
	}
	return dash(t.GetSipUri())
}

// siteVerdict is why a site was chosen or not: "drained (fire alarm)", "first (some targets drained: new trunk)".
func siteVerdict(s *routingv1.SiteVerdict) string {
	text := word(siteReasonWords, s.GetReason())
	switch why := drainReason(s.GetDrain(), s.GetDrainReason()); {
	case why == "":
	case s.GetReason() == routingv1.SiteReason_SITE_REASON_DRAINED:
		text += " (" + why + ")"
	default:
		text += " (some targets drained: " + why + ")"
	}
	return text
}

// drainReason is a drain's reason, or its name where it has none.
func drainReason(drain, reason string) string {
	if reason == "" {
		return drain
	}
	return reason
}

func siteGrid(e *routingv1.Explanation) *grid {
	share := "tier"
	weighted := e.GetStrategy() == routingv1.Strategy_STRATEGY_WEIGHTED
	if weighted {
		share = "tier, weight"
	}
	live := slices.ContainsFunc(e.GetSites(), func(s *routingv1.SiteVerdict) bool { return siteNow(s) != "" })
	head := []string{"site", "verdict", share, "time left", "changes", "rule"}
	if live {
		head = slices.Insert(head, liveColumn, "now")
	}
	g := newGrid(head...)
	for _, s := range e.GetSites() {
		left := "-"
		if s.GetRemaining().AsDuration() > 0 {
			left = shortSpan(s.GetRemaining().AsDuration())
		}
		share := fmt.Sprint(s.GetTier())
		if weighted {
			share += fmt.Sprintf(", %d", s.GetWeight())
		}
		row := []string{s.GetSite(), siteVerdict(s), share, left, instant(s.GetNextChange()), dash(s.GetRule())}
		if live {
			row = slices.Insert(row, liveColumn, dash(siteNow(s)))
		}
		g.row(row...)
	}
	if e.GetSitesOmitted() > 0 {
		row := make([]string, len(head))
		row[0] = fmt.Sprintf("and %d more", e.GetSitesOmitted())
		g.row(row...)
	}
	return g
}

// liveColumn is where what is known of this minute stands in the table of sites.
const liveColumn = 2

// siteNow is what is known of this minute of a site: "3 of 4 calls, 2 agents, 1 target unreachable". Empty where that is
// nothing.
func siteNow(s *routingv1.SiteVerdict) string {
	var parts []string
	switch {
	case s.GetCapacity() > 0 && (s.GetActiveCalls() > 0 || s.Agents != nil || s.GetUnreachableTargets() > 0):
		parts = append(parts, fmt.Sprintf("%d of %d calls", s.GetActiveCalls(), s.GetCapacity()))
	case s.GetActiveCalls() > 0:
		parts = append(parts, counted(s.GetActiveCalls(), "call"))
	}
	if s.Agents != nil {
		parts = append(parts, counted(s.GetAgents(), "agent"))
	}
	if n := s.GetUnreachableTargets(); n > 0 {
		parts = append(parts, counted(n, "target")+" unreachable")
	}
	return strings.Join(parts, ", ")
}

func counted(n int32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
