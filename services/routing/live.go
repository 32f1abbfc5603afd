package routing

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/routing/internal/reach"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// The keys of live state, under leases: each a routingv1.LiveRecord.
	liveGatewayPrefix  = view.LivePrefix + "gateways/"  // and GATEWAY@INSTANCE
	liveProcessPrefix  = view.LivePrefix + "processes/" // and INSTANCE
	livePresencePrefix = view.LivePrefix + "presence/"  // and SITE/REPORTER
	// liveWriteInterval is the least time between two writes of one gateway's key: at most two a second.
	liveWriteInterval = 500 * time.Millisecond
	// maxLiveWritesPerS bounds those of all keys of a process: each one makes a view in every process. A thousand gateways
	// whose calls never rest are heard of every ten seconds.
	maxLiveWritesPerS = 100
	// liveTickInterval is how often it is looked for what is over, and for whom to probe.
	liveTickInterval = time.Second
	// probeInterval is how often a target that failed is probed.
	probeInterval = 30 * time.Second
	// probeAnswerTimeout is how long what a gateway says of a target counts as the answer to a probe.
	probeAnswerTimeout = 10 * time.Second
	// maxProbesATick bounds the probes that one gateway is given at once.
	maxProbesATick = 32
	// maxAttemptAge is how old what is told of an attempt may be: a ladder may ring for minutes before anything of it is told.
	maxAttemptAge = 10 * time.Minute
	// maxTrackedTargets bounds the failed targets that a process remembers, of all of its gateways.
	maxTrackedTargets = 16000
)

// liveStore is the part of etcd that live state needs.
type liveStore interface {
	HoldEvery(ctx context.Context, interval func() time.Duration, key string, value func() []byte,
		changed <-chan struct{}) error
}

// liveState is what this process's gateways and calls say of this minute: who carries how many calls where, and what cannot
// be reached. It says so to all processes by keys under leases, which end with the process; it has no say in any decision
// itself: views read those keys.
type liveState struct {
	store    liveStore
	instance string
	clock    clock.Clock
	current  *view.Current
	signals  *liveSignals
	// begin takes the keys that run is to hold.
	begin chan *held

	mu       sync.Mutex
	gateways map[string]*gateway
	// own is what the attempts of calls came to, whoever made them.
	own *held
	// tracked is how many targets all trackers remember; at most maxTrackedTargets.
	tracked int
	// turn chooses the gateway that probes for the process.
	turn int
}

func newLiveState(deps Deps, current *view.Current) (*liveState, error) {
	l := &liveState{
		store: deps.Store, instance: deps.Instance, clock: deps.Clock, current: current, begin: make(chan *held),
		gateways: map[string]*gateway{},
	}
	l.own = newHeld(liveProcessPrefix + deps.Instance)
	var err error
	l.signals, err = newLiveSignals(deps, l)
	return l, err
}

// held is one reporter's key: what it has found of targets, and how the key is kept. Its owner's lock guards it.
type held struct {
	key     string
	reach   *reach.Tracker
	changed chan struct{} // holds one
	stop    chan struct{} // closed once there is nothing more to say
	holding bool
}

func newHeld(key string) *held {
	return &held{key: key, reach: reach.New(), changed: make(chan struct{}, 1), stop: make(chan struct{})}
}

// say has the key written anew.
func (h *held) say() {
	select {
	case h.changed <- struct{}{}:
	default: // the last one has not been heard yet
	}
}

// run keeps the keys of live state until ctx ends, and looks every second for what is over and for whom to probe.
func (l *liveState) run(ctx context.Context) {
	var holding sync.WaitGroup
	defer holding.Wait()
	tick := l.clock.After(liveTickInterval)
	for {
		select {
		case <-ctx.Done():
			return
		case h := <-l.begin:
			holding.Go(func() { l.hold(ctx, h) })
		case <-tick:
			if own := l.tick(); own != nil { //nolint:contextcheck // what it tells of belongs to no request
				holding.Go(func() { l.hold(ctx, own) })
			}
			tick = l.clock.After(liveTickInterval)
		}
	}
}

// hold keeps a key until its owner stops it, or ctx ends.
func (l *liveState) hold(ctx context.Context, h *held) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-h.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = l.store.HoldEvery(ctx, l.writeInterval, h.key, func() []byte { return l.record(h) }, h.changed)
}

// writeInterval is the least time between two writes of one key.
func (l *liveState) writeInterval() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(liveWriteInterval, time.Duration(len(l.gateways))*time.Second/maxLiveWritesPerS)
}

// record is what a reporter says now.
func (l *liveState) record(h *held) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &routingv1.LiveRecord{Unreachable: h.reach.Unreachable()}
	for _, g := range l.gateways {
		if g.held == h {
			r.ActiveCalls, r.Capabilities = g.calls, g.capabilities
		}
	}
	value, err := proto.Marshal(r)
	if err != nil {
		return nil // it cannot fail: names were checked to be UTF-8
	}
	return value
}

// observe has a reporter's tracker take in what became of a target, within the process's bound. The lock is held.
func (l *liveState) observe(h *held, name string, take func(*reach.Tracker) bool) {
	if l.tracked >= maxTrackedTargets && !h.reach.Has(name) {
		l.signals.forgotten()
		return
	}
	l.change(h, name, take)
}

