package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	ledgerv1 "github.com/daysidehq/dayside/api/dayside/ledger/v1"
	"github.com/daysidehq/dayside/services/host"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/systemtest/internal/checker"
	"github.com/daysidehq/dayside/services/systemtest/internal/history"
)

const (
	// chaosSeedEnv and chaosMinutesEnv are what `make chaos` sets; chaosOutEnv is the folder that keeps the history.
	chaosSeedEnv, chaosMinutesEnv, chaosOutEnv = "DAYSIDE_CHAOS_SEED", "DAYSIDE_CHAOS_MINUTES", "DAYSIDE_CHAOS_OUT"
	// chaosFaultEnv is a part of the names of the faults to make; all where unset.
	chaosFaultEnv = "DAYSIDE_CHAOS_FAULT"
	// chaosShort is for how long faults are made where no minutes are given.
	chaosShort = 25 * time.Second
	// chaosLanes is how many faults are made at the same time, mostly; every chaosStorm-th round all lanes of a storm are.
	chaosLanes, chaosStormLanes, chaosStorm = 2, 5, 4
	// ledgerWithin is how long deliveries may take when all is well again.
	ledgerWithin = 60 * time.Second
)

// faultCount is how often a fault was tried, and for how long.
type faultCount struct {
	times int
	lasts time.Duration
	// skipped says why it was never made.
	skipped string
}

// TestChaos tries to break a cluster of three regions under load, and lets the checker judge what came of it. `make chaos
// MINUTES=10 SEED=7` runs it long. The seed chooses the faults; when they hit is the machine's doing too.
func TestChaos(t *testing.T) {
	unseenByRace(t)
	if testing.Short() {
		t.Skip("SKIP: it takes a minute")
	}
	seed, lasts := chaosSettings(t)
	c := startChaosCluster(t, seed, true)
	path, file := chaosFile(t, seed)
	rec := &recorder{Writer: history.NewWriter(file), begin: clock.System{}.Now()}
	rec.Add(history.Event{Run: &history.Run{
		Seed: seed, Network: c.net.kind(), Sites: chaosSites(), Routing: processNames(c.holding(host.Routing)),
	}})
	l := newChaosLoad(t, c, rec)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	l.start(ctx, t, 3)
	ch := l.startChanges()
	n := &nemesis{
		t: t, l: l, c: c, rng: rand.New(rand.NewPCG(seed, 2)), busy: map[string]bool{}, tried: map[string]*faultCount{}, //nolint:gosec // repeatable
	}
	n.run(lasts)
	c.awaitReady(t, func(*chaosProcess) bool { return true })
	ch.stop()
	cancel()
	l.wg.Wait()
	ch.finish()
	l.keep(t)
	if err := file.Close(); err != nil || rec.Err() != nil {
		t.Fatal(err, rec.Err())
	}
	judgeChaos(t, path, n, seed)
}

// chaosSettings are the seed, by chance where none is given, and for how long faults are made.
func chaosSettings(t testing.TB) (seed uint64, lasts time.Duration) {
	t.Helper()
	seed, lasts = 1, chaosShort // the same faults each time, for whoever changed something else
	if os.Getenv(chaosMinutesEnv) != "" {
		seed = rand.Uint64N(1_000_000)
	}
	if text := os.Getenv(chaosSeedEnv); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", chaosSeedEnv, err)
		}
	}
	if text := os.Getenv(chaosMinutesEnv); text != "" {
		minutes, err := strconv.ParseFloat(text, 64)
		if err != nil || minutes <= 0 || minutes > 600 {
			t.Fatalf("%s=%s: must be minutes, 600 at most (%v)", chaosMinutesEnv, text, err)
		}
		lasts = time.Duration(minutes * float64(time.Minute))
	}
	return seed, lasts
}

// chaosFile is where the history goes: a folder that is given, or one of its own, which goes unless the test fails.
func chaosFile(t testing.TB, seed uint64) (string, *os.File) {
	t.Helper()
	dir := os.Getenv(chaosOutEnv)
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "dayside-chaos"); err != nil { //nolint:usetesting // it outlives a test that fails
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if !t.Failed() {
				_ = os.RemoveAll(dir)
			}
		})
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("history-%d.jsonl", seed))
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, file
}

// run makes faults for a while, in lanes, and storms now and then.
func (n *nemesis) run(lasts time.Duration) {
	var deck []chaosFault
	for _, f := range chaosFaults() {
		n.tried[f.name] = &faultCount{skipped: f.needs(n)}
		if !strings.Contains(f.name, os.Getenv(chaosFaultEnv)) {
			n.tried[f.name].skipped = "not asked for"
		}
		if n.tried[f.name].skipped == "" {
			deck = append(deck, f)
		}
	}
	n.wait(time.Second)
	end := n.l.rec.now() + lasts
	next := len(deck)
	deal := func() (chaosFault, time.Duration) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if next == len(deck) {
			n.rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
			next = 0
		}
		next++
		return deck[next-1], time.Second + time.Duration(n.rng.Int64N(int64(3*time.Second)))
	}
	for round := 1; n.l.rec.now() < end; round++ {
		lanes := chaosLanes
		if round%chaosStorm == 0 {
			lanes = chaosStormLanes
		}
		var wg sync.WaitGroup
		for range lanes {
			f, d := deal()
			wg.Go(func() { n.make(f, d) })
		}
		wg.Wait()
		n.wait(time.Second)
	}
}

