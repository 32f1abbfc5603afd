package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

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

// settleFollowUps settles what is open about a charge's promise.
func (w *writer) settleFollowUps(c *ledgerv1.Charge) error {
	if c.GetPromise() == "" {
		return nil
	}
	open, err := w.toBill(c.GetPromise())
	if err != nil {
		return err
	}
	for _, f := range open {
		if err := w.settleAs(f, c); err != nil {
			return err
		}
	}
	return nil
}

// toBill are the open ones that are to bill a promise: mostly one.
func (w *writer) toBill(promise string) (open []*followUpRow, err error) {
	rows, err := w.prepared(openAboutPromise).QueryContext(w.ctx, promise, //nolint:sqlclosecheck // ends with the transaction
		int32(ledgerv1.FollowUpKind_FOLLOW_UP_KIND_BILL), int32(ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		f, err := readFollowUp(rows)
		if err != nil {
			return nil, err
		}
		open = append(open, f)
	}
	return open, rows.Err()
}

// settleAsCharged settles a follow-up whose promise's charge is kept already.
func (w *writer) settleAsCharged(f *followUpRow) error {
	id, ok := strings.CutPrefix(f.GetPromise(), promiseNames)
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
	was := proto.CloneOf(f.FollowUp)
	switch c.GetState() { //nolint:exhaustive // others leave it to be done as it is
	case entitlementv1.PromiseState_PROMISE_STATE_WAIVED:
		f.drop("the promise was waived")
	case entitlementv1.PromiseState_PROMISE_STATE_LAPSED:
		f.drop("the promise lapsed: nobody confirmed it in time")
	case entitlementv1.PromiseState_PROMISE_STATE_OWED:
		if left, asked := strings.CutSuffix(f.GetReason(), haveConfirmed); asked {
			f.Reason = left + "confirmed since"
		}
	}
	if proto.Equal(was, f.FollowUp) {
		return nil
	}
	f.changed(was, itself, w.unixUS)
	return f.write(w)
}

// drop says that it is not to be done, and why, behind what people noted; but not of one that a call has joined of which
// promise nobody knows: that one is still to be looked at.
func (f *followUpRow) drop(why string) {
	if len(f.GetCalls()) > 1 && strings.HasSuffix(f.GetReason(), seeWhether) {
		return
	}
	f.State = ledgerv1.FollowUpState_FOLLOW_UP_STATE_DROPPED
	switch note := f.GetNote(); {
	case note == "":
		f.Note = why
	case len(note)+len(why)+2 <= maxNoteBytes:
		f.Note = note + "; " + why
	}
}
