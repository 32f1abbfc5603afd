package coord_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/coord/embed"
)

// patient is a clock on which nobody asks a second member, however slow the first one is: a lease more would be taken.
type patient struct{ clock.System }

func (patient) After(d time.Duration) <-chan time.Time {
	if d == coord.HedgeAfter {
		return nil
	}
	return clock.System{}.After(d)
}

// TestALeaseThatIsLostIsTakenAnew: as after a restore, or an hour without etcd.
func TestALeaseThatIsLostIsTakenAnew(t *testing.T) {
	t.Parallel() // it waits, and does nothing meanwhile

	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{srv.Endpoint()}, Clock: patient{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{srv.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	var holding sync.WaitGroup
	holding.Go(func() { _ = c.Hold(ctx, "held", func() []byte { return []byte("here") }, nil) })
	holding.Go(func() { _ = c.Announce(ctx, "routing", "p1", "127.0.0.1:1") })
	created := func() [2]int64 {
		var out [2]int64
		for i, key := range []string{"held", "discovery/routing/p1"} {
			if e, err := c.Get(t.Context(), key); err == nil {
				out[i] = e.CreateRevision
			}
		}
		return out
	}
	await.True(t, "both to be there", func() bool { n := created(); return n[0] > 0 && n[1] > 0 })
	before := created()
	leases, err := etcd.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases.Leases {
		if _, err := etcd.Revoke(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "both to be there again", func() bool { n := created(); return n[0] > before[0] && n[1] > before[1] })
	cancel()
	holding.Wait()
	if n := created(); n != [2]int64{} {
		t.Errorf("what was withdrawn still stands: %v", n)
	}
	if leases, err = etcd.Leases(t.Context()); err != nil || len(leases.Leases) != 0 {
		t.Errorf("leases are left: %v, %v", leases, err)
	}
}

// far is a way to addr that takes a while in each direction.
func far(t *testing.T, addr string, oneWay time.Duration) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			there, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
			if err != nil {
				_ = near.Close()
				continue
			}
			go carry(there, near, oneWay)
			go carry(near, there, oneWay)
		}
	}()
	return l.Addr().String()
}

// carry copies until an end is closed; what comes is handed on after a while, however much follows.
func carry(to, from net.Conn, after time.Duration) {
	type chunk struct {
		b   []byte
		due <-chan time.Time
	}
	way := make(chan chunk, 10_000)
	go func() {
		defer func() { _ = to.Close() }()
		for c := range way {
			<-c.due
			if _, err := to.Write(c.b); err != nil {
				_ = from.Close()
			}
		}
	}()
	defer close(way)
	for {
		b := make([]byte, 32<<10)
		n, err := from.Read(b)
		if n > 0 {
			way <- chunk{b[:n], clock.System{}.After(after)}
		}
		if err != nil {
			return
		}
	}
}

// TestALeaseIsHeldAcrossOceans: with 900 ms there and back, a key stays where it is.
func TestALeaseIsHeldAcrossOceans(t *testing.T) {
	t.Parallel() // it waits, and does nothing meanwhile

	srv, err := embed.Start(t.Context(), embed.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	client := func(addr string) *coord.Client {
		c, err := coord.Open(t.Context(), coord.Config{Endpoints: []string{addr}, Clock: clock.System{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	here, there := client(srv.Endpoint()), client(far(t, srv.Endpoint(), 450*time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	var holding sync.WaitGroup
	holding.Go(func() { _ = there.Hold(ctx, "held", func() []byte { return []byte("here") }, nil) })
	stands := func() int64 {
		e, _ := here.Get(t.Context(), "held")
		return e.CreateRevision
	}
	await.True(t, "the key to be there", func() bool { return stands() > 0 })
	first, until := stands(), clock.System{}.Now().Add(7*time.Second)
	await.True(t, "more than a lease's time to have passed", func() bool {
		if now := stands(); now != first {
			t.Fatalf("the key went: created at %d, and now at %d", first, now)
		}
		return clock.System{}.Now().After(until)
	})
	cancel()
	holding.Wait()
}
