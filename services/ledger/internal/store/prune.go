package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
)

const (
	// pruneCalls bounds what one transaction of pruning takes: appends wait for it.
	pruneCalls = 200
	// vacuumPages bounds how many pages are given back to the file system at once.
	vacuumPages = 500
	// spareDays is how much longer facts are kept than the decisions that name them.
	spareDays = 1
)

// Prune removes what was last heard of before an instant: calls with their records, changes, follow-ups that are done or
// dropped, charges that nobody owes and of which billing never heard, and facts that no decision names any
// more. It does so in small pieces, between which others write; pause is called after each. How many calls and entries it
// removed.
func (s *Store) Prune(ctx context.Context, before time.Time, pause func()) (removed int, err error) {
	for {
		n, err := s.pruneSome(ctx, before)
		if err != nil {
			return removed, failed(err)
		}
		if n == 0 {
			return removed, nil
		}
		removed += n
		pause()
	}
}

func (s *Store) pruneSome(ctx context.Context, before time.Time) (int, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-s.turn }()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	n, err := prune(ctx, tx, before)
	if err != nil {
		_ = tx.Rollback()
		return 0, err
	}
	if err := tx.Commit(); err != nil || n == 0 {
		return 0, err
	}
	_, err = s.write.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages))
	return int(n), err
}

// prune removes one piece; n is 0 where nothing is left to remove.
func prune(ctx context.Context, tx *sql.Tx, before time.Time) (n int64, err error) {
	const old = " IN (SELECT id FROM calls WHERE n < ?1 << 10 AND heard < ?1 ORDER BY n LIMIT ?2)" // placeBits
	const done = " IN (SELECT n FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)"
	// What is to be done yet, owed, or not settled is kept, however old.
	settled := fmt.Sprintf(" IN (SELECT n FROM follow_ups WHERE state <> %d AND heard < ?1 LIMIT ?2)",
		ledgerv1.FollowUpState_FOLLOW_UP_STATE_OPEN)
	given := fmt.Sprintf(" IN (SELECT n FROM charges WHERE state IN (%d, %d, %d) AND export = 0 AND heard < ?1 LIMIT ?2)",
		entitlementv1.PromiseState_PROMISE_STATE_WAIVED, entitlementv1.PromiseState_PROMISE_STATE_LAPSED,
		entitlementv1.PromiseState_PROMISE_STATE_REFUSED)
	for _, piece := range []struct {
		query string
		what  any
		count bool
	}{
		{"DELETE FROM records WHERE call" + old, before.UnixMicro(), false},
		{"DELETE FROM calls WHERE id" + old, before.UnixMicro(), true},
		{"DELETE FROM audit_resources WHERE n" + done, before.UnixMicro(), false},
		{"DELETE FROM audit WHERE n" + done, before.UnixMicro(), true},
		{"DELETE FROM follow_up_calls WHERE follow_up" + settled, before.UnixMicro(), false},
		{"DELETE FROM follow_ups WHERE n" + settled, before.UnixMicro(), true},
		{"DELETE FROM charges WHERE n" + given, before.UnixMicro(), true},
		{"DELETE FROM facts WHERE id IN (SELECT id FROM facts WHERE used < ?1 LIMIT ?2)", day(before) - spareDays, true},
	} {
		r, err := tx.ExecContext(ctx, piece.query, piece.what, pruneCalls)
		if err != nil {
			return 0, err
		}
		removed, err := r.RowsAffected()
		if err != nil {
			return 0, err
		}
		if piece.count {
			n += removed
		}
	}
	return n, nil
}