// change has a tracker change, and what changed of it be said. The lock is held.
func (l *liveState) change(h *held, name string, how func(*reach.Tracker) bool) {
	had, down := h.reach.Len(), h.reach.Down()
	changed := how(h.reach)
	l.tracked += h.reach.Len() - had
	if changed {
		h.say()
		l.signals.reachability(reporterOf(h.key), name, h.reach.Down()-down)
	}
}

// reporterOf is who says what stands at a key.
func reporterOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// attempted is told how attempts at targets ended. What was rung was reached, whatever it answered. Attempts may be told of
// in any order, twice, and late.
func (l *liveState) attempted(_ string, tried []attempted) {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tried {
		name := target.Text(t.target.GetTarget())
		at := attemptedAt(t.attempt, now)
		if age := now.Sub(at); age >= reach.ForgetAfter {
			if t.attempt.GetDisposition() != routingv1.Disposition_DISPOSITION_UNREACHABLE || age >= maxAttemptAge {
				continue
			}
			at = now.Add(-reach.ForgetAfter / 2) // old, and news: remembered for long enough to be probed
		}
		if name == "" {
			continue
		}
		switch t.attempt.GetDisposition() {
		case routingv1.Disposition_DISPOSITION_UNREACHABLE:
			l.observe(l.own, name, func(r *reach.Tracker) bool { return r.Failed(name, at) })
		case routingv1.Disposition_DISPOSITION_ANSWERED, routingv1.Disposition_DISPOSITION_BUSY,
			routingv1.Disposition_DISPOSITION_NO_ANSWER, routingv1.Disposition_DISPOSITION_DECLINED,
			routingv1.Disposition_DISPOSITION_NOT_ACCEPTED:
			if l.own.reach.Has(name) {
				l.observe(l.own, name, func(r *reach.Tracker) bool { return r.Succeeded(name, at) })
			}
		case routingv1.Disposition_DISPOSITION_UNSPECIFIED, routingv1.Disposition_DISPOSITION_CALLER_GONE:
		}
	}
}

// attemptedAt is when an attempt ended, as far as it says; never in the future.
func attemptedAt(a *routingv1.Attempt, now time.Time) time.Time {
	for _, ts := range []interface {
		CheckValid() error
		AsTime() time.Time
	}{a.GetEndTime(), a.GetStartTime()} {
		if ts.CheckValid() == nil && ts.AsTime().Before(now) {
			return ts.AsTime()
		}
	}
	return now
}

// tick forgets what is due, gives gateways that stand the probes that are, and lets those go that have been gone for long
// enough. It answers with the process's own key, where that has to be held from now on; else nil.
func (l *liveState) tick() (begin *held) {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, 0, len(l.gateways))
	elsewhere := sync.OnceValue(l.elsewhere) // whose calls must not be counted twice
	for id, g := range l.gateways {
		if !g.stands() && (now.Sub(g.gone) >= gatewayLinger || elsewhere()[id]) {
			l.drop(g)
			continue
		}
		l.change(g.held, "", func(r *reach.Tracker) bool { return r.Tick(now) })
		g.forgetProbes(now)
		if g.stands() {
			ids = append(ids, id)
			l.probe(g, g.held, now)
		}
	}
	slices.Sort(ids)
	l.change(l.own, "", func(r *reach.Tracker) bool { return r.Tick(now) })
	if len(ids) > 0 {
		l.turn++
		l.probe(l.gateways[ids[l.turn%len(ids)]], l.own, now)
	}
	return l.ownKey()
}

// elsewhere are the gateways that have streams to other processes, as the view has it.
func (l *liveState) elsewhere() map[string]bool {
	v := l.current.Load()
	if v == nil {
		return nil
	}
	found := map[string]bool{}
	for _, r := range v.LiveReports() {
		rest, ok := strings.CutPrefix(view.LivePrefix+r.Key, liveGatewayPrefix)
		if id, instance, _ := strings.Cut(rest, "@"); ok && instance != l.instance {
			found[id] = true
		}
	}
	return found
}

// ownKey lets the process's key go where nothing is unreachable, and answers with it where it has to be held from now on.
// The lock is held.
func (l *liveState) ownKey() (begin *held) {
	switch down := l.own.reach.Down() > 0; {
	case down && !l.own.holding:
		l.own.holding = true
		return l.own
	case !down && l.own.holding:
		close(l.own.stop)
		next := newHeld(l.own.key)
		next.reach = l.own.reach
		l.own = next
	}
	return nil
}

// shownTarget is a target for people and logs, without the number of anybody.
func shownTarget(text string) string {
	if strings.HasPrefix(text, "+") {
		return phone.Mask(text)
	}
	scheme, rest, _ := strings.Cut(text, ":")
	user, host, ok := strings.Cut(rest, "@")
	if !ok {
		return text
	}
	// A number may have parameters of its own behind it (RFC 3261, section 19.1.6), and be one within its country.
	if number, _, _ := strings.Cut(user, ";"); strings.Trim(number, "+0123456789-.() ") == "" {
		user = phone.Mask(number)
	}
	return scheme + ":" + user + "@" + host
}
