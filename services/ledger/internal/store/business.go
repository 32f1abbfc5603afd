package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

const (
	chargeNames   = "charges/"
	followUpNames = "followUps/"
	// maxFollowUpCalls bounds the calls that are named in a follow-up: the latest.
	maxFollowUpCalls = 32
	// maxOpenLooked bounds the open ones about one customer, or number, of one kind, that are looked through.
	maxOpenLooked = 32
)

// addCharge keeps a charge, unless it is kept as a higher revision says, or this one. True where anything changed.
func (w *writer) addCharge(r *ledgerv1.Record, c *ledgerv1.Charge) (bool, error) {
	id, ok := strings.CutPrefix(c.GetName(), chargeNames)
	if !ok || id == "" {
		w.drop(r, "its charge has no name")
		return false, nil
	}
	body, err := proto.Marshal(c)
	if err != nil {
		w.drop(r, err.Error())
		return false, nil //nolint:nilerr // dropped
	}
	at := w.unixUS
	if c.GetPromiseTime().IsValid() {
		at = c.GetPromiseTime().AsTime().UnixMicro()
	}
	isNew, err := w.added(putCharge, id, c.GetRevision(), at, w.unixUS, c.GetCustomer(), int32(c.GetState()), body)
	if err != nil || !isNew {
		return isNew, err
	}
	return true, w.settleFollowUps(c)
}

// addFollowUp opens a follow-up, or adds its calls to the one that is open already about the same customer, or number, and
// of the same kind. A call is added once to those of a kind, so that what is told again changes nothing, though that be done
// by now. True where anything changed.
func (w *writer) addFollowUp(r *ledgerv1.Record, f *ledgerv1.FollowUp) (bool, error) {
	if id, ok := strings.CutPrefix(f.GetName(), followUpNames); !ok || id == "" || f.GetKind() == 0 {
		w.drop(r, "its follow-up has no name, or no kind")
		return false, nil
	}
	if _, err := proto.Marshal(f); err != nil {
		w.drop(r, err.Error())
		return false, nil //nolint:nilerr // dropped
	}
	fresh, err := w.freshCalls(f)
	if err != nil || len(fresh) == 0 && len(f.GetCalls()) > 0 {
		return false, err
	}
	into, err := w.followUpFor(f)
	if err != nil {
		return false, err
	}
	switch {
	case into == nil:
		if into, err = w.openFollowUp(f); err != nil {
			return false, err
		}
	case len(fresh) == 0:
		return false, nil
	default:
		into.Calls = append(into.GetCalls(), fresh...)
		into.Calls = into.Calls[max(0, len(into.Calls)-maxFollowUpCalls):]
		into.Promise, into.Reason = cmp.Or(f.GetPromise(), into.GetPromise()), cmp.Or(f.GetReason(), into.GetReason())
		into.UpdateTime = timestamppb.New(time.UnixMicro(w.unixUS))
		if err := into.write(w); err != nil {
			return false, err
		}
	}
	for _, call := range fresh {
		if _, err := w.exec(addFollowUpFor, call, int32(f.GetKind()), into.n); err != nil {
			return false, err
		}
	}
	return true, w.settleAsCharged(into)
}

// freshCalls are the calls of a follow-up that are in none of its kind yet.
func (w *writer) freshCalls(f *ledgerv1.FollowUp) ([]string, error) {
	var fresh []string
	for _, call := range f.GetCalls()[max(0, len(f.GetCalls())-maxFollowUpCalls):] {
		var n int64
		err := w.row(followUpFor, call, int32(f.GetKind())).Scan(&n)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if !slices.Contains(fresh, call) {
				fresh = append(fresh, call)
			}
		case err != nil:
			return nil, err
		}
	}
	return fresh, nil
}

// followUpRow is a follow-up as it is kept.
type followUpRow struct {
	*ledgerv1.FollowUp
	n, version int64
}

