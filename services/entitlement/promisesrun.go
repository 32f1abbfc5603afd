package entitlement

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/promise"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/journal"
	"github.com/daysidehq/dayside/services/internal/spool"
)

const (
	// lookAfterPromises is how often what has its time is looked for.
	lookAfterPromises = 30 * time.Second
	// othersTell is how long a charge is left to the process that made it.
	othersTell = time.Minute
	// refusedAgain is when a charge that the ledger refused is sent again: one of an older release takes none.
	refusedAgain = time.Hour
	// tellWithin bounds the wait for the ledger in one round.
	tellWithin = 10 * time.Second
	// maxPromisesARound is how many are looked after at once; the next round follows at once where there are more.
	maxPromisesARound = 100
	// lapsesSoon is how long before it lapses it is told that a promise waits for a confirmation still.
	lapsesSoon = 24 * time.Hour
	// unverifiedKept is how long a day's amounts are kept: acceptances that were on a disk meanwhile may come late.
	unverifiedKept = 40 * 24 * time.Hour
)

// toldCharge is where a charge stands in the journal.
type toldCharge struct {
	revision int64
	at       spool.Mark
	// again is when it is left there once more, where the ledger refused it; zero: not so.
	again time.Time
}

// changed notes that a promise was written: it is counted, and the ledger is told of its charge.
func (d *promises) changed(ctx context.Context, p *entitlementv1.Promise) {
	d.meters.settled(ctx, p.GetState())
	d.tell(ctx, p)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// tell leaves a promise's charge in the journal of this process; false where it has none, or that took it not.
func (d *promises) tell(ctx context.Context, p *entitlementv1.Promise) bool {
	if d.s.cfg.Journal == nil {
		return false
	}
	id, revision := strings.TrimPrefix(p.GetName(), promise.Names), revisionOf(p)
	_, at, err := d.s.cfg.Journal.Append(nil, journal.Charge, promise.Charge(p, revision))
	if err != nil {
		d.s.cfg.Log.WarnContext(ctx, "a charge is not in the journal yet; it is tried again", "promise", p.GetName(), "error", err)
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.telling[id] = toldCharge{revision: revision, at: at}
	return true
}

// revisionOf is the revision that a promise was written at: it grows with every change, in a restored cluster, too.
func revisionOf(p *entitlementv1.Promise) int64 {
	revision, _ := strconv.ParseInt(p.GetEtag(), 36, 64) // resource.Etag's
	return revision
}

// run lets promises lapse, sees to it that the ledger hears of charges, and forgets what was accepted on days long ago,
// until ctx ends. Any number of processes may.
func (d *promises) run(ctx context.Context) {
	for ctx.Err() == nil {
		more, err := d.round(ctx)
		if err != nil && ctx.Err() == nil {
			d.s.cfg.Log.WarnContext(ctx, "promises are not looked after; tried again", "after", lookAfterPromises, "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-d.s.cfg.Clock.After(lookAfterPromises):
		}
	}
}

// round does all that is due; more where there is more of it.
func (d *promises) round(ctx context.Context) (more bool, err error) {
	moreLapse, lapseErr := d.lapse(ctx)
	soonErr := d.countSoon(ctx)
	tellErr := d.tellAll(ctx)
	moreOld, oldErr := d.forgetDays(ctx)
	return moreLapse || moreOld, errors.Join(lapseErr, soonErr, tellErr, oldErr)
}

// lapse lets pending promises lapse whose time is over.
func (d *promises) lapse(ctx context.Context) (more bool, err error) {
	page, err := d.s.cfg.Store.List(ctx, promisePendingPrefix, "", maxPromisesARound)
	if err != nil {
		return false, err
	}
	now := d.s.cfg.Clock.Now()
	var unreadable error
	for _, e := range page.Entries {
		text := strings.TrimPrefix(e.Key, promisePendingPrefix)
		at, err := time.Parse(pendingTime, text[:min(len(text), len(pendingTime))])
		if err == nil && at.After(now) {
			return false, unreadable // so are all others
		}
		id := text[min(len(text), len(pendingTime)+1):]
		p, err := d.amend(ctx, promise.Names+id, func(p *entitlementv1.Promise) (*entitlementv1.Promise, error) {
			next, _ := promise.Lapse(p, now)
			return next, nil
		})
		gone := fault.ReasonOf(err)
		switch {
		case gone == rpcv1.Reason_REASON_NOT_FOUND, gone == rpcv1.Reason_REASON_INVALID_FIELD,
			err == nil && p.GetState() != entitlementv1.PromiseState_PROMISE_STATE_LAPSED:
			// Nothing pending has this key.
			_, err = d.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(e.Key, e.ModRevision)},
				[]*rpcv1.Write{coord.Delete(e.Key)})
			err = unlessConflict(err)
		case err == nil:
			d.s.cfg.Log.InfoContext(ctx, "a promise has lapsed: nobody confirmed it in time", "promise", p.GetName())
		}
		switch {
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_INTERNAL: // it keeps no other from lapsing
			unreadable = err
		case err != nil:
			return false, err
		}
	}
	return page.More, unreadable
}

// countSoon counts pending promises that lapse soon: of those that no call made there is no follow-up, and what lapses is
// never paid.
func (d *promises) countSoon(ctx context.Context) error {
	before, after := pendingKey(d.s.cfg.Clock.Now().Add(lapsesSoon), ""), ""
	for n := 0; ; {
		page, err := d.s.cfg.Store.List(ctx, promisePendingPrefix, after, maxPageRecords)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if after = e.Key; after >= before {
				d.meters.soon.Store(int64(n))
				return nil
			}
			n++
		}
		if !page.More || len(page.Entries) == 0 || n >= maxPromisesScanned {
			d.meters.soon.Store(int64(n))
			return nil
		}
	}
}

