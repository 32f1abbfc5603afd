package routing

import (
	"context"
	"errors"
	"fmt"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
)

// AlertSpool keeps alerts on this host's disk until etcd has them; spool.Spool is one.
type AlertSpool interface {
	// Append takes a copy of an alert, which survives the process from then on. It does not block.
	Append(entry []byte) (spool.Mark, error)
	// Sync waits until the alert at a mark survives the machine.
	Sync(ctx context.Context, at spool.Mark) error
	// Delivered waits until etcd has the alert at a mark; spool.ErrAway at once where it takes none at present,
	// spool.ErrRefused or spool.ErrFailed where it never will.
	Delivered(ctx context.Context, at spool.Mark) error
	// Earlier shows what processes before this one left.
	Earlier(take func(entry []byte)) error
	// Retry says that deliveries that failed may succeed now.
	Retry()
	// Run delivers until ctx ends.
	Run(ctx context.Context, deliver spool.Deliver) error
}

// heard is told of every batch: of the alerts in it, and that etcd answers, where it is not one from disk.
func (a *alerts) heard(b coord.Batch) {
	a.known.note(b)
	if a.spool != nil && b.Heard.IsZero() {
		a.spool.Retry()
	}
}

// errNoAlertSpool: this process has no disk to keep alerts on, or keeps as many as it may.
var errNoAlertSpool = errors.New("alerts cannot be kept on disk")

// takeUp notes what processes before this one left: it is listed at once, and delivered when etcd takes it.
func (a *alerts) takeUp() {
	if a.spool == nil {
		return
	}
	err := a.spool.Earlier(func(entry []byte) {
		if s, err := alert.Read(entry); err == nil && len(a.pending) < maxPendingAlerts { // Run tells of those that are none
			a.pending[s.ID()] = pendingAlert{seen: s, spooled: true}
		}
	})
	if err != nil {
		a.log.Error("alerts of the process before are not listed; they are delivered all the same", "error", err)
	}
}

// keep leaves an alert in the spool, where it survives this process at once, and says where it stands there. It is on the
// path of a ringing phone and waits for nothing. What this process keeps of the same thing already is not kept twice; what
// one before it kept is, for it may not have been synced.
func (a *alerts) keep(s alert.Seen) (spool.Mark, error) {
	if a.spool == nil {
		return spool.Mark{}, errNoAlertSpool
	}
	entry, err := s.Keep()
	if err != nil {
		return spool.Mark{}, err
	}
	id := s.ID()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch was, there := a.pending[id]; {
	case there && was.at != spool.Mark{}:
		return was.at, nil
	case !there && len(a.pending) >= maxPendingAlerts:
		return spool.Mark{}, errNoAlertSpool
	}
	at, err := a.spool.Append(entry)
	if err == nil {
		a.pending[id] = pendingAlert{seen: s, spooled: true, at: at}
	}
	return at, err
}

// kept waits until a message that is in the spool is in etcd or on disk, and says which.
func (a *alerts) kept(ctx context.Context, s alert.Seen, at spool.Mark) routingv1.Durability {
	soon, cancel := context.WithTimeout(ctx, alertWriteTimeout)
	defer cancel()
	unsynced := a.spool.Sync(soon, at) // etcd is told meanwhile
	err := a.spool.Delivered(soon, at)
	if err == nil {
		return routingv1.Durability_DURABILITY_COMMITTED // whatever became of this disk
	}
	if unsynced != nil || errors.Is(err, spool.ErrRefused) || errors.Is(err, spool.ErrFailed) {
		a.log.ErrorContext(ctx, "the alert of a message is neither in etcd nor on disk", "alert", s.ID(), "line", s.Line,
			"call_id", s.CallID, "error", errors.Join(unsynced, err))
		return routingv1.Durability_DURABILITY_UNSPECIFIED
	}
	a.spooled.Add(ctx, 1, kindOption(s.Kind))
	a.log.ErrorContext(ctx, "a message is on this host's disk alone, until etcd takes its alert: somebody must be told",
		"alert", s.ID(), "line", s.Line, "call_id", s.CallID, "error", err)
	return routingv1.Durability_DURABILITY_SPOOLED
}

// deliver brings alerts of the spool into etcd, each once by its ID, however often it is told of one.
func (a *alerts) deliver(ctx context.Context, entries [][]byte) error {
	for i, entry := range entries {
		s, err := alert.Read(entry)
		if err != nil {
			return fmt.Errorf("%w: entry %d: %w", spool.ErrRefused, i, err)
		}
		switch err := a.write(ctx, s.Late(a.clock.Now())); {
		case err == nil:
			a.settled(s.ID())
		case neverTaken(err):
			if len(entries) == 1 { // else it is tried alone
				a.settled(s.ID())
				a.drop(ctx, s, err.Error())
			}
			return fmt.Errorf("%w: %w", spool.ErrRefused, err)
		default:
			return err
		}
	}
	return nil
}

// neverTaken says whether it is in vain to write an alert again.
func neverTaken(err error) bool {
	reason := fault.ReasonOf(err)
	return reason == rpcv1.Reason_REASON_LIMIT_EXCEEDED || reason == rpcv1.Reason_REASON_INTERNAL
}
