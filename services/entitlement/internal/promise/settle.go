package promise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	amounts "github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/internal/card"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxTrail events of a promise; the last place is kept for giving it up.
	maxTrail = 64
	// maxNoted events: beyond, what changes nothing is not noted any more.
	maxNoted = 32
	// lapsedBy is who lets a promise lapse.
	lapsedBy = "dayside"
)

// Settlement is what is asked to be done with a promise.
type Settlement struct {
	What         entitlementv1.Settlement
	Verification entitlementv1.Verification
	// Amount is what is to be paid after all, of WAIVE and UPHOLD; nil: nothing of what is waived, all of what is upheld.
	Amount *money.Money
	// Reason is for people; By a peer's name, or contacts/ID of the customer.
	Reason, By string
	At         time.Time
	// Evidence is the acceptance that it comes of, told later than the promise's own; nil: it comes of none.
	Evidence *entitlementv1.AcceptOfferRequest
}

// inPart says whether a part is given up, and no more.
func (s Settlement) inPart() bool {
	return s.What == entitlementv1.Settlement_SETTLEMENT_WAIVE && s.Amount != nil
}

// Settle is a promise after a settlement: another one, with one more event in its trail, or the same where it stands so
// already and nobody says more than was said. WRONG_STATE where its state does not allow it; INVALID_FIELD where something
// is missing. A pending one whose time is over has lapsed, whether or not anybody has written that down.
func Settle(p *entitlementv1.Promise, s Settlement) (*entitlementv1.Promise, error) {
	p, _ = Lapse(p, s.At)
	if rule := amountRule(p, s); rule != "" {
		return p, fault.Invalid(fault.Violation{Field: "amount", Value: amounts.String(s.Amount), Rule: rule})
	}
	to, already, err := target(p, s)
	if err != nil {
		return p, err
	}
	if already {
		return again(p, s)
	}
	if err := check(p, s); err != nil {
		return p, err
	}
	givesUp := s.What == entitlementv1.Settlement_SETTLEMENT_WAIVE && !s.inPart()
	if n := len(p.GetTrail()); n >= maxTrail || n == maxTrail-1 && !givesUp {
		f := fault.LimitExceeded(fmt.Sprintf("%s has been settled %d times: it can only be waived", p.GetName(), n))
		f.Resource = p.GetName()
		return p, f
	}
	next := proto.CloneOf(p)
	event := s.event(to)
	if to != p.GetState() {
		next.State, next.LapseTime = to, nil
		if to == entitlementv1.PromiseState_PROMISE_STATE_OWED {
			event.Verification = s.Verification
		}
	}
	if s.Amount != nil && !amounts.Same(s.Amount, p.GetAmount()) {
		next.Amount, event.Amount = proto.CloneOf(s.Amount), proto.CloneOf(s.Amount)
	}
	next.Trail = append(next.Trail, event)
	return next, nil
}

// event is what a settlement leaves in the trail, in a state; that it verifies is noted of what is owed by it.
func (s Settlement) event(state entitlementv1.PromiseState) *entitlementv1.PromiseEvent {
	return &entitlementv1.PromiseEvent{
		Time: timestamppb.New(s.At), State: state, By: s.By, Reason: s.Reason, Person: s.Evidence.GetPerson(),
		Number: s.Evidence.GetNumber(), RecordingUri: s.Evidence.GetRecordingUri(), Gateway: s.Evidence.GetGateway(),
		CallId: s.Evidence.GetCallId(),
	}
}

// again is a promise that stands as a settlement says, with a note of who says so, too, or by which other proof or reason;
// the same where that was said before, or there is no room for it. Why something is given up is said once.
func again(p *entitlementv1.Promise, s Settlement) (*entitlementv1.Promise, error) {
	if s.What == entitlementv1.Settlement_SETTLEMENT_WAIVE ||
		s.Reason == "" && s.Verification == entitlementv1.Verification_VERIFICATION_UNSPECIFIED {
		return p, nil
	}
	if card.In(s.Reason) {
		return p, fault.Invalid(fault.Violation{Field: "reason", Rule: card.Rule})
	}
	event := s.event(p.GetState())
	if event.GetState() == entitlementv1.PromiseState_PROMISE_STATE_OWED {
		event.Verification = s.Verification
	}
	return note(p, event), nil
}

// Note is a promise with a later acceptance of the same in its trail, which changes nothing of it; the same where that is
// there, or there is no room for it.
func Note(p *entitlementv1.Promise, s Settlement) *entitlementv1.Promise {
	return note(p, s.event(p.GetState()))
}

