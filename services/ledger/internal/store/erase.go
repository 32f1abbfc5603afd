package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/erase"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

// maxErasePage bounds what is looked through at once, and what is rewritten in one transaction: appends wait for that.
const maxErasePage = 500

// Erasure is what is to be erased.
type Erasure struct {
	// Numbers in E.164, and e-mail addresses.
	Numbers, Emails []string
	// Calls are IDs of those that it is erased from, and from nothing else; empty: from all that is kept.
	Calls []string
	// CountOnly: nothing is changed.
	CountOnly bool
}

// Erase takes numbers and addresses out of all that is kept: calls and their records, charges, follow-ups and changes; what
// happened is left. It looks through the whole file, and rewrites what it finds in small pieces, between which others write.
// What arrives meanwhile is not looked at. The counts are of what anything was erased from; done again it finds nothing.
func (s *Store) Erase(ctx context.Context, what Erasure) (*ledgerv1.EraseCallersResponse, error) {
	e := &erasing{s: s, Eraser: erase.New(what.Numbers, what.Emails), Erasure: what, counted: &ledgerv1.EraseCallersResponse{}}
	if len(what.Numbers)+len(what.Emails) == 0 {
		return e.counted, nil
	}
	if !what.CountOnly {
		if err := s.pragma(ctx, "secure_delete = ON"); err != nil { // what is overwritten is gone from the file
			return nil, err
		}
		defer func() { _ = s.pragma(context.WithoutCancel(ctx), "secure_delete = FAST") }()
	}
	parts := []func(context.Context) error{e.calls, e.charges, e.exports, e.followUps, e.audit}
	if len(what.Calls) > 0 {
		parts = []func(context.Context) error{e.some}
	}
	for _, part := range parts {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	e.counted.RecordingUris = e.Recordings()
	if what.CountOnly {
		return e.counted, nil
	}
	// What the log and free pages hold of the past goes, too.
	for _, last := range []string{"incremental_vacuum", "wal_checkpoint(TRUNCATE)"} {
		if err := s.pragma(ctx, last); err != nil {
			return nil, err
		}
	}
	return e.counted, nil
}

// pragma runs one on the connection that writes.
func (s *Store) pragma(ctx context.Context, what string) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	rows, err := s.write.QueryContext(ctx, "PRAGMA "+what)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() { // to its end: some do their work row by row
		continue
	}
	return failed(rows.Err())
}

// erasing is one run.
type erasing struct {
	s *Store
	*erase.Eraser
	Erasure
	counted *ledgerv1.EraseCallersResponse
}

// in runs a piece of work in a transaction, which is undone where nothing is to be changed.
func (e *erasing) in(ctx context.Context, piece func(*writer) error) error {
	undone := errors.New("only counted")
	err := e.s.changing(ctx, func(w *writer) error {
		if err := piece(w); err != nil {
			return failed(err)
		}
		if e.CountOnly {
			return undone
		}
		return nil
	})
	if errors.Is(err, undone) {
		return ctx.Err()
	}
	return errorsOf(err, ctx.Err())
}

