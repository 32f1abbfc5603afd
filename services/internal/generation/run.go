package generation

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// foldInterval is how often it is looked whether a generation came in force; one read of one key.
	foldInterval = time.Second
	// collectInterval is how often abandoned generations are looked for.
	collectInterval = time.Minute
)

// Run folds what came in force, within a second or so, and removes what never did, until ctx ends; it returns only ctx's
// error. One process of a cluster must run it, any number may. While etcd is away it keeps trying.
func Run(ctx context.Context, store Store, clk clock.Clock, log *slog.Logger) error {
	k := keeper{store: store, clock: clk, log: log, limits: EtcdLimits()}
	// Processes that were started together do not look at the same moment.
	wait := rand.N(foldInterval) //nolint:gosec // jitter, not a secret
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-clk.After(wait):
			k.round(ctx)
		}
		wait = foldInterval
	}
	return ctx.Err()
}

// keeper is what Run remembers between rounds.
type keeper struct {
	store  Store
	clock  clock.Clock
	log    *slog.Logger
	limits Limits
	// folded is the pointer of which nothing is left to fold, and collected when abandoned generations were last looked for.
	folded    position
	collected time.Time
}

func (k *keeper) round(ctx context.Context) {
	p, err := pointer(ctx, k.store)
	if err != nil {
		k.tell(ctx, "generations cannot be looked at", err)
		return
	}
	if p != k.folded {
		n, err := Fold(ctx, k.store, k.limits)
		if err != nil {
			k.tell(ctx, "a generation in force could not be folded", err)
			return
		}
		k.folded = p
		if n > 0 {
			k.log.InfoContext(ctx, "a generation in force was folded", "generation", p.name, "records", n)
		}
	}
	now := k.clock.Now()
	if now.Sub(k.collected) < collectInterval {
		return
	}
	n, err := Collect(ctx, k.store, k.limits, now)
	if err != nil {
		k.tell(ctx, "abandoned generations could not be removed", err)
		return
	}
	k.collected = now
	if n > 0 {
		k.log.WarnContext(ctx, "generations that never came in force were removed", "records", n)
	}
}

// tell says what went wrong, but not that somebody else was at it, nor that etcd is away: whoever follows it says so.
func (k *keeper) tell(ctx context.Context, message string, err error) {
	reason := fault.ReasonOf(err)
	expected := reason == rpcv1.Reason_REASON_CONFLICT || reason == rpcv1.Reason_REASON_BACKEND_UNAVAILABLE
	if ctx.Err() == nil && !expected {
		k.log.ErrorContext(ctx, message, "error", err)
	}
}
