package entitlement

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	counts "github.com/daysidehq/dayside/services/entitlement/internal/usage"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/internal/rpc"
)

const (
	// countingKey says up to where calls are counted: a countingState as JSON.
	countingKey = "entitlement/counting"
	// countEvery is how often the ledger is asked for calls that changed.
	countEvery = time.Second
	// countRetry is how soon a round that failed is tried anew.
	countRetry = 10 * time.Second
	// countTimeout bounds one question.
	countTimeout = 10 * time.Second
	// maxPageCalls bounds the calls of one question.
	maxPageCalls = 500
	// maxRoundUsages bounds what is counted for in one transaction, so that every etcd takes it.
	maxRoundUsages = 50
	// maxEpochs bounds the ledgers that are remembered.
	maxEpochs = 8
	// tidyUsageEvery is how often counts that are too old are looked for.
	tidyUsageEvery = 24 * time.Hour
)

// usage counts calls, off their path: what contracts include, and goodwill. It reads the ledger's changes of calls, and
// commits what it counted together with how far it is, so that each call counts once, whichever processes count, and however
// they end. What calls leave to be done goes to the ledger, at least once, before that.
type usage struct {
	s         *Service
	calendars *calendarCache
	meters    usageMeters
	// currentUnixS is when all calls were counted last, Unix seconds; 0: not yet.
	currentUnixS atomic.Int64
	// keptDue is when follow-ups were looked at last that are due yet; of run.
	keptDue time.Time
}

// usageMeters report what is counted.
type usageMeters struct{ included, goodwill, followUps, lost metric.Int64Counter }

func newUsage(s *Service) *usage {
	u := &usage{s: s, calendars: newCalendarCache(s.cfg.Calendars, s.cfg.Clock)}
	provider := s.cfg.Meters
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	if err := u.meter(provider.Meter("github.com/daysidehq/dayside/services/entitlement")); err != nil {
		s.cfg.Log.Error("counting has no meters", "error", err)
	}
	return u
}

func (u *usage) meter(m metric.Meter) error {
	var errs [5]error
	u.meters.included, errs[0] = m.Int64Counter("dayside.entitlement.calls.included",
		metric.WithDescription("Calls that were counted of what a contract includes."))
	u.meters.goodwill, errs[1] = m.Int64Counter("dayside.entitlement.calls.goodwill",
		metric.WithDescription("Calls that were counted as goodwill."))
	u.meters.followUps, errs[2] = m.Int64Counter("dayside.entitlement.follow_ups",
		metric.WithDescription("Follow-ups that were handed to the ledger, again ones included."))
	u.meters.lost, errs[3] = m.Int64Counter("dayside.entitlement.follow_ups.lost",
		metric.WithDescription("Follow-ups that could be kept nowhere."))
	_, errs[4] = m.Float64ObservableGauge("dayside.entitlement.counting.age", metric.WithUnit("s"),
		metric.WithDescription("Time since all calls that the ledger knew were counted."),
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			if at := u.currentUnixS.Load(); at != 0 {
				o.Observe(float64(max(0, u.s.cfg.Clock.Now().Unix()-at)))
			}
			return nil
		}))
	return errors.Join(errs[:]...)
}

// run counts until ctx ends.
func (u *usage) run(ctx context.Context) {
	if u.s.cfg.Ledger == nil {
		<-ctx.Done()
		return
	}
	u.currentUnixS.Store(u.s.cfg.Clock.Now().Unix()) // from now on it may fall behind
	told := false
	var tidied time.Time
	for ctx.Err() == nil {
		more, err := u.round(ctx)
		wait := countEvery
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			told = false
			if more {
				continue
			}
			if now := u.s.cfg.Clock.Now(); now.Sub(tidied) >= tidyUsageEvery {
				tidied = now
				u.tidy(ctx, now)
			}
			u.keepDue(ctx, u.s.cfg.Clock.Now())
		default:
			wait = countRetry
			if !told { // once until it works again
				u.s.cfg.Log.WarnContext(ctx, "calls cannot be counted; it is tried again", "error", err)
				told = true
			}
		}
		select {
		case <-ctx.Done():
		case <-u.s.cfg.Clock.After(wait):
		}
	}
}

// countingState is up to where calls are counted, of the ledger that was heard of last and some before it.
type countingState struct {
	Ledgers []countedLedger `json:"ledgers"`
}

// countedLedger is up to where calls of one ledger are counted.
type countedLedger struct {
	Epoch    string `json:"epoch"`
	Sequence int64  `json:"sequence"`
}