// busyTries is how often a fault is tried that finds its processes busy with another one, half a second apart.
const busyTries = 20

func (n *nemesis) make(f chaosFault, d time.Duration) {
	h := f.make(n, d)
	for try := 1; h == nil && try < busyTries; try++ {
		n.wait(500 * time.Millisecond)
		h = f.make(n, d)
	}
	if h == nil {
		return
	}
	h.Kind = f.name
	n.l.rec.Add(history.Event{Fault: h})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tried[f.name].times++
	n.tried[f.name].lasts += h.End - h.Begin
}

// keep reads every call from the ledger, and waits for those that are still on their way.
func (l *chaosLoad) keep(t testing.TB) {
	t.Helper()
	client := ledgerv1.NewLedgerServiceClient(l.admin[l.c.holding(host.Ledger)[0].name])
	end, soon := l.rec.now()+ledgerWithin, l.rec.now()+ledgerWithin/10
	var wg sync.WaitGroup
	limit := make(chan struct{}, 16)
	for _, id := range l.ids {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			k := &history.Kept{ID: id}
			for {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				c, err := client.GetCall(ctx, &ledgerv1.GetCallRequest{Name: "calls/" + id})
				cancel()
				if err == nil {
					k.Found, k.Attempts, k.Answered = true, len(c.GetAttempts()), c.GetOutcome() == ledgerv1.Outcome_OUTCOME_ANSWERED
					k.Steps = nil
					for _, s := range c.GetSteps() {
						k.Steps = append(k.Steps, s.GetNumber())
					}
				} else if status.Code(err) != codes.NotFound {
					t.Logf("the ledger of %s: %v", id, err) // and what is not found for it, is told of below
				}
				// A report may be there, and the decision still on its way. What SIP told from memory is in no ledger.
				sip := strings.HasPrefix(id, "sip")
				if k.Found && len(k.Steps) > 0 && (k.Answered || sip) || sip && l.rec.now() > soon || l.rec.now() > end {
					break
				}
				_ = pause(context.Background(), 200*time.Millisecond)
			}
			l.rec.Add(history.Event{Kept: k})
		})
	}
	wg.Wait()
}

// judgeChaos reads the history back, judges it, and prints the table.
func judgeChaos(t testing.TB, path string, n *nemesis, seed uint64) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	events, err := history.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	report := checker.Check(events, checker.DefaultLimits())
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %s, %d calls: %d answered, %d after another try, %d excused, %d by what gateways remember\n", seed,
		n.c.net.kind(), report.Calls, report.Answered, report.Retried, report.Excused, report.ByTable)
	fmt.Fprintf(&b, "%-34s %5s %9s %9s\n", "fault", "times", "seconds", "findings")
	for _, f := range chaosFaults() {
		count := n.tried[f.name]
		found := 0
		for _, v := range report.Violations {
			if slices.ContainsFunc(events, func(e history.Event) bool {
				return e.Fault != nil && e.Fault.Kind == f.name && e.Fault.Begin <= v.At && v.At <= e.Fault.End+checker.DefaultLimits().Recover
			}) {
				found++
			}
		}
		fmt.Fprintf(&b, "%-34s %5d %9.1f %9d %s\n", f.name, count.times, count.lasts.Seconds(), found, count.skipped)
	}
	for _, rule := range []checker.Rule{checker.OpenSite, checker.NextStep, checker.InForce, checker.Lost, checker.TrueAge} {
		fmt.Fprintf(&b, "%-34s judged %d times\n", rule, report.Judged[rule])
		if report.Judged[rule] == 0 {
			t.Errorf("%s was never judged: this run proves nothing of it", rule)
		}
	}
	if l := report.Lags; len(l) > 0 {
		fmt.Fprintf(&b, "seen in force after: median %v, p99 %v, last %v (%d; each process is asked every 50 ms)\n", l[len(l)/2],
			l[len(l)*99/100], l[len(l)-1], len(l))
	}
	t.Log(b.String())
	for i, v := range report.Violations {
		if i == 50 {
			t.Errorf("and %d more", len(report.Violations)-i)
			break
		}
		t.Error(v)
	}
	if t.Failed() {
		t.Errorf("the history is kept in %s; again: make chaos SEED=%d", path, seed)
	}
}
