package promise

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/card"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxTrail events of a promise; the last place is kept for giving it up.
	maxTrail = 64
	// lapsedBy is who lets a promise lapse.
	lapsedBy = "dayside"
)

// Settlement is what is asked to be done with a promise.
type Settlement struct {
	What         entitlementv1.Settlement
	Verification entitlementv1.Verification
	// Reason is for people; By a peer's name, or contacts/ID of the customer.
	Reason, By string
	At         time.Time
}

// Settle is a promise after a settlement: another one, with one more event in its trail, or the same where it stands so
// already. WRONG_STATE where its state does not allow it; INVALID_FIELD where something is missing. A pending one whose
// time is over has lapsed, whether or not anybody has written that down.
func Settle(p *entitlementv1.Promise, s Settlement) (*entitlementv1.Promise, error) {
	p, _ = Lapse(p, s.At)
	to, already, err := target(p, s)
	if err != nil || already {
		return p, err
	}
	if err := check(p, s); err != nil {
		return p, err
	}
	if n := len(p.GetTrail()); n >= maxTrail || n == maxTrail-1 && s.What != entitlementv1.Settlement_SETTLEMENT_WAIVE {
		f := fault.LimitExceeded(fmt.Sprintf("%s has been settled %d times: it can only be waived", p.GetName(), n))
		f.Resource = p.GetName()
		return p, f
	}
	next := proto.CloneOf(p)
	next.State, next.LapseTime = to, nil
	event := &entitlementv1.PromiseEvent{Time: timestamppb.New(s.At), State: to, By: s.By, Reason: s.Reason}
	if to == entitlementv1.PromiseState_PROMISE_STATE_OWED {
		event.Verification = s.Verification
	}
	next.Trail = append(next.Trail, event)
	return next, nil
}

// target is the state that a settlement leads to, and whether the promise stands so by such a settlement already.
func target(p *entitlementv1.Promise, s Settlement) (to entitlementv1.PromiseState, already bool, err error) {
	const (
		pending, owed    = entitlementv1.PromiseState_PROMISE_STATE_PENDING, entitlementv1.PromiseState_PROMISE_STATE_OWED
		disputed, waived = entitlementv1.PromiseState_PROMISE_STATE_DISPUTED, entitlementv1.PromiseState_PROMISE_STATE_WAIVED
		lapsed           = entitlementv1.PromiseState_PROMISE_STATE_LAPSED
	)
	is, allowed := p.GetState(), false
	switch s.What {
	case entitlementv1.Settlement_SETTLEMENT_CONFIRM:
		to, allowed = owed, is == pending
	case entitlementv1.Settlement_SETTLEMENT_WAIVE:
		to, allowed = waived, is != lapsed
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
	case is == to:
		return to, true, nil
	case !allowed:
		return 0, false, fault.WrongState(p.GetName(),
			fmt.Sprintf("%s is %s, which cannot be %s", p.GetName(), Words(is), doing(s.What)))
	}
	return to, false, nil
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
	return &ledgerv1.Charge{
		Name: "charges/" + p.GetName()[len(Names):], Promise: p.GetName(), Customer: a.GetCustomer(),
		CustomerDisplayName: p.GetCustomerDisplayName(), Number: a.GetNumber(), Amount: p.GetAmount(), State: p.GetState(),
		Offer: a.GetOffer(), OfferDisplayName: p.GetOfferDisplayName(), Line: a.GetLine(), Gateway: a.GetGateway(),
		CallId: a.GetCallId(), PromiseTime: a.GetAcceptTime(), UpdateTime: p.GetUpdateTime(), Revision: revision,
	}
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
	case entitlementv1.PromiseState_PROMISE_STATE_UNSPECIFIED:
	}
	return "in a state that this release does not know"
}

func doing(s entitlementv1.Settlement) string {
	switch s {
	case entitlementv1.Settlement_SETTLEMENT_CONFIRM:
		return "confirmed"
	case entitlementv1.Settlement_SETTLEMENT_WAIVE:
		return "waived"
	case entitlementv1.Settlement_SETTLEMENT_DISPUTE:
		return "disputed"
	case entitlementv1.Settlement_SETTLEMENT_UPHOLD:
		return "upheld"
	case entitlementv1.Settlement_SETTLEMENT_UNSPECIFIED:
	}
	return "settled so"
}
