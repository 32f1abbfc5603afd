package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

const (
	// firstPause is how long to wait before processes that failed are asked again; it doubles up to maxPause.
	firstPause = 20 * time.Millisecond
	maxPause   = 250 * time.Millisecond
	// hedgeCost is what a hedge takes of the budget, in tenths; an answered call gives one back.
	hedgeCost = 10
)

// budget bounds hedges: a burst, and then a tenth of the calls that are answered.
type budget struct {
	mu          sync.Mutex
	tenths, max int
}

func newBudget(maxHedges int) *budget {
	return &budget{tenths: maxHedges * hedgeCost, max: maxHedges * hedgeCost}
}

func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tenths < hedgeCost {
		return false
	}
	b.tenths -= hedgeCost
	return true
}

func (b *budget) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenths = min(b.tenths+1, b.max)
}

// plan is how a request is tried.
type plan struct {
	// one is how long a process has, whole how long is asked in all.
	one, whole time.Duration
	// hedge is how long to wait before the next one is asked as well; 0: never.
	hedge time.Duration
	// tries at most, of processes that can be reached; once says that no process is asked twice.
	tries int
	once  bool
	// spare says that the request can do without an answer: there is a table, or a queue. A cluster that has too much to do is
	// then asked again as seldom as it is hedged.
	spare bool
}

// final says of an error that every process would answer the same.
func final(err error) bool {
	switch status.Code(err) { //nolint:exhaustive // the others may be one process's own
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.OutOfRange:
		return true
	}
	return false
}

// congested says of an error that the process has too much to do.
func congested(err error) bool { return status.Code(err) == codes.ResourceExhausted }

// outcome is how one try ended.
type outcome[R any] struct {
	n    int
	resp R
	err  error
}

// round is one request on its way.
type round[R any] struct {
	c    *Client
	plan plan
	ask  func(context.Context, grpc.ClientConnInterface) (R, error)
	// order are those to ask, begun when each was asked, over which of them have answered.
	order   []endpoint
	begun   []time.Time
	over    []bool
	waiting int
	// counted are those that could be reached: the others cost nobody anything.
	counted  int
	outcomes chan outcome[R]
}

// try asks processes in order until one answers, and says which did. The error is the last one; ctx's where it ended.
func try[R any](ctx context.Context, c *Client, p plan, order []endpoint,
	ask func(context.Context, grpc.ClientConnInterface) (R, error),
) (R, string, error) {
	var none R
	if len(order) == 0 && p.once {
		return none, "", errNobody
	}
	ctx, cancel := context.WithTimeout(ctx, p.whole)
	defer cancel()
	r := &round[R]{c: c, plan: p, ask: ask, order: order, outcomes: make(chan outcome[R])}
	var hedge, again <-chan time.Time
	pause, last := firstPause, error(nil)
	if len(order) > 0 {
		r.start(ctx)
		hedge = r.hedgeTimer()
	} else { // whoever has just begun knows of nobody for a moment
		last, again = errNobody, c.clock.After(pause)
	}
	for {
		select {
		case o := <-r.outcomes:
			r.over[o.n] = true
			r.waiting--
			if o.err == nil {
				r.won(o.n)
				return o.resp, r.order[o.n].Address, nil
			}
			if final(o.err) {
				return none, r.order[o.n].Address, o.err
			}
			last = o.err
			r.failed(ctx, o.n, o.err)
			switch {
			case ctx.Err() != nil:
				return none, "", errors.Join(ctx.Err(), last)
			case p.spare && congested(o.err) && !c.hedges.take():
				if r.waiting == 0 {
					return none, "", last
				}
			case r.more():
				c.count.retries.Add(1)
				r.start(ctx)
				hedge = r.hedgeTimer()
			case r.waiting == 0 && (p.once || r.counted >= p.tries):
				return none, "", last
			case r.waiting == 0:
				again = c.clock.After(jitter(pause))
				pause = min(2*pause, maxPause)
			}
		case <-hedge:
			hedge = nil
			if r.more() && c.hedges.take() {
				c.count.hedges.Add(1)
				r.start(ctx)
				hedge = r.hedgeTimer()
			}
		case <-again:
			again = nil
			next, _ := c.endpoints.order()
			r.order = append(r.order[:len(r.begun):len(r.begun)], next...)
			if len(r.order) == 0 {
				again = c.clock.After(pause)
				continue
			}
			if !r.more() {
				return none, "", last
			}
			c.count.retries.Add(1)
			r.start(ctx)
		case <-ctx.Done():
			r.lost()
			return none, "", errors.Join(ctx.Err(), last)
		}
	}
}

// more says whether somebody is left to be asked.
func (r *round[R]) more() bool { return len(r.begun) < len(r.order) && r.counted < r.plan.tries }

func (r *round[R]) hedgeTimer() <-chan time.Time {
	if r.plan.hedge == 0 || !r.more() {
		return nil
	}
	return r.c.clock.After(r.plan.hedge)
}

// start asks the next process.
func (r *round[R]) start(ctx context.Context) {
	n := len(r.begun)
	e := r.order[n]
	r.begun, r.over = append(r.begun, r.c.clock.Now()), append(r.over, false)
	r.waiting++
	if e.conn.GetState() != connectivity.TransientFailure {
		r.counted++
	}
	go func() {
		one, cancel := context.WithTimeout(ctx, r.plan.one)
		defer cancel()
		resp, err := r.ask(one, e.conn)
		select {
		case r.outcomes <- outcome[R]{n, resp, err}:
		case <-ctx.Done(): // nobody waits for it any more
		}
	}()
}

// won marks those that were asked long before the one that answered, and have not.
func (r *round[R]) won(n int) {
	r.c.hedges.answered()
	r.silent(r.begun[n])
}

// lost marks those that have not answered in all the time.
func (r *round[R]) lost() { r.silent(r.c.clock.Now()) }

// silent marks those that were asked a hedge's time before an instant.
func (r *round[R]) silent(before time.Time) {
	if r.plan.hedge == 0 {
		return
	}
	for i, begun := range r.begun {
		if !r.over[i] && before.Sub(begun) >= r.plan.hedge {
			r.c.endpoints.wasSilent(r.order[i]) //nolint:contextcheck // its probe outlasts the request
		}
	}
}

// failed marks a process whose time is up.
func (r *round[R]) failed(ctx context.Context, n int, err error) {
	if status.Code(err) == codes.DeadlineExceeded && ctx.Err() == nil {
		r.c.endpoints.wasSilent(r.order[n]) //nolint:contextcheck // its probe outlasts the request
	}
}

// jitter spreads what many do at once: half of d to d.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) //nolint:gosec // nothing is secret in a pause
}
