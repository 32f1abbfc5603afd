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

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/resource"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

const (
	followUpNames = "followUps/"
	promiseNames  = "promises/"
	// maxFollowUpCalls bounds the calls that are named in a follow-up: the latest.
	maxFollowUpCalls = 32
	// maxFollowUpEvents bounds what is kept of what was done about one: the latest.
	maxFollowUpEvents = 32
	// itself is who did what the ledger did.
	itself = "dayside"
)

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
	const open = int32(ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN)
	if row, err := readFollowUp(w.row(openAboutPromise, f.GetPromise(), int32(f.GetKind()), open)); row != nil || err != nil {
		return row, err
	}
	return readFollowUp(w.row(openFollowUp, subject(f), int32(f.GetKind()), open, f.GetPromise()))
}

// readFollowUp reads a row; nil where there is none.
func readFollowUp(row interface{ Scan(into ...any) error }) (*followUpRow, error) {
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

// subject is whom a follow-up is about; empty where nobody knows, and then it is joined by no other. Who is to be found out
// is not of whom they said they were: each number is somebody.
func subject(f *ledgerv1.FollowUp) string {
	if f.GetKind() == ledgerv1.FollowUpKind_FOLLOW_UP_KIND_IDENTIFY {
		return cmp.Or(f.GetCallerNumber(), f.GetCustomer())
	}
	return cmp.Or(f.GetCustomer(), f.GetCallerNumber())
}

// openFollowUp keeps a new one, which is open whatever it says.
func (w *writer) openFollowUp(f *ledgerv1.FollowUp) (*followUpRow, error) {
	row := &followUpRow{FollowUp: proto.CloneOf(f), version: 1}
	now := timestamppb.New(time.UnixMicro(w.unixUS))
	row.State, row.CreateTime, row.UpdateTime = ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN, now, now
	row.Etag, row.Trail = "", nil
	row.Calls = row.Calls[max(0, len(row.Calls)-maxFollowUpCalls):]
	if !row.GetDueTime().IsValid() {
		row.DueTime = now
	}
	body, err := proto.Marshal(row.FollowUp)
	if err != nil {
		return nil, err
	}
	r, err := w.exec(addFollowUp, strings.TrimPrefix(row.GetName(), followUpNames), int32(row.GetKind()), int32(row.GetState()),
		subject(row.FollowUp), row.GetOwner(), row.GetDueTime().AsTime().UnixMicro(), w.unixUS, row.version, body,
		row.GetCustomer(), row.GetPromise())
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
		w.unixUS, f.version, body, f.GetCustomer(), f.GetPromise(), f.n)
	return err
}

// shown is the follow-up with its etag.
func (f *followUpRow) shown() *ledgerv1.FollowUp {
	f.Etag = resource.Etag(f.version)
	return f.FollowUp
}

// noteFollowUps notes by what this release finds follow-ups that a release before wrote.
func (s *Store) noteFollowUps(ctx context.Context) error {
	const note = "UPDATE follow_ups SET subject = ?, customer = ?, promise = ?, noted = version WHERE n = ?"
	const unnoted = "SELECT n, body FROM follow_ups WHERE noted <> version LIMIT ?"
	return s.noteAll(ctx, unnoted, func(tx *sql.Tx, n int64, body []byte) error {
		f := &ledgerv1.FollowUp{}
		err := proto.Unmarshal(body, f)
		if err == nil {
			_, err = tx.ExecContext(ctx, note, subject(f), f.GetCustomer(), f.GetPromise(), n)
		}
		return err
	})
}

// FollowUpQuery asks for follow-ups, the first to be due first. What is empty asks for all.
type FollowUpQuery struct {
	Customer, Owner string
	State           ledgerv1.FollowUpState
	Kind            ledgerv1.FollowUpKind
	// DueBy: due then or before; DueAfter: later than that.
	DueBy, DueAfter time.Time
	After           mark.Mark
	Limit           int
}

