// Package record writes down one decision, all that went into it and what came out, so that it can be made again from that
// alone, by any process, years later; and makes it again.
//
// It is pure, and decides nothing itself: package decide does, both times. Where a record goes is none of its business.
package record

import (
	"math"
	"slices"
	"strings"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/entitle"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// maxHolders bounds the customers kept of those who share a number: one more than a decision tells apart.
	maxHolders = 9
	// maxSpoken bounds the customers kept of those whom the caller was offered.
	maxSpoken = 9
	// maxCustomers bounds all of them: with those whom a partner calls for, of two lines where the caller is transferred,
	// and with the parents of three who were asked about.
	maxCustomers = maxHolders + maxSpoken + 2 + 2*9 + 3*4
	// maxSiteReasons is the proto's own limit.
	maxSiteReasons = 32
)

const lineNames = "lines/"

// Of is a decision as it was made.
type Of struct {
	Decision *decide.Decision
	View     *view.View
	// Call is what was decided on.
	Call    decide.Call
	At      time.Time
	Gateway string
	// Step of the call, from 1.
	Step int
	// Attempts and Recording are what came in with the step.
	Attempts  []*routingv1.Attempt
	Recording *routingv1.Recording
	// Kept is where the recording is kept.
	Kept routingv1.Durability
	// NumberRevealed: a hidden number was told to the caller.
	NumberRevealed bool
	// TraceID is empty, or 16 bytes.
	TraceID []byte
	Took    time.Duration
}

// Maker makes records, one after the other, in memory that it uses again. It is not safe for concurrent use.
type Maker struct {
	record    routingv1.DecisionRecord
	customers customers
	// others are the facts that matter besides those of the decision's own line.
	others []*view.Fact
}

// Make is the record of a decision; it shares what the decision shares, and holds until the next one is made.
func (m *Maker) Make(of *Of) *routingv1.DecisionRecord {
	r := &m.record
	*r = routingv1.DecisionRecord{
		// A gateway of this process may bring an id that is no text: a record has one all the same.
		GatewayId: strings.ToValidUTF8(of.Gateway, "?"), CallId: strings.ToValidUTF8(of.Call.ID, "?"),
		Step: int32(of.Step), DecidedUnixUs: of.At.UnixMicro(),
		Caller: uint64(of.Call.Caller), Attested: of.Call.Attested, Capabilities: uint32(of.Call.Gateway),
		State: of.Call.State, Fate: of.Call.Fate,
		ViewRevision: of.View.Revision(), ViewAgeMs: of.View.Age(of.At).Milliseconds(),
		Attempts: of.Attempts, Recording: of.Recording, MessageDurability: of.Kept,
		FormerNumber: of.Decision.FormerNumber, FormerUntilUnixS: of.Decision.FormerUntilS,
		NumberRevealed: of.NumberRevealed, TraceId: of.TraceID, TookUs: of.Took.Microseconds(),
		Facts: r.Facts[:0], Customers: r.Customers[:0], Live: r.Live[:0],
		Verdicts: r.Verdicts[:0], Targets: r.Targets[:0], SiteReasons: r.SiteReasons[:0], SiteRanks: r.SiteRanks[:0],
		Offers: r.Offers[:0],
	}
	outcome(r, of.Decision)
	m.facts(of)
	m.known(of)
	return r
}

// outcome writes what came out of a decision.
func outcome(r *routingv1.DecisionRecord, d *decide.Decision) {
	r.CallerClass, r.Treatment, r.FollowUp = d.Class, d.Treatment, d.FollowUp
	r.Verdicts = append(r.Verdicts, d.Verdicts()...)
	r.StepKind, r.Prompt, r.End = d.Step, d.Prompt, d.End
	for _, t := range d.Targets() {
		r.Targets = append(r.Targets, t.GetTargetId())
	}
	if site := d.FirstSite(); site != nil {
		r.FirstSite = site.ID
	}
	if d.ValidUntilUnixS != math.MaxInt64 {
		r.ValidUntilUnixS = d.ValidUntilUnixS
	}
	r.TransferredFrom = d.TransferredFrom
	if d.Line == nil {
		return
	}
	r.Line, r.TzdataRelease = d.Line.ID, d.Line.TZDataRelease
	business(r, d)
	if len(d.Line.Sites) > maxSiteReasons || d.SitesOmitted > 0 {
		return
	}
	for i := range d.Sites() {
		s := &d.Sites()[i]
		r.SiteReasons, r.SiteRanks = append(r.SiteReasons, s.Reason), append(r.SiteRanks, int32(s.Rank))
	}
}

// business writes on what the caller was entitled, and what was offered.
func business(r *routingv1.DecisionRecord, d *decide.Decision) {
	r.Basis, r.Plan, r.RestsOn, r.Via = d.Basis, d.PlanID(), d.Contract(), d.Via()
	if id := d.Grant(); id != "" {
		r.RestsOn = "grants/" + id
	}
	if c := d.Customer(); c != nil {
		r.Customer = c.ID()
	}
	if d.Partner != nil {
		r.Partner = d.Partner.ID()
	}
	st := d.Call().State
	r.GoodwillCalls, r.Offer, r.Promise = int32(d.GoodwillCalls), d.Offer, st.GetPromise()
	for _, o := range d.Offers() {
		r.Offers = append(r.Offers, o.ID)
	}
	if accepted := st.GetAccepted(); accepted != nil && len(r.Offers) == 0 {
		r.Offers = append(r.Offers, accepted.GetOffer())
	}
}

// facts writes which facts the decision was made of.
func (m *Maker) facts(of *Of) {
	l := of.Decision.Line
	if l == nil {
		return
	}
	r := &m.record
	r.FactList = l.FactList.ID[:]
	for _, f := range m.Others(of) {
		r.Facts = append(r.Facts, f.ID[:])
	}
	if l.Live != nil {
		r.Live = l.Live.AppendFacts(r.Live, of.At.Unix())
	}
}

// Others are the facts that mattered besides those of the decision's line: all of the line that the caller was
// transferred from, of one that the caller can be transferred to its own; plans, and when their hours are. They hold
// until Others or Make is called again.
func (m *Maker) Others(of *Of) []*view.Fact {
	m.others = m.others[:0]
	l := of.Decision.Line
	if l == nil {
		return nil
	}
	if from := of.View.LineByID(of.Decision.TransferredFrom); from != nil && from != l {
		m.others = append(m.others, from.Facts...)
	}
	if id, ok := strings.CutPrefix(l.OutOfHours().GetTransferLine(), lineNames); ok {
		if to := of.View.LineByID(id); to != nil && to != l {
			m.others = append(m.others, to.Facts[0])
		}
	}
	asked := of.Decision.Asked()
	for i := range asked {
		p := &asked[i]
		for k := range p.Contracts {
			m.plan(of.View, p, p.Contracts[k].PlanID)
		}
		for k := range p.Grants {
			m.plan(of.View, p, p.Grants[k].PlanID)
		}
	}
	return m.others
}

// plan adds the facts of a party's plan.
func (m *Maker) plan(v *view.View, p *entitle.Party, id string) {
	plan := v.Plan(id)
	if plan == nil {
		return
	}
	m.other(v.PlanFact(id))
	if plan.HoursID != "" {
		m.other(v.HoursFact(plan.HoursID, p.TimeZone, p.CalendarIDs))
	}
}

func (m *Maker) other(f *view.Fact) {
	if f != nil && !slices.Contains(m.others, f) {
		m.others = append(m.others, f)
	}
}
