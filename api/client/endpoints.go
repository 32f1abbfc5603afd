package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // client-side health checks of the service config
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// Endpoint is a process that can be asked.
type Endpoint struct {
	// Address is host:port of its gRPC API.
	Address string
	// Region it runs in; empty where nobody said.
	Region string
}

const (
	// maxReconnectDelay is how long the return of a process may go unnoticed.
	maxReconnectDelay = 2 * time.Second
	// silentAfter and silentTimeout notice a machine that is gone without a word. Servers allow no more.
	silentAfter   = 10 * time.Second
	silentTimeout = 5 * time.Second
	// retireAfter is how long a connection lasts that is not used any more: requests under way end meanwhile.
	retireAfter = 30 * time.Second
	// firstProbe, maxProbe: how often a process that was silent is looked at; probeTimeout is what its answer may take.
	firstProbe   = 250 * time.Millisecond
	maxProbe     = 5 * time.Second
	probeTimeout = time.Second
	// oldAfter is the age of a process's view from which on others of its region are asked first, oldFor for how long: they may
	// know of drains that it has not heard of. Alerts begin at the same age.
	oldAfter, oldFor = 30 * time.Second, 30 * time.Second
	// relapseWithin is how soon a process must be silent again for that to be the same trouble.
	relapseWithin = time.Minute
	// serviceConfig has a connection count as one only while its process says that it serves
	// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Retries are our own: they go elsewhere.
	serviceConfig = `{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}`
)

// conn is what is used of a *grpc.ClientConn.
type conn interface {
	grpc.ClientConnInterface
	GetState() connectivity.State
	Connect()
	Close() error
}

// link is a connection to one process, whatever is said of that.
type link struct {
	conn conn
	// silent: it did not answer in time, while others did. It is asked last until it answers a probe.
	silent atomic.Bool
	// pause is how long it was left alone the last time, well when it answered again, nanoseconds: one that answers probes and
	// no calls is left alone for longer each time.
	pause, well atomic.Int64
	// old is until when its view counts as old, nanoseconds.
	old atomic.Int64
}

// endpoint is one process, as it is known at a moment.
type endpoint struct {
	Endpoint
	*link
}

// endpoints are the processes that are known: those that were configured, discovered and learned.
type endpoints struct {
	alive  context.Context //nolint:containedctx // the client's life
	clock  Clock
	log    *slog.Logger
	region string
	// secured says whether addresses of other machines can be used.
	secured bool
	dial    func(address string) (conn, error)
	work    *sync.WaitGroup

	now  atomic.Pointer[[]endpoint]
	turn atomic.Uint64

	mu sync.Mutex
	// configured stay; found and learned are replaced whole.
	configured, found, learned []Endpoint
	closed                     bool
	// refused are addresses that were said to be of no use, at most maxEndpoints: the same list comes again and again.
	refused map[string]bool
}

func newEndpoints(alive context.Context, cfg Config, clock Clock, log *slog.Logger, work *sync.WaitGroup) *endpoints {
	s := &endpoints{
		alive: alive, clock: clock, log: log, region: cfg.Region, secured: cfg.Credentials != nil, work: work,
		dial: dialer(cfg), refused: map[string]bool{},
	}
	for _, address := range cfg.Endpoints {
		s.configured = append(s.configured, Endpoint{Address: address})
	}
	s.now.Store(&[]endpoint{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return s
}

// dialer connects to one address.
func dialer(cfg Config) func(string) (conn, error) {
	reconnect := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: maxReconnectDelay}
	reconnect.Backoff.BaseDelay, reconnect.Backoff.MaxDelay = 100*time.Millisecond, maxReconnectDelay
	creds := cfg.Credentials
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds), grpc.WithDefaultServiceConfig(serviceConfig), grpc.WithConnectParams(reconnect),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: silentAfter, Timeout: silentTimeout, PermitWithoutStream: true,
		}),
		grpc.WithIdleTimeout(0), // a call must not wait for a connection
	}
	if cfg.Token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer{cfg.Token, cfg.Credentials != nil}))
	}
	options = append(options, cfg.DialOptions...)
	return func(address string) (conn, error) { return grpc.NewClient("passthrough:///"+address, options...) }
}

// discovered replaces what was discovered. Nothing at all is no news: whoever knows of nobody is cut off.
func (s *endpoints) discovered(list []Endpoint) { s.replace(&s.found, list) }

// learn replaces what was learned from the cluster.
func (s *endpoints) learn(list []Endpoint) { s.replace(&s.learned, list) }

func (s *endpoints) replace(kept *[]Endpoint, list []Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	usable := make([]Endpoint, 0, len(list))
	for _, e := range list {
		if err := checkAddress(e.Address, s.secured); err != nil {
			if !s.refused[e.Address] && len(s.refused) < maxEndpoints {
				s.refused[e.Address] = true
				s.log.Warn("an endpoint cannot be used", "address", e.Address, "reason", err.Error())
			}
			continue
		}
		usable = append(usable, e)
	}
	if len(usable) == 0 {
		return
	}
	*kept = usable
	s.settle()
}

// remembered are those that were learned or discovered, for a later start.
func (s *endpoints) remembered() []Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return union(s.found, s.learned)
}

// union is every address once, with a region where any of them has one; at most maxEndpoints.
func union(lists ...[]Endpoint) []Endpoint {
	var all []Endpoint
	at := map[string]int{}
	for _, list := range lists {
		for _, e := range list {
			i, known := at[e.Address]
			switch {
			case !known && len(all) < maxEndpoints:
				at[e.Address] = len(all)
				all = append(all, e)
			case known && all[i].Region == "":
				all[i].Region = e.Region
			}
		}
	}
	return all
}

