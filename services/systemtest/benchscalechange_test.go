package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

const (
	// changesASecond is how many customers change, changesAtOnce of them in one transaction.
	changesASecond, changesAtOnce = 10_000, 50
	// changedFor is for how long calls are measured meanwhile.
	changedFor = 20 * time.Second
	// missedChanges are those that a process misses before they are compacted.
	missedChanges = 100_000
	// callEvery is between two calls.
	callEvery = 2 * time.Millisecond
)

// BenchmarkManyCustomersChanging is a process that routes with a million customers, and with what was counted of each (unless
// DAYSIDE_SCALE_USAGE=0): what it is resident at; and how long a caller waits, and how old is what is decided on, while
// nothing changes, while 10,000 of the customers change a second, and while all of them are listed anew besides, since what
// changed was compacted.
func BenchmarkManyCustomersChanging(b *testing.B) {
	etcd := startEtcd(b)
	v := startSurvivor(b, etcd.client)
	v.routing.kill(b)
	v.rest.kill(b)
	store, err := coord.Open(b.Context(), coord.Config{Endpoints: []string{etcd.client}, Clock: clock.System{}})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	n := scale(b)
	fillCustomers(b, store, n, false)
	if os.Getenv("DAYSIDE_SCALE_USAGE") != "0" {
		fill(b, store, n, scaleUsage)
	}
	for b.Loop() {
		tell(b, v.load(b, n).Seconds(), "s-from-etcd")
		tell(b, workedBy(v.routing.cmd.Process.Pid).Seconds(), "cpu-s-from-etcd")
		v.copied(b, n)
		<-clock.System{}.After(settledAfter)
		v.routing.reportMemory(b, "-with-usage")
		c := &churn{store: store, n: n}
		v.routing.forgetMost(b)
		c.during(b, v, "-still", func() { <-clock.System{}.After(changedFor) })
		stop := c.begin(b)
		v.routing.forgetMost(b)
		c.during(b, v, "-changing", func() { <-clock.System{}.After(changedFor) })
		v.routing.reportMemory(b, "-changing")
		stop()
		head := v.miss(b, etcd, c)
		v.routing.forgetMost(b)
		c.during(b, v, "-listing", func() { v.listedAnew(b, c, head) })
		<-clock.System{}.After(settledAfter)
		v.routing.reportMemory(b, "-listing")
		v.routing.kill(b)
	}
	b.ReportMetric(0, "ns/op")
}

// scaleUsage is what was counted of the i-th customer.
func scaleUsage(i int) (key string, value []byte, err error) {
	c := scaleCustomer(i)
	u := &publishedv1.Usage{Customer: c.GetId(), GoodwillUnixS: []int64{1_750_000_000, 1_751_000_000 + int64(i)}}
	for _, k := range c.GetContracts() {
		u.Contracts = append(u.Contracts, &publishedv1.ContractUsage{
			Contract: k.GetId(), FromUnixS: 1_750_000_000, ToUnixS: 1_752_600_000, Calls: int32(i % 9),
		})
	}
	value, err = published.Marshal(u)
	return published.UsagePrefix + "c-" + c.GetId(), value, err
}

// churn is customers that change.
type churn struct {
	store *coord.Client
	n     int

	mu    sync.Mutex
	made  []change // those that are not in force yet, as far as is known
	total int      // of customers that changed
}

// change is a transaction.
type change struct {
	revision int64
	at       time.Time
}

// begin has customers change until the answer is called.
func (c *churn) begin(b *testing.B) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	var work sync.WaitGroup
	const writers = 8
	pace := make(chan struct{}, changesASecond/changesAtOnce)
	for range writers {
		work.Go(func() {
			for range pace {
				if ctx.Err() == nil {
					c.some(b, changesAtOnce)
				}
			}
		})
	}
	work.Go(func() {
		defer close(pace)
		for ctx.Err() == nil {
			<-clock.System{}.After(time.Second * changesAtOnce / changesASecond)
			select {
			case pace <- struct{}{}:
			default:
			}
		}
	})
	return func() { cancel(); work.Wait() }
}

