package routing

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
)

const (
	// maxAlerts bounds the alerts that stand: beyond, new ones are counted and logged only.
	maxAlerts = 10_000
	// maxMessageAlerts bounds those of messages among them: whoever leaves one after the other takes no other alert's place.
	maxMessageAlerts = 9_000
	// maxQueuedAlerts are handed over by calls and not yet looked at.
	maxQueuedAlerts = 256
	// maxPendingAlerts wait for an etcd that is away. On disk each takes 2 KiB at most, but for strange recordings.
	maxPendingAlerts = 1024
	// maxRecentAlerts bounds what is remembered of what was handed over: a kind and a line each.
	maxRecentAlerts = 4096
	// maxAlertTries bounds how often a write begins anew that others were quicker than.
	maxAlertTries = 4
	// maxForgotten is how many old alerts go in one transaction.
	maxForgotten = 32
	// alertWriteTimeout bounds one write, the disk's and etcd's part of it together: as long as a caller is kept waiting for
	// the word that their message was taken, and half of what a gateway gives a step before it asks another process.
	alertWriteTimeout = time.Second
	// retryAlertsEvery is how long etcd is left alone that did not take one.
	retryAlertsEvery = 5 * time.Second
	// forgetAlertsEvery is how often it is looked for those that go.
	forgetAlertsEvery = 10 * time.Minute
)

// alertStore is the part of etcd that alerts need.
type alertStore interface {
	Get(ctx context.Context, key string) (coord.Entry, error)
	Commit(ctx context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error)
}

// alerts raises what somebody must know at once because of a call, and implements AlertService (alertserver.go). Calls hand
// over and go on; one goroutine writes. What waits for that is on this host's disk (alertspool.go), or in memory where that
// is not to be had. Messages alone are waited for.
type alerts struct {
	routingv1.UnimplementedAlertServiceServer
	store alertStore
	// spool is nil where this process has no disk to keep alerts on.
	spool AlertSpool
	clock clock.Clock
	log   *slog.Logger
	known alertTable
	queue chan alert.Seen

	mu     sync.Mutex
	recent map[recentAlert]int64 // when it was handed over last, Unix seconds
	// pending are those that etcd did not take yet, by ID.
	pending map[string]pendingAlert

	raised, dropped, spooled metric.Int64Counter
}

// pendingAlert is one that etcd did not take yet.
type pendingAlert struct {
	seen alert.Seen
	// spooled: it is in the spool, at a mark, which is zero where a process before this one left it there.
	spooled bool
	at      spool.Mark
}

// recentAlert is what alerts are raised of again and again.
type recentAlert struct {
	kind routingv1.AlertKind
	line string
}

func newAlerts(store alertStore, deps Deps) (*alerts, error) {
	a := &alerts{
		store: store, clock: deps.Clock, log: deps.Logger, queue: make(chan alert.Seen, maxQueuedAlerts),
		known:  alertTable{byID: map[string]standingAlert{}},
		recent: map[recentAlert]int64{}, pending: map[string]pendingAlert{}, spool: deps.AlertSpool,
	}
	a.takeUp()
	return a, a.instrument(deps.MeterProvider.Meter(instrumentation))
}

// decided raises the alert of a decision, where it is worth one. It is on the path of a ringing phone and waits for nobody.
func (a *alerts) decided(ctx context.Context, c *decision) {
	kind := alert.Of(c.d, len(c.call.State.GetTried()))
	if kind == alert.None || c.d.Line == nil || !a.due(recentAlert{kind, c.d.Line.ID}, c.at.Unix()) {
		return
	}
	s := seenOf(kind, c)
	if _, err := a.keep(s); err != nil { // no disk, or no room on it
		a.hand(ctx, s)
	}
}

// messageLeft makes sure that somebody will hear of a message, and answers where that is kept: COMMITTED in etcd, or SPOOLED
// on this host's disk, for etcd. UNSPECIFIED is neither: it is tried again for as long as this process lives, and nobody may
// be told that it is sure. A message told twice is one.
func (a *alerts) messageLeft(ctx context.Context, c *decision) routingv1.Durability {
	if c.d.Line == nil {
		return routingv1.Durability_DURABILITY_UNSPECIFIED
	}
	s := seenOf(alert.MessageLeft, c)
	ctx = context.WithoutCancel(ctx) // the caller may hang up meanwhile
	err := a.room(s)
	if err == nil {
		var at spool.Mark
		if at, err = a.keep(s); err == nil {
			return a.kept(ctx, s, at)
		}
		err = a.write(ctx, s)
	}
	if err == nil {
		return routingv1.Durability_DURABILITY_COMMITTED
	}
	a.log.ErrorContext(ctx, "the alert of a message is neither in etcd nor on disk; it is tried again", "alert", s.ID(),
		"line", s.Line, "call_id", s.CallID, "error", err)
	if fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		a.hand(ctx, s)
	}
	return routingv1.Durability_DURABILITY_UNSPECIFIED
}

