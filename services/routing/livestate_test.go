package routing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/rpc"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/routing/internal/reach"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// shelf is etcd as live state has it: what stands at each key that is held.
type shelf struct {
	Store
	mu   sync.Mutex
	keys map[string]*routingv1.LiveRecord
}

func (s *shelf) HoldEvery(ctx context.Context, _ func() time.Duration, key string, value func() []byte, changed <-chan struct{}) error {
	for {
		var r routingv1.LiveRecord
		if err := proto.Unmarshal(value(), &r); err != nil {
			return err
		}
		s.mu.Lock()
		s.keys[key] = &r
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.keys, key)
			return ctx.Err()
		}
	}
}

func (s *shelf) at(key string) *routingv1.LiveRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

type liveBench struct {
	*liveState
	shelf *shelf
	clock *clock.Manual
}

func newLiveBench(t testing.TB) liveBench {
	t.Helper()
	b := liveBench{shelf: &shelf{keys: map[string]*routingv1.LiveRecord{}}, clock: clock.NewManual(time.Unix(1795305600, 0))}
	l, err := newLiveState(Deps{
		Store: b.shelf, Instance: "r-1", Clock: b.clock, Logger: slog.New(slog.DiscardHandler), MeterProvider: noop.NewMeterProvider(),
	}, &view.Current{})
	if err != nil {
		t.Fatal(err)
	}
	b.liveState = l
	return b
}

func (b liveBench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.liveState.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// down is how many targets the process says are unreachable.
func (b liveBench) down() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.own.reach.Down()
}

// tried is an attempt at a target that ended at an instant; at none where it is zero.
func tried(uri string, d routingv1.Disposition, at time.Time) attempted {
	a := &routingv1.Attempt{TargetId: "t", Disposition: d}
	if !at.IsZero() {
		a.EndTime = timestamppb.New(at)
	}
	return attempted{target: &routingv1.RouteTarget{TargetId: "t", Target: publishedTarget(uri)}, attempt: a}
}

const aTarget = "sip:support@dublin.example.com"

func TestWhatAttemptsFoundUnreachableIsSaidByTheProcess(t *testing.T) {
	b := newLiveBench(t)
	b.run(t)
	key := "routing/live/processes/r-1"
	failed := func(at time.Time) {
		b.attempted("sbc-1", []attempted{tried(aTarget, routingv1.Disposition_DISPOSITION_UNREACHABLE, at)})
	}
	began := b.clock.Now()
	failed(began.Add(-5 * time.Second))
	failed(began.Add(-5 * time.Second)) // told twice, by ContinueCall and by ReportCall
	failed(began.Add(-2 * time.Minute)) // too late to say anything
	failed(began.Add(-9 * time.Second)) // out of order
	if b.down() != 0 {
		t.Error("one failure, told four times, sets a target behind")
	}
	failed(time.Time{}) // without a time: now
	await.True(t, "the process to say so", func() bool {
		b.clock.Advance(100 * time.Millisecond)
		_, down := b.shelf.at(key).GetUnreachable()[aTarget]
		return down
	})
	if since := b.shelf.at(key).GetUnreachable()[aTarget]; since != began.Add(-5*time.Second).Unix() {
		t.Errorf("unreachable since %d", since)
	}
	b.attempted("sbc-2", []attempted{tried(aTarget, routingv1.Disposition_DISPOSITION_BUSY, b.clock.Now())})
	if b.down() != 1 {
		t.Error("one success brings it back")
	}
	recovering := b.clock.Now()
	await.True(t, "the key to go when nothing is unreachable", func() bool {
		b.clock.Advance(100 * time.Millisecond)
		return b.shelf.at(key) == nil
	})
	if took := b.clock.Now().Sub(recovering); took < reach.RecoverAfter {
		t.Errorf("back after %v", took)
	}
	// And again, with the same key.
	failed(b.clock.Now())
	b.clock.Advance(time.Second)
	failed(b.clock.Now())
	await.True(t, "the process to say so again", func() bool {
		b.clock.Advance(100 * time.Millisecond)
		return len(b.shelf.at(key).GetUnreachable()) == 1
	})
}

