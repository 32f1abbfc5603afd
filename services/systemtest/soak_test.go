package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/daysidehq/dayside/api/client"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

const (
	// soakMinutesEnv is what `make soak` sets.
	soakMinutesEnv = "DAYSIDE_SOAK_MINUTES"
	// soakShort is how long it lasts where no minutes are given, with a process killed each soakShortKill; else each minute.
	soakShort, soakShortKill = 16 * time.Second, 4 * time.Second
	// soakMeasure is how long the maximum is measured for, by soakCallers at once.
	soakMeasure, soakCallers = 3 * time.Second, 32
	// soakTick is how often calls are begun, and maxSoakCalls how many may be under way.
	soakTick, maxSoakCalls = 10 * time.Millisecond, 2000
	// soakReports: each so manieth call is reported.
	soakReports = 20
)

// soak counts calls.
type soak struct {
	c   *client.Client
	mu  sync.Mutex
	now soakCount
}

type soakCount struct {
	calls, byTable, late int
	// without a route that leads on, each with why; at most maxSoakErrors are kept.
	without int
	why     []string
	took    []time.Duration
}

const maxSoakErrors = 20

// TestSoak places calls at half of the maximum while a process is killed every minute. `make soak MINUTES=60`.
func TestSoak(t *testing.T) {
	unseenByRace(t)
	if testing.Short() {
		t.Skip("SKIP: it takes half a minute")
	}
	lasts, each := soakSettings(t)
	c := startChaosCluster(t, 1, false)
	rec := &recorder{Writer: history.NewWriter(discard{}), begin: clock.System{}.Now()}
	l := newChaosLoad(t, c, rec)
	s := &soak{c: l.newClient(t)}
	most := s.maximum(t)
	s.now = soakCount{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	killed := make(chan map[string]int, 1)
	go func() { killed <- l.killEach(ctx, t, each) }()
	s.steady(most/2, lasts)
	cancel()
	dead := <-killed
	slices.Sort(s.now.took)
	took := s.now.took
	t.Logf("%s: the maximum is %.0f calls a second; at half of it for %v: %d calls, %d without a route, %d by the gateway's table, %d late; "+
		"p50 %v, p99 %v, longest %v; %d retries, %d hedges; killed: %v", c.net.kind(), most, lasts, s.now.calls, s.now.without, s.now.byTable,
		s.now.late, took[len(took)/2], took[len(took)*99/100], took[len(took)-1], s.c.Stats().Retries, s.c.Stats().Hedges, dead)
	for _, why := range s.now.why {
		t.Error(why)
	}
	if s.now.without > 0 || len(dead) == 0 || s.now.calls == 0 {
		t.Errorf("%d of %d calls without a route; killed %v", s.now.without, s.now.calls, dead)
	}
}

func soakSettings(t testing.TB) (lasts, each time.Duration) {
	t.Helper()
	text := os.Getenv(soakMinutesEnv)
	if text == "" {
		return soakShort, soakShortKill
	}
	minutes, err := strconv.ParseFloat(text, 64)
	if err != nil || minutes < 1 || minutes > 1440 {
		t.Fatalf("%s=%s: must be minutes, 1 to 1440 (%v)", soakMinutesEnv, text, err)
	}
	return time.Duration(minutes * float64(time.Minute)), time.Minute
}

// discard is where the history of a soak goes: it is counted, not judged.
type discard struct{}

// Write keeps nothing.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// maximum is how many calls a second are answered while soakCallers always have one under way.
func (s *soak) maximum(t testing.TB) float64 {
	t.Helper()
	var clk clock.System
	var wg sync.WaitGroup
	began := clk.Now()
	for i := range soakCallers {
		wg.Go(func() {
			for n := 0; clk.Now().Sub(began) < soakMeasure; n++ {
				s.call(fmt.Sprintf("max-%d-%d", i, n), false)
			}
		})
	}
	wg.Wait()
	if s.now.without > 0 {
		t.Fatalf("calls without a route before anything was killed: %v", s.now.why)
	}
	return float64(s.now.calls) / clk.Now().Sub(began).Seconds()
}

// steady begins calls at a rate, whatever becomes of those before; what finds maxSoakCalls under way is late.
func (s *soak) steady(perSecond float64, lasts time.Duration) {
	var clk clock.System
	var wg sync.WaitGroup
	room := make(chan struct{}, maxSoakCalls)
	began := clk.Now()
	for n := 0; ; {
		elapsed := clk.Now().Sub(began)
		if elapsed >= lasts {
			break
		}
		for ; float64(n) < perSecond*elapsed.Seconds(); n++ {
			select {
			case room <- struct{}{}:
			default:
				s.mu.Lock()
				s.now.late++
				s.mu.Unlock()
				room <- struct{}{}
			}
			number := n // which goes on meanwhile
			wg.Go(func() {
				defer func() { <-room }()
				s.call(fmt.Sprintf("soak-%d", number), number%soakReports == 0)
			})
		}
		_ = pause(context.Background(), soakTick)
	}
	wg.Wait()
}

// call places one, and judges its answer.
func (s *soak) call(id string, report bool) {
	var clk clock.System
	began := clk.Now()
	route, err := s.c.RouteCall(context.Background(), &routingv1.RouteCallRequest{
		CallId: id, DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: exampleCaller},
	})
	took := clk.Now().Sub(began)
	why := ""
	if err != nil {
		why = err.Error()
	} else if targets := route.GetForward().GetTargets(); len(targets) == 0 || targets[0].GetSite() == "" {
		why = fmt.Sprintf("%d targets, the first of no site", len(targets))
	}
	s.mu.Lock()
	s.now.calls++
	s.now.took = append(s.now.took, took)
	if route != nil && route.Source == client.SourceTable {
		s.now.byTable++
	}
	if why != "" {
		if s.now.without++; len(s.now.why) < maxSoakErrors {
			s.now.why = append(s.now.why, id+": "+why)
		}
	}
	s.mu.Unlock()
	if report && why == "" {
		_, _ = s.c.ReportCall(context.Background(), &routingv1.ReportCallRequest{CallId: id, Continuation: route.GetContinuation()})
	}
}

// killEach kills one process after the other, of all there are, and starts it again.
func (l *chaosLoad) killEach(ctx context.Context, t testing.TB, each time.Duration) map[string]int {
	t.Helper()
	n := &nemesis{t: t, l: l, c: l.c, busy: map[string]bool{}}
	killed := map[string]int{}
	for list := []*chaosProcess(nil); pause(ctx, each/2); {
		if len(list) == 0 {
			list = slices.Clone(l.c.procs)
			rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			if len(killed) == 0 { // so that the shortest soak kills one that routes
				list = append(l.c.holding(host.Routing)[:1:1], list...)
			}
		}
		n.kill(list[0], min(each/4, 5*time.Second))
		killed[list[0].name]++
		list = list[1:]
		_ = pause(ctx, each/2-min(each/4, 5*time.Second))
	}
	return killed
}