// seenOf is what a decision gives an alert. Nothing of it points into the decision, which is used again.
func seenOf(kind routingv1.AlertKind, c *decision) alert.Seen {
	s := alert.Seen{
		Kind: kind, Line: c.d.Line.ID, Customer: c.call.State.GetCustomer(), CallID: c.call.ID, Gateway: c.gateway, At: c.at,
	}
	if known := c.d.Candidates(); s.Customer == "" && len(known) == 1 && !c.d.Surmised() {
		s.Customer = strings.TrimPrefix(known[0].Name, "customers/")
	}
	if kind == alert.MessageLeft {
		s.Recording = proto.CloneOf(c.recording)
	}
	return s
}

// due says whether something may be handed over again: once a minute.
func (a *alerts) due(what recentAlert, nowS int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.recent[what]; ok && nowS-last < int64(alert.RefreshEvery/time.Second) && nowS >= last {
		return false
	}
	if len(a.recent) >= maxRecentAlerts {
		clear(a.recent)
	}
	a.recent[what] = nowS
	return true
}

// hand gives one to the writer, if that has room.
func (a *alerts) hand(ctx context.Context, s alert.Seen) {
	select {
	case a.queue <- s:
	default:
		a.drop(ctx, s, "too many at once")
	}
}

func (a *alerts) drop(ctx context.Context, s alert.Seen, why string) {
	a.mu.Lock()
	delete(a.recent, recentAlert{s.Kind, s.Line}) // the next call may raise it
	a.mu.Unlock()
	a.dropped.Add(ctx, 1, kindOption(s.Kind))
	a.log.ErrorContext(ctx, "an alert is dropped", "alert", s.ID(), "line", s.Line, "call_id", s.CallID, "why", why)
}

// run writes what calls hand over, and forgets what is old, until ctx ends.
func (a *alerts) run(ctx context.Context) {
	var delivering sync.WaitGroup
	defer delivering.Wait()
	if a.spool != nil {
		delivering.Go(func() { _ = a.spool.Run(ctx, a.deliver) }) // it ends with ctx alone
	}
	var retry <-chan time.Time // nil while nothing is pending
	forget := a.clock.After(forgetAlertsEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-a.queue:
			a.await(ctx, s)
			if retry == nil {
				retry = a.attempt(ctx)
			}
		case <-retry:
			retry = a.attempt(ctx)
		case <-forget:
			a.forget(ctx)
			forget = a.clock.After(forgetAlertsEvery)
		}
	}
}

// await notes one that is to be written. What is pending under its ID is of the same thing: the first of them is told.
func (a *alerts) await(ctx context.Context, s alert.Seen) {
	a.mu.Lock()
	_, there := a.pending[s.ID()]
	full := len(a.pending) >= maxPendingAlerts
	if !full && !there {
		a.pending[s.ID()] = pendingAlert{seen: s}
	}
	a.mu.Unlock()
	if full && !there {
		a.drop(ctx, s, "too many wait for etcd")
	}
}

// attempt writes what is pending. Where etcd takes none it answers with when to try again; nil where all is done.
func (a *alerts) attempt(ctx context.Context) <-chan time.Time {
	for _, s := range a.waiting() {
		err := a.write(ctx, s)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !neverTaken(err) {
			a.log.WarnContext(ctx, "an alert cannot be written; it is tried again", "alert", s.ID(), "error", err)
			return a.clock.After(retryAlertsEvery)
		}
		if err != nil {
			a.drop(ctx, s, err.Error())
		}
		a.settled(s.ID())
	}
	return nil
}

// waiting are those that are in memory alone.
func (a *alerts) waiting() []alert.Seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]alert.Seen, 0, len(a.pending))
	for _, p := range a.pending {
		if !p.spooled {
			all = append(all, p.seen)
		}
	}
	return all
}

func (a *alerts) settled(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, id)
}