// A ladder is told of as a whole: what could not be reached at its beginning is remembered though it rang for minutes.
func TestALongLadderIsToldOfLate(t *testing.T) {
	b := newLiveBench(t)
	late := func(d routingv1.Disposition, age time.Duration) int {
		b.attempted("sbc-1", []attempted{tried(aTarget, d, b.clock.Now().Add(-age))})
		return b.own.reach.Len()
	}
	if late(routingv1.Disposition_DISPOSITION_UNREACHABLE, maxAttemptAge) != 0 {
		t.Error("what is too old says something")
	}
	if late(routingv1.Disposition_DISPOSITION_UNREACHABLE, 3*time.Minute) != 1 {
		t.Error("a failure at the beginning of a long ladder says nothing")
	}
	if late(routingv1.Disposition_DISPOSITION_BUSY, 2*time.Minute) != 1 {
		t.Error("what was reached before it failed takes the failure back")
	}
	if due := b.own.reach.Due(b.clock.Now(), probeInterval, 1); len(due) != 1 {
		t.Error("nobody is asked to probe it")
	}
	b.clock.Advance(reach.ForgetAfter)
	b.tick()
	if b.own.reach.Len() != 0 {
		t.Error("it is remembered for longer than others")
	}
}

func TestOnlyWhatSaysSomethingOfATargetCounts(t *testing.T) {
	b := newLiveBench(t)
	for _, d := range []routingv1.Disposition{
		routingv1.Disposition_DISPOSITION_UNSPECIFIED, routingv1.Disposition_DISPOSITION_ANSWERED,
		routingv1.Disposition_DISPOSITION_BUSY, routingv1.Disposition_DISPOSITION_NO_ANSWER,
		routingv1.Disposition_DISPOSITION_DECLINED, routingv1.Disposition_DISPOSITION_NOT_ACCEPTED,
		routingv1.Disposition_DISPOSITION_CALLER_GONE, 99,
	} {
		for range 3 {
			b.clock.Advance(time.Second)
			b.attempted("sbc-1", []attempted{tried(aTarget, d, b.clock.Now()), {attempt: &routingv1.Attempt{Disposition: d}}})
		}
		if b.own.reach.Len() != 0 {
			t.Errorf("%v: something is remembered", d)
		}
	}
	// An instant that has not come is now.
	for range 2 {
		b.clock.Advance(time.Second)
		b.attempted("sbc-1", []attempted{tried(aTarget, routingv1.Disposition_DISPOSITION_UNREACHABLE, b.clock.Now().Add(time.Hour))})
	}
	b.clock.Advance(reach.ForgetAfter)
	b.tick()
	if b.own.reach.Len() != 0 {
		t.Error("a failure of the future outlasts a minute of silence")
	}
}

