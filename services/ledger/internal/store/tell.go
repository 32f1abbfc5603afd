package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/ledger/internal/merge"
)

const (
	// maxStoryRecords bounds what a call is made of; a gateway that tells of one call for ever is heard no more.
	maxStoryRecords = 512
	// maxAheadUS is how far ahead of its records a call is listed, whatever a gateway's clock says.
	maxAheadUS = 24 * 60 * 60 * 1_000_000
	// placeBits of a call's number tell apart those that began in the same microsecond.
	placeBits = 10
	// maxPlaceUS is the last microsecond that a place is made of: in the year 2255.
	maxPlaceUS = 1<<(63-placeBits) - 1 - maxAheadUS
	// maxWiden is how often twice as much room is looked in for a number: up to a second's, for a million calls at once.
	maxWiden = 20
	// maxNumbers bounds how many numbers are tried.
	maxNumbers = 100
	// countedBefore is the sequence with which a call began to count that did before there were any.
	countedBefore = -1
)

// arrival is a record of a call that arrived with a request.
type arrival struct {
	merge.Event
	body    []byte
	request int
}

// place is the least number of a call that began then: calls are listed in order of them. Before 1970 all are equal.
func place(unixUS int64) int64 { return min(max(unixUS, 0), maxPlaceUS) << placeBits }

// hold notes a record of a call.
func (w *writer) hold(request int, r *ledgerv1.Record) {
	gateway, callID, ok := merge.CallOf(r)
	if !ok {
		w.drop(r, "it is of no call")
		return
	}
	body, err := proto.Marshal(r)
	if err != nil {
		w.drop(r, err.Error())
		return
	}
	if w.arrived == nil {
		w.arrived = map[string][]arrival{}
	}
	id := merge.ID(gateway, callID)
	list := w.arrived[id]
	if len(list) == 0 {
		w.calls = append(w.calls, id)
	}
	w.arrived[id] = append(list, arrival{merge.Event{Record: r, UnixUS: w.unixUS}, body, request})
}

// tellCalls keeps the records that arrived, and makes the calls anew that they are of. Most calls are new, and one record:
// that is one statement, and nothing is read.
func (w *writer) tellCalls() ([]*ledgerv1.Call, error) {
	changed := make([]*ledgerv1.Call, 0, len(w.calls))
	for _, id := range w.calls {
		list := once(w.arrived[id])
		c, err := w.addCall(id, list)
		if err == nil && c == nil {
			c, err = w.addToCall(id, list)
		}
		if err != nil {
			return nil, err
		}
		if c != nil {
			changed = append(changed, c)
		}
	}
	return changed, nil
}

// once is each record once, by its id: the first that arrived.
func once(list []arrival) []arrival {
	if len(list) == 1 {
		return list
	}
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(a arrival) bool {
		was := seen[string(a.Record.GetId())]
		seen[string(a.Record.GetId())] = true
		return was
	})
}

// addCall keeps a call that is new; nil where it is there already.
func (w *writer) addCall(id string, list []arrival) (*ledgerv1.Call, error) {
	first := list[:min(len(list), maxStoryRecords)]
	c, told, err := brief(first, nil)
	if err != nil {
		return nil, err
	}
	seq := w.nextSequence()
	added, err := w.numbered(id, w.place(c), func(n int64) (bool, error) {
		return w.added(addCall, n, id, c.GetLine(), c.GetCustomer(), c.GetSite(), int32(c.GetOutcome()), c.GetFollowUp(),
			c.GetFormerNumber(), c.GetNumberRevealed(), seq, countedFrom(c, seq), w.unixUS, w.unixUS, first[0].body, told)
	})
	if err != nil || !added {
		return nil, err
	}
	w.tooMany(list[len(first):])
	return c, w.addRecords(id, first, 1)
}

// addToCall adds records to a call that is there; nil where it has all of them.
func (w *writer) addToCall(id string, list []arrival) (*ledgerv1.Call, error) {
	row, before, err := callEvents(w.ctx, w.prepared(callRow), w.prepared(recordsOfCall), id)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(a arrival) bool {
		return slices.ContainsFunc(before, func(e merge.Event) bool { return bytes.Equal(e.Record.GetId(), a.Record.GetId()) })
	})
	room := min(len(list), maxStoryRecords-len(before))
	w.tooMany(list[room:])
	if list = list[:room]; len(list) == 0 {
		return nil, nil //nolint:nilnil // nothing changed
	}
	c, told, err := brief(list, before)
	if err != nil {
		return nil, err
	}
	was, seq := merge.Brief(before), w.nextSequence()
	counted := cmp.Or(row.counted, countedFrom(was, cmp.Or(row.seq, countedBefore)), countedFrom(c, seq))
	write := func(n int64) (bool, error) {
		return w.added(tellCall, n, c.GetLine(), c.GetCustomer(), c.GetSite(), int32(c.GetOutcome()), c.GetFollowUp(),
			c.GetFormerNumber(), c.GetNumberRevealed(), seq, counted, w.unixUS, told, id)
	}
	var updated bool
	if least := w.place(c); least == w.place(was) {
		updated, err = write(row.n)
	} else {
		updated, err = w.numbered(id, least, write)
	}
	if err == nil && !updated {
		err = fmt.Errorf("call %s cannot be told anew", id)
	}
	if err != nil {
		return nil, err
	}
	return c, w.addRecords(id, list, 0)
}