// tellAll sees to it that the ledger hears of every charge: each is marked in the store, in the commit that changed its
// promise, until the ledger has it. What another process made is left to that for a while.
func (d *promises) tellAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	var unreadable error
	seen, left := map[string]bool{}, 0
	for after := ""; ; {
		page, err := d.s.cfg.Store.List(ctx, chargeUntoldPrefix, after, maxPromisesARound)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			after = e.Key
			seen[strings.TrimPrefix(e.Key, chargeUntoldPrefix)] = true
			told, err := d.tellOne(ctx, e)
			switch {
			case fault.ReasonOf(err) == rpcv1.Reason_REASON_INTERNAL: // it keeps no other from being told
				unreadable = err
			case err != nil:
				d.meters.waiting(left + 1)
				return err
			}
			if !told {
				left++
			}
		}
		d.meters.waiting(left)
		switch {
		case !page.More || len(page.Entries) == 0:
			d.forgetTold(seen)
			return unreadable
		case d.s.cfg.Journal == nil:
			return nil
		}
	}
}

// forgetTold forgets charges that other processes have told. One that was made this moment may be among them: it is
// told twice then, which is once.
func (d *promises) forgetTold(untold map[string]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.telling {
		if !untold[id] {
			delete(d.telling, id)
		}
	}
}

// tellOne takes a mark away once the ledger has the charge, and leaves that in the journal where it is not.
func (d *promises) tellOne(ctx context.Context, e coord.Entry) (told bool, err error) {
	id, now := strings.TrimPrefix(e.Key, chargeUntoldPrefix), d.s.cfg.Clock.Now()
	d.mu.Lock()
	at, mine := d.telling[id]
	d.mu.Unlock()
	if d.s.cfg.Journal == nil || mine && at.again.After(now) {
		return false, nil
	}
	if !mine || at.revision < e.ModRevision || !at.again.IsZero() {
		p, err := d.all.Get(ctx, promise.Names+id)
		switch {
		case fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND:
			return true, d.told(ctx, e)
		case err != nil:
			return false, err
		case !mine && now.Sub(p.GetUpdateTime().AsTime()) < othersTell:
			return false, nil
		case !d.tell(ctx, p):
			return false, nil
		}
		d.mu.Lock()
		at = d.telling[id]
		d.mu.Unlock()
	}
	err = d.s.cfg.Journal.Delivered(ctx, at.at)
	switch {
	case err == nil && at.revision >= e.ModRevision:
		return true, d.told(ctx, e)
	case errors.Is(err, spool.ErrRefused), errors.Is(err, spool.ErrFailed):
		d.s.cfg.Log.ErrorContext(ctx, "the ledger does not take a charge; it is sent again", "promise", promise.Names+id,
			"after", refusedAgain, "error", err)
		at.again = now.Add(refusedAgain)
		d.mu.Lock()
		d.telling[id] = at
		d.mu.Unlock()
		return false, nil
	case errors.Is(err, spool.ErrAway), errors.Is(err, context.DeadlineExceeded):
		return false, nil // the ledger is away, and says so itself
	}
	return false, err
}