// some changes some customers, picked at random, by one transaction; it answers with its revision.
func (c *churn) some(b *testing.B, n int) (revision int64) {
	picked := map[int]bool{}
	var writes []*rpcv1.Write
	for len(writes) < n {
		i := rand.IntN(c.n)
		if picked[i] {
			continue
		}
		picked[i] = true
		changed := scaleCustomer(i)
		changed.DisplayName = fmt.Sprintf("Changed %d GmbH", rand.IntN(1_000_000))
		value, err := published.Marshal(changed)
		if err != nil {
			b.Error(err)
			return 0
		}
		writes = append(writes, coord.Put(published.CustomerPrefix+changed.GetId(), value))
	}
	revision, err := c.store.Commit(context.WithoutCancel(b.Context()), nil, writes)
	if err != nil {
		b.Error(err)
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made, c.total = append(c.made, change{revision, clock.System{}.Now()}), c.total+n
	return revision
}

func (c *churn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// unseen is since when there is a change that a view of a revision does not show; the zero time where it shows all.
func (c *churn) unseen(revision int64) (since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = slices.DeleteFunc(c.made, func(one change) bool { return one.revision <= revision })
	for _, one := range c.made {
		if since.IsZero() || one.at.Before(since) {
			since = one.at
		}
	}
	return since
}

// during reports how long callers wait while something is done, how old what is decided on is, and how many changes come.
func (c *churn) during(b *testing.B, v *survivor, when string, do func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	var took, old []time.Duration
	go func() {
		defer close(done)
		var clk clock.System
		client := routingv1.NewRoutingServiceClient(v.grpc)
		for ctx.Err() == nil {
			number := scaleCustomer(rand.IntN(c.n)).GetNumbers()[0]
			began := clk.Now()
			resp, err := client.RouteCall(b.Context(), &routingv1.RouteCallRequest{
				CallId: "scale", DialledNumber: exampleHiddenNumber, Caller: &routingv1.Caller{Number: fmt.Sprintf("+%d", number)},
			})
			ended := clk.Now()
			if err != nil {
				b.Error(err)
				return
			}
			took = append(took, ended.Sub(began))
			if since := c.unseen(resp.GetRoute().GetExplanation().GetViewRevision()); !since.IsZero() {
				old = append(old, max(ended.Sub(since), 0))
			} else {
				old = append(old, 0)
			}
			<-clk.After(callEvery)
		}
	}()
	began, before := clock.System{}.Now(), c.count()
	do()
	tell(b, float64(c.count()-before)/clock.System{}.Now().Sub(began).Seconds(), "changes/s"+when)
	cancel()
	<-done
	if len(took) == 0 {
		b.Fatal("no call")
	}
	for name, q := range map[string]float64{"median": 0.5, "p99": 0.99, "max": 1} {
		tell(b, quantile(took, q).Seconds()*1000, "ms-call-"+name+when)
		tell(b, quantile(old, q).Seconds()*1000, "ms-old-"+name+when)
	}
}

// miss stops the process while customers change, and compacts what it would have heard; it answers up to where.
func (v *survivor) miss(b *testing.B, etcd *etcdServer, c *churn) (head int64) {
	b.Helper()
	if err := v.routing.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		b.Fatal(err)
	}
	for range missedChanges / changesAtOnce {
		head = c.some(b, changesAtOnce)
	}
	out, err := exec.CommandContext(b.Context(), peer(b, "etcdctl"), "--endpoints", etcd.client, "compaction",
		strconv.FormatInt(head, 10)).CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	c.unseen(head) // that much it is behind for being stopped
	return head
}

// listedAnew has the stopped process go on, while customers change, and waits until it has listed all of them.
func (v *survivor) listedAnew(b *testing.B, c *churn, head int64) {
	b.Helper()
	defer c.begin(b)()
	began := clock.System{}.Now()
	if err := v.routing.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		b.Fatal(err)
	}
	client := routingv1.NewRoutingServiceClient(v.grpc)
	until(b, "a list anew", func() bool { return decidesAt(b, client) >= head })
	tell(b, clock.System{}.Now().Sub(began).Seconds(), "s-listed-anew")
	<-clock.System{}.After(changedFor / 2)
}

// forgetMost has the process's greatest resident size begin anew (proc(5), clear_refs).
func (r *released) forgetMost(b *testing.B) {
	b.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", r.cmd.Process.Pid), []byte("5"), 0o600); err != nil {
		b.Fatal(err)
	}
}