// of is up to where calls of a ledger are counted; 0 of one that is new.
func (c countingState) of(epoch string) int64 {
	for _, l := range c.Ledgers {
		if l.Epoch == epoch {
			return l.Sequence
		}
	}
	return 0
}

// with is the state with calls of a ledger counted up to a sequence.
func (c countingState) with(epoch string, sequence int64) countingState {
	others := slices.DeleteFunc(slices.Clone(c.Ledgers), func(l countedLedger) bool { return l.Epoch == epoch })
	all := append([]countedLedger{{epoch, sequence}}, others...)
	return countingState{all[:min(len(all), maxEpochs)]}
}

// position is how far counting is, and the revision at which it stands.
type position struct {
	countingState
	modRevision int64
}

func (u *usage) position(ctx context.Context) (position, error) {
	e, err := u.s.cfg.Store.Get(ctx, countingKey)
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_NOT_FOUND {
		return position{}, nil
	}
	if err != nil {
		return position{}, err
	}
	p := position{modRevision: e.ModRevision}
	if err := json.Unmarshal(e.Value, &p.countingState); err != nil {
		// Counting from the beginning would count calls twice.
		return position{}, fault.Internal(errors.New("key " + countingKey + " cannot be read: " + err.Error()))
	}
	return p, nil
}

// round counts one page of calls; more is true where others may wait. Where another process counted it meanwhile, nothing
// was counted here.
func (u *usage) round(ctx context.Context) (more bool, err error) {
	rules := u.s.cfg.Rules.Load()
	if rules == nil {
		return false, notReady("the time-zone rules")
	}
	at, err := u.position(ctx)
	if err != nil {
		return false, err
	}
	calls, epoch, err := u.changes(ctx, at)
	if err != nil {
		return false, err
	}
	if len(calls) == 0 {
		u.currentUnixS.Store(u.s.cfg.Clock.Now().Unix())
		return false, nil
	}
	if err := (tombstones{u.s}).lateCalls(ctx, calls); err != nil {
		return false, err
	}
	p := page{u: u, rules: rules}
	if err := p.read(ctx, calls); err != nil {
		return false, err
	}
	last := p.count(ctx, calls)
	if err := u.handOver(ctx, p.followUps); err != nil {
		return false, err
	}
	state, err := json.Marshal(at.with(epoch, last))
	if err != nil {
		return false, fault.Internal(err)
	}
	conditions, writes := p.changed()
	_, err = u.s.cfg.Store.Commit(ctx, append(conditions, coord.Unchanged(countingKey, at.modRevision)),
		append(writes, coord.Put(countingKey, state)))
	if fault.ReasonOf(err) == rpcv1.Reason_REASON_CONFLICT {
		return true, nil // another process was sooner
	}
	if err != nil {
		return false, err
	}
	u.meters.included.Add(ctx, p.included)
	u.meters.goodwill.Add(ctx, p.goodwill)
	if len(calls) < maxPageCalls && last == calls[len(calls)-1].GetSequence() { // none waited behind them
		u.currentUnixS.Store(u.s.cfg.Clock.Now().Unix())
	}
	return true, nil
}

// changes are the calls behind a position, and the ledger they are of.
func (u *usage) changes(ctx context.Context, at position) ([]*ledgerv1.Call, string, error) {
	epoch := ""
	if len(at.Ledgers) > 0 {
		epoch = at.Ledgers[0].Epoch
	}
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	for range 2 {
		resp, err := u.s.cfg.Ledger.ListCallChanges(ctx, &ledgerv1.ListCallChangesRequest{
			AfterSequence: at.of(epoch), PageSize: maxPageCalls,
		})
		if err != nil {
			return nil, "", rpc.Fault(err)
		}
		if resp.GetEpoch() == epoch || at.of(resp.GetEpoch()) == at.of(epoch) {
			return resp.GetCalls(), resp.GetEpoch(), nil
		}
		epoch = resp.GetEpoch() // another ledger: what was asked for is behind another place of it
	}
	return nil, "", fault.Unavailable("the ledger", errors.New("answers come of several ledgers in turn"))
}

// keyOfNumber is where it stands what is counted of a number nobody knows.
func (u *usage) keyOfNumber(ctx context.Context, n phone.Number) (string, error) {
	hash, err := u.s.numbers.of(ctx, n)
	if err != nil {
		return "", err
	}
	return published.UsagePrefix + counts.NumberID(hash), nil
}

// keyOfCustomer is where it stands what is counted of a customer.
func keyOfCustomer(id string) string { return published.UsagePrefix + counts.CustomerID(id) }
