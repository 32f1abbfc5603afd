package coord_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// relay is a way to etcd that can be cut.
type relay struct {
	listener net.Listener

	mu    sync.Mutex
	to    string // "": cut
	conns map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); r.lead("") })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go r.carry(in)
		}
	}()
	return r
}

// lead cuts what goes through it, and leads to an address from now on.
func (r *relay) lead(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
	for c := range r.conns {
		_ = c.Close()
	}
	r.conns = map[net.Conn]bool{}
}

func (r *relay) carry(in net.Conn) {
	r.mu.Lock()
	to := r.to
	r.conns[in] = true
	r.mu.Unlock()
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
	if to == "" || err != nil {
		_ = in.Close()
		return
	}
	r.mu.Lock()
	r.conns[out] = true
	r.mu.Unlock()
	go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
	_, _ = io.Copy(out, in)
	_ = out.Close()
}

// member is an etcd with a client that has its own way to it.
func member(t *testing.T) (endpoint string, direct *coord.Client) {
	t.Helper()
	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv.Endpoint(), connect(t, srv.Endpoint())
}

func connect(t *testing.T, endpoint string) *coord.Client {
	t.Helper()
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{endpoint}, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// follower is one Follow of "v/", until the test ends.
type follower struct {
	mu      sync.Mutex
	lists   int
	truths  []coord.Truth
	values  map[string]string
	beats   int
	current int64
	// early are events that came after it was said that the state was further. old is the last batch said to be from before.
	early []string
	old   coord.Batch
}

func follow(t *testing.T, c *coord.Client) *follower {
	t.Helper()
	f := &follower{values: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Follow(ctx, coord.Prefix("v/"), f.apply) }()
	t.Cleanup(func() { cancel(); <-done })
	await.True(t, "the first list", func() bool { return f.seen(func() bool { return f.lists > 0 }) })
	return f
}

func (f *follower) apply(b coord.Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.Reset {
		f.lists++
		f.truths = append(f.truths, b.Truth)
		f.values = map[string]string{}
	}
	if len(b.Events) == 0 {
		f.beats++
	}
	if !b.Heard.IsZero() {
		f.old = b
	}
	for _, e := range b.Events {
		if !b.Reset && e.ModRevision <= f.current {
			f.early = append(f.early, fmt.Sprintf("%s at %d, after %d", e.Key, e.ModRevision, f.current))
		}
		if e.Value == nil {
			delete(f.values, e.Key)
		} else {
			f.values[e.Key] = string(e.Value)
		}
	}
	f.current = b.Revision
}

func (f *follower) seen(is func() bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return is()
}

func (f *follower) has(t *testing.T, key, value string) {
	t.Helper()
	await.True(t, key+" to be "+value, func() bool { return f.seen(func() bool { return f.values[key] == value }) })
}

func write(t *testing.T, c *coord.Client, key, value string) int64 {
	t.Helper()
	return commit(t, c, nil, coord.Put(key, []byte(value)))
}

// Fifty processes that were cut off for a moment come back without one list among them, and so do those that have given
// their watches up: each goes on where it was.
func TestWhoComesBackGoesOnWhereItWas(t *testing.T) {
	t.Run("for a moment", func(t *testing.T) { cutAndBack(t, 50, false) })
	t.Run("until watches are given up", func(t *testing.T) { cutAndBack(t, 15, true) })
}

// givenUp counts those that have said that etcd does not answer.
type givenUp struct {
	slog.Handler
	n *atomic.Int32
}

func (g givenUp) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "etcd does not answer") {
		g.n.Add(1)
	}
	return nil
}

