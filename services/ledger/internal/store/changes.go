package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

// maxTakenUp bounds the calls that one transaction takes up.
const maxTakenUp = 1000

// takeUp gives a sequence to calls that a release before changed, which knows none.
func (s *Store) takeUp(ctx context.Context) error {
	for {
		n, err := s.takeUpSome(ctx)
		if err != nil || n < maxTakenUp {
			return err
		}
	}
}

func (s *Store) takeUpSome(ctx context.Context) (n int, err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	rows, err := tx.QueryContext(ctx, "SELECT n, heard FROM calls WHERE seq < heard AND heard > "+
		"(SELECT value FROM counters WHERE name = 'added') ORDER BY heard LIMIT ?", maxTakenUp)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var seqs, calls []int64
	sequence := s.sequence
	for rows.Next() {
		var call, heard int64
		if err := rows.Scan(&call, &heard); err != nil {
			return 0, err
		}
		sequence = max(sequence+1, heard)
		calls, seqs = append(calls, call), append(seqs, sequence)
	}
	if err := rows.Err(); err != nil || len(calls) == 0 {
		return 0, err
	}
	for i, call := range calls {
		if _, err := tx.ExecContext(ctx, "UPDATE calls SET seq = ? WHERE n = ?", seqs[i], call); err != nil {
			return 0, err
		}
	}
	if _, err := tx.ExecContext(ctx, setSequence, sequence); err != nil {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	s.sequence = sequence
	return len(calls), nil
}

// noting notes something of a row, by its n and body.
type noting func(tx *sql.Tx, n int64, body []byte) error

// noteAll has something noted of all rows that a query finds, by their n and body, until it finds none.
func (s *Store) noteAll(ctx context.Context, query string, note noting) error {
	for {
		n, err := s.noteSome(ctx, query, note)
		if err != nil || n < maxTakenUp {
			return err
		}
	}
}

func (s *Store) noteSome(ctx context.Context, query string, note noting) (n int, err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	rows, err := tx.QueryContext(ctx, query, maxTakenUp)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	found := map[int64][]byte{}
	for rows.Next() {
		var key int64
		var body []byte
		if err := rows.Scan(&key, &body); err != nil {
			return 0, err
		}
		found[key] = body
	}
	if err := errorsOf(rows.Err(), rows.Close()); err != nil || len(found) == 0 {
		return 0, err
	}
	for key, body := range found {
		if err := note(tx, key, body); err != nil {
			return 0, err
		}
	}
	return len(found), tx.Commit()
}

// Epoch names the file: sequences of another one have nothing to do with its.
func (s *Store) Epoch() string { return s.epoch }

// Changes are the calls that changed after a sequence, as they stand, without their steps, in order of their last change, at
// most limit of them; those that began to count after it stand there, too, by that sequence. A call that changes meanwhile
// comes again, later.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]*ledgerv1.Call, error) {
	// Of one state of the file: else a call could change between the two, and be passed over in both.
	rows, err := s.read.QueryContext(ctx, changedCalls, after, limit)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = rows.Close() }()
	var calls []*ledgerv1.Call
	for rows.Next() {
		var at, place, seq, counted int64
		var told, record sql.RawBytes
		if err := rows.Scan(&at, &told, &record, &place, &seq, &counted); err != nil {
			return nil, failed(err)
		}
		c, err := listed(at, told, record)
		if err != nil {
			return nil, fault.Internal(fmt.Errorf("the call of change %d: %w", place, err))
		}
		// What a release before wrote that knows no sequence has none noted: its last change counts.
		c.Sequence, c.CountSequence = place, max(0, cmp.Or(counted, countedFrom(c, seq)))
		calls = append(calls, c)
	}
	return calls, failed(rows.Err())
}

const (
	changedRow   = "SELECT at, told, iif(told IS NULL, record, NULL)"
	changedCalls = "SELECT * FROM (" + changedRow + ", seq AS place, seq, counted FROM calls WHERE seq > ?1 AND seq > 0 " +
		"ORDER BY seq LIMIT ?2) UNION ALL SELECT * FROM (" + changedRow + ", counted AS place, seq, counted FROM calls " +
		"WHERE counted > ?1 AND counted > 0 AND counted <> seq ORDER BY counted LIMIT ?2) ORDER BY place LIMIT ?2"
)