// settle connects to what is new, and lets go of what is not known any more. The caller holds mu.
func (s *endpoints) settle() {
	if s.closed {
		return
	}
	before := map[string]*link{}
	for _, e := range *s.now.Load() {
		before[e.Address] = e.link
	}
	var next []endpoint
	for _, e := range union(s.configured, s.found, s.learned) {
		l := before[e.Address]
		if l == nil {
			cc, err := s.dial(e.Address)
			if err != nil {
				s.log.Warn("an endpoint cannot be used", "address", e.Address, "reason", err.Error())
				continue
			}
			cc.Connect()
			l = &link{conn: cc}
		}
		delete(before, e.Address)
		next = append(next, endpoint{e, l})
	}
	s.now.Store(&next)
	for _, l := range before {
		s.retire(l.conn)
	}
}

// retire closes a connection once its requests have ended. The caller holds mu.
func (s *endpoints) retire(cc conn) {
	s.work.Go(func() {
		select {
		case <-s.alive.Done():
		case <-s.clock.After(retireAfter):
		}
		_ = cc.Close()
	})
}

// close ends all connections; those that retire end with the client's life.
func (s *endpoints) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, e := range *s.now.Load() {
		errs = append(errs, e.conn.Close())
	}
	s.now.Store(&[]endpoint{})
	return errors.Join(errs...)
}

// Ranks of endpoints, the best first.
const (
	rankNear    = iota // serves, in the gateway's region
	rankNearOld        // the same, and has not heard from etcd for long
	rankFar            // serves, elsewhere
	rankFarOld
	rankSilent // did not answer in time, of late
	rankOpening
	rankAway
)

func (s *endpoints) rank(e endpoint) int {
	switch e.conn.GetState() {
	case connectivity.Ready:
		if e.silent.Load() {
			return rankSilent
		}
		rank := rankFar
		if e.Region == s.region || s.region == "" {
			rank = rankNear
		}
		if s.clock.Now().UnixNano() < e.old.Load() {
			rank++
		}
		return rank
	case connectivity.Idle, connectivity.Connecting:
		return rankOpening
	case connectivity.TransientFailure, connectivity.Shutdown:
		return rankAway
	}
	return rankAway
}

// order is whom a call asks first: those that are well and near, in turn. reached says that at least one of them is.
func (s *endpoints) order() (list []endpoint, reached bool) { return s.orderFrom(s.turn.Add(1)) }

// anyone is somebody to ask for the client's own sake, which is no call's turn: one of those that order has first.
func (s *endpoints) anyone() (e endpoint, reached bool) {
	list, reached := s.orderFrom(rand.Uint64()) //nolint:gosec // nothing is secret in a choice
	if !reached {
		return endpoint{}, false
	}
	return list[0], true
}

func (s *endpoints) orderFrom(turns uint64) (list []endpoint, reached bool) {
	all := *s.now.Load()
	if len(all) == 0 {
		return nil, false
	}
	type ranked struct {
		endpoint
		rank int
	}
	turn := int(turns % uint64(len(all)))
	sorted := make([]ranked, 0, len(all))
	for i := range all {
		e := all[(i+turn)%len(all)]
		sorted = append(sorted, ranked{e, s.rank(e)})
	}
	slices.SortStableFunc(sorted, func(a, b ranked) int { return a.rank - b.rank })
	list = make([]endpoint, len(sorted))
	for i, r := range sorted {
		list[i] = r.endpoint
	}
	return list, sorted[0].rank <= rankFarOld
}

// ready is how many processes serve.
func (s *endpoints) ready() (ready, known int) {
	all := *s.now.Load()
	for _, e := range all {
		if e.conn.GetState() == connectivity.Ready && !e.silent.Load() {
			ready++
		}
	}
	return ready, len(all)
}

// saw takes note of the age of a process's view.
func (s *endpoints) saw(address string, age time.Duration) {
	if age < oldAfter {
		return
	}
	for _, e := range *s.now.Load() {
		if e.Address == address {
			e.old.Store(s.clock.Now().Add(oldFor).UnixNano())
		}
	}
}

// wasSilent puts a process behind the others until it answers a probe.
func (s *endpoints) wasSilent(e endpoint) {
	if !e.silent.CompareAndSwap(false, true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.log.Warn("a process does not answer in time; others are asked first", "address", e.Address)
	s.work.Go(func() { s.probe(e) })
}

// probe asks for the health of a process until it answers, or is not known any more.
func (s *endpoints) probe(e endpoint) {
	wait := firstProbe
	if s.clock.Now().UnixNano()-e.well.Load() < int64(relapseWithin) {
		wait = max(firstProbe, min(2*time.Duration(e.pause.Load()), maxProbe))
	}
	for ; ; wait = min(2*wait, maxProbe) {
		select {
		case <-s.alive.Done():
			return
		case <-s.clock.After(wait):
		}
		if !slices.ContainsFunc(*s.now.Load(), func(other endpoint) bool { return other.link == e.link }) {
			return
		}
		ctx, cancel := context.WithTimeout(s.alive, probeTimeout)
		_, err := healthv1.NewHealthClient(e.conn).Check(ctx, &healthv1.HealthCheckRequest{})
		cancel()
		if err == nil {
			e.pause.Store(int64(wait))
			e.well.Store(s.clock.Now().UnixNano())
			e.silent.Store(false)
			s.log.Info("the process answers again", "address", e.Address)
			return
		}
	}
}

// errNobody: no process is known.
var errNobody = fmt.Errorf("client: no process of the cluster is known")