func cutAndBack(t *testing.T, processes int, long bool) {
	t.Helper()
	endpoint, direct := member(t)
	write(t, direct, "v/a", "1")
	way := newRelay(t, endpoint)
	followers := make([]*follower, processes)
	var n atomic.Int32
	for i := range followers {
		c, err := coord.Open(t.Context(), coord.Config{
			Endpoints: []string{way.listener.Addr().String()}, Clock: clock.System{},
			Logger: slog.New(givenUp{slog.NewTextHandler(io.Discard, nil), &n}),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		followers[i] = follow(t, c)
	}
	way.lead("")
	write(t, direct, "v/a", "2")
	write(t, direct, "v/b", "1")
	if long {
		await.True(t, "all of them to give up", func() bool { return n.Load() == int32(processes) })
	}
	way.lead(endpoint)
	for _, f := range followers {
		f.has(t, "v/a", "2")
		f.has(t, "v/b", "1")
	}
	for i, f := range followers {
		if f.seen(func() bool { return f.lists != 1 }) {
			t.Errorf("process %d listed %d times", i, f.lists)
		}
	}
}

// After a long absence etcd tells what happened in parts, and says with each how far it is itself. What is known is further
// only with the last part: else a change is said to be in force that is not, and one more cut loses the rest for ever.
func TestWhatComesInPartsIsNotSaidBeforeItIsThere(t *testing.T) {
	const missed = 2100 // etcd tells of a thousand revisions at once
	endpoint, direct := member(t)
	write(t, direct, "v/a", "1")
	way := newRelay(t, endpoint)
	f := follow(t, connect(t, way.listener.Addr().String()))
	way.lead("")
	cut := clock.System{}.Now()
	var writing sync.WaitGroup
	for k := range 7 {
		writing.Go(func() {
			for i := range missed / 7 {
				put := []*rpcv1.Write{coord.Put(fmt.Sprintf("v/%d-%d", k, i), []byte("1"))}
				if _, err := direct.Commit(t.Context(), nil, put); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	way.lead(endpoint)
	await.True(t, "all that was missed", func() bool { return f.seen(func() bool { return len(f.values) > missed }) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.early) > 0 || f.lists != 1 || len(f.values) != missed+1 {
		t.Errorf("%d events came late, such as %q; %d lists, %d values", len(f.early), f.early[:min(len(f.early), 1)], f.lists,
			len(f.values))
	}
	if first := f.old; first.Revision == 0 || first.Heard.After(cut) || first.Revision >= f.current {
		t.Errorf("what came first is said to be from %v, and it was cut off at %v", first.Heard, cut)
	}
}

// Who missed more than a list is long lists: to be told of all of it takes etcd far longer.
func TestWhoMissedTooMuchLists(t *testing.T) {
	endpoint, direct := member(t)
	write(t, direct, "v/a", "1")
	way := newRelay(t, endpoint)
	var gaveUp atomic.Int32
	c, err := coord.Open(t.Context(), coord.Config{
		Endpoints: []string{way.listener.Addr().String()}, Clock: clock.System{},
		Logger: slog.New(givenUp{slog.NewTextHandler(io.Discard, nil), &gaveUp}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	const most = 200
	c.ListBehind(most)
	f := follow(t, c)
	way.lead("")
	for i := range most + 8 {
		write(t, direct, fmt.Sprintf("v/%d", i%8), fmt.Sprint(i))
	}
	await.True(t, "the watch to be given up", func() bool { return gaveUp.Load() > 0 })
	way.lead(endpoint)
	f.has(t, "v/7", fmt.Sprint(most+7))
	if f.seen(func() bool { return f.lists != 2 || len(f.values) != 9 }) {
		t.Errorf("%d lists, %v", f.lists, f.values)
	}
}

// What happened while a process was cut off was compacted: it lists, and what was deleted meanwhile is gone.
func TestWhatWasCompactedIsListed(t *testing.T) {
	endpoint, direct := member(t)
	write(t, direct, "v/gone", "1")
	way := newRelay(t, endpoint)
	f := follow(t, connect(t, way.listener.Addr().String()))
	way.lead("")
	commit(t, direct, nil, coord.Delete("v/gone"))
	revision := write(t, direct, "v/new", "1")
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	if _, err := etcd.Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	way.lead(endpoint)
	f.has(t, "v/new", "1")
	if f.seen(func() bool { return f.lists != 2 || len(f.values) != 1 || f.truths[0] != f.truths[1] }) {
		t.Errorf("after a compaction: %+v", f.values)
	}
}

// Behind the same address another etcd answers, as after a restored backup: whatever its revision, what was known before is
// gone, within seconds, and nothing of a mixture is ever seen.
func TestAnotherEtcdIsAnotherTruth(t *testing.T) {
	for name, writes := range map[string]int{"with fewer revisions": 0, "with more revisions": 40} {
		t.Run(name, func(t *testing.T) {
			first, direct := member(t)
			for i := range 20 {
				write(t, direct, "v/old", fmt.Sprint(i))
			}
			second, other := member(t)
			write(t, other, "v/new", "1")
			for range writes {
				write(t, other, "w/elsewhere", "")
			}
			way := newRelay(t, first)
			f := follow(t, connect(t, way.listener.Addr().String()))
			began := clock.System{}.Now()
			way.lead(second)
			f.has(t, "v/new", "1")
			if took := (clock.System{}).Now().Sub(began); took > 5*time.Second {
				t.Errorf("noticed after %v", took)
			}
			if f.seen(func() bool { return len(f.values) != 1 || f.truths[0] == f.truths[len(f.truths)-1] }) {
				t.Errorf("after another etcd: %v of %v", f.values, f.truths)
			}
			write(t, other, "v/new", "2")
			f.has(t, "v/new", "2")
		})
	}
}

// Of processes that begin at once one writes the epoch. It stays, and one that was written for another etcd does not.
func TestTheEpochOfACluster(t *testing.T) {
	endpoint, direct := member(t)
	truths := make(chan coord.Truth, 10)
	for range cap(truths) {
		c := connect(t, endpoint)
		go func() {
			truth, _, err := c.Head(context.Background())
			if err != nil {
				t.Error(err)
			}
			truths <- truth
		}()
	}
	first := await.Receive(t, "an epoch", truths)
	for range cap(truths) - 1 {
		if next := await.Receive(t, "an epoch", truths); next != first || next.Epoch == [16]byte{} {
			t.Errorf("one says %v, another %v", first, next)
		}
	}
	e, err := direct.Get(t.Context(), "cluster/epoch")
	if err != nil {
		t.Fatal(err)
	}
	_, other := member(t)
	commit(t, other, nil, coord.Put("cluster/epoch", e.Value)) // as in a backup
	truth, revision, err := other.Head(t.Context())
	if err != nil || truth.Epoch == first.Epoch || truth.ClusterID == first.ClusterID || truth.Epoch == [16]byte{} {
		t.Errorf("restored: %v and before %v, %v", truth, first, err)
	}
	if again, now, err := other.Head(t.Context()); err != nil || again != truth || now != revision {
		t.Errorf("again: %v at %d, %v", again, now, err)
	}
}
