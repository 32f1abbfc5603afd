// Package ledger is the service that keeps history: what became of every call, step by step, and who changed what; and what
// calls leave to the business side: charges, their exports to billing, and follow-ups. Processes hand it their records from
// their spools, each once by its id; it keeps them in one SQLite file, and makes the story of each call of them, in whatever
// order they arrive.
//
// Nothing is decided on it, and no call waits for it: a ledger that is away loses nothing, for spools keep what they could
// not hand over. What is owed is promised at entitlement, and billed elsewhere.
package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/ledger/internal/store"
)

const (
	// DefaultRetentionDays is how long history is kept.
	DefaultRetentionDays = 400
	// MaxRetentionDays is the longest that it can be.
	MaxRetentionDays = 36_500
	// pruneFirst is when what is too old is looked for first: the clock of a machine that has just started may be years ahead
	// until it is set, and what is removed is gone.
	pruneFirst = 10 * time.Minute
	// pruneEvery is how often after that.
	pruneEvery = time.Hour
	// prunePause lets others write between two pieces of pruning.
	prunePause = 20 * time.Millisecond
	// maxDroppedLogs bounds what is logged of records that cannot be kept, an hour.
	maxDroppedLogs = 20
)

// Config is what the service is made from. Path, Clock and Log are required.
type Config struct {
	// Path of the database; made where it does not exist. Its folder must exist, and belong to this process alone.
	Path string
	// RetentionDays is how long calls and changes are kept after they were last heard of; 0: for ever.
	RetentionDays int
	Clock         clock.Clock
	// Log hears of records that cannot be kept, and of what was removed.
	Log *slog.Logger
	// MeterProvider reports what is kept; nil: to nobody.
	MeterProvider metric.MeterProvider
}

// Service implements dayside.ledger.v1.LedgerService and AuditService, and registers BusinessService. Its errors are faults.
type Service struct {
	ledgerv1.UnimplementedLedgerServiceServer
	ledgerv1.UnimplementedAuditServiceServer
	cfg      Config
	store    *store.Store
	watchers watchers
	meters   meters

	mu      sync.Mutex
	dropped int // told of since the last pruning
}

// New opens the database. A fault names what is in the way.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.RetentionDays < 0 || cfg.RetentionDays > MaxRetentionDays {
		return nil, fault.Invalid(fault.Violation{
			Field: "ledger-retention-days", Value: fmt.Sprint(cfg.RetentionDays),
			Rule: fmt.Sprintf("must be from 0 (for ever) to %d", MaxRetentionDays),
		})
	}
	s := &Service{cfg: cfg}
	var err error
	s.store, err = store.Open(ctx, store.Config{Path: cfg.Path, Clock: cfg.Clock, Changed: s.watchers.tell, Dropped: s.drop})
	if err != nil {
		return nil, fault.Invalid(fault.Violation{
			Field: "data", Value: filepath.Dir(cfg.Path), Rule: "holds a ledger that cannot be opened: " + err.Error(),
		})
	}
	s.meters, err = newMeters(cfg.MeterProvider, s) //nolint:contextcheck // a counter's first zero belongs to no request
	if err != nil {
		_ = s.store.Close()
		return nil, err
	}
	return s, nil
}

// Register adds the services to a server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	ledgerv1.RegisterLedgerServiceServer(r, s)
	ledgerv1.RegisterAuditServiceServer(r, s)
	ledgerv1.RegisterBusinessServiceServer(r, business{Service: s})
}

// Run removes what is older than it may be, soon and every hour, until ctx ends; it returns only ctx's error.
func (s *Service) Run(ctx context.Context) error {
	for wait := pruneFirst; ; wait = pruneEvery {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.cfg.Clock.After(wait):
		}
		s.prune(ctx)
	}
}

// Ready says whether the service can answer: from the start.
func (s *Service) Ready() bool { return true }

// Close closes the database; no method may be called after.
func (s *Service) Close() error { return s.store.Close() }

func (s *Service) prune(ctx context.Context) {
	s.mu.Lock()
	s.dropped = 0
	s.mu.Unlock()
	if s.cfg.RetentionDays == 0 {
		return
	}
	before := s.cfg.Clock.Now().Add(-time.Duration(s.cfg.RetentionDays) * 24 * time.Hour)
	removed, err := s.store.Prune(ctx, before, func() {
		select {
		case <-ctx.Done():
		case <-s.cfg.Clock.After(prunePause):
		}
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.cfg.Log.ErrorContext(ctx, "what is too old cannot be removed from the ledger", "error", err.Error())
	case removed > 0:
		s.cfg.Log.InfoContext(ctx, "removed from the ledger what is older than it may be", "entries", removed, "before", before)
	}
}

// drop tells of a record that cannot be kept, so that somebody looks for who made it.
func (s *Service) drop(what string) {
	s.meters.drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped++; s.dropped <= maxDroppedLogs {
		s.cfg.Log.Error("a record cannot be kept, and is dropped", "record", what)
	}
}