// told takes a mark away, unless the promise was changed again meanwhile.
func (d *promises) told(ctx context.Context, e coord.Entry) error {
	_, err := d.s.cfg.Store.Commit(ctx, []*rpcv1.Condition{coord.Unchanged(e.Key, e.ModRevision)},
		[]*rpcv1.Write{coord.Delete(e.Key)})
	if err = unlessConflict(err); err == nil {
		d.mu.Lock()
		delete(d.telling, strings.TrimPrefix(e.Key, chargeUntoldPrefix))
		d.mu.Unlock()
	}
	return err
}

// forgetDays takes away what was accepted on days long ago.
func (d *promises) forgetDays(ctx context.Context) (more bool, err error) {
	page, err := d.s.cfg.Store.List(ctx, unverifiedPrefix, "", maxPromisesARound)
	if err != nil {
		return false, err
	}
	oldest := unverifiedPrefix + d.s.cfg.Clock.Now().Add(-unverifiedKept).UTC().Format(dayOfKey)
	var old []*rpcv1.Write
	for _, e := range page.Entries {
		if e.Key < oldest {
			old = append(old, coord.Delete(e.Key))
		}
	}
	if len(old) == 0 {
		return false, nil
	}
	_, err = d.s.cfg.Store.Commit(ctx, nil, old)
	return page.More && len(old) == len(page.Entries), err
}

// promiseMeters say what becomes of promises.
type promiseMeters struct {
	acceptances, settlements metric.Int64Counter
	untold, soon             *atomic.Int64
}

// newPromiseMeters are read by nobody where provider is nil.
func newPromiseMeters(provider metric.MeterProvider) promiseMeters {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	m := provider.Meter("github.com/daysidehq/dayside/services/entitlement")
	made := promiseMeters{untold: &atomic.Int64{}, soon: &atomic.Int64{}}
	// What cannot be made is a meter that counts nothing.
	made.acceptances, _ = m.Int64Counter("dayside.promises.acceptances",
		metric.WithDescription("Offers that callers accepted, by what became of that."))
	made.settlements, _ = m.Int64Counter("dayside.promises.changes",
		metric.WithDescription("Promises that were written, by how they stand then. Alert on refused."))
	for state := range entitlementv1.PromiseState_name {
		if state != 0 { // an increase is seen from a value that was there before
			made.changed(context.Background(), entitlementv1.PromiseState(state), 0)
		}
	}
	_, _ = m.Int64ObservableGauge("dayside.promises.lapsing",
		metric.WithDescription("Pending promises that lapse within a day, as long as nobody confirms them; at most 5000."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(made.soon.Load())
			return nil
		}))
	_, _ = m.Int64ObservableGauge("dayside.charges.untold",
		metric.WithDescription("Charges that the ledger has not taken yet."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(made.untold.Load())
			return nil
		}))
	return made
}

func (m promiseMeters) accepted(ctx context.Context, outcome entitlementv1.AcceptOutcome) {
	name := strings.ToLower(strings.TrimPrefix(outcome.String(), "ACCEPT_OUTCOME_"))
	m.acceptances.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", name)))
}

func (m promiseMeters) settled(ctx context.Context, state entitlementv1.PromiseState) {
	m.changed(ctx, state, 1)
}

func (m promiseMeters) changed(ctx context.Context, state entitlementv1.PromiseState, times int64) {
	m.settlements.Add(ctx, times, metric.WithAttributes(attribute.String("state", promise.Words(state))))
}

func (m promiseMeters) waiting(n int) { m.untold.Store(int64(n)) }