func (q FollowUpQuery) condition() condition {
	var c condition
	if q.Customer != "" { // said twice, so that the index of those that have one is taken
		c.and("customer = ? AND customer <> ''", q.Customer)
	}
	if q.Owner != "" {
		c.and("owner = ?", q.Owner)
	}
	if q.State != 0 {
		c.and("state = ?", int32(q.State))
	}
	if q.Kind != 0 {
		c.and("kind = ?", int32(q.Kind))
	}
	if !q.DueBy.IsZero() {
		c.and("due <= ?", q.DueBy.UnixMicro())
	}
	if !q.DueAfter.IsZero() {
		c.and("due > ?", q.DueAfter.UnixMicro())
	}
	if q.After != (mark.Mark{}) {
		c.and("(due, n) > (?, ?)", q.After.UnixUS, q.After.N)
	}
	return c
}

func (c *condition) followUpsQuery() string {
	return fmt.Sprintf("SELECT due, n, version, body FROM follow_ups%s ORDER BY due, n LIMIT ?", c.where())
}

// FollowUps are those asked for, without their trails, and the mark behind the last one; no mark where no more follow.
func (s *Store) FollowUps(ctx context.Context, q FollowUpQuery) (list []*ledgerv1.FollowUp, next mark.Mark, err error) {
	c := q.condition()
	return paged(ctx, s, c.followUpsQuery(), c.args, q.Limit, func(r *sql.Rows, last *mark.Mark) (*ledgerv1.FollowUp, error) {
		var body sql.RawBytes
		row := followUpRow{FollowUp: &ledgerv1.FollowUp{}}
		if err := r.Scan(&last.UnixUS, &last.N, &row.version, &body); err != nil {
			return nil, failed(err)
		}
		if err := proto.Unmarshal(body, row.FollowUp); err != nil {
			return nil, fault.Internal(fmt.Errorf("follow-up %d: %w", last.N, err))
		}
		row.Trail = nil
		return row.shown(), nil
	})
}

// Overdue is how many follow-ups are open, and should be done by now.
func (s *Store) Overdue(ctx context.Context) (n int64, err error) {
	const overdue = "SELECT count(*) FROM follow_ups WHERE state = ? AND due <= ?"
	const open = ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN
	err = s.read.QueryRowContext(ctx, overdue, int32(open), s.cfg.Clock.Now().UnixMicro()).Scan(&n)
	return n, failed(err)
}

// FollowUp is one; NOT_FOUND where there is none of that name.
func (s *Store) FollowUp(ctx context.Context, name string) (*ledgerv1.FollowUp, error) {
	row, err := readFollowUp(s.read.QueryRowContext(ctx, followUpByID, strings.TrimPrefix(name, followUpNames)))
	switch {
	case err != nil:
		return nil, failed(err)
	case row == nil:
		return nil, fault.NotFound(name)
	}
	return row.shown(), nil
}

// UpdateFollowUp changes a follow-up, notes who did, and answers with it. Where nothing is changed nothing is noted, so
// that whoever heard no answer can ask again. NOT_FOUND where there is none of that name; CONFLICT where the etag is given
// and not the stored one; the error of change, where it has one.
func (s *Store) UpdateFollowUp(ctx context.Context, name, etag, by string, change func(*ledgerv1.FollowUp) error) (
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
		was := proto.CloneOf(row.FollowUp)
		if err := change(row.FollowUp); err != nil || proto.Equal(was, row.FollowUp) {
			return err
		}
		row.changed(was, by, w.unixUS)
		return failed(row.write(w))
	})
	if err != nil {
		return nil, err
	}
	return row.shown(), nil
}

// changed notes what was done about it, and who did.
func (f *followUpRow) changed(was *ledgerv1.FollowUp, by string, unixUS int64) {
	f.UpdateTime = timestamppb.New(time.UnixMicro(unixUS))
	event := &ledgerv1.FollowUpEvent{Time: f.GetUpdateTime(), By: by, State: f.GetState()}
	if f.GetOwner() != was.GetOwner() {
		event.Owner = proto.String(f.GetOwner())
	}
	if f.GetNote() != was.GetNote() {
		event.Note = f.GetNote()
	}
	if !proto.Equal(f.GetDueTime(), was.GetDueTime()) {
		event.DueTime = f.GetDueTime()
	}
	f.Trail = append(f.Trail, event)
	f.Trail = f.Trail[max(0, len(f.Trail)-maxFollowUpEvents):]
}
