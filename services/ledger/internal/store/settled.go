package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

// What becomes of an open follow-up that is to bill a promise, once the charge says how the promise stands. Charges and
// follow-ups come in any order, and again: whichever comes later settles it, and what is settled is left alone.

const (
	// haveConfirmed and seeWhether are what entitlement's reasons end with: of a promise that nobody was verified for, and
	// of an acceptance whose promise is not known.
	haveConfirmed, seeWhether = "have it confirmed", "see whether it is to be confirmed"
	// maxNoteBytes is of the proto.
	maxNoteBytes = 2000
)

// settleFollowUps settles the open one about a charge's promise: by its customer, or its number.
func (w *writer) settleFollowUps(c *ledgerv1.Charge) error {
	for _, about := range []string{c.GetCustomer(), c.GetNumber()} {
		for i := range maxOpenLooked {
			if about == "" || c.GetPromise() == "" {
				break
			}
			row, err := readFollowUp(w.row(openFollowUp, about, int32(ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL),
				int32(ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN), i))
			if err != nil {
				return err
			}
			if row == nil {
				break
			}
			if row.GetPromise() == c.GetPromise() {
				return w.settleAs(row, c)
			}
		}
	}
	return nil
}

// settleAsCharged settles a follow-up whose promise's charge is kept already.
func (w *writer) settleAsCharged(f *followUpRow) error {
	id, ok := strings.CutPrefix(f.GetPromise(), "promises/")
	if !ok || f.GetKind() != ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL {
		return nil
	}
	var body []byte
	err := w.row(chargeByID, id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	c := &ledgerv1.Charge{}
	if err := proto.Unmarshal(body, c); err != nil {
		return fmt.Errorf("charge %s: %w", id, err)
	}
	return w.settleAs(f, c)
}

// settleAs drops an open follow-up that nobody needs to bill any more, and asks no more for what is confirmed.
func (w *writer) settleAs(f *followUpRow, c *ledgerv1.Charge) error {
	if f.GetState() != ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN {
		return nil
	}
	switch c.GetState() { //nolint:exhaustive // others leave it to be done as it is
	case entitlementv1.PromiseState_PROMISE_STATE_WAIVED:
		if !f.drop("the promise was waived") {
			return nil
		}
	case entitlementv1.PromiseState_PROMISE_STATE_LAPSED:
		if !f.drop("the promise lapsed: nobody confirmed it in time") {
			return nil
		}
	case entitlementv1.PromiseState_PROMISE_STATE_OWED:
		if !strings.HasSuffix(f.GetReason(), haveConfirmed) {
			return nil
		}
		f.Reason = strings.TrimSuffix(f.GetReason(), haveConfirmed) + "confirmed since"
	default:
		return nil
	}
	f.UpdateTime = timestamppb.New(time.UnixMicro(w.unixUS))
	return f.write(w)
}

// drop says that it is not to be done, and why, behind what people noted. False of one that a call has joined of which
// promise nobody knows: that one is still to be looked at.
func (f *followUpRow) drop(why string) bool {
	if len(f.GetCalls()) > 1 && strings.HasSuffix(f.GetReason(), seeWhether) {
		return false
	}
	f.State = ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED
	switch note := f.GetNote(); {
	case note == "":
		f.Note = why
	case len(note)+len(why)+2 <= maxNoteBytes:
		f.Note = note + "; " + why
	}
	return true
}
