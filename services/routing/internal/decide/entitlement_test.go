package decide_test

import (
	"fmt"
	"testing"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	complimentary = entitlementv1.Basis_BASIS_COMPLIMENTARY
	promise       = entitlementv1.Basis_BASIS_PROMISE
	pending       = entitlementv1.Basis_BASIS_PENDING_PROMISE
)

// grounds is on what a decision rests, for reading.
func grounds(d *decide.Decision) string {
	text := fmt.Sprintf("%s %s", d.Class.String()[len("CALLER_CLASS_"):], d.Basis.String()[len("BASIS_"):])
	for _, part := range [][2]string{
		{"contract", d.Contract()}, {"grant", d.Grant()}, {"plan", d.PlanID()}, {"via", d.Via()},
	} {
		if part[1] != "" {
			text += " " + part[0] + "=" + part[1]
		}
	}
	return text
}

func TestOnWhatACallerIsEntitled(t *testing.T) {
	child := func(parent string, contracts ...*publishedv1.Contract) *publishedv1.Customer {
		c := viewtest.Customer("acme", []phone.Number{firstANI}, contracts...)
		c.Parent = parent
		return c
	}
	mother := func(ownOnly bool) *publishedv1.Customer {
		k := viewtest.Contract("db", -100, 100)
		k.Id, k.OwnOnly = "C-1", ownOnly
		return viewtest.Customer("group", nil, k)
	}
	grace := viewtest.Contract("db", -100, 1)
	seconds := int32(6 * 3600)
	grace.GraceS = &seconds
	suspended := viewtest.Contract("db", -100, 100)
	suspended.SuspendedFromUnixS, suspended.SuspendedToUnixS = viewtest.At(0).Unix(), viewtest.At(5).Unix()
	for what, c := range map[string]struct {
		customers []*publishedv1.Customer
		grants    []*publishedv1.Grant
		plans     []*publishedv1.Plan
		hours     []*publishedv1.PlanTimeline
		usage     []*publishedv1.Usage
		caller    phone.Number
		want      string
		verdict   routingv1.Verdict
		untilHour float64
	}{
		"a contract": {
			customers: []*publishedv1.Customer{child("", viewtest.Contract("db", -100, 100))}, caller: firstANI,
			want: "ENTITLED CONTRACT contract=db plan=gold", verdict: routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT,
		},
		"the contract of a parent": {
			customers: []*publishedv1.Customer{child("group"), mother(false)}, caller: firstANI,
			want: "ENTITLED CONTRACT contract=C-1 plan=gold via=group", verdict: routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT,
		},
		"the contract of a parent that keeps it to itself": {
			customers: []*publishedv1.Customer{child("group"), mother(true)}, caller: firstANI,
			want: "NOT_ENTITLED NO_CONTRACT", verdict: routingv1.Verdict_VERDICT_NO_CONTRACT,
		},
		"grace": {
			customers: []*publishedv1.Customer{child("", grace)}, caller: firstANI, untilHour: 7,
			want: "ENTITLED GRACE contract=db plan=gold", verdict: routingv1.Verdict_VERDICT_ENTITLED_IN_GRACE,
		},
		"suspended": {
			customers: []*publishedv1.Customer{child("", suspended)}, caller: firstANI, untilHour: 5,
			want: "NOT_ENTITLED SUSPENDED contract=db plan=gold", verdict: routingv1.Verdict_VERDICT_SUSPENDED,
		},
		"outside the plan's hours": {
			customers: []*publishedv1.Customer{child("", viewtest.Contract("db", -100, 100))}, caller: firstANI,
			plans: []*publishedv1.Plan{viewtest.Plan("gold")}, hours: []*publishedv1.PlanTimeline{viewtest.PlanHours("gold", "", viewtest.Span{5, 9})},
			want: "NOT_ENTITLED OUTSIDE_PLAN_HOURS contract=db plan=gold", verdict: routingv1.Verdict_VERDICT_OUTSIDE_PLAN_HOURS,
			untilHour: 5,
		},
		"a plan of whose hours nothing is known": {
			customers: []*publishedv1.Customer{child("", viewtest.Contract("db", -100, 100))}, caller: firstANI,
			plans: []*publishedv1.Plan{viewtest.Plan("gold")},
			want:  "ENTITLED CONTRACT contract=db plan=gold", verdict: routingv1.Verdict_VERDICT_ENTITLED_BY_CONTRACT,
		},
		"an allowance that is used": {
			customers: []*publishedv1.Customer{child("", viewtest.Contract("db", -100, 100))}, caller: firstANI,
			plans: []*publishedv1.Plan{{
				Id: "gold", AllowanceCalls: 2, AllowancePeriod: entitlementv1.AllowancePeriod_ALLOWANCE_PERIOD_MONTH,
			}},
			usage: []*publishedv1.Usage{{Customer: "acme", Contracts: []*publishedv1.ContractUsage{
				{Contract: "db", FromUnixS: viewtest.At(-50).Unix(), ToUnixS: viewtest.At(50).Unix(), Calls: 2},
			}}},
			want: "NOT_ENTITLED ALLOWANCE_USED contract=db plan=gold", verdict: routingv1.Verdict_VERDICT_ALLOWANCE_USED,
			untilHour: 50,
		},
		"complimentary": {
			customers: []*publishedv1.Customer{child("")}, caller: firstANI, untilHour: 6,
			grants: []*publishedv1.Grant{viewtest.Grant("g-1", "acme", complimentary, -1, 6)},
			want:   "ENTITLED COMPLIMENTARY grant=g-1", verdict: routingv1.Verdict_VERDICT_ENTITLED_COMPLIMENTARY,
		},
		"a parent's grant is its own": {
			customers: []*publishedv1.Customer{child("group"), viewtest.Customer("group", nil)}, caller: firstANI,
			grants: []*publishedv1.Grant{viewtest.Grant("g-1", "group", complimentary, -1, 6)},
			want:   "NOT_ENTITLED NO_CONTRACT", verdict: routingv1.Verdict_VERDICT_NO_CONTRACT,
		},
		"a promise of a number nobody knows": {
			grants: []*publishedv1.Grant{viewtest.NumberGrant("g-2", unknownANI, pending, -1, 6)}, caller: unknownANI,
			want: "ENTITLED PENDING_PROMISE grant=g-2", verdict: routingv1.Verdict_VERDICT_ENTITLED_BY_PENDING_PROMISE, untilHour: 6,
		},
		"a promise of a number that is a customer's by now": {
			customers: []*publishedv1.Customer{child("")}, caller: firstANI, untilHour: 6,
			grants: []*publishedv1.Grant{viewtest.NumberGrant("g-2", firstANI, promise, -1, 6)},
			want:   "ENTITLED PROMISE grant=g-2", verdict: routingv1.Verdict_VERDICT_ENTITLED_BY_PROMISE,
		},
		"a grant of a number that begins later": {
			grants: []*publishedv1.Grant{viewtest.NumberGrant("g-2", unknownANI, promise, 5, 6)}, caller: unknownANI,
			want: "UNKNOWN UNSPECIFIED", verdict: routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN, untilHour: 5,
		},
		"nobody knows": {
			caller: unknownANI, want: "UNKNOWN UNSPECIFIED", verdict: routingv1.Verdict_VERDICT_ENTITLEMENT_UNKNOWN,
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := followTheSun()
			w.Customers, w.Grants, w.Plans, w.PlanHours, w.Usage = c.customers, c.grants, c.plans, c.hours, c.usage
			w.Sites = []*publishedv1.Site{viewtest.Site("sydney", viewtest.Span{-20, 500})} // changes nothing in between
			w.Lines[0].Sites = w.Lines[0].Sites[:1]
			calling := call()
			calling.Caller = c.caller
			d := run(w.View(), calling, viewtest.At(4))
			if grounds(d) != c.want || d.Verdicts()[2] != c.verdict {
				t.Errorf("%s, %s", grounds(d), verdicts(d))
			}
			if c.untilHour != 0 && d.ValidUntilUnixS != viewtest.At(c.untilHour).Unix() {
				t.Errorf("valid until %v h", float64(d.ValidUntilUnixS-viewtest.Base)/3600)
			}
		})
	}
}

