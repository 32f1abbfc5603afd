package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

// CallQuery asks for calls, the latest first. What is empty asks for all.
type CallQuery struct {
	Line, Customer, Site string
	Outcome              ledgerv1.Outcome
	FollowUp, Former     bool
	Revealed             bool
	// From and To are when they began: [From, To).
	From, To time.Time
	After    mark.Mark
	Limit    int
}

// condition is a WHERE clause being made.
type condition struct {
	terms []string
	args  []any
}

func (c *condition) and(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

func (c *condition) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

// callsQuery is made of the terms of CallQuery.condition, which hold no word from outside.
func (c *condition) callsQuery() string {
	return fmt.Sprintf("SELECT n, at, told, iif(told IS NULL, record, NULL) FROM calls%s ORDER BY n DESC LIMIT ?", c.where())
}

func (q CallQuery) condition() condition {
	var c condition
	if q.Line != "" { // said twice, so that the index of those that have one is taken
		c.and("line = ? AND line <> ''", q.Line)
	}
	if q.Customer != "" {
		c.and("customer = ? AND customer <> ''", q.Customer)
	}
	if q.Site != "" {
		c.and("site = ? AND site <> ''", q.Site)
	}
	if q.Outcome != ledgerv1.Outcome_OUTCOME_UNSPECIFIED {
		c.and("outcome = ?", int32(q.Outcome))
		if q.Outcome > ledgerv1.Outcome_OUTCOME_ANSWERED { // one of those that have an index
			c.and("outcome > 2")
		}
	}
	if q.FollowUp {
		c.and("follow_up = 1")
	}
	if q.Former {
		c.and("former = 1")
	}
	if q.Revealed {
		c.and("revealed = 1")
	}
	if !q.From.IsZero() {
		c.and("n >= ?", place(q.From.UnixMicro()))
	}
	if !q.To.IsZero() {
		c.and("n < ?", place(q.To.UnixMicro()))
	}
	if q.After != (mark.Mark{}) {
		c.and("n < ?", q.After.N)
	}
	return c
}

// Calls are those asked for, without their steps, and the mark behind the last one; no mark where no more follow.
func (s *Store) Calls(ctx context.Context, q CallQuery) (calls []*ledgerv1.Call, next mark.Mark, err error) {
	c := q.condition()
	return paged(ctx, s, c.callsQuery(), c.args, q.Limit, func(row *sql.Rows, last *mark.Mark) (*ledgerv1.Call, error) {
		var at int64
		var told, record sql.RawBytes
		if err := row.Scan(&last.N, &at, &told, &record); err != nil {
			return nil, failed(err)
		}
		last.UnixUS = last.N >> placeBits
		call, err := listed(at, told, record)
		if err != nil {
			return nil, fault.Internal(fmt.Errorf("call number %d: %w", last.N, err))
		}
		return call, nil
	})
}

// listed is a call without its steps, of its row.
func listed(at int64, told, record []byte) (*ledgerv1.Call, error) {
	if told != nil {
		c := &ledgerv1.Call{}
		return c, proto.Unmarshal(told, c)
	}
	e, err := event(at, record)
	if err != nil {
		return nil, err
	}
	return merge.Brief([]merge.Event{e}), nil
}

// Call is the whole story of the call that a name's last part names: an ID, or the gateway's own id of it where one gateway
// alone has it.
func (s *Store) Call(ctx context.Context, name string) (*ledgerv1.Call, error) {
	story, err := s.events(ctx, name)
	if err != nil {
		return nil, err
	}
	return merge.Story(story), nil
}

// events are the records of a call; NOT_FOUND where there are none.
func (s *Store) events(ctx context.Context, name string) ([]merge.Event, error) {
	id, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	var list []merge.Event
	if err := s.reading(ctx, func(row, others *sql.Stmt) error {
		_, list, err = callEvents(ctx, row, others, id)
		return err
	}); err != nil {
		return nil, failed(err)
	}
	if len(list) == 0 { // pruned since it was found
		return nil, fault.NotFound("calls/" + name)
	}
	return list, nil
}

// reading lends the statements that read a call's records, of one state of the file.
func (s *Store) reading(ctx context.Context, read func(row, others *sql.Stmt) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	row, err := tx.PrepareContext(ctx, callRow)
	if err != nil {
		return err
	}
	defer func() { _ = row.Close() }()
	others, err := tx.PrepareContext(ctx, recordsOfCall)
	if err != nil {
		return err
	}
	defer func() { _ = others.Close() }()
	return read(row, others)
}

const (
	// maxAlike bounds how many calls are looked through that a gateway's id of one may name.
	maxAlike = 64
	// maxNamed of them are named.
	maxNamed = 9
)

// find is the ID of a call.
func (s *Store) find(ctx context.Context, name string) (string, error) {
	const either = "SELECT id, at, record FROM calls WHERE id = ?1 OR id >= ?2 AND id < ?2 || 'w' LIMIT ?3" // digits go up to v
	rows, err := s.read.QueryContext(ctx, either, name, merge.Prefix(name), maxAlike)
	if err != nil {
		return "", failed(err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		var at int64
		var record sql.RawBytes
		if err := rows.Scan(&id, &at, &record); err != nil {
			return "", failed(err)
		}
		if id == name {
			return id, nil
		}
		e, err := event(at, record)
		if err != nil {
			return "", fault.Internal(err)
		}
		if _, callID, _ := merge.CallOf(e.Record); callID == name && len(ids) < maxNamed {
			ids = append(ids, id)
		}
	}
	if err := rows.Err(); err != nil {
		return "", failed(err)
	}
	switch len(ids) {
	case 0:
		return "", fault.NotFound("calls/" + name)
	case 1:
		return ids[0], nil
	}
	return "", fault.Invalid(fault.Violation{
		Field: "name", Value: "calls/" + name,
		Rule: "is an id of several gateways' calls; name one of calls/" + strings.Join(ids, ", calls/"),
	})
}

// Decision is the record of a step of a call, of the last one where step is 0, and all facts that it names, a list of them
// before what it lists. NOT_FOUND where there is none such, or a fact has not arrived; LIMIT_EXCEEDED where they are more
// than maxBytes.
func (s *Store) Decision(ctx context.Context, name string, step int32, maxBytes int) (
	*routingv1.DecisionRecord, []*routingv1.FactRecord, error,
) {
	list, err := s.events(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	d := merge.Decision(list, step)
	if d == nil {
		return nil, nil, fault.NotFound(fmt.Sprintf("step %d of calls/%s", step, name))
	}
	r := factReader{s: s, left: maxBytes - proto.Size(d)}
	ids := d.GetFacts()
	if len(d.GetFactList()) > 0 {
		whole, err := r.fact(ctx, d.GetFactList())
		if err != nil {
			return nil, nil, err
		}
		ids = append(ids[:len(ids):len(ids)], split(whole.GetValue())...)
	}
	for _, id := range ids {
		if _, err := r.fact(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	return d, r.facts, nil
}

// factReader gathers facts, up to so many bytes.
type factReader struct {
	s     *Store
	left  int
	facts []*routingv1.FactRecord
}

func (r *factReader) fact(ctx context.Context, id []byte) (*routingv1.FactRecord, error) {
	f := &routingv1.FactRecord{Id: id}
	err := r.s.read.QueryRowContext(ctx, "SELECT key, value FROM facts WHERE id = ?", id).Scan(&f.Key, &f.Value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NotFound(fmt.Sprintf("fact %x", id))
	}
	if err != nil {
		return nil, failed(err)
	}
	if r.left -= proto.Size(f); r.left < 0 {
		return nil, fault.LimitExceeded("the facts of this decision are more than one answer holds")
	}
	r.facts = append(r.facts, f)
	return f, nil
}