// tooMany drops records of a call that has as many as it may.
func (w *writer) tooMany(list []arrival) {
	for _, a := range list {
		w.drop(a.Record, "its call has as many records as it may")
	}
}

// brief is the call that records make with those that were there before; told is nil where that is one record alone.
func brief(list []arrival, before []merge.Event) (c *ledgerv1.Call, told []byte, err error) {
	events := slices.Grow(before, len(list))
	for _, a := range list {
		events = append(events, a.Event)
	}
	c = merge.Brief(events)
	if len(events) > 1 {
		told, err = proto.Marshal(c)
	}
	return c, told, err
}

// place is the least number of a call.
func (w *writer) place(c *ledgerv1.Call) int64 {
	return place(min(c.GetStartTime().AsTime().UnixMicro(), w.unixUS+maxAheadUS))
}

// numbered writes a call's row under a number that no other call has, the least or one soon after; false where the ID is
// taken. Gateways' clocks may be coarse: however many calls begin at once, a number is found in a few tries.
func (w *writer) numbered(id string, least int64, write func(n int64) (bool, error)) (bool, error) {
	for try := range maxNumbers {
		n := least + rand.Int64N(1<<(placeBits+min(try, maxWiden))) //nolint:gosec // no secret
		wrote, err := write(n)
		if err != nil || wrote {
			return wrote, err
		}
		var other string
		err = w.prepared(idOfNumber).QueryRowContext(w.ctx, n).Scan(&other) //nolint:sqlclosecheck // ends with the transaction
		if errors.Is(err, sql.ErrNoRows) || other == id {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, fmt.Errorf("call %s: more calls began at once than are told apart", id)
}

// addRecords keeps records of a call, all of them new, from the index on: those before are in its row.
func (w *writer) addRecords(id string, list []arrival, from int) error {
	for i, a := range list {
		w.appended[a.request]++
		if i >= from {
			if _, err := w.exec(addRecord, id, a.Record.GetId(), a.UnixUS, a.body); err != nil {
				return err
			}
		}
		if err := w.touch(a.Record.GetDecision()); err != nil {
			return err
		}
	}
	return nil
}

// nextSequence is that of a change of a call, and later than all before.
func (w *writer) nextSequence() int64 {
	w.sequence = max(w.sequence+1, w.unixUS)
	return w.sequence
}

// countedFrom is the sequence with which a call began to count, which is that of its change; 0 where it does not count.
func countedFrom(c *ledgerv1.Call, seq int64) int64 {
	if merge.Counts(c) {
		return seq
	}
	return 0
}

// callNumbers are what a call's row says besides its records.
type callNumbers struct{ n, seq, counted int64 }

// callEvents are the records of a call, and what its row says; none where there is no such call.
func callEvents(ctx context.Context, row, others *sql.Stmt, id string) (is callNumbers, list []merge.Event, err error) {
	var at int64
	var body []byte
	err = row.QueryRowContext(ctx, id).Scan(&is.n, &at, &body, &is.seq, &is.counted)
	if errors.Is(err, sql.ErrNoRows) {
		return is, nil, nil
	}
	if err != nil {
		return is, nil, err
	}
	first, err := event(at, body)
	if err != nil {
		return is, nil, err
	}
	rows, err := others.QueryContext(ctx, id)
	if err != nil {
		return is, nil, err
	}
	defer func() { _ = rows.Close() }()
	list = append(list, first)
	for rows.Next() {
		var body sql.RawBytes
		if err := rows.Scan(&at, &body); err != nil {
			return is, nil, err
		}
		e, err := event(at, body)
		if err != nil {
			return is, nil, err
		}
		list = append(list, e)
	}
	return is, list, rows.Err()
}

// event reads a record as it is kept.
func event(at int64, body []byte) (merge.Event, error) {
	e := merge.Event{Record: &ledgerv1.Record{}, UnixUS: at}
	if err := proto.Unmarshal(body, e.Record); err != nil {
		return e, fmt.Errorf("a record: %w", err)
	}
	return e, nil
}
