package entitle

import (
	"slices"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
)

// maxSteps bounds how many changes are looked through for the end of an answer; beyond them it is said to be nearer than it
// is.
const maxSteps = 32

// Ask applies the rule: it judges each contract and grant by itself, and answers with the best. It allocates nothing.
//
// A contract is judged in this order, and the first that fails is its basis: product, term (with grace), suspension, line,
// severity, allowance, hours. So of two that do not grant, the one that got further is nearer to granting.
func Ask(parties []Party, c Catalog, q Question) Answer {
	r := round{parties: parties, catalog: c, question: q}
	best := r.at(q.AtUnixS)
	until := best.untilUnixS
	for range maxSteps {
		if until == Never {
			break
		}
		next := r.at(until)
		if next.Basis != best.Basis {
			break
		}
		until = next.untilUnixS
	}
	best.UntilUnixS = until
	return best.Answer
}

// round is a question and what it is asked of.
type round struct {
	parties  []Party
	catalog  Catalog
	question Question
}

// verdict is what one contract or grant says at one instant.
type verdict struct {
	basis entitlementv1.Basis
	// untilUnixS is the first later instant at which it may say something else.
	untilUnixS int64
	// orderUnixS orders verdicts of the same basis: the lower, the better.
	orderUnixS int64
	opensUnixS int64
	planID     string
	included   int32
	used       int32
	// hoursUnknown: it grants since nothing is known of the plan's hours then.
	hoursUnknown bool
}

// choice is the best verdict so far, and until when no other one can take its place.
type choice struct {
	Answer
	untilUnixS int64
	orderUnixS int64
	// prefer orders granting verdicts before orderUnixS does: whose contract, and whether calls are counted.
	prefer int
	// holdsUnixS is the last end of the granting verdicts with the best basis; othersUnixS is the first change of those that
	// do not grant. One that grants on a lesser basis never comes to grant on a better one.
	holdsUnixS, othersUnixS int64
	// grantedUnixS is the last end of all granting verdicts.
	grantedUnixS int64
}

// at is the answer for one instant; its untilUnixS is the first later instant at which its basis may be another one.
func (r *round) at(atUnixS int64) choice {
	f := choice{
		Answer:      Answer{Basis: entitlementv1.Basis_BASIS_NO_CONTRACT, Party: -1, Contract: -1, Grant: -1},
		othersUnixS: Never, orderUnixS: Never,
	}
	through := standing{untilUnixS: Never}
	for i := range r.parties {
		p := &r.parties[i]
		through.and(p.Suspended, atUnixS)
		for k := range p.Contracts {
			if c := &p.Contracts[k]; c.ToUnixS > c.FromUnixS && (i == 0 || !c.OwnOnly) {
				f.consider(r.contract(p, c, through, atUnixS), i, k, -1)
			}
		}
		if i > 0 {
			continue
		}
		for k := range p.Grants {
			if g := &p.Grants[k]; g.ToUnixS > g.FromUnixS {
				f.consider(r.grant(p, g, atUnixS), i, -1, k)
			}
		}
	}
	f.untilUnixS = f.othersUnixS
	switch {
	case f.Basis == entitlementv1.Basis_BASIS_CONTRACT: // nothing is better, so that nothing else can end it
		f.untilUnixS = f.holdsUnixS
	case Granted(f.Basis):
		f.untilUnixS = min(f.holdsUnixS, f.othersUnixS)
	}
	return f
}

// consider keeps the better one.
func (f *choice) consider(v verdict, party, contract, grant int) {
	old, its := rank(f.Basis), rank(v.basis)
	granted := Granted(v.basis)
	if granted {
		f.grantedUnixS = max(f.grantedUnixS, v.untilUnixS)
	}
	switch {
	case !granted:
		f.othersUnixS = min(f.othersUnixS, v.untilUnixS)
	case its == old:
		f.holdsUnixS = max(f.holdsUnixS, v.untilUnixS)
	case its < old:
		f.holdsUnixS = v.untilUnixS
	}
	prefer := 0
	if granted {
		prefer = 2 * party
		if v.included > 0 {
			prefer++
		}
	}
	if its > old || v.basis == entitlementv1.Basis_BASIS_NO_CONTRACT {
		return
	}
	if its == old && (prefer > f.prefer || prefer == f.prefer && v.orderUnixS >= f.orderUnixS) {
		return
	}
	f.prefer, f.orderUnixS = prefer, v.orderUnixS
	f.Answer = Answer{
		Basis: v.basis, Party: party, Contract: contract, Grant: grant, PlanID: v.planID, OpensUnixS: v.opensUnixS,
		Included: v.included, UsedCalls: v.used, HoursUnknown: v.hoursUnknown,
	}
}

