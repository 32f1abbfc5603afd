package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/api/money"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

const chargeNames = "charges/"

// addCharge keeps a charge, unless it is kept as a higher revision says, or this one. True where anything changed.
func (w *writer) addCharge(r *ledgerv1.Record, c *ledgerv1.Charge) (bool, error) {
	id, ok := strings.CutPrefix(c.GetName(), chargeNames)
	if !ok || id == "" {
		w.drop(r, "its charge has no name")
		return false, nil
	}
	c = proto.CloneOf(c)
	c.Export, c.Billed = "", nil // that is known here, and nowhere else
	body, err := proto.Marshal(c)
	if err != nil {
		w.drop(r, err.Error())
		return false, nil //nolint:nilerr // dropped
	}
	at := w.unixUS
	if c.GetPromiseTime().IsValid() {
		at = c.GetPromiseTime().AsTime().UnixMicro()
	}
	isNew, err := w.added(putCharge, id, c.GetRevision(), at, w.unixUS, c.GetCustomer(), int32(c.GetState()), body,
		owes(c))
	if err != nil || !isNew {
		return isNew, err
	}
	return true, w.settleFollowUps(c)
}

// owes is how much is owed of a charge, in nanos of its currency; nothing is known while it waits to be confirmed, or is
// disputed.
func owes(c *ledgerv1.Charge) sql.NullInt64 {
	switch c.GetState() {
	case entitlementv1.PromiseState_PROMISE_STATE_OWED:
		units := min(max(c.GetAmount().GetUnits(), 0), money.MaxUnits) // so is every promise's
		return sql.NullInt64{Int64: units*nanosInUnit + int64(c.GetAmount().GetNanos()), Valid: true}
	case entitlementv1.PromiseState_PROMISE_STATE_WAIVED, entitlementv1.PromiseState_PROMISE_STATE_LAPSED,
		entitlementv1.PromiseState_PROMISE_STATE_REFUSED:
		return sql.NullInt64{Valid: true}
	case entitlementv1.PromiseState_PROMISE_STATE_PENDING, entitlementv1.PromiseState_PROMISE_STATE_DISPUTED,
		entitlementv1.PromiseState_PROMISE_STATE_UNSPECIFIED:
	}
	return sql.NullInt64{}
}

// noteCharges notes what is owed of charges that a release before wrote.
func (s *Store) noteCharges(ctx context.Context) error {
	const unnoted = "SELECT n, body FROM charges WHERE noted <> revision LIMIT ?"
	return s.noteAll(ctx, unnoted, func(tx *sql.Tx, n int64, body []byte) error {
		c, err := readCharge(n, body)
		if err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE charges SET owes = ?, noted = revision WHERE n = ?", owes(c), n)
		}
		return err
	})
}

// ChargeQuery asks for charges, the latest first. What is empty asks for all.
type ChargeQuery struct {
	Customer string
	State    entitlementv1.PromiseState
	// From and To are when they were promised: [From, To).
	From, To time.Time
	After    mark.Mark
	Limit    int
}

func (q ChargeQuery) condition() condition {
	var c condition
	if q.Customer != "" {
		c.and("customer = ?", q.Customer)
	}
	if q.State != 0 {
		c.and("state = ?", int32(q.State))
	}
	if !q.From.IsZero() {
		c.and("at >= ?", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		c.and("at < ?", q.To.UnixMicro())
	}
	if q.After != (mark.Mark{}) {
		c.and("(at, n) < (?, ?)", q.After.UnixUS, q.After.N)
	}
	return c
}

func (c *condition) chargesQuery() string {
	return fmt.Sprintf("SELECT at, n, body, billed, (SELECT id FROM exports WHERE n = charges.export) FROM charges%s "+
		"ORDER BY at DESC, n DESC LIMIT ?", c.where())
}

// Charges are those asked for, and the mark behind the last one; no mark where no more follow.
func (s *Store) Charges(ctx context.Context, q ChargeQuery) (list []*ledgerv1.Charge, next mark.Mark, err error) {
	c := q.condition()
	return paged(ctx, s, c.chargesQuery(), c.args, q.Limit, func(row *sql.Rows, last *mark.Mark) (*ledgerv1.Charge, error) {
		var body sql.RawBytes
		var billed int64
		var export sql.NullString
		if err := row.Scan(&last.UnixUS, &last.N, &body, &billed, &export); err != nil {
			return nil, failed(err)
		}
		charge, err := readCharge(last.N, body)
		if err == nil && export.Valid {
			charge.Export, charge.Billed = exportNames+export.String, ofNanos(charge, billed)
		}
		return charge, err
	})
}

func readCharge(n int64, body []byte) (*ledgerv1.Charge, error) {
	charge := &ledgerv1.Charge{}
	if err := proto.Unmarshal(body, charge); err != nil {
		return nil, fault.Internal(fmt.Errorf("charge %d: %w", n, err))
	}
	return charge, nil
}
