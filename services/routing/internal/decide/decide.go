// Package decide answers one call: given a view and an instant, what the gateway is to do, and why. It is a table of
// stages, each a pure function in a file of its own: line, who (with partner), entitlement, treatment (with offer),
// sites (without those that drains take out, ordered by a strategy: followsun, priority, weighted, leastloaded,
// fairshare; behind that by what is known of this minute: standing), duty, ladder (what the call has tried already left
// out: tried; within what it may ring: rings). A stage answers with a verdict code; text is rendered elsewhere.
//
// It is pure: no I/O, no clock, no global; the same view, call and instant give the same decision for ever. It knows no
// protocol, keeps no state between calls, and never fails: what is missing sends a caller on, not away.
package decide

import (
	"math"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	entitlement "github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// maxTargets bounds a ladder, its last resort included: some minutes of ringing, and a redirect that fits its packet.
	maxTargets = 16
	// maxCandidates bounds the customers named in an explanation.
	maxCandidates = 8
	// MaxSites is how many sites the explanation of a real call holds; a dry run holds all.
	MaxSites = 32
	// unavailableRetryS is when a call that nobody could carry is worth another try.
	unavailableRetryS = 60
)

// numStages is how many stages a decision has before the choice of its step. Each leaves a verdict at most, and so does
// that choice.
const (
	numStages   = 7
	numVerdicts = numStages + 1
)

// never is a change that does not come.
const never = math.MaxInt64

// Capabilities is what a gateway can carry out: a set of routingv1.Capability.
type Capabilities uint32

// CapabilitiesOf is the set of a list; an empty list is REDIRECT alone.
func CapabilitiesOf(list []routingv1.Capability) Capabilities {
	var c Capabilities
	for _, one := range list {
		c |= 1 << uint32(one)
	}
	if len(list) == 0 {
		c = 1 << routingv1.Capability_CAPABILITY_REDIRECT
	}
	return c
}

// Silent is what is left where no step can have another one behind it: nothing is asked or recorded then.
func (c Capabilities) Silent() Capabilities {
	return c &^ (1<<uint32(routingv1.Capability_CAPABILITY_PROMPT) | 1<<uint32(routingv1.Capability_CAPABILITY_RECORD))
}

// Redirects says that redirecting is all that a gateway can do with a call: one step, and nothing follows.
func (c Capabilities) Redirects() bool {
	const more = 1<<uint32(routingv1.Capability_CAPABILITY_FORWARD) | 1<<uint32(routingv1.Capability_CAPABILITY_PROMPT) |
		1<<uint32(routingv1.Capability_CAPABILITY_RECORD)
	return c&more == 0
}

func (c Capabilities) has(one routingv1.Capability) bool { return c&(1<<uint32(one)) != 0 }

// Call is one call, as signalled.
type Call struct {
	// ID breaks ties between sites.
	ID string
	// Dialled is the dialled number; 0 where it is no E.164 number.
	Dialled phone.Number
	// LineID names a line instead of Dialled, where it is set.
	LineID string
	// Caller's number; 0 where it is withheld or no E.164 number.
	Caller phone.Number
	// Attested: the caller's carrier vouches for the number (STIR attestation A).
	Attested bool
	// Gateway is what the asking gateway can carry out.
	Gateway Capabilities
	// State is what the steps before came to; nil for the first step, and where nothing of them can be trusted. It is only
	// read.
	State *routingv1.ContinuationState
	// Fate is what became of the continuation that was handed in.
	Fate routingv1.ContinuationFate
	// Former: the number dialled was a former one of the line's, which LineID names; and until when that works, or worked, 0
	// where that is not known.
	Former       bool
	FormerUntilS int64
	// Anyone: the answer is for whoever will call while nobody can be asked who that is. Then unknown means not looked up,
	// and whoever may be entitled is not refused for it.
	Anyone bool
}

// Decision is the answer to one call. It is filled by Decide and may be used for any number of calls, one after the
// other; what it points to belongs to the view.
type Decision struct {
	// Line is nil where no line has the number.
	Line *view.Line
	// Class the caller was put in; UNSPECIFIED where the line is unknown.
	Class routingv1.CallerClass
	// Treatment of that class on the line; UNSPECIFIED where the line is unknown.
	Treatment routingv1.Treatment
	// Step is what the gateway is to do: forward to Targets, say Prompt, record, or end for End. Never UNSPECIFIED.
	Step routingv1.StepKind
	// Prompt is what a prompt is for; UNSPECIFIED of another step.
	Prompt routingv1.PromptKind
	// End is why the call ends; UNSPECIFIED of another step.
	End routingv1.EndCause
	// FollowUp says that the call is to be followed up the next business day.
	FollowUp bool
	// TransferredFrom is the ID of the line that was dialled, where the caller was transferred to Line; else empty.
	TransferredFrom string
	// Basis is on what the caller is entitled, or why not; UNSPECIFIED where nobody knows who it is.
	Basis entitlementv1.Basis
	// Partner calls for the customer whom the call is of, or for one of the candidates; nil where nobody does.
	Partner *view.Customer
	// GoodwillCalls is how often a caller who is not entitled was helped first, where the line counts that.
	GoodwillCalls int
	// Offer is what became of an offer in this call, with this step or one before.
	Offer routingv1.OfferFate
	// FormerNumber says that the line had the number dialled, and has another one now.
	FormerNumber bool
	// FormerUntilS is until when that works, or worked; 0 of a later step.
	FormerUntilS int64
	// NumberChanged says that its time was over when the call began.
	NumberChanged bool
	// RetryAfterS is when another try is worth while; 0 where it is not.
	RetryAfterS int64
	// ValidUntilUnixS is the first instant at which the same call may be answered otherwise though nothing is changed; the
	// largest value where there is none.
	ValidUntilUnixS int64
	// SitesOmitted were considered, and left out of Sites.
	SitesOmitted int

	call Call
	view *view.View
	nowS int64

	// verified: the caller is of the only customer found, by an attested number, a PIN or a phrase.
	verified bool
	// surmised: the candidates are those offered for a name.
	surmised bool
	// transferTo is the line that the caller is transferred to at once, where the decision is to be made for that one.
	transferTo     *view.Line
	menu, revealed *view.Line

	verdicts   [numVerdicts]routingv1.Verdict
	nVerdicts  int
	candidates [maxCandidates]*view.Customer
	nCandidate int
	targets    [maxTargets]*routingv1.RouteTarget
	nTargets   int
	customers  view.Holders
	room       *view.Customer // for the only one of them
	// choices is how many customers the caller may be of, by the number.
	choices int
	offers  [maxOffers]*view.Offer
	nOffers int

	// asked are all parties that were asked about; parties are those among them that answer is about.
	asked, parties []entitlement.Party
	answer         entitlement.Answer
	// clients are all customers that were looked at since a partner may call for them.
	clients []*view.Customer

	ranking ranking
	rings   rings
	states  []siteState // of Line.Sites
	sites   []SiteVerdict
	duties  []DutyVerdict
}

