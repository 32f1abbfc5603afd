package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

const (
	// maxGroupRecords bounds what is synced together: a larger group makes whoever came first wait longer.
	maxGroupRecords = 4000
	// maxPendingRecords bounds what waits to be written.
	maxPendingRecords = 50_000
	// maxStoryRecords bounds what a call is made of; a gateway that tells of one call for ever is heard no more.
	maxStoryRecords = 512
	// maxAheadUS is how far ahead of its records a call is listed, whatever a gateway's clock says.
	maxAheadUS = 24 * 60 * 60 * 1_000_000
)

// request is the records of one append, which are kept all or none.
type request struct {
	records []*ledgerv1.Record
	// done is closed once they are, or are not; then appended and err are known.
	done     chan struct{}
	appended int
	err      error
}

// Append keeps records, each once by its id, and answers once they are synced to disk: how many were not there before. Those
// that wait for the disk at the same time are synced together. Where it fails (BACKEND_UNAVAILABLE) none is kept, or nobody
// knows; sent again they change nothing.
func (s *Store) Append(ctx context.Context, records []*ledgerv1.Record) (int, error) {
	r := &request{records: records, done: make(chan struct{})}
	if err := s.enqueue(r); err != nil {
		return 0, err
	}
	for {
		select {
		case <-r.done:
			return r.appended, r.err
		case s.turn <- struct{}{}:
			// Whoever writes, writes for others too: that they are kept must not hang on this request.
			s.writePending(context.WithoutCancel(ctx))
			<-s.turn
		case <-ctx.Done():
			s.withdraw(r)
			return 0, ctx.Err()
		}
	}
}

func (s *Store) enqueue(r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pendingRecords+len(r.records) > maxPendingRecords {
		return fault.Unavailable("the ledger's disk", errors.New("more records wait to be written than may"))
	}
	s.pending = append(s.pending, r)
	s.pendingRecords += len(r.records)
	return nil
}

// withdraw forgets a request that nobody waits for, if nobody has begun with it.
func (s *Store) withdraw(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.pending, r); i >= 0 {
		s.pending = slices.Delete(s.pending, i, i+1)
		s.pendingRecords -= len(r.records)
	}
}

// group takes the requests that are written next.
func (s *Store) group() []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, records := 0, 0
	for n < len(s.pending) && (n == 0 || records+len(s.pending[n].records) <= maxGroupRecords) {
		records += len(s.pending[n].records)
		n++
	}
	taken := slices.Clone(s.pending[:n])
	s.pending = slices.Delete(s.pending, 0, n)
	s.pendingRecords -= records
	return taken
}

// writePending writes a group of requests in one transaction. Where that fails, each is tried by itself: what is wrong with
// one must not keep the others away.
func (s *Store) writePending(ctx context.Context) {
	group := s.group()
	if len(group) == 0 {
		return
	}
	if err := s.writeGroup(ctx, group); err != nil {
		for _, r := range group {
			if len(group) > 1 {
				err = s.writeGroup(ctx, []*request{r})
			}
			r.err = failed(err)
		}
	}
	for _, r := range group {
		close(r.done)
	}
}

func (s *Store) writeGroup(ctx context.Context, group []*request) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	now := s.cfg.Clock.Now()
	w := &writer{ctx: ctx, store: s, tx: tx, unixUS: now.UnixMicro(), day: day(now), statements: map[string]*sql.Stmt{}}
	appended := make([]int, len(group))
	for i, r := range group {
		for _, record := range r.records {
			isNew, err := w.add(record)
			if err != nil {
				return err
			}
			if isNew {
				appended[i]++
			}
		}
	}
	changed, err := w.retell()
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for i, r := range group {
		r.appended, r.err = appended[i], nil
	}
	s.touched.commit(w.newlyTouched)
	s.tell(changed, w.dropped)
	return nil
}

func (s *Store) tell(changed []*ledgerv1.Call, dropped []string) {
	if s.cfg.Changed != nil && len(changed) > 0 {
		s.cfg.Changed(changed)
	}
	for _, what := range dropped {
		if s.cfg.Dropped != nil {
			s.cfg.Dropped(what)
		}
	}
}

