//go:build unix

package simulation

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shardYears is how many years one simulation lives through at most; more are more simulations, each with a seed of its own.
const shardYears = 2

// gcPercent lets the few megabytes that a simulation holds grow to some hundreds before they are looked through.
const gcPercent = 1600

// What `make simulate` sets.
var (
	yearsFlag = flag.Float64("years", 2, "how many years are simulated")
	seedFlag  = flag.Uint64("seed", 1, "the seed; a new one where 0")
	only      = flag.Int("shard", -1, "this shard alone, as a failing run names it; all where negative")
)

// shard is one simulation of many: its years begin anywhere within seven decades, for rules differ by year.
func shard(t testing.TB, seed uint64, n int, years float64) Config {
	t.Helper()
	cfg := config(t, seed+uint64(n)*1_000_003, years)
	chance := rand.New(rand.NewPCG(cfg.Seed, 1)) //nolint:gosec // chance, not a secret
	cfg.Start = time.Date(2026+chance.IntN(65), 1, 1+chance.IntN(365), 0, 0, 0, 0, time.UTC)
	cfg.FaultsPerMonth = []float64{-1, 0.5, 2, 8, 30}[chance.IntN(5)] // none at all: logs grow until they are merged
	cfg.Processes = 2 + chance.IntN(3)
	return cfg
}

// Years of calls, of which each answer is held against the guarantees. A finding names the seed and the shard, with which
// the same run is seen again: go test -run TestYears -seed SEED -shard N -years YEARS.
func TestYears(t *testing.T) {
	unseenByRace(t)
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	first := *seedFlag
	if first == 0 {
		first = rand.Uint64N(1_000_000_000) //nolint:gosec // chance, not a secret
	}
	shards := max(min(2, int(*yearsFlag)), int(*yearsFlag/shardYears+0.999), 1)
	length := *yearsFlag / float64(shards)
	t.Logf("seed %d: %d times %.3g years", first, shards, length)
	began, working := time.Now(), processor(t) //nolint:forbidigo // how fast this machine is
	var mu sync.Mutex
	var all Counts
	hashes := ""
	work := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), shards) {
		workers.Go(func() {
			for n := range work {
				r, err := Run(shard(t, first, n, length))
				mu.Lock()
				report(t, first, n, r, err)
				all.add(&r.Counts)
				if *only >= 0 {
					hashes = r.Hash
				}
				mu.Unlock()
			}
		})
	}
	for n := range shards {
		if *only < 0 || n == *only {
			work <- n
		}
	}
	close(work)
	workers.Wait()
	took, worked := time.Since(began), processor(t)-working //nolint:forbidigo // how fast this machine is
	lived := length * float64(shards)
	if *only >= 0 {
		lived = length
	}
	t.Logf("%.3g years in %v, %v of processors: %.2f years a second, %.2f a second of a processor %s\n%s", lived,
		took.Round(time.Millisecond), worked.Round(time.Millisecond), lived/took.Seconds(), lived/worked.Seconds(), hashes, all.String())
}

func report(t *testing.T, seed uint64, n int, r Result, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("seed %d, shard %d: %v", seed, n, err)
	}
	for _, f := range r.Findings {
		t.Errorf("seed %d, shard %d: %v", seed, n, f)
	}
	if len(r.Findings) > 0 {
		t.Errorf("to see it again: make simulate YEARS=%v SEED=%d SHARD=%d (trace %s)", *yearsFlag, seed, n, r.Hash)
	}
}

// processor is what this process has had of the processors: others may have had more of them.
func processor(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkYear(b *testing.B) {
	working := processor(b)
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	calls := 0
	for n := range b.N {
		cfg := config(b, uint64(n)+1, 1)
		r, err := Run(cfg)
		if err != nil || len(r.Findings) > 0 {
			b.Fatal(err, fmt.Sprint(r.Findings))
		}
		calls += r.Counts.Calls
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "years/s")
	b.ReportMetric(float64(b.N)/(processor(b)-working).Seconds(), "years/processor-s")
	b.ReportMetric(float64(calls)/float64(b.N), "calls/year")
}
