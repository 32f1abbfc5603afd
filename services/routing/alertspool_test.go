package routing

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/spool"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// process is the alerts of one process, with a disk.
type process struct {
	*alerts
	dir   string
	spool *spool.Spool
	// failing: the disk takes what it is given, and syncs nothing.
	failing *atomic.Bool
	stop    func()
}

// disk is a spool on a disk that may fail, and is waited for, however busy this machine is.
type disk struct {
	*spool.Spool
	failing *atomic.Bool
}

// Sync fails where the disk does.
func (d disk) Sync(ctx context.Context, at spool.Mark) error {
	if d.failing.Load() {
		return spool.ErrFailed
	}
	return d.Spool.Sync(context.WithoutCancel(ctx), at)
}

func (d disk) Delivered(ctx context.Context, at spool.Mark) error {
	return d.Spool.Delivered(context.WithoutCancel(ctx), at)
}

// begin starts a process on a directory, with the view's alerts empty: etcd may be away.
func begin(t testing.TB, dir string, store alertStore, clk clock.Clock) *process {
	t.Helper()
	s, err := spool.Open(spool.Config{Dir: dir, SegmentBytes: 32 << 10, MaxBytes: 1 << 20, Clock: clk, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	deps, failing := quietDeps(clk), &atomic.Bool{}
	deps.AlertSpool = disk{s, failing}
	a, err := newAlerts(store, deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { a.run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(func() { stop(); _ = s.Close() })
	return &process{a, dir, s, failing, stop}
}

// killed is a directory as a process leaves it that is killed now.
func (p *process) killed(t testing.TB) string {
	t.Helper()
	p.stop() // nothing is told to the spool any more, and it is not closed
	return await.Copy(t, p.dir)
}

// shown is the alerts listed, with where each is kept.
func (p *process) shown(t testing.TB) map[string]routingv1.Durability {
	t.Helper()
	list, err := p.ListAlerts(context.Background(), &routingv1.ListAlertsRequest{IncludeResolved: true})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]routingv1.Durability{}
	for _, a := range list.GetAlerts() {
		all[strings.TrimPrefix(a.GetName(), alert.Names)] = a.GetDurability()
	}
	return all
}

func message(i int, clk clock.Clock) *decision {
	return nobody("gold", clk.Now(), &routingv1.Recording{Uri: fmt.Sprint("https://edge.example/", i)})
}

// TestAMessageIsOnDiskBeforeItIsSaid: with etcd gone the caller is told that it is taken, never that it is committed; it
// survives a kill, is listed as what it is, and stands in etcd once it is back, once.
func TestAMessageIsOnDiskBeforeItIsSaid(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	p := begin(t, t.TempDir(), store, clk)
	for range 3 { // a gateway that heard no answer asks again
		if got := p.messageLeft(t.Context(), message(1, clk)); got != spooled {
			t.Fatalf("with etcd gone: %v", got)
		}
	}
	p.decided(t.Context(), nobody("silver", clk.Now(), nil))
	id := seenOf(alert.MessageLeft, message(1, clk)).ID()
	want := map[string]routingv1.Durability{id: spooled, "nobody-answered-silver": spooled}
	if got := p.shown(t); !maps.Equal(got, want) {
		t.Errorf("listed %v", got)
	}
	if n := p.spool.Stats().Appended; n != 2 {
		t.Errorf("%d are kept, of 2", n)
	}
	next := begin(t, p.killed(t), store, clk)
	if got := next.shown(t); !maps.Equal(got, want) {
		t.Errorf("listed after a kill, with etcd gone: %v", got)
	}
	if got := next.messageLeft(t.Context(), message(1, clk)); got != spooled {
		t.Errorf("told again to the next process: %v", got)
	}
	store.goAway(false)
	await.True(t, "all is in etcd", func() bool {
		clk.Advance(time.Second)
		return maps.Equal(next.shown(t), map[string]routingv1.Durability{id: committed, "nobody-answered-silver": committed})
	})
	if store.revision != 2 || store.stands(t, id).GetRecordingUri() != "https://edge.example/1" {
		t.Errorf("%d writes, %v", store.revision, store.stands(t, id))
	}
	await.True(t, "nothing waits", func() bool { clk.Advance(time.Second); return next.spool.Stats().Pending == 0 })
	if got := next.messageLeft(t.Context(), message(1, clk)); got != committed {
		t.Errorf("told again: %v", got)
	}
	if got := next.messageLeft(t.Context(), message(2, clk)); got != committed {
		t.Errorf("with etcd there: %v", got)
	}
}

// TestEtcdHasItAsSoonAsItIsHeardAgain: whoever is to be told of a message does not wait for the next try. What is read from
// disk is not etcd.
func TestEtcdHasItAsSoonAsItIsHeardAgain(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	p := begin(t, t.TempDir(), store, clk)
	p.messageLeft(t.Context(), message(1, clk))
	await.True(t, "etcd is seen to be away", func() bool { return !p.spool.Stats().AwaySince.IsZero() })
	store.goAway(false)
	p.heard(coord.Batch{Heard: viewtest.At(0)})
	if len(store.all()) != 0 {
		t.Error("written before it was heard")
	}
	await.True(t, "it is written, the clock standing still", func() bool {
		p.heard(coord.Batch{})
		return len(store.all()) == 1
	})
}

// TestWhatWaitsCanBeResolvedAsSoonAsEtcdIsBack, and is not opened again by what is delivered afterwards.
func TestWhatWaitsCanBeResolvedAsSoonAsEtcdIsBack(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	p := begin(t, t.TempDir(), store, clk)
	p.decided(t.Context(), nobody("gold", clk.Now(), nil))
	resolve := &routingv1.ResolveAlertRequest{Name: "alerts/nobody-answered-gold", ResolvedBy: "anna"}
	if _, err := p.ResolveAlert(t.Context(), resolve); err == nil {
		t.Error("resolved with etcd gone")
	}
	await.True(t, "etcd is seen to be away", func() bool {
		clk.Advance(time.Millisecond) // nobody waits for a delivery, so that it lingers
		return !p.spool.Stats().AwaySince.IsZero()
	})
	store.goAway(false) // before it is tried again
	if a, err := p.ResolveAlert(t.Context(), resolve); err != nil || a.GetResolvedBy() != "anna" {
		t.Fatalf("%v, %v", a, err)
	}
	await.True(t, "nothing waits", func() bool { clk.Advance(time.Second); return p.spool.Stats().Pending == 0 })
	if a := store.stands(t, "nobody-answered-gold"); a.GetResolvedBy() != "anna" || store.revision != 2 {
		t.Errorf("%d writes, %v", store.revision, a)
	}
}

// TestAMessageIsNotSaidTakenOnADiskThatFails: then it is tried in memory, or was never taken, and a person is rung.
func TestAMessageIsNotSaidTakenOnADiskThatFails(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	p := begin(t, t.TempDir(), store, clk)
	p.failing.Store(true)
	if got := p.messageLeft(t.Context(), message(1, clk)); got != 0 {
		t.Errorf("the disk fails: %v", got)
	}
	p.failing.Store(false)
	p.stop()
	if err := p.spool.Close(); err != nil {
		t.Fatal(err)
	}
	if got := p.messageLeft(t.Context(), message(2, clk)); got != 0 {
		t.Errorf("no spool: %v", got)
	}
	store.goAway(false)
	if got := p.messageLeft(t.Context(), message(3, clk)); got != committed {
		t.Errorf("no spool, and etcd is there: %v", got)
	}
}

// TestWhatIsKeptIsBounded: beyond that a message is not said to be taken, and what is no alert is set aside.
func TestWhatIsKeptIsBounded(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	p := begin(t, t.TempDir(), store, clk)
	if _, err := p.spool.Append([]byte("no alert")); err != nil {
		t.Fatal(err)
	}
	for i := range maxPendingAlerts {
		await.True(t, "room in the spool", func() bool {
			_, err := p.keep(seenOf(alert.MessageLeft, message(i, clk)))
			return err == nil
		})
	}
	if got := p.messageLeft(t.Context(), message(maxPendingAlerts, clk)); got != 0 || len(p.shown(t)) > maxPendingAlerts {
		t.Errorf("more are kept than may be: %v", got)
	}
	store.goAway(false)
	await.True(t, "all is in etcd", func() bool {
		clk.Advance(time.Second)
		return p.spool.Stats().Pending == 0 && len(store.all()) >= maxPendingAlerts
	})
	if n := p.spool.Stats().Refused; n != 1 {
		t.Errorf("%d are set aside", n)
	}
}

// TestMessagesSurviveAnythingProperty: whatever comes of etcd and of the process, a message that a caller was told is taken
// stands in etcd in the end, written once; and none was said to be committed that was not.
func TestMessagesSurviveAnythingProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store, clk := newCells(), clock.NewManual(viewtest.At(1))
		p := begin(t, t.TempDir(), store, clk)
		told := map[string]bool{}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"message", "message", "message", "away", "back", "kill", "later"}).Draw(r, "what") {
			case "message":
				c := message(rapid.IntRange(0, 5).Draw(r, "which"), clk)
				id := seenOf(alert.MessageLeft, c).ID()
				switch got := p.messageLeft(context.Background(), c); {
				case got == 0:
					r.Fatal("neither in etcd nor on disk")
				case got == committed && store.stands(t, id) == nil && !store.isAway():
					r.Fatal("said to be committed")
				}
				told[id] = true
			case "away":
				store.goAway(true)
			case "back":
				store.goAway(false)
			case "kill":
				p = begin(t, p.killed(t), store, clk)
			case "later":
				clk.Advance(time.Duration(rapid.IntRange(0, 20_000).Draw(r, "ms")) * time.Millisecond)
			}
			for id := range told {
				if _, there := p.shown(t)[id]; !there && store.stands(t, id) == nil && !store.isAway() {
					r.Fatalf("%s is nowhere", id)
				}
			}
		}
		store.goAway(false)
		await.True(t, "all is in etcd", func() bool {
			clk.Advance(time.Second)
			return p.spool.Stats().Pending == 0
		})
		if got := store.all(); len(got) != len(told) || store.revision != int64(len(told)) {
			r.Fatalf("%d were told, %d stand, by %d writes", len(told), len(got), store.revision)
		}
		for _, id := range slices.Sorted(maps.Keys(told)) {
			if store.stands(t, id) == nil {
				r.Fatalf("%s is lost", id)
			}
		}
	})
}