// found are the keys of rows of a page that may hold something. last is that of the last row looked at, nil at the end.
func (e *erasing) found(ctx context.Context, query string, after any) (keys []any, last any, err error) {
	rows, err := e.s.read.QueryContext(ctx, query, after, maxErasePage)
	if err != nil {
		return nil, nil, failed(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key any
		var body, more sql.RawBytes
		if err := rows.Scan(&key, &body, &more); err != nil {
			return nil, nil, failed(err)
		}
		if last = key; e.MayHold(body) || e.MayHold(more) {
			keys = append(keys, key)
		}
	}
	return keys, last, failed(rows.Err())
}

// pages goes through a table in order of its key, and has what may hold something rewritten.
func (e *erasing) pages(ctx context.Context, query string, first any, rewrite func(w *writer, key any) error) error {
	for after := first; after != nil; {
		keys, last, err := e.found(ctx, query, after)
		if err != nil {
			return err
		}
		if after = last; len(keys) == 0 {
			continue
		}
		if err := e.in(ctx, func(w *writer) error {
			for _, key := range keys {
				if err := rewrite(w, key); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// calls goes through calls, and then through their other records: of those that are found there, too, nothing is left by
// then.
func (e *erasing) calls(ctx context.Context) error {
	if err := e.pages(ctx, "SELECT id, record, told FROM calls WHERE id > ? ORDER BY id LIMIT ?", "", e.call); err != nil {
		return err
	}
	// A call has few records: a page that ends within one is looked at again from its beginning.
	return e.pages(ctx, "SELECT call, body, NULL FROM records WHERE call > ?1 AND call <= coalesce((SELECT call FROM records "+
		"WHERE call > ?1 ORDER BY call LIMIT 1 OFFSET ?2), 'zzzz') ORDER BY call", "", e.callOnce())
}

// some goes through the calls that are named.
func (e *erasing) some(ctx context.Context) error {
	for ids := range slices.Chunk(e.Calls, maxErasePage) {
		if err := e.in(ctx, func(w *writer) error {
			for _, id := range ids {
				if err := e.call(w, id); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// callOnce rewrites a call where it was not the one before.
func (e *erasing) callOnce() func(w *writer, key any) error {
	var before any
	return func(w *writer, key any) error {
		if key == before {
			return nil
		}
		before = key
		return e.call(w, key)
	}
}

// call rewrites the records of a call, and the call as they make it.
func (e *erasing) call(w *writer, key any) error {
	id := fmt.Sprint(key)
	row, list, err := callEvents(w.ctx, w.prepared(callRow), w.prepared(recordsOfCall), id)
	if err != nil || len(list) == 0 {
		return err
	}
	records := int64(0)
	for i, event := range list {
		if !e.From(event.Record) {
			continue
		}
		records++
		body, err := proto.Marshal(event.Record)
		if err != nil {
			return err
		}
		if i == 0 {
			_, err = w.tx.ExecContext(w.ctx, "UPDATE calls SET record = ? WHERE n = ?", body, row.n)
		} else {
			_, err = w.tx.ExecContext(w.ctx, "UPDATE records SET body = ? WHERE call = ? AND id = ?", body, id, event.Record.GetId())
		}
		if err != nil {
			return err
		}
	}
	if records == 0 {
		return nil
	}
	e.counted.Calls++
	e.counted.Records += records
	if len(list) == 1 {
		return nil
	}
	told, err := proto.Marshal(merge.Brief(list))
	if err != nil {
		return err
	}
	_, err = w.tx.ExecContext(w.ctx, "UPDATE calls SET told = ? WHERE n = ?", told, row.n)
	return err
}

func (e *erasing) charges(ctx context.Context) error {
	return e.pages(ctx, "SELECT n, body, NULL FROM charges WHERE n > ? ORDER BY n LIMIT ?", 0, func(w *writer, key any) error {
		c := &ledgerv1.Charge{}
		body, err := e.body(w, "SELECT body FROM charges WHERE n = ?", key, c)
		if err != nil || body == nil {
			return err
		}
		e.counted.Charges++
		_, err = w.tx.ExecContext(w.ctx, "UPDATE charges SET body = ? WHERE n = ?", body, key)
		return err
	})
}

// exports goes through who handed charges over. It is counted with who did what.
func (e *erasing) exports(ctx context.Context) error {
	return e.pages(ctx, "SELECT n, body, NULL FROM exports WHERE n > ? ORDER BY n LIMIT ?", 0, func(w *writer, key any) error {
		body, err := e.body(w, "SELECT body FROM exports WHERE n = ?", key, &ledgerv1.ChargeExport{})
		if err != nil || body == nil {
			return err
		}
		e.counted.AuditEntries++
		_, err = w.tx.ExecContext(w.ctx, "UPDATE exports SET body = ? WHERE n = ?", body, key)
		return err
	})
}

func (e *erasing) followUps(ctx context.Context) error {
	const all = "SELECT n, body, NULL FROM follow_ups WHERE n > ? ORDER BY n LIMIT ?"
	return e.pages(ctx, all, 0, func(w *writer, key any) error {
		row, err := readFollowUp(w.row(followUpByN, key))
		if err != nil || row == nil || !e.From(row.FollowUp) {
			return err
		}
		e.counted.FollowUps++
		return row.write(w)
	})
}

func (e *erasing) audit(ctx context.Context) error {
	return e.pages(ctx, "SELECT n, body, NULL FROM audit WHERE n > ? ORDER BY n LIMIT ?", 0, func(w *writer, key any) error {
		a := &rpcv1.AuditRecord{}
		body, err := e.body(w, "SELECT body FROM audit WHERE n = ?", key, a)
		if err != nil || body == nil {
			return err
		}
		e.counted.AuditEntries++
		const entry = "UPDATE audit SET body = ?, peer = ? WHERE n = ?"
		if _, err := w.tx.ExecContext(w.ctx, entry, body, a.GetPeer(), key); err != nil {
			return err
		}
		return e.resources(w, key)
	})
}

// resources rewrites by what an entry is found.
func (e *erasing) resources(w *writer, key any) error {
	rows, err := w.tx.QueryContext(w.ctx, "SELECT resource FROM audit_resources WHERE n = ?", key)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	left := map[string]string{}
	for rows.Next() {
		var resource string
		if err := rows.Scan(&resource); err != nil {
			return err
		}
		if text, had := e.Text(resource); had {
			left[strings.Clone(resource)] = text
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	const one = "UPDATE OR REPLACE audit_resources SET resource = ? WHERE n = ? AND resource = ?"
	for was, is := range left {
		if _, err := w.tx.ExecContext(w.ctx, one, is, key, was); err != nil {
			return err
		}
	}
	return nil
}

// body reads a message, and is its encoding with what was to be erased gone; nil where there was nothing, or is no such row.
func (e *erasing) body(w *writer, query string, key any, m proto.Message) ([]byte, error) {
	var body []byte
	err := w.tx.QueryRowContext(w.ctx, query, key).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(body, m); err != nil {
		return nil, err
	}
	if !e.From(m) {
		return nil, nil
	}
	return proto.Marshal(m)
}