func TestAProcessRemembersSoManyFailedTargetsOfAllItsGateways(t *testing.T) {
	b := newLiveBench(t)
	b.run(t)
	for g := range 20 {
		gw, s, err := b.admit(t.Context(), &routingv1.GatewayInfo{GatewayId: fmt.Sprintf("sbc-%d", g)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			err := b.takeReachability(gw, s, &routingv1.TargetReachability{Target: publishedTarget(fmt.Sprintf("sip:%d@example.com", i))})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := b.writeInterval(); got != liveWriteInterval {
		t.Errorf("twenty gateways are heard of every %v", got)
	}
	if b.tracked > maxTrackedTargets || b.count().gateways != 20 {
		t.Errorf("%d targets are remembered, of %d gateways", b.tracked, b.count().gateways)
	}
	b.clock.Advance(2 * reach.ForgetAfter)
	await.True(t, "all to be forgotten", func() bool {
		b.clock.Advance(time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.tracked == 0
	})
}

// TestLiveStateKeepsItsBooks: whatever gateways and calls say, what is counted is what is there.
func TestLiveStateKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newLiveBench(t)
		begun := make(chan struct{})
		go func() {
			for {
				select {
				case <-b.begin:
				case <-begun:
					return
				}
			}
		}()
		defer close(begun)
		type one struct {
			g *gateway
			s *session
		}
		var streams []one
		name := rapid.Map(rapid.IntRange(0, 5), func(i int) string { return fmt.Sprintf("sip:%d@example.com", i) })
		for range rapid.IntRange(1, 100).Draw(rt, "events") {
			switch kind := rapid.IntRange(0, 5).Draw(rt, "kind"); {
			case kind == 0:
				id := fmt.Sprintf("sbc-%d", rapid.IntRange(0, 3).Draw(rt, "gateway"))
				g, s, err := b.admit(t.Context(), &routingv1.GatewayInfo{GatewayId: id})
				if err != nil {
					rt.Fatal(err)
				}
				streams = append(streams, one{g, s})
			case kind == 1 && len(streams) > 0:
				i := rapid.IntRange(0, len(streams)-1).Draw(rt, "stream")
				b.leave(t.Context(), streams[i].g, streams[i].s)
				streams = append(streams[:i], streams[i+1:]...)
			case kind == 2:
				b.clock.Advance(time.Duration(rapid.IntRange(1, 70).Draw(rt, "seconds")) * time.Second)
				b.tick()
			case kind == 3:
				d := routingv1.Disposition(rapid.Int32Range(0, 7).Draw(rt, "disposition"))
				b.attempted("sbc", []attempted{tried(name.Draw(rt, "target"), d, b.clock.Now())})
			case len(streams) > 0:
				st := streams[rapid.IntRange(0, len(streams)-1).Draw(rt, "stream")]
				err := b.takeReachability(st.g, st.s, &routingv1.TargetReachability{
					Target: publishedTarget(name.Draw(rt, "target")), Reachable: rapid.Bool().Draw(rt, "reachable"),
					Since: timestamppb.New(b.clock.Now().Add(-time.Duration(rapid.IntRange(-5, 20).Draw(rt, "since")) * time.Second)),
				})
				if err != nil {
					rt.Fatal(err)
				}
			}
			tracked, standing := b.own.reach.Len(), int64(0)
			for _, g := range b.gateways {
				tracked += g.reach.Len()
				if g.stands() {
					standing++
				}
			}
			if b.tracked != tracked || b.count().gateways != standing {
				rt.Fatalf("%d tracked, counted %d; %d gateways, counted %d", tracked, b.tracked, standing, b.count().gateways)
			}
		}
	})
}

// FuzzShownTarget: whatever a target looks like, no whole number of anybody is shown.
func TestNoNumberIsShownOfATarget(t *testing.T) {
	for text, want := range map[string]string{
		"+13035550141": "+13…41", "sip:+13035550141@gw.example.com": "sip:+13…41@gw.example.com",
		"sip:+13035550141;ext=7@gw.example.com;user=phone": "sip:+13…41@gw.example.com;user=phone",
		"sip:0255501234@gw.example.com":                    "sip:025…34@gw.example.com",
		"sip:anna@example.com":                             "sip:anna@example.com", "sip:x.example.com": "sip:x.example.com",
	} {
		if got := shownTarget(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

func FuzzShownTarget(f *testing.F) {
	for _, s := range []string{"+13035550141", "sip:+13035550141@gw.example.com", "sips:1-303-555-0141@x", "sip:anna@x", "sip:x", ":@", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, fine := target.Broken("target", publishedTarget(s)); !fine {
			return
		}
		_, user, _ := strings.Cut(s, ":")
		user, _, _ = strings.Cut(user, "@")
		if s[0] == '+' {
			user = s
		}
		number, ok := phone.ParseSignalled(user)
		if shown := shownTarget(s); ok && strings.Contains(shown, strings.TrimPrefix(number.String(), "+")) {
			t.Fatalf("%q is shown as %q", s, shown)
		}
	})
}

// FuzzGatewayEvent: whatever a gateway sends, it is taken in or refused, and what is said of it can be read by a view.
func FuzzGatewayEvent(f *testing.F) {
	for _, e := range []*routingv1.ConnectGatewayRequest{
		{}, {Event: &routingv1.ConnectGatewayRequest_Hello{}},
		{Event: &routingv1.ConnectGatewayRequest_ActiveCalls{ActiveCalls: &routingv1.ActiveCalls{Calls: map[string]int32{"sites/a": 2}}}},
		{Event: &routingv1.ConnectGatewayRequest_Reachability{Reachability: &routingv1.TargetReachability{Target: publishedTarget(aTarget)}}},
		{Event: &routingv1.ConnectGatewayRequest_TaskResult{TaskResult: &routingv1.TaskResult{TaskId: "1"}}},
	} {
		b, err := proto.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b := newLiveBench(t)
		go func() { <-b.begin }()
		g, s, err := b.admit(t.Context(), &routingv1.GatewayInfo{GatewayId: "sbc-1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, sent := range [][]byte{first, second} {
			var e routingv1.ConnectGatewayRequest
			if proto.Unmarshal(sent, &e) != nil {
				return
			}
			if b.take(g, s, &e) != nil {
				break
			}
		}
		next := view.Next(nil)
		next.Put(g.key, b.record(g.held))
		if v, problems := next.View(1, b.clock.Now()); len(problems) > 0 || len(v.LiveReports()) != 1 {
			t.Fatalf("a view reads %v, %v", v.LiveReports(), problems)
		}
	})
}

// A gateway with a credential of its own speaks for itself: it cannot take another one's stream, nor say what that carries.
// Who may do more, like this machine's user, may speak for any.
func TestAGatewaySpeaksForItself(t *testing.T) {
	b := newLiveBench(t)
	b.run(t)
	sbc := rpc.NewPeer("spiffe://east.example/dayside/role/gateway/sbc-1", rpcv1.Role_ROLE_GATEWAY)
	for _, c := range []struct {
		peer rpc.Peer
		id   string
		ok   bool
	}{
		{sbc, "sbc-1", true}, {sbc, "sbc-1-b", true}, {sbc, "sbc-2", false}, {sbc, "sbc-10", false}, {rpc.Local(), "sbc-2", true},
		{rpc.NewPeer("SBC_3.east", rpcv1.Role_ROLE_GATEWAY), "sbc-3-east", true},
	} {
		_, _, err := b.admit(rpc.WithPeer(t.Context(), c.peer), &routingv1.GatewayInfo{GatewayId: c.id})
		if (err == nil) != c.ok || err != nil && fault.ReasonOf(err) != rpcv1.Reason_REASON_ROLE_REQUIRED {
			t.Errorf("%s as %s: %v", c.peer.ID, c.id, err)
		}
	}
}

func TestGatewaysAreToldInOrderOfName(t *testing.T) {
	b := view.Anew(nil)
	for _, key := range []string{"sbc-1@r-1", "sbc@r-2", "sbc@r-1"} {
		b.Put(view.LivePrefix+"gateways/"+key, nil)
	}
	now := time.Unix(1795305600, 0)
	v, _ := b.View(1, now)
	var current view.Current
	current.Store(v)
	s := &liveServer{current: &current, clock: clock.NewManual(now)}
	state, err := s.GetLiveState(t.Context(), &routingv1.GetLiveStateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range state.GetGateways() {
		got = append(got, g.GetGatewayId()+"@"+g.GetInstance())
	}
	if strings.Join(got, " ") != "sbc@r-1 sbc@r-2 sbc-1@r-1" {
		t.Errorf("%v", got)
	}
}