func note(p *entitlementv1.Promise, event *entitlementv1.PromiseEvent) *entitlementv1.Promise {
	said := slices.ContainsFunc(p.GetTrail(), func(e *entitlementv1.PromiseEvent) bool {
		e = proto.CloneOf(e)
		e.Time, e.Amount = event.GetTime(), nil
		return proto.Equal(e, event)
	})
	if said || len(p.GetTrail()) >= maxNoted {
		return p
	}
	next := proto.CloneOf(p)
	next.Trail = append(next.Trail, event)
	return next
}

// target is the state that a settlement leads to, and whether the promise stands so by such a settlement already.
func target(p *entitlementv1.Promise, s Settlement) (to entitlementv1.PromiseState, already bool, err error) {
	const (
		pending, owed    = entitlementv1.PromiseState_PROMISE_STATE_PENDING, entitlementv1.PromiseState_PROMISE_STATE_OWED
		disputed, waived = entitlementv1.PromiseState_PROMISE_STATE_DISPUTED, entitlementv1.PromiseState_PROMISE_STATE_WAIVED
		lapsed, refused  = entitlementv1.PromiseState_PROMISE_STATE_LAPSED, entitlementv1.PromiseState_PROMISE_STATE_REFUSED
	)
	is, allowed := p.GetState(), false
	switch s.What {
	case entitlementv1.Settlement_SETTLEMENT_CONFIRM:
		to, allowed = owed, is == pending || is == refused
	case entitlementv1.Settlement_SETTLEMENT_WAIVE:
		to, allowed = waived, is != lapsed
		if s.inPart() {
			to, allowed = is, is != lapsed && is != waived
		}
	case entitlementv1.Settlement_SETTLEMENT_DISPUTE:
		to, allowed = disputed, is == owed || is == pending
	case entitlementv1.Settlement_SETTLEMENT_UPHOLD:
		to, allowed = owed, is == disputed
	case entitlementv1.Settlement_SETTLEMENT_UNSPECIFIED:
		fallthrough
	default:
		return 0, false, fault.Invalid(fault.Violation{Field: "settlement", Rule: "is required"})
	}
	switch {
	case is == to && s.What == entitlementv1.Settlement_SETTLEMENT_UPHOLD && sameAmount(p, s) && !wasDisputed(p):
		return 0, false, fault.WrongState(p.GetName(), p.GetName()+" was never disputed")
	case is == to && sameAmount(p, s) && (allowed || !s.inPart()):
		return to, true, nil
	case !allowed:
		return 0, false, fault.WrongState(p.GetName(),
			fmt.Sprintf("%s is %s, which cannot be %s", p.GetName(), Words(is), doing(s)))
	}
	return to, false, nil
}

func wasDisputed(p *entitlementv1.Promise) bool {
	return slices.ContainsFunc(p.GetTrail(), func(e *entitlementv1.PromiseEvent) bool {
		return e.GetState() == entitlementv1.PromiseState_PROMISE_STATE_DISPUTED
	})
}

// sameAmount says whether a settlement leaves a promise's amount as it is.
func sameAmount(p *entitlementv1.Promise, s Settlement) bool {
	return s.Amount == nil || amounts.Same(s.Amount, p.GetAmount())
}

// amountRule is what is wrong with the amount that a settlement leaves to be paid, "" where nothing is: it is a part of what
// the promise is about, or all of it, and never more.
func amountRule(p *entitlementv1.Promise, s Settlement) string {
	is := p.GetAmount()
	switch rule := amounts.Rule(s.Amount); {
	case s.Amount == nil:
	case s.What != entitlementv1.Settlement_SETTLEMENT_WAIVE && s.What != entitlementv1.Settlement_SETTLEMENT_UPHOLD:
		return "is only of what is waived, or upheld"
	case rule != "":
		return rule
	case s.Amount.GetCurrencyCode() != is.GetCurrencyCode():
		return "must be in the currency of what was promised: " + amounts.String(is)
	case s.Amount.GetUnits() == 0 && s.Amount.GetNanos() == 0:
		return "must be above 0: to give up all of it, waive it without an amount"
	case dearer(s.Amount, is):
		return "must be at most what it is about now: " + amounts.String(is)
	}
	return ""
}

// check is what a settlement must bring.
func check(p *entitlementv1.Promise, s Settlement) error {
	var broken fault.Violations
	verifies := s.Verification != entitlementv1.Verification_VERIFICATION_UNSPECIFIED
	switch s.What { //nolint:exhaustive // the others need none
	case entitlementv1.Settlement_SETTLEMENT_CONFIRM:
		if !verifies {
			broken.Add("verification", "", "is required: how was it made sure that the customer confirms it")
		}
	case entitlementv1.Settlement_SETTLEMENT_UPHOLD:
		if !verifies && !WasVerified(p) {
			broken.Add("verification", "", "is required: nobody was verified when it was accepted, nor since")
		}
	}
	if s.Reason == "" && s.What != entitlementv1.Settlement_SETTLEMENT_CONFIRM {
		broken.Add("reason", "", "is required")
	}
	if card.In(s.Reason) {
		broken.Add("reason", "", card.Rule)
	}
	return broken.Err()
}