// rank is the place of a basis among those that a contract or grant can have: the lower, the better.
func rank(b entitlementv1.Basis) int {
	switch b {
	case entitlementv1.Basis_BASIS_CONTRACT:
		return 0
	case entitlementv1.Basis_BASIS_GRACE:
		return 1
	case entitlementv1.Basis_BASIS_COMPLIMENTARY:
		return 2
	case entitlementv1.Basis_BASIS_PROMISE:
		return 3
	case entitlementv1.Basis_BASIS_PENDING_PROMISE:
		return 4
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		return 5
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		return 6
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		return 7
	case entitlementv1.Basis_BASIS_OTHER_LINE:
		return 8
	case entitlementv1.Basis_BASIS_SUSPENDED:
		return 9
	case entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		return 10
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		return 11
	case entitlementv1.Basis_BASIS_OTHER_PRODUCT:
		return 12
	case entitlementv1.Basis_BASIS_NO_CONTRACT, entitlementv1.Basis_BASIS_UNSPECIFIED:
	}
	return 13
}

// standing is whether a party, or one through whom its contracts come, is suspended, and until when that may stay so.
type standing struct {
	suspended  bool
	untilUnixS int64
}

// and adds a span of suspension.
func (s *standing) and(span *Span, atUnixS int64) {
	if span == nil || span.ToUnixS <= span.FromUnixS || span.ToUnixS <= atUnixS {
		return
	}
	if span.FromUnixS > atUnixS {
		s.untilUnixS = min(s.untilUnixS, span.FromUnixS)
		return
	}
	s.suspended, s.untilUnixS = true, min(s.untilUnixS, span.ToUnixS)
}

// contract judges one contract.
func (r *round) contract(p *Party, c *Contract, through standing, atUnixS int64) verdict {
	plan := r.catalog.Plan(c.PlanID)
	end := graceEnd(c, plan)
	covered := covers(c.Product, plan, r.question.Product)
	v := verdict{basis: entitlementv1.Basis_BASIS_NO_CONTRACT, untilUnixS: Never, planID: c.PlanID, orderUnixS: -c.ToUnixS}
	switch {
	case atUnixS < c.FromUnixS:
		v.untilUnixS = c.FromUnixS
		if covered {
			v.basis, v.orderUnixS = entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED, c.FromUnixS
		}
		return v
	case atUnixS >= end:
		if covered {
			v.basis = entitlementv1.Basis_BASIS_CONTRACT_ENDED
		}
		return v
	case !covered:
		v.basis, v.untilUnixS = entitlementv1.Basis_BASIS_OTHER_PRODUCT, end
		return v
	}
	v.basis, v.untilUnixS = entitlementv1.Basis_BASIS_CONTRACT, c.ToUnixS
	if atUnixS >= c.ToUnixS {
		v.basis, v.untilUnixS = entitlementv1.Basis_BASIS_GRACE, end
	}
	through.and(c.Suspended, atUnixS)
	v.untilUnixS = min(v.untilUnixS, through.untilUnixS)
	if through.suspended {
		v.basis, v.orderUnixS = entitlementv1.Basis_BASIS_SUSPENDED, v.untilUnixS
		return v
	}
	return r.limit(p, plan, c.ID, v, atUnixS)
}

// grant judges one grant. One that does not grant says nothing.
func (r *round) grant(p *Party, g *Grant, atUnixS int64) verdict {
	none := verdict{basis: entitlementv1.Basis_BASIS_NO_CONTRACT, untilUnixS: Never}
	plan := r.catalog.Plan(g.PlanID)
	switch {
	case atUnixS >= g.ToUnixS, !covers(g.Product, plan, r.question.Product), !among(g.LineIDs, r.question.LineID):
		return none
	case atUnixS < g.FromUnixS:
		none.untilUnixS = g.FromUnixS
		return none
	}
	v := verdict{basis: g.Basis, untilUnixS: g.ToUnixS, orderUnixS: -g.ToUnixS, planID: g.PlanID}
	if v = r.limit(p, plan, "", v, atUnixS); !Granted(v.basis) {
		none.untilUnixS = v.untilUnixS
		return none
	}
	return v
}