// writer is one transaction.
type writer struct {
	ctx          context.Context //nolint:containedctx // it lives as long as one call of writeGroup
	store        *Store
	tx           *sql.Tx
	unixUS       int64
	day          int64
	statements   map[string]*sql.Stmt
	newlyTouched touched
	// calls are those that must be told anew, each once; arrived are the records that arrived of them.
	calls   []string
	arrived map[string][]merge.Event
	dropped []string
}

// exec runs a statement of the list.
func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	return w.prepared(query).ExecContext(w.ctx, args...) //nolint:sqlclosecheck // it ends with the transaction
}

// prepared is a statement of the list, within the transaction; it ends with that.
func (w *writer) prepared(query string) *sql.Stmt {
	stmt, ok := w.statements[query]
	if !ok {
		stmt = w.tx.StmtContext(w.ctx, w.store.prepared[query])
		w.statements[query] = stmt
	}
	return stmt
}

// added runs a statement, and says whether it wrote anything.
func (w *writer) added(query string, args ...any) (bool, error) {
	r, err := w.exec(query, args...)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// add keeps a record. What makes no sense is dropped and told: it would be sent again for ever.
func (w *writer) add(r *ledgerv1.Record) (isNew bool, err error) {
	switch e := r.GetEvent().(type) {
	case *ledgerv1.Record_Fact:
		return w.addFact(r, e.Fact)
	case *ledgerv1.Record_Audit:
		return w.addAudit(r.GetId(), e.Audit)
	}
	gateway, callID, ok := merge.CallOf(r)
	if !ok {
		w.drop(r, "it is of no call")
		return false, nil
	}
	body, err := proto.Marshal(r)
	if err != nil {
		w.drop(r, err.Error())
		return false, nil //nolint:nilerr // dropped
	}
	id := merge.ID(gateway, callID)
	isNew, err = w.added(addRecord, r.GetId(), id, w.unixUS, body)
	if err != nil || !isNew {
		return false, err
	}
	if w.arrived == nil {
		w.arrived = map[string][]merge.Event{}
	}
	if len(w.arrived[id]) == 0 {
		w.calls = append(w.calls, id)
	}
	w.arrived[id] = append(w.arrived[id], merge.Event{Record: r, UnixUS: w.unixUS})
	return true, w.touch(r.GetDecision())
}

func (w *writer) drop(r *ledgerv1.Record, why string) {
	w.dropped = append(w.dropped, fmt.Sprintf("record %x of %s: %s", r.GetId(), r.GetInstance(), why))
}

// retell makes the calls anew that records arrived of. Most calls are new: only of the others are earlier records read.
func (w *writer) retell() ([]*ledgerv1.Call, error) {
	changed := make([]*ledgerv1.Call, 0, len(w.calls))
	for _, id := range w.calls {
		list := w.arrived[id]
		c, isNew, err := w.tell(addCall, id, list[:min(len(list), maxStoryRecords)])
		if err == nil && !isNew {
			if list, err = events(w.ctx, w.prepared(recordsOfCall), id); err == nil {
				c, _, err = w.tell(tellCall, id, list)
			}
		}
		if err != nil {
			return nil, err
		}
		changed = append(changed, c)
	}
	return changed, nil
}

// tell writes a call as its records make it, and says whether a row was written.
func (w *writer) tell(statement, id string, list []merge.Event) (*ledgerv1.Call, bool, error) {
	c := merge.Story(list)
	c.Steps = nil
	body, err := proto.Marshal(c)
	if err != nil {
		return nil, false, err
	}
	start := min(c.GetStartTime().AsTime().UnixMicro(), w.unixUS+maxAheadUS)
	wrote, err := w.added(statement, id, c.GetCallId(), c.GetLine(), c.GetCustomer(), c.GetSite(), int32(c.GetOutcome()),
		c.GetFollowUp(), start, w.unixUS, body)
	return c, wrote, err
}

// events are the records of a call, in order of arrival.
func events(ctx context.Context, stmt *sql.Stmt, call string) ([]merge.Event, error) {
	rows, err := stmt.QueryContext(ctx, call, maxStoryRecords)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []merge.Event
	for rows.Next() {
		e := merge.Event{Record: &ledgerv1.Record{}}
		var body sql.RawBytes
		if err := rows.Scan(&e.UnixUS, &body); err != nil {
			return nil, err
		}
		if err := proto.Unmarshal(body, e.Record); err != nil {
			return nil, fmt.Errorf("a record of call %s: %w", call, err)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}
