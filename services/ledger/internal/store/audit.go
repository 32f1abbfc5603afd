package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/mark"
)

// AuditQuery asks for entries, the latest first. What is empty asks for all.
type AuditQuery struct {
	Resource, Peer string
	// From and To are when it was done: [From, To).
	From, To time.Time
	After    mark.Mark
	Limit    int
}

func (w *writer) addAudit(id []byte, a *rpcv1.AuditRecord) (bool, error) {
	body, err := proto.Marshal(a)
	if err != nil {
		w.dropped = append(w.dropped, fmt.Sprintf("record %x: %v", id, err))
		return false, nil //nolint:nilerr // dropped
	}
	r, err := w.exec(addEntry, id, a.GetUnixUs(), a.GetPeer(), body)
	if err != nil {
		return false, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	n, err := r.LastInsertId()
	if err != nil {
		return false, err
	}
	for _, resource := range a.GetResources() {
		if _, err := w.exec(addResource, resource, a.GetUnixUs(), n); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Audit is the entries asked for, and the mark behind the last one; no mark where no more follow.
func (s *Store) Audit(ctx context.Context, q AuditQuery) (entries []*rpcv1.AuditRecord, next mark.Mark, err error) {
	var c condition
	from := "audit a"
	at, n := "a.at", "a.n"
	if q.Resource != "" {
		from, at, n = "audit_resources r JOIN audit a ON a.n = r.n", "r.at", "r.n"
		c.and("r.resource = ?", q.Resource)
	}
	if q.Peer != "" {
		c.and("a.peer = ?", q.Peer)
	}
	if !q.From.IsZero() {
		c.and(at+" >= ?", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		c.and(at+" < ?", q.To.UnixMicro())
	}
	if q.After != (mark.Mark{}) {
		c.and(fmt.Sprintf("(%s, %s) < (?, ?)", at, n), q.After.UnixUS, q.After.N)
	}
	query := fmt.Sprintf("SELECT %[1]s, %[2]s, a.body FROM %[3]s%[4]s ORDER BY %[1]s DESC, %[2]s DESC LIMIT ?", at, n, from,
		c.where())
	return paged(ctx, s, query, c.args, q.Limit, func(row *sql.Rows, last *mark.Mark) (*rpcv1.AuditRecord, error) {
		var body sql.RawBytes
		if err := row.Scan(&last.UnixUS, &last.N, &body); err != nil {
			return nil, failed(err)
		}
		entry := &rpcv1.AuditRecord{}
		if err := proto.Unmarshal(body, entry); err != nil {
			return nil, fault.Internal(fmt.Errorf("audit entry %d: %w", last.N, err))
		}
		return entry, nil
	})
}