// limit holds a verdict that grants against the limits of its plan; nil has none. Calls are counted of contracts only.
func (r *round) limit(p *Party, plan *Plan, contractID string, v verdict, atUnixS int64) verdict {
	if plan == nil {
		return v
	}
	q := &r.question
	if !among(plan.LineIDs, q.LineID) {
		v.basis = entitlementv1.Basis_BASIS_OTHER_LINE
		return v
	}
	if q.Severity != 0 && len(plan.Severities) > 0 && !slices.Contains(plan.Severities, q.Severity) {
		v.basis = entitlementv1.Basis_BASIS_OTHER_SEVERITY
		return v
	}
	if contractID != "" && plan.Period != 0 {
		v.included = plan.AllowanceCalls
		var until int64
		v.used, until = calls(p.Used, contractID, plan.Period, atUnixS)
		v.untilUnixS = min(v.untilUnixS, until)
		if v.used >= v.included {
			v.basis, v.orderUnixS = entitlementv1.Basis_BASIS_ALLOWANCE_USED, v.untilUnixS
			return v
		}
	}
	if plan.HoursID == "" {
		return v
	}
	return r.hours(p, plan, v, atUnixS)
}

// hours holds a verdict that grants against the plan's hours.
func (r *round) hours(p *Party, plan *Plan, v verdict, atUnixS int64) verdict {
	t := r.catalog.Hours(plan.HoursID, p.TimeZone, p.CalendarIDs)
	if t == nil {
		v.hoursUnknown = true
		return v
	}
	from, to := t.Horizon()
	state := t.At(atUnixS)
	if !state.Known {
		v.hoursUnknown = true
		if atUnixS < from {
			v.untilUnixS = min(v.untilUnixS, from)
		}
		return v
	}
	v.untilUnixS = min(v.untilUnixS, state.UntilUnixS)
	if state.Open {
		return v
	}
	v.basis, v.orderUnixS = entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS, state.UntilUnixS
	if state.UntilUnixS < to {
		v.opensUnixS = state.UntilUnixS
	}
	return v
}

// graceEnd is the end of a contract, its grace included.
func graceEnd(c *Contract, plan *Plan) int64 {
	grace := int64(c.GraceS)
	if c.GraceS == PlanGrace {
		grace = 0
		if plan != nil {
			grace = c.Shifts.grace(int64(plan.GraceS))
		}
	}
	if grace <= 0 || c.ToUnixS > Never-grace {
		return c.ToUnixS
	}
	return c.ToUnixS + grace
}

// covers says whether what was bought for a product, by a plan, is for the one asked about.
func covers(bought string, plan *Plan, asked string) bool {
	if asked == "" {
		return true
	}
	return (bought == "" || bought == asked) && (plan == nil || among(plan.Products, asked))
}

// among says whether a list has an ID; an empty list, and an empty ID, mean any.
func among(list []string, id string) bool {
	return id == "" || len(list) == 0 || slices.Contains(list, id)
}

// Longest periods: of a month, and of a year, with room for what a zone's clocks do.
const (
	maxMonthS = 32 * 86400
	maxYearS  = 367 * 86400
)

// longest is how long a period of a kind is at most.
func longest(kind entitlementv1.AllowancePeriod) int64 {
	switch kind {
	case entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH:
		return maxMonthS
	case entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT_YEAR:
		return maxYearS
	case entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_CONTRACT, entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_UNSPECIFIED:
	}
	return Never
}

// calls is how many were counted of a contract in the period of the instant, and until when that period lasts. What was
// counted over longer than the plan's periods are, as where the plan counted years until now, is of none of them: a month's
// calls would be used up for the rest of the year.
func calls(used []Use, contractID string, kind entitlementv1.AllowancePeriod, atUnixS int64) (n int32, untilUnixS int64) {
	untilUnixS = Never
	for i := range used {
		u := &used[i]
		switch {
		case u.ContractID != contractID || u.ToUnixS <= atUnixS || u.ToUnixS-max(u.FromUnixS, 0) > longest(kind):
		case u.FromUnixS > atUnixS:
			untilUnixS = min(untilUnixS, u.FromUnixS)
		default:
			n += u.Calls
			untilUnixS = min(untilUnixS, u.ToUnixS)
		}
	}
	return n, untilUnixS
}