// write brings what stands in etcd up to what was seen.
func (a *alerts) write(ctx context.Context, s alert.Seen) error {
	ctx, cancel := context.WithTimeout(ctx, alertWriteTimeout)
	defer cancel()
	id := s.ID()
	// Of a message etcd itself is asked: what this process knows may be from before a backup was restored.
	if stands, ok := a.known.get(id); ok && s.Kind != alert.MessageLeft && alert.Note(stands, s) == nil {
		return nil // another process told it
	}
	if err := a.room(s); err != nil {
		return err
	}
	before, after, err := a.change(ctx, id, func(stands *routingv1.Alert) (*routingv1.Alert, error) {
		return alert.Note(stands, s), nil
	})
	if err != nil || after == nil {
		return err
	}
	if before == nil || before.GetResolveTime() != nil {
		a.raised.Add(ctx, 1, kindOption(s.Kind))
		a.log.WarnContext(ctx, "an alert is raised", "alert", after.GetName(), "line", after.GetLine(),
			"gateway", after.GetGateway(), "call_id", after.GetCallId(), "text", after.GetText())
	}
	return nil
}

// room is LIMIT_EXCEEDED where one more alert is not taken.
func (a *alerts) room(s alert.Seen) error {
	most := mostOf(s.Kind)
	if _, stands := a.known.get(s.ID()); !stands && a.known.size() >= most {
		return fault.LimitExceeded(fmt.Sprintf("%d alerts stand already; they go a week after they were last seen", most))
	}
	return nil
}

// mostOf is how many alerts may stand for another one of a kind to be taken.
func mostOf(kind routingv1.AlertKind) int {
	if kind == alert.MessageLeft {
		return maxMessageAlerts
	}
	return maxAlerts
}

// change puts in etcd what next makes of the alert that stands there, nil where none does; nothing where next answers nil.
// It begins anew where somebody was quicker, some times; then it is a CONFLICT.
func (a *alerts) change(ctx context.Context, id string, next func(stands *routingv1.Alert) (*routingv1.Alert, error)) (
	before, after *routingv1.Alert, err error,
) {
	key := published.AlertPrefix + id
	for range maxAlertTries {
		var revision int64
		before, revision, err = a.read(ctx, key)
		if err != nil {
			return nil, nil, err
		}
		after, err = next(before)
		if err != nil || after == nil {
			return before, nil, err
		}
		value, err := published.Marshal(after)
		if err != nil {
			return nil, nil, fault.Internal(err)
		}
		as := []*rpcv1.Condition{coord.Unchanged(key, revision)}
		written, err := a.store.Commit(ctx, as, []*rpcv1.Write{coord.Put(key, value)})
		if err == nil {
			a.known.put(id, after, written)
			return before, after, nil
		}
		if fault.ReasonOf(err) != rpcv1.Reason_REASON_CONFLICT {
			return nil, nil, err
		}
	}
	return nil, nil, fault.Conflict(alert.Names + id)
}

// read is an alert as it stands in etcd, and its revision; nil and 0 where there is none, nil where it cannot be read: it is
// written over then.
func (a *alerts) read(ctx context.Context, key string) (*routingv1.Alert, int64, error) {
	e, err := a.store.Get(ctx, key)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	stands, err := published.Alert(e.Value)
	if err != nil {
		a.log.ErrorContext(ctx, "an alert cannot be read", "key", key, "error", err)
		return nil, e.ModRevision, nil
	}
	return stands, e.ModRevision, nil
}

// forget removes alerts that were last seen long ago. Any number of processes may do so at once.
func (a *alerts) forget(ctx context.Context) {
	now := a.clock.Now()
	old := a.known.all(func(x *routingv1.Alert) bool { return alert.Gone(x, now) })
	for part := range slices.Chunk(old, maxForgotten) {
		err := a.remove(ctx, part...)
		if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
			// One of them is gone, or was seen again; the others go by themselves.
			for _, s := range part {
				_ = a.remove(ctx, s)
			}
			continue
		}
		if err != nil {
			if ctx.Err() == nil {
				a.log.WarnContext(ctx, "old alerts cannot be removed", "error", err)
			}
			return
		}
	}
}

// remove takes alerts out of etcd, if they stand as they are known.
func (a *alerts) remove(ctx context.Context, all ...standingAlert) error {
	var conditions []*rpcv1.Condition
	var writes []*rpcv1.Write
	for _, s := range all {
		key := published.AlertPrefix + strings.TrimPrefix(s.alert.GetName(), alert.Names)
		conditions, writes = append(conditions, coord.Unchanged(key, s.revision)), append(writes, coord.Delete(key))
	}
	_, err := a.store.Commit(ctx, conditions, writes)
	return err
}
