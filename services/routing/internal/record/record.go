// Package record writes down one decision, all that went into it and what came out, so that it can be made again from that
// alone, by any process, years later; and makes it again.
//
// It is pure, and decides nothing itself: package decide does, both times. Where a record goes is none of its business.
package record

import (
	"math"
	"strings"
	"time"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// maxHolders bounds the customers kept of those who share a number: one more than a decision tells apart.
	maxHolders = 9
	// maxSpoken bounds the customers kept of those whom the caller was offered, or is of by what they said.
	maxSpoken = 9
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
	customers [maxHolders + maxSpoken]routingv1.CustomerFact
	// others are the lines besides the decision's own whose facts matter.
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
		NumberRevealed: of.NumberRevealed, TraceId: of.TraceID, TookUs: of.Took.Microseconds(),
		Facts: r.Facts[:0], Customers: r.Customers[:0], Live: r.Live[:0],
		Verdicts: r.Verdicts[:0], Targets: r.Targets[:0], SiteReasons: r.SiteReasons[:0], SiteRanks: r.SiteRanks[:0],
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
	if len(d.Line.Sites) > maxSiteReasons || d.SitesOmitted > 0 {
		return
	}
	for i := range d.Sites() {
		s := &d.Sites()[i]
		r.SiteReasons, r.SiteRanks = append(r.SiteReasons, s.Reason), append(r.SiteRanks, int32(s.Rank))
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

// Others are the facts of other lines that mattered: all of the line that the caller was transferred from, and of one that
// the caller can be transferred to its own. They hold until Others or Make is called again.
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
	return m.others
}

// known writes which customers the decision could know.
func (m *Maker) known(of *Of) {
	n := 0
	add := func(c *view.Customer, hasNumber bool) {
		id := c.ID()
		for i := range m.customers[:n] {
			if m.customers[i].GetId() == id {
				return
			}
		}
		if n == len(m.customers) {
			return
		}
		f := &m.customers[n]
		n++
		*f = routingv1.CustomerFact{
			Id: id, DisplayName: c.DisplayName, CaseSite: c.CaseSite(), HasPin: c.HasPIN, HasNumber: hasNumber,
			Contracts: f.Contracts[:0],
		}
		for i := range c.Contracts {
			k := &c.Contracts[i]
			f.Contracts = append(f.Contracts, again(f.Contracts))
			*f.Contracts[i] = routingv1.ContractFact{
				Product: k.Product, FromUnixS: k.FromUnixS, ToUnixS: k.ToUnixS, Plan: k.PlanID,
			}
		}
		m.record.Customers = append(m.record.Customers, f)
	}
	if of.Decision.Line == nil {
		return
	}
	if of.Call.Caller != 0 {
		holders := of.View.CustomersByNumber(of.Call.Caller)
		for i := range min(holders.Len(), maxHolders) {
			add(holders.At(i), true)
		}
	}
	st := of.Call.State
	if c := of.View.Customer(st.GetCustomer()); c != nil && st.GetCustomer() != "" {
		add(c, false)
	}
	for _, id := range st.GetOffered() {
		if c := of.View.Customer(id); c != nil {
			add(c, false)
		}
	}
}

// again is the message that stands behind the end of a list, to be used again, else a new one.
func again(list []*routingv1.ContractFact) *routingv1.ContractFact {
	if n := len(list); n < cap(list) {
		if old := list[:n+1][n]; old != nil {
			return old
		}
	}
	return &routingv1.ContractFact{}
}