// Whoever was entitled when the call began stays so, on whatever basis.
func TestWhatEndsMeanwhileEndsNoCall(t *testing.T) {
	w := followTheSun()
	w.Customers = []*publishedv1.Customer{viewtest.Customer("acme", []phone.Number{firstANI})}
	w.Grants = []*publishedv1.Grant{viewtest.Grant("g-1", "acme", promise, -1, 4)}
	calling := call()
	calling.State = &routingv1.ContinuationState{Line: "gold", Customer: "acme", BeganUnixMs: viewtest.At(3.9).UnixMilli()}
	if d := run(w.View(), calling, viewtest.At(4.1)); grounds(d) != "ENTITLED PROMISE grant=g-1" {
		t.Error(grounds(d))
	}
	calling.State.BeganUnixMs = viewtest.At(4).UnixMilli()
	if d := run(w.View(), calling, viewtest.At(4.1)); grounds(d) != "NOT_ENTITLED NO_CONTRACT" {
		t.Error(grounds(d))
	}
}

func TestAFormerNumberLeadsToItsLineUntilItEnds(t *testing.T) {
	w := followTheSun()
	w.Lines[0].FormerNumbers = []*routingv1.FormerNumber{{Number: viewtest.Number(lineNumber + 50), EndTime: stamp(4.5)}}
	v := w.View()
	calling := call()
	calling.Dialled = lineNumber + 50
	d := run(v, calling, viewtest.At(4))
	if d.Line == nil || !d.FormerNumber || d.ValidUntilUnixS != viewtest.At(4.5).Unix() {
		t.Errorf("%v, former %v, until %d", d.Line, d.FormerNumber, d.ValidUntilUnixS)
	}
	if d := run(v, call(), viewtest.At(4)); d.FormerNumber {
		t.Error("the number that it has is a former one")
	}
	calling.State = &routingv1.ContinuationState{Line: "gold", FormerNumber: true}
	if d := run(v, calling, viewtest.At(4.6)); d.Line == nil || !d.FormerNumber || d.Step != routingv1.StepKind_STEP_KIND_FORWARD {
		t.Error("the call that came by it forgets that, or ends with it")
	}
}