// WasVerified says whether somebody was, when it was accepted or since.
func WasVerified(p *entitlementv1.Promise) bool {
	for _, e := range p.GetTrail() {
		if e.GetVerification() != entitlementv1.Verification_VERIFICATION_UNSPECIFIED {
			return true
		}
	}
	return false
}

// Lapse is a pending promise whose time is over, lapsed at that time, and true; else the same, and false. Whoever
// writes it writes the same.
func Lapse(p *entitlementv1.Promise, now time.Time) (*entitlementv1.Promise, bool) {
	if p.GetState() != entitlementv1.PromiseState_PROMISE_STATE_PENDING || p.GetLapseTime() == nil ||
		now.Before(p.GetLapseTime().AsTime()) {
		return p, false
	}
	next := proto.CloneOf(p)
	next.State = entitlementv1.PromiseState_PROMISE_STATE_LAPSED
	next.Trail = append(next.Trail, &entitlementv1.PromiseEvent{
		Time: p.GetLapseTime(), State: next.GetState(), By: lapsedBy, Reason: "nobody confirmed it in time",
	})
	return next, true
}

// Holds says whether what is accepted at a time is accepted already: a promise stands whose time that is. A time before
// it counts as well, for as long as it covers: acceptances may arrive late, and clocks differ.
func Holds(p *entitlementv1.Promise, at time.Time) bool {
	switch p.GetState() { //nolint:exhaustive // others are over, or in doubt
	case entitlementv1.PromiseState_PROMISE_STATE_OWED, entitlementv1.PromiseState_PROMISE_STATE_PENDING:
		from, to := p.GetAcceptance().GetAcceptTime().AsTime(), p.GetGrantEndTime().AsTime()
		return at.Before(to) && at.After(from.Add(-to.Sub(from)))
	}
	return false
}

// Charge is what the ledger keeps of a promise. Of one charge the record with the highest revision counts.
func Charge(p *entitlementv1.Promise, revision int64) *ledgerv1.Charge {
	a := p.GetAcceptance()
	c := &ledgerv1.Charge{
		Name: "charges/" + p.GetName()[len(Names):], Promise: p.GetName(), Customer: a.GetCustomer(),
		CustomerDisplayName: p.GetCustomerDisplayName(), Number: a.GetNumber(), Amount: p.GetAmount(), State: p.GetState(),
		Offer: a.GetOffer(), OfferDisplayName: p.GetOfferDisplayName(), Line: a.GetLine(), Gateway: a.GetGateway(),
		CallId: a.GetCallId(), PromiseTime: a.GetAcceptTime(), UpdateTime: p.GetUpdateTime(), Revision: revision,
		Product: p.GetProduct(),
	}
	if !amounts.Same(a.GetPrice(), p.GetAmount()) {
		c.Promised = a.GetPrice()
	}
	return c
}

// Words say a state, for people.
func Words(s entitlementv1.PromiseState) string {
	switch s {
	case entitlementv1.PromiseState_PROMISE_STATE_PENDING:
		return "pending"
	case entitlementv1.PromiseState_PROMISE_STATE_OWED:
		return "owed"
	case entitlementv1.PromiseState_PROMISE_STATE_DISPUTED:
		return "disputed"
	case entitlementv1.PromiseState_PROMISE_STATE_WAIVED:
		return "waived"
	case entitlementv1.PromiseState_PROMISE_STATE_LAPSED:
		return "lapsed"
	case entitlementv1.PromiseState_PROMISE_STATE_REFUSED:
		return "refused"
	case entitlementv1.PromiseState_PROMISE_STATE_UNSPECIFIED:
	}
	return "in a state that this release does not know"
}

// VerifiedBy says how it was made sure, for people: "verified by call-back".
func VerifiedBy(v entitlementv1.Verification) string {
	word := strings.ToLower(strings.TrimPrefix(v.String(), "VERIFICATION_"))
	return "verified by " + strings.ReplaceAll(word, "_", "-")
}

func doing(s Settlement) string {
	switch s.What {
	case entitlementv1.Settlement_SETTLEMENT_CONFIRM:
		return "confirmed"
	case entitlementv1.Settlement_SETTLEMENT_WAIVE:
		if s.inPart() {
			return "waived in part"
		}
		return "waived"
	case entitlementv1.Settlement_SETTLEMENT_DISPUTE:
		return "disputed"
	case entitlementv1.Settlement_SETTLEMENT_UPHOLD:
		if s.Amount != nil {
			return "upheld for less: waive a part of it"
		}
		return "upheld"
	case entitlementv1.Settlement_SETTLEMENT_UNSPECIFIED:
	}
	return "settled so"
}
