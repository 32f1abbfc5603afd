package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxGroupRecords bounds what is synced together: a larger group makes whoever came first wait longer.
	maxGroupRecords = 4000
	// maxPendingRecords bounds what waits to be written.
	maxPendingRecords = 50_000
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

// errUnfinished is what is known of a request while it is written.
var errUnfinished = errors.New("writing did not come to its end")

// writePending writes a group of requests in one transaction, and gives the turn back. Where that fails, each is tried by
// itself: what is wrong with one must not keep the others away. Nor must a panic.
func (s *Store) writePending(ctx context.Context) {
	group := s.group()
	defer func() {
		for _, r := range group {
			close(r.done)
		}
		<-s.turn
	}()
	if len(group) == 0 {
		return
	}
	for _, r := range group {
		r.err = failed(errUnfinished)
	}
	if err := s.writeGroup(ctx, group); err != nil {
		for _, r := range group {
			if len(group) > 1 {
				err = s.writeGroup(ctx, []*request{r})
			}
			r.err = failed(err)
		}
	}
}

func (s *Store) writeGroup(ctx context.Context, group []*request) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	w := s.writer(ctx, tx)
	appended := make([]int, len(group))
	w.appended = appended
	for i, r := range group {
		for _, record := range r.records {
			if err := w.add(i, record); err != nil {
				return err
			}
		}
	}
	changed, err := w.tellCalls()
	if err != nil {
		return err
	}
	if w.sequence != s.sequence {
		if _, err := w.exec(setSequence, w.sequence); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.sequence = w.sequence
	if err := s.file.still(s.cfg.Path); err != nil {
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
	sequence     int64 // of the last change of a call
	statements   map[string]*sql.Stmt
	newlyTouched touched
	// appended counts, for each request, the records that were not there before.
	appended []int
	// calls are those that records arrived of, each once; arrived are these records.
	calls   []string
	arrived map[string][]arrival
	dropped []string
}

// writer is one of a transaction; whoever makes it holds turn.
func (s *Store) writer(ctx context.Context, tx *sql.Tx) *writer {
	now := s.cfg.Clock.Now()
	return &writer{
		ctx: ctx, store: s, tx: tx, unixUS: now.UnixMicro(), day: day(now), sequence: s.sequence,
		statements: map[string]*sql.Stmt{},
	}
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

// row runs a statement of the list that answers with one row, or none.
func (w *writer) row(query string, args ...any) *sql.Row {
	return w.prepared(query).QueryRowContext(w.ctx, args...) //nolint:sqlclosecheck // it ends with the transaction
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

// add keeps a record of a request, or holds it for tellCalls. What makes no sense is dropped and told: it would be sent
// again for ever.
func (w *writer) add(request int, r *ledgerv1.Record) error {
	var isNew bool
	var err error
	switch e := r.GetEvent().(type) {
	case *ledgerv1.Record_Fact:
		isNew, err = w.addFact(r, e.Fact)
	case *ledgerv1.Record_Audit:
		isNew, err = w.addAudit(r.GetId(), e.Audit)
	case *ledgerv1.Record_Charge:
		isNew, err = w.addCharge(r, e.Charge)
	case *ledgerv1.Record_FollowUp:
		isNew, err = w.addFollowUp(r, e.FollowUp)
	default:
		w.hold(request, r)
	}
	if isNew {
		w.appended[request]++
	}
	return err
}

func (w *writer) drop(r *ledgerv1.Record, why string) {
	w.dropped = append(w.dropped, fmt.Sprintf("record %x of %s: %s", r.GetId(), r.GetInstance(), why))
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
