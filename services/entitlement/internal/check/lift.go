package check

import (
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/internal/contacttext"
	"github.com/daysidehq/dayside/services/internal/entitle"
)

// maxObstacles bounds what is taken out of a contract's way: there are fewer kinds of obstacles.
const maxObstacles = 12

// lift takes away, one after the other, what is in the way of one contract, until it grants: so what is named as the remedy
// is one, and not the first of several. It is the catalog in which that contract's plan is the better one.
type lift struct {
	entitle.Catalog
	question entitle.Question
	who      Who
	text     *contacttext.Text
	// parties are those through whom the contract comes; it is the last one's, and there are no others.
	parties []entitle.Party
	name    string        // of the contract, for people
	better  *entitle.Plan // in the place of the contract's; nil: none has to be

	// What was in the way: whose suspensions, and when the last of them ends; limits of the plan; else what has to be done.
	suspended []string
	endsUnixS int64
	limits    []string
	contract  string
}

// newLift is that of the contract that an answer rests on; of a new one of the customer's, where it rests on none that could
// help.
func newLift(who Who, asked Asked, a entitle.Answer) *lift {
	l := &lift{Catalog: asked.Catalog, question: asked.Question, who: who, text: asked.text()}
	owner, c := 0, entitle.Contract{FromUnixS: math.MinInt64, ToUnixS: entitle.Never, Product: asked.Question.Product}
	switch a.Basis { //nolint:exhaustive // of all others the contract itself can help
	case entitlementv1.Basis_BASIS_NO_CONTRACT, entitlementv1.Basis_BASIS_OTHER_PRODUCT,
		entitlementv1.Basis_BASIS_CONTRACT_NOT_STARTED:
		l.contract = l.text.NewContract
		if c.Product != "" {
			l.contract = contacttext.Fill(l.text.NewContractFor, "product", c.Product)
		}
	default:
		owner = a.Party
		c = who.Parties[owner].Contracts[a.Contract]
		l.name = contractName(who, a, l.text)
	}
	l.parties = only(who.Parties[:owner+1])
	l.parties[owner].Contracts = []entitle.Contract{c}
	return l
}

// contractName is the contract of an answer; whose it is, too, where it is not the customer's own.
func contractName(who Who, a entitle.Answer, text *contacttext.Text) string {
	id := who.Parties[a.Party].Contracts[a.Contract].ID
	if a.Party > 0 {
		return contacttext.Fill(text.ContractNameOf, "contract", id, "customer", customerNames+who.Customers[a.Party].GetId())
	}
	return contacttext.Fill(text.ContractName, "contract", id)
}

// only are parties without anything that grants.
func only(parties []entitle.Party) []entitle.Party {
	bare := slices.Clone(parties)
	for i := range bare {
		bare[i].Contracts, bare[i].Grants = nil, nil
	}
	return bare
}

// Plan is the better one in the place of the contract's.
func (l *lift) Plan(id string) *entitle.Plan {
	if l.better != nil && l.better.ID == id {
		return l.better
	}
	return l.Catalog.Plan(id)
}

// remedy is all that the vendor has to do for it, together. Where a suspension is in the way, it is its end first of all:
// customers are not told of those.
func (l *lift) remedy() *entitlementv1.Remedy {
	for range maxObstacles {
		a := entitle.Ask(l.parties, l, l.question)
		if entitle.Granted(a.Basis) {
			break
		}
		l.takeAway(a.Basis)
	}
	out := &entitlementv1.Remedy{}
	var parts []string
	add := func(kind entitlementv1.RemedyKind, text string) {
		if len(parts) == 0 {
			out.Kind = kind
		}
		parts = append(parts, text)
	}
	if len(l.suspended) > 0 {
		add(entitlementv1.RemedyKind_REMEDY_KIND_END_SUSPENSION, "end the suspension of "+strings.Join(l.suspended, " and of "))
	}
	if l.contract != "" {
		add(entitlementv1.RemedyKind_REMEDY_KIND_CONTRACT, l.contract)
	}
	if len(l.limits) > 0 {
		add(entitlementv1.RemedyKind_REMEDY_KIND_PLAN,
			contacttext.Fill(l.text.BetterPlan, "limits", strings.Join(l.limits, l.text.And), "plan", l.better.ID,
				"contract", l.name))
	}
	if len(l.suspended) > 0 && len(parts) == 1 && l.endsUnixS != entitle.Never {
		out.Time = &timestamppb.Timestamp{Seconds: l.endsUnixS}
	}
	out.Text = strings.Join(parts, l.text.Besides)
	return out
}

// takeAway is one obstacle less.
func (l *lift) takeAway(b entitlementv1.Basis) {
	owner := len(l.parties) - 1
	c := &l.parties[owner].Contracts[0]
	switch b { //nolint:exhaustive // others are in no contract's way that covers the product
	case entitlementv1.Basis_BASIS_SUSPENDED:
		for i := range l.parties {
			l.parties[i].Suspended = l.endSuspension(l.parties[i].Suspended, customerNames+l.who.Customers[i].GetId())
		}
		c.Suspended = l.endSuspension(c.Suspended, l.name)
	case entitlementv1.Basis_BASIS_CONTRACT_ENDED:
		last := time.Unix(c.ToUnixS-1, 0).In(l.who.Location(l.who.Customers[owner]))
		l.contract = contacttext.Fill(l.text.Renew, "contract", l.name, "date", last.Format(time.DateOnly))
		c.ToUnixS = entitle.Never
	case entitlementv1.Basis_BASIS_OTHER_LINE:
		l.another(l.text.OtherLines, c).LineIDs = nil
	case entitlementv1.Basis_BASIS_OTHER_SEVERITY:
		l.another(l.text.OtherSeverities, c).Severities = nil
	case entitlementv1.Basis_BASIS_ALLOWANCE_USED:
		l.another(l.text.MoreCalls, c).Period = 0
	case entitlementv1.Basis_BASIS_OUTSIDE_PLAN_HOURS:
		l.another(l.text.LongerHours, c).HoursID = ""
	}
}

// endSuspension is none in the place of one that is in force.
func (l *lift) endSuspension(s *entitle.Span, whose string) *entitle.Span {
	if s == nil || l.question.AtUnixS < s.FromUnixS || l.question.AtUnixS >= s.ToUnixS {
		return s
	}
	l.suspended, l.endsUnixS = append(l.suspended, whose), max(l.endsUnixS, s.ToUnixS)
	return nil
}

// another is the plan that the contract has to have, with one limit to be taken off.
func (l *lift) another(limit string, c *entitle.Contract) *entitle.Plan {
	if l.better == nil {
		l.better = &entitle.Plan{ID: c.PlanID}
		if own := l.Catalog.Plan(c.PlanID); own != nil { // it may be deleted this moment
			*l.better = *own
		}
	}
	l.limits = append(l.limits, limit)
	return l.better
}
