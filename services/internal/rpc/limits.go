package rpc

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
)

const (
	// maxLimitedPeers bounds the peers that are counted one by one; those beyond share one allowance. maxLimitedStrangers of
	// them have shown nothing yet, and are an address each: of addresses anybody has as many as they like.
	maxLimitedPeers     = 10_000
	maxLimitedStrangers = maxLimitedPeers / 2
	// sweepEvery is how often peers that ask for nothing are forgotten, at most.
	sweepEvery = time.Second
	// burstS is how many seconds' worth of requests may come at once.
	burstS = 2
	// badTokensPerS bounds the signatures that are checked in vain for one address.
	badTokensPerS = 20
	// maxClockStep is how far the clock may be set back without peers having to wait for it.
	maxClockStep = 10 * time.Second
	// streamRetry is how long to wait for a stream to end.
	streamRetry = time.Second
)

// LimitConfig bounds what one peer may ask of one process. Calls within the process are not counted.
type LimitConfig struct {
	// RequestsPerS and Streams (under way at once) of a peer that is neither gateway nor process; twice as many requests may
	// come at once.
	RequestsPerS, Streams int
	// GatewayRequestsPerS and GatewayStreams of one that is, and of this machine's own user.
	GatewayRequestsPerS, GatewayStreams int
}

// DefaultLimits are well above what a busy gateway does, and what a person's script should.
func DefaultLimits() LimitConfig {
	return LimitConfig{RequestsPerS: 500, Streams: 64, GatewayRequestsPerS: 100_000, GatewayStreams: 4096}
}

// Limits count each peer's requests and streams. A nil *Limits counts nothing.
type Limits struct {
	cfg LimitConfig

	mu    sync.RWMutex
	peers map[limitKey]*allowance
	swept int64
	// crowd is shared by whoever finds no room, strangers by strangers among them.
	crowd, strangers *allowance
}

// limitKey tells peers apart: of the same name, a contact must not use up what a gateway needs.
type limitKey struct {
	id    string
	roles uint32
	// address: id is an address whose bad tokens are counted.
	address bool
	// stranger: nobody knows yet who asks; id is their address.
	stranger bool
}

// NewLimits checks the configuration. Errors are faults that name the fields.
func NewLimits(cfg LimitConfig) (*Limits, error) {
	var broken fault.Violations
	for _, f := range []struct {
		field string
		value int
	}{
		{"peer-requests", cfg.RequestsPerS}, {"peer-streams", cfg.Streams},
		{"gateway-requests", cfg.GatewayRequestsPerS}, {"gateway-streams", cfg.GatewayStreams},
	} {
		if f.value < 1 || f.value > 1_000_000 {
			broken.Add(f.field, fmt.Sprint(f.value), "must be from 1 to 1000000")
		}
	}
	if err := broken.Err(); err != nil {
		return nil, err
	}
	return &Limits{
		cfg: cfg, peers: map[limitKey]*allowance{}, crowd: newAllowance(cfg.RequestsPerS, cfg.Streams),
		strangers: newAllowance(cfg.RequestsPerS, cfg.Streams),
	}, nil
}

// of is a peer's allowance.
func (l *Limits) of(p Peer, now time.Time) *allowance {
	if l == nil {
		return nil
	}
	perS, streams := l.cfg.RequestsPerS, l.cfg.Streams
	if p.Has(rpcv1.Role_ROLE_GATEWAY, rpcv1.Role_ROLE_SERVICE) {
		perS, streams = l.cfg.GatewayRequestsPerS, l.cfg.GatewayStreams
	}
	return l.find(limitKey{id: p.ID, roles: p.roles, stranger: p.roles == 0 && !p.proven}, perS, streams, now)
}

// address is what an address may show of tokens that are not believed.
func (l *Limits) address(host string, now time.Time) *allowance {
	if l == nil {
		return nil
	}
	return l.find(limitKey{id: host, address: true, stranger: true}, badTokensPerS, 1, now)
}

func (l *Limits) find(key limitKey, perS, streams int, now time.Time) *allowance {
	l.mu.RLock()
	a := l.peers[key]
	l.mu.RUnlock()
	if a != nil {
		return a
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a = l.peers[key]; a != nil {
		return a
	}
	if len(l.peers) >= maxLimitedStrangers {
		l.sweep(now.UnixNano())
	}
	room, crowd := maxLimitedPeers, l.crowd
	switch {
	case key.stranger:
		room, crowd = maxLimitedStrangers, l.strangers
	case perS == l.cfg.GatewayRequestsPerS:
		room *= 2 // no crowd stands in a gateway's way
	}
	if len(l.peers) >= room {
		return crowd
	}
	a = newAllowance(perS, streams)
	l.peers[key] = a
	return a
}

// sweep forgets peers that have all of their allowance.
func (l *Limits) sweep(now int64) {
	if since := now - l.swept; since >= 0 && since < int64(sweepEvery) {
		return
	}
	l.swept = now
	for key, a := range l.peers {
		if a.due.Load() <= now && a.streams.Load() == 0 {
			delete(l.peers, key)
		}
	}
}

// allowance is one peer's, by the generic cell rate algorithm (ITU-T I.371, annex A): one number, and no timer.
type allowance struct {
	// step is the time that one request is worth, burst how far ahead of time a peer may be; ns.
	step, burst int64
	maxStreams  int32
	// due is when all that was asked would have been asked at the even rate; ns since 1970.
	due     atomic.Int64
	streams atomic.Int32
}

func newAllowance(perS, streams int) *allowance {
	step := int64(time.Second) / int64(perS)
	most := int32(min(streams, 1_000_000)) //nolint:gosec // bounded
	return &allowance{step: step, burst: step * int64(perS) * burstS, maxStreams: most}
}

// request takes one request off a peer's allowance; LIMIT_EXCEEDED, with the time to wait, where there is none left.
func (a *allowance) request(now time.Time) error {
	if a == nil {
		return nil
	}
	for {
		due := a.due.Load()
		from, err := a.next(due, now.UnixNano())
		if err != nil {
			return err
		}
		if a.due.CompareAndSwap(due, from+a.step) {
			return nil
		}
	}
}

// left is request, without taking anything.
func (a *allowance) left(now time.Time) error {
	if a == nil {
		return nil
	}
	_, err := a.next(a.due.Load(), now.UnixNano())
	return err
}

// next is when a request at `at` is due, or why it is refused.
func (a *allowance) next(due, at int64) (int64, error) {
	from := max(due, at)
	if from-at > a.burst+int64(maxClockStep) {
		from = at // the clock was set back
	}
	if ahead := from - at; ahead > a.burst {
		return 0, exceeded(fmt.Sprintf("more than %d requests a second of one peer", int64(time.Second)/a.step),
			time.Duration(ahead-a.burst))
	}
	return from, nil
}

// stream begins a stream, which end ends; LIMIT_EXCEEDED where too many are under way.
func (a *allowance) stream() (end func(), err error) {
	if a == nil {
		return func() {}, nil
	}
	if n := a.streams.Add(1); n > a.maxStreams {
		a.streams.Add(-1)
		return nil, exceeded(fmt.Sprintf("more than %d streams of one peer at the same time", a.maxStreams), streamRetry)
	}
	return func() { a.streams.Add(-1) }, nil
}

func exceeded(what string, wait time.Duration) error {
	f := fault.LimitExceeded(what)
	f.RetryAfter = wait
	return f
}
