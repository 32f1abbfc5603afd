package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// behaving is a connection to a process that answers after a while, or fails, or never answers.
type behaving struct {
	after time.Duration // negative: never
	err   error
	away  bool
	asked atomic.Int64
}

// Invoke is grpc.ClientConnInterface's; health checks are answered as calls are.
func (b *behaving) Invoke(ctx context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	if method == routingv1.RoutingService_RouteCall_FullMethodName {
		b.asked.Add(1)
	}
	var answer <-chan time.Time
	if b.after >= 0 {
		answer = time.After(b.after)
	}
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-answer:
	}
	if b.err != nil {
		return b.err
	}
	if r, ok := reply.(*routingv1.RouteCallResponse); ok {
		proto.Merge(r, &routingv1.RouteCallResponse{Route: &routingv1.Route{Step: &routingv1.Route_Forward{}}})
	}
	return nil
}

func (b *behaving) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func (b *behaving) GetState() connectivity.State {
	if b.away {
		return connectivity.TransientFailure
	}
	return connectivity.Ready
}

func (b *behaving) Connect()     {}
func (b *behaving) Close() error { return nil }

// inOrder is a client of processes that are asked in the order given, in a bubble of virtual time; the order is the first
// call's. Nothing of it runs by itself.
func inOrder(limits Limits, conns ...*behaving) (*Client, func()) {
	c := &Client{
		limits: limits.withDefaults(), clock: machineClock{}, log: slog.New(slog.DiscardHandler), info: &routingv1.GatewayInfo{},
	}
	c.hedges = newBudget(c.limits.MaxHedges)
	c.alive, c.stop = context.WithCancel(context.Background())
	s := &endpoints{alive: c.alive, clock: c.clock, log: c.log, work: &c.work}
	var list []endpoint
	for i, cc := range conns {
		list = append(list, endpoint{Endpoint{Address: fmt.Sprint(i)}, &link{conn: cc}})
	}
	s.now.Store(&list)
	s.turn.Store(uint64(len(conns) - 1)) // the next turn is the first's
	c.endpoints = s
	return c, func() { c.stop(); c.work.Wait() }
}

func TestHowLongACallWaits(t *testing.T) {
	ms := time.Millisecond
	const never = time.Duration(-1)
	gone := status.Error(codes.Unavailable, "connection refused")
	for name, c := range map[string]struct {
		conns []*behaving
		want  string // who answers; empty: the table
		took  time.Duration
	}{
		"the first is well":                       {[]*behaving{{after: 3 * ms}, {after: 3 * ms}}, "0", 3 * ms},
		"slow, and the first all the same":        {[]*behaving{{after: 120 * ms}, {after: 50 * ms}}, "0", 120 * ms},
		"the first never answers":                 {[]*behaving{{after: never}, {after: 3 * ms}}, "1", 103 * ms},
		"two never answer":                        {[]*behaving{{after: never}, {after: never}, {after: 3 * ms}}, "2", 203 * ms},
		"the first fails at once":                 {[]*behaving{{err: gone}, {after: 3 * ms}}, "1", 3 * ms},
		"it fails while the hedge is under way":   {[]*behaving{{after: 110 * ms, err: gone}, {after: 50 * ms}}, "1", 150 * ms},
		"nobody ever answers: the table":          {[]*behaving{{after: never}, {after: never}}, "", 900 * ms},
		"one that never answers: the table":       {[]*behaving{{after: never}}, "", 900 * ms},
		"who is away is asked last":               {[]*behaving{{err: gone, away: true}, {after: 3 * ms}}, "1", 3 * ms},
		"all are away, one is slow to be noticed": {[]*behaving{{err: gone, away: true}, {after: never, away: true}}, "", 250 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, end := inOrder(Limits{}, c.conns...)
				defer end()
				var none *table
				client.table.Store(none.with(said(hours("lines/gold", gold, "dublin")), true, time.Now())) //nolint:forbidigo // the bubble's
				began := time.Now()                                                                        //nolint:forbidigo // the bubble's
				r, err := client.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "a", DialledNumber: gold})
				took := time.Since(began) //nolint:forbidigo // the bubble's
				if err != nil || r.Endpoint != c.want || (r.Source == SourceTable) != (c.want == "") || took != c.took {
					t.Errorf("answered by %q (%v) after %s, %v; want %q after %s", r.Endpoint, r.Source, took, err, c.want, c.took)
				}
			})
		})
	}
}

func TestAGatewayThatIsCutOffAnswersAtOnceButTheFirstTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, end := inOrder(Limits{}, &behaving{err: status.Error(codes.Unavailable, "connection refused"), away: true})
		defer end()
		ask := func() (*Route, time.Duration, error) {
			began := time.Now() //nolint:forbidigo // the bubble's
			r, err := c.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "a", DialledNumber: gold})
			return r, time.Since(began), err //nolint:forbidigo // the bubble's
		}
		if _, took, err := ask(); !errors.Is(err, ErrNoTable) || took != c.limits.CallTimeout {
			t.Errorf("without a table it goes on asking: %v after %s", err, took)
		}
		var none *table
		c.table.Store(none.with(said(hours("lines/gold", gold, "dublin")), true, time.Now())) //nolint:forbidigo // the bubble's
		began := time.Now()                                                                   //nolint:forbidigo // the bubble's
		r, err := c.ContinueCall(t.Context(), &routingv1.ContinueCallRequest{CallId: "a", DialledNumber: gold})
		if took := time.Since(began); err != nil || r.Source != SourceTable || took != c.limits.CallTimeout { //nolint:forbidigo // the bubble's
			t.Errorf("a call that goes on: %v, %v after %s", r, err, took)
		}
		c.cutOff.Store(false)
		for i, want := range []time.Duration{c.limits.UnreachedTimeout, 0, 0} {
			if r, took, err := ask(); err != nil || r.Source != SourceTable || took != want {
				t.Errorf("call %d: %v, %v after %s, want %s", i, r, err, took, want)
			}
		}
	})
}

func TestASilentProcessIsLeftAloneForLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// It answers health checks in no time, and calls never: a defect that health does not show.
		sick := &behaving{after: -1}
		c, end := inOrder(Limits{}, sick, &behaving{after: time.Millisecond})
		defer end()
		healthy := &checksOnly{sick}
		list := *c.endpoints.now.Load()
		list[0].conn = healthy
		slow := 0
		for range 600 { // two minutes, five calls a second
			began := time.Now() //nolint:forbidigo // the bubble's
			if _, err := c.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "a", DialledNumber: gold}); err != nil {
				t.Fatal(err)
			}
			if time.Since(began) > 50*time.Millisecond { //nolint:forbidigo // the bubble's
				slow++
			}
			<-time.After(200 * time.Millisecond)
		}
		if slow == 0 || slow > 40 {
			t.Errorf("%d of 600 calls waited for it", slow)
		}
	})
}

// checksOnly answers health checks at once.
type checksOnly struct{ *behaving }

func (c *checksOnly) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if method == "/grpc.health.v1.Health/Check" {
		return nil
	}
	return c.behaving.Invoke(ctx, method, args, reply, opts...)
}

// Whatever the processes do: an answer comes within CallTimeout, from routing where any process asked in time would give one
// within what is left, and nobody is asked more often than MaxTries.
func TestACallIsAnsweredInTimeWhateverTheProcessesDo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(rt, "processes")
		var conns []*behaving
		for range n {
			conns = append(conns, &behaving{
				after: time.Duration(rapid.IntRange(-1, 700).Draw(rt, "ms")) * time.Millisecond,
				err: rapid.SampledFrom([]error{
					nil, nil, status.Error(codes.Unavailable, "away"), status.Error(codes.Internal, "a defect"),
				}).Draw(rt, "err"),
				away: rapid.IntRange(0, 4).Draw(rt, "away") == 0,
			})
			if cc := conns[len(conns)-1]; cc.after == -time.Millisecond {
				cc.after = -1
			}
		}
		limits := Limits{MaxHedges: rapid.IntRange(1, 4).Draw(rt, "hedges")}.withDefaults()
		known := rapid.Bool().Draw(rt, "known")
		synctest.Test(t, func(t *testing.T) {
			c, end := inOrder(limits, conns...)
			defer end()
			if known {
				var none *table
				c.table.Store(none.with(said(hours("lines/gold", gold, "dublin")), true, time.Now())) //nolint:forbidigo // the bubble's
			}
			began := time.Now() //nolint:forbidigo // the bubble's
			r, err := c.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "a", DialledNumber: gold})
			took := time.Since(began) //nolint:forbidigo // the bubble's
			asked := int64(0)
			for _, cc := range conns {
				if !cc.away { // asking whoever is away costs nobody anything
					asked += cc.asked.Load()
				}
			}
			switch {
			case took > limits.CallTimeout:
				rt.Errorf("after %s", took)
			case asked > int64(limits.MaxTries):
				rt.Errorf("%d were asked", asked)
			case known && err != nil, !known && err != nil && !errors.Is(err, ErrNoTable):
				rt.Errorf("%v", err)
			case err == nil && (r.Source == SourceTable) != (r.Endpoint == ""):
				rt.Errorf("%+v", r)
			}
			if first := conns[0]; !first.away && first.err == nil && first.after >= 0 && first.after <= 400*time.Millisecond && (err != nil || r.Source != SourceRouting) {
				rt.Errorf("the first would have answered within %s: %+v, %v", first.after, r, err)
			}
		})
	})
}

// A cluster that has too much to do is not asked by everybody four times over: the table knows.
func TestACallIsNotAskedEverywhereOfACongestedCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := status.Error(codes.ResourceExhausted, "more than 500 requests a second of one peer")
		conns := []*behaving{{err: busy}, {err: busy}, {err: busy}, {err: busy}}
		c, end := inOrder(Limits{MaxHedges: 10}, conns...)
		defer end()
		var none *table
		c.table.Store(none.with(said(hours("lines/gold", gold, "dublin")), true, time.Now())) //nolint:forbidigo // the bubble's
		const calls = 200
		for range calls {
			if r, err := c.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "a", DialledNumber: gold}); err != nil || r.Source != SourceTable {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		asked := int64(0)
		for _, cc := range conns {
			asked += cc.asked.Load()
		}
		if asked > calls+10 {
			t.Errorf("%d calls were asked %d times", calls, asked)
		}
		// One that is well is found all the same while that is rare, and by whoever has no table.
		conns[1].err = nil
		if r, err := c.RouteCall(t.Context(), &routingv1.RouteCallRequest{CallId: "a", DialledNumber: "+61255500199"}); err != nil || r.Endpoint != "1" {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
