// Package journal is what a process leaves for the ledger: records get their ids here, are appended to the process's spool,
// and are handed to the ledger from there.
//
// It knows what a record is made of, and neither where the spool keeps it nor what the ledger makes of it. Appending never
// blocks and never fails for whoever is served meanwhile: a record that the spool has no room for is counted there, and told
// here, some of the time.
package journal

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/spool"
)

const (
	// tellEvery is how often it is told that records are lost.
	tellEvery = 10 * time.Second
	// deliverWithin is how long the ledger may take for one batch.
	deliverWithin = 10 * time.Second
	// idBytes is the length of a record's id; half of it is this process's, the other half counts.
	idBytes = 16
)

// Numbers of the fields of ledger.v1.Record.
const (
	idField       = protowire.Number(1)
	instanceField = protowire.Number(2)
	// Decision, Report, Fact, Audit, Charge and FollowUp are the events that a record can be of.
	Decision = protowire.Number(3)
	Report   = protowire.Number(4)
	Fact     = protowire.Number(5)
	Audit    = protowire.Number(6)
	Charge   = protowire.Number(7)
	FollowUp = protowire.Number(8)
)

// Spool is where records wait; spool.Spool is one.
type Spool interface {
	// Append takes a copy of an entry, which survives the process from then on. It does not block.
	Append(entry []byte) (spool.Mark, error)
	// Sync waits until the entry at a mark survives the machine.
	Sync(ctx context.Context, at spool.Mark) error
	// Delivered waits until the entry at a mark has arrived; spool.ErrAway at once where none do at present, spool.ErrRefused
	// or spool.ErrFailed where it never will.
	Delivered(ctx context.Context, at spool.Mark) error
}

// Journal is safe for concurrent use.
type Journal struct {
	spool    Spool
	instance string
	clock    clock.Clock
	log      *slog.Logger
	// own is in the ids of all records of this process, so that no other makes the same.
	own  uint64
	made atomic.Uint64
	told atomic.Int64 // when a loss was last told, nanoseconds since 1970
}

// New is the journal of a process; all arguments are required.
func New(s Spool, instance string, c clock.Clock, log *slog.Logger) *Journal {
	var own [8]byte
	_, _ = rand.Read(own[:]) // never fails (crypto/rand)
	return &Journal{spool: s, instance: instance, clock: c, log: log, own: binary.BigEndian.Uint64(own[:])}
}

// Append leaves a record of an event, Decision or another one, with a new id; a fact's is its own. It writes into buf, which
// it answers with to be used again, and says where the record stands in the spool. Errors are the spool's, and told already.
func (j *Journal) Append(buf []byte, kind protowire.Number, event proto.Message) ([]byte, spool.Mark, error) {
	return j.append(buf, j.newID(), kind, event)
}

// AppendEncoded is Append of an event that is encoded already.
func (j *Journal) AppendEncoded(buf []byte, kind protowire.Number, event []byte) ([]byte, spool.Mark, error) {
	buf = protowire.AppendBytes(j.begin(buf, j.newID(), kind), event)
	at, err := j.leave(kind, buf)
	return buf, at, err
}

func (j *Journal) newID() (id [idBytes]byte) {
	binary.BigEndian.PutUint64(id[:], j.own)
	binary.BigEndian.PutUint64(id[8:], j.made.Add(1))
	return id
}

// AppendFact leaves a fact, whose id is the record's; it has 16 bytes.
func (j *Journal) AppendFact(buf []byte, id [idBytes]byte, fact proto.Message) ([]byte, spool.Mark, error) {
	return j.append(buf, id, Fact, fact)
}

func (j *Journal) append(
	buf []byte, id [idBytes]byte, kind protowire.Number, event proto.Message,
) ([]byte, spool.Mark, error) {
	buf = j.begin(buf, id, kind)
	options := proto.MarshalOptions{}
	buf = protowire.AppendVarint(buf, uint64(options.Size(event)))
	options.UseCachedSize = true
	buf, err := options.MarshalAppend(buf, event)
	if err != nil {
		j.lost(kind, err)
		return buf, spool.Mark{}, err
	}
	at, err := j.leave(kind, buf)
	return buf, at, err
}

// begin writes all of a record but its event.
func (j *Journal) begin(buf []byte, id [idBytes]byte, kind protowire.Number) []byte {
	buf = protowire.AppendBytes(protowire.AppendTag(buf[:0], idField, protowire.BytesType), id[:])
	buf = protowire.AppendString(protowire.AppendTag(buf, instanceField, protowire.BytesType), j.instance)
	return protowire.AppendTag(buf, kind, protowire.BytesType)
}

func (j *Journal) leave(kind protowire.Number, record []byte) (spool.Mark, error) {
	at, err := j.spool.Append(record)
	if err != nil {
		j.lost(kind, err)
	}
	return at, err
}

// Audit is rpc.Auditor's.
func (j *Journal) Audit(record *rpcv1.AuditRecord) {
	_, _, _ = j.Append(nil, Audit, record) // told already
}

// Sync and Delivered are the spool's.
func (j *Journal) Sync(ctx context.Context, at spool.Mark) error { return j.spool.Sync(ctx, at) }

// Delivered is the spool's.
func (j *Journal) Delivered(ctx context.Context, at spool.Mark) error {
	return j.spool.Delivered(ctx, at)
}

// lost tells that a record is, unless that was told a moment ago.
func (j *Journal) lost(kind protowire.Number, err error) {
	now, told := j.clock.Now().UnixNano(), j.told.Load()
	if told != 0 && now-told < int64(tellEvery) || !j.told.CompareAndSwap(told, now) {
		return
	}
	j.log.Error("a record is lost: the spool took it not; what it is of goes on", "kind", int(kind), "error", err)
}

// Deliver hands batches of a spool to the ledger, as whoever the client calls as.
func Deliver(ledger ledgerv1.LedgerServiceClient) spool.Deliver {
	return func(ctx context.Context, entries [][]byte) error {
		records := make([]ledgerv1.Record, len(entries))
		request := &ledgerv1.AppendRecordsRequest{Records: make([]*ledgerv1.Record, len(entries))}
		for i, entry := range entries {
			if err := proto.Unmarshal(entry, &records[i]); err != nil {
				return fmt.Errorf("%w: entry %d: %w", spool.ErrRefused, i, err)
			}
			request.Records[i] = &records[i]
		}
		ctx, cancel := context.WithTimeout(ctx, deliverWithin)
		defer cancel()
		_, err := ledger.AppendRecords(ctx, request)
		if refused(err) {
			return fmt.Errorf("%w: %w", spool.ErrRefused, err)
		}
		return err
	}
}

// refused says whether the ledger will never take what it was sent. Whatever is not said for certain is tried again.
func refused(err error) bool {
	var known interface{ GRPCStatus() *status.Status }
	return errors.As(err, &known) && known.GRPCStatus().Code() == codes.InvalidArgument
}