// followUpFor is the one of this name, or that is open about the same; nil where there is none. One that is about another
// promise is not about the same: each is to be billed, or confirmed.
func (w *writer) followUpFor(f *ledgerv1.FollowUp) (*followUpRow, error) {
	row, err := readFollowUp(w.row(followUpByID, strings.TrimPrefix(f.GetName(), followUpNames)))
	if row != nil || err != nil || subject(f) == "" {
		return row, err
	}
	for i := range maxOpenLooked {
		row, err := readFollowUp(w.row(openFollowUp, subject(f), int32(f.GetKind()),
			int32(ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN), i))
		if row == nil || err != nil || row.GetPromise() == "" || f.GetPromise() == "" || row.GetPromise() == f.GetPromise() {
			return row, err
		}
	}
	return nil, nil //nolint:nilnil // none of them
}

func readFollowUp(row *sql.Row) (*followUpRow, error) {
	f := &followUpRow{FollowUp: &ledgerv1.FollowUp{}}
	var body []byte
	err := row.Scan(&f.n, &f.version, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(body, f.FollowUp); err != nil {
		return nil, fmt.Errorf("a follow-up: %w", err)
	}
	return f, nil
}

// subject is whom a follow-up is about; empty where nobody knows, and then it is joined by no other.
func subject(f *ledgerv1.FollowUp) string { return cmp.Or(f.GetCustomer(), f.GetCallerNumber()) }

// openFollowUp keeps a new one, which is open whatever it says.
func (w *writer) openFollowUp(f *ledgerv1.FollowUp) (*followUpRow, error) {
	row := &followUpRow{FollowUp: proto.CloneOf(f), version: 1}
	now := timestamppb.New(time.UnixMicro(w.unixUS))
	row.State, row.CreateTime, row.UpdateTime, row.Etag = ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN, now, now, ""
	row.Calls = row.Calls[max(0, len(row.Calls)-maxFollowUpCalls):]
	if !row.GetDueTime().IsValid() {
		row.DueTime = now
	}
	body, err := proto.Marshal(row.FollowUp)
	if err != nil {
		return nil, err
	}
	r, err := w.exec(addFollowUp, strings.TrimPrefix(row.GetName(), followUpNames), int32(row.GetKind()), int32(row.GetState()),
		subject(row.FollowUp), row.GetOwner(), row.GetDueTime().AsTime().UnixMicro(), w.unixUS, row.version, body)
	if err != nil {
		return nil, err
	}
	row.n, err = r.LastInsertId()
	return row, err
}

// write keeps what was changed of it.
func (f *followUpRow) write(w *writer) error {
	f.version++
	f.Etag = ""
	body, err := proto.Marshal(f.FollowUp)
	if err != nil {
		return err
	}
	_, err = w.exec(tellFollowUp, int32(f.GetState()), subject(f.FollowUp), f.GetOwner(), f.GetDueTime().AsTime().UnixMicro(),
		w.unixUS, f.version, body, f.n)
	return err
}

// shown is the follow-up with its etag.
func (f *followUpRow) shown() *ledgerv1.FollowUp {
	f.Etag = resource.Etag(f.version)
	return f.FollowUp
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
	return fmt.Sprintf("SELECT at, n, body FROM charges%s ORDER BY at DESC, n DESC LIMIT ?", c.where())
}

// Charges are those asked for, and the mark behind the last one; no mark where no more follow.
func (s *Store) Charges(ctx context.Context, q ChargeQuery) (list []*ledgerv1.Charge, next mark.Mark, err error) {
	c := q.condition()
	rows, err := s.read.QueryContext(ctx, c.chargesQuery(), append(c.args, q.Limit+1)...)
	if err != nil {
		return nil, mark.Mark{}, failed(err)
	}
	defer func() { _ = rows.Close() }()
	var last mark.Mark
	for rows.Next() {
		if len(list) == q.Limit {
			next = last
			break
		}
		var body sql.RawBytes
		if err := rows.Scan(&last.UnixUS, &last.N, &body); err != nil {
			return nil, mark.Mark{}, failed(err)
		}
		charge := &ledgerv1.Charge{}
		if err := proto.Unmarshal(body, charge); err != nil {
			return nil, mark.Mark{}, fault.Internal(fmt.Errorf("charge %d: %w", last.N, err))
		}
		list = append(list, charge)
	}
	return list, next, failed(rows.Err())
}

// FollowUpQuery asks for follow-ups, the first to be due first. What is empty asks for all.
type FollowUpQuery struct {
	Customer, Owner string
	State           ledgerv1.FollowUpState
	// DueBy: due then or before.
	DueBy time.Time
	After mark.Mark
	Limit int
}

func (q FollowUpQuery) condition() condition {
	var c condition
	if q.Customer != "" {
		c.and("subject = ?", q.Customer)
	}
	if q.Owner != "" {
		c.and("owner = ?", q.Owner)
	}
	if q.State != 0 {
		c.and("state = ?", int32(q.State))
	}
	if !q.DueBy.IsZero() {
		c.and("due <= ?", q.DueBy.UnixMicro())
	}
	if q.After != (mark.Mark{}) {
		c.and("(due, n) > (?, ?)", q.After.UnixUS, q.After.N)
	}
	return c
}

func (c *condition) followUpsQuery() string {
	return fmt.Sprintf("SELECT due, n, version, body FROM follow_ups%s ORDER BY due, n LIMIT ?", c.where())
}

// FollowUps are those asked for, and the mark behind the last one; no mark where no more follow.
func (s *Store) FollowUps(ctx context.Context, q FollowUpQuery) (list []*ledgerv1.FollowUp, next mark.Mark, err error) {
	c := q.condition()
	rows, err := s.read.QueryContext(ctx, c.followUpsQuery(), append(c.args, q.Limit+1)...)
	if err != nil {
		return nil, mark.Mark{}, failed(err)
	}
	defer func() { _ = rows.Close() }()
	var last mark.Mark
	for rows.Next() {
		if len(list) == q.Limit {
			next = last
			break
		}
		var body sql.RawBytes
		row := followUpRow{FollowUp: &ledgerv1.FollowUp{}}
		if err := rows.Scan(&last.UnixUS, &last.N, &row.version, &body); err != nil {
			return nil, mark.Mark{}, failed(err)
		}
		if err := proto.Unmarshal(body, row.FollowUp); err != nil {
			return nil, mark.Mark{}, fault.Internal(fmt.Errorf("follow-up %d: %w", last.N, err))
		}
		list = append(list, row.shown())
	}
	return list, next, failed(rows.Err())
}

// UpdateFollowUp changes a follow-up, and answers with it. NOT_FOUND where there is none of that name; CONFLICT where the
// etag is given and not the stored one; the error of change, where it has one.
func (s *Store) UpdateFollowUp(ctx context.Context, name, etag string, change func(*ledgerv1.FollowUp) error) (
	*ledgerv1.FollowUp, error,
) {
	var row *followUpRow
	err := s.changing(ctx, func(w *writer) error {
		var err error
		row, err = readFollowUp(w.row(followUpByID, strings.TrimPrefix(name, followUpNames)))
		if err != nil {
			return failed(err)
		}
		if row == nil {
			return fault.NotFound(name)
		}
		if err := resource.CheckEtag(name, etag, row.version); err != nil {
			return err
		}
		if err := change(row.FollowUp); err != nil {
			return err
		}
		row.UpdateTime = timestamppb.New(time.UnixMicro(w.unixUS))
		return failed(row.write(w))
	})
	if err != nil {
		return nil, err
	}
	return row.shown(), nil
}

// changing runs one transaction of its own. Errors of change are answered as they are.
func (s *Store) changing(ctx context.Context, change func(*writer) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := change(s.writer(ctx, tx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return failed(err)
	}
	return failed(s.file.still(s.cfg.Path))
}