// Verdicts are the stages' verdicts, in order.
func (d *Decision) Verdicts() []routingv1.Verdict { return d.verdicts[:d.nVerdicts] }

// Candidates are customers who have the caller's number, in order of name, or whom the caller was found, or may be
// found, to be of by what they said; at most 8. They are those that a WHICH prompt offers, in that order.
func (d *Decision) Candidates() []*view.Customer { return d.candidates[:d.nCandidate] }

// Targets is the ladder: where to send the call, in order. The last one is the line's last resort.
func (d *Decision) Targets() []*routingv1.RouteTarget { return d.targets[:d.nTargets] }

// Sites are the sites considered, in the line's order; those on the ladder are among them.
func (d *Decision) Sites() []SiteVerdict { return d.sites }

// Duties are what the line's rotas say, in their order: one or two a rota.
func (d *Decision) Duties() []DutyVerdict { return d.duties }

// FirstSite is the site called first; nil where it is none.
func (d *Decision) FirstSite() *view.Site {
	if d.nTargets == 0 || d.ranking.n == 0 {
		return nil
	}
	return d.Line.Sites[d.ranking.rungs[0].site].Site
}

// Open is how many of the line's sites are open, not drained, and able to serve it.
func (d *Decision) Open() int { return d.ranking.open }

// SiteVerdict is one site considered.
type SiteVerdict struct {
	// At is its place on the line.
	At *view.LineSite
	// State of its timeline at the instant.
	State  timeline.State
	Reason routingv1.SiteReason
	// Rank among the sites on the ladder, from 1; 0 where it is not on it.
	Rank int
	// Drain that takes it, or some of its targets, out of calls; nil where none does.
	Drain *view.Drain
	// Live is what is known of this minute of it.
	Live view.SiteLive
}

// stage finds one verdict, UNSPECIFIED where it has nothing to say, and says whether the decision goes on.
type stage func(d *Decision) (v routingv1.Verdict, goOn bool)

// stages is the order of a decision.
var stages = [numStages]stage{findLine, identify, entitle, treat, orderSites, findDuty, buildLadder}

// Decide answers a call at an instant, into d. maxSites bounds Sites.
func Decide(d *Decision, v *view.View, call Call, now time.Time, maxSites int) {
	d.begin(v, call, now)
	d.run()
	if to := d.transferTo; to != nil {
		from, until := d.Line.ID, d.ValidUntilUnixS
		call.Former, call.FormerUntilS = d.FormerNumber, d.FormerUntilS
		asked, clients := d.asked, d.clients
		d.begin(v, call, now)
		d.asked, d.clients = asked, clients
		d.transferTo, d.TransferredFrom = to, from
		d.run()
		d.changesAt(until)
	}
	explainSites(d, maxSites)
}

// begin forgets the call before; what was allocated for it is used again.
func (d *Decision) begin(v *view.View, call Call, now time.Time) {
	if d.room == nil {
		d.room = new(view.Customer)
	}
	*d = Decision{
		call: call, view: v, nowS: now.Unix(), ValidUntilUnixS: never,
		states: d.states[:0], sites: d.sites[:0], duties: d.duties[:0], room: d.room,
		asked: d.asked[:0], clients: d.clients[:0], answer: nothing(),
	}
}

func (d *Decision) run() {
	for _, s := range stages {
		if !d.note(s) {
			break
		}
	}
	d.note(chooseStep)
}

// note runs a stage, keeps its verdict, and says whether the decision goes on.
func (d *Decision) note(s stage) bool {
	verdict, goOn := s(d)
	if verdict != routingv1.Verdict_VERDICT_UNSPECIFIED {
		d.verdicts[d.nVerdicts] = verdict
		d.nVerdicts++
	}
	return goOn
}

// changesAt notes an instant at which the answer may change.
func (d *Decision) changesAt(unixS int64) { d.ValidUntilUnixS = min(d.ValidUntilUnixS, unixS) }