// TestWhoCallsANumberThatEndedIsToldSo: never silence, and never the line; and it is known who it was.
func TestWhoCallsANumberThatEndedIsToldSo(t *testing.T) {
	w := followTheSun()
	w.Lines[0].FormerNumbers = []*routingv1.FormerNumber{{Number: viewtest.Number(lineNumber + 50), EndTime: stamp(4.5)}}
	v := w.View()
	calling := call()
	calling.Dialled = lineNumber + 50
	d := run(v, calling, viewtest.At(4.5))
	if d.Line == nil || !d.FormerNumber || !d.NumberChanged || d.End != routingv1.EndCause_END_CAUSE_NUMBER_CHANGED ||
		d.Class == routingv1.CallerClass_CALLER_CLASS_UNSPECIFIED || d.ValidUntilUnixS <= viewtest.At(4.5).Unix() {
		t.Errorf("%v of %v, class %v, until %d", d.End, d.Line, d.Class, d.ValidUntilUnixS)
	}
	calling.Gateway = decide.CapabilitiesOf([]routingv1.Capability{
		routingv1.Capability_CAPABILITY_REDIRECT, routingv1.Capability_CAPABILITY_PROMPT,
	})
	if d := run(v, calling, viewtest.At(4.5)); d.Step != routingv1.StepKind_STEP_KIND_PROMPT {
		t.Errorf("a gateway that speaks gets %v", d.Step)
	}
	calling.State = &routingv1.ContinuationState{Line: "gold", FormerNumber: true, NumberChanged: true, Announced: true}
	if d := run(v, calling, viewtest.At(4.5)); d.Step != routingv1.StepKind_STEP_KIND_END ||
		d.End != routingv1.EndCause_END_CAUSE_NUMBER_CHANGED {
		t.Errorf("behind that follows %v %v", d.Step, d.End)
	}
}
