package routing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/routing/internal/alert"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const committed, spooled = routingv1.Durability_DURABILITY_COMMITTED, routingv1.Durability_DURABILITY_SPOOLED

// cells is etcd as alerts see it.
type cells struct {
	mu       sync.Mutex
	revision int64
	values   map[string]coord.Entry
	away     bool
	tries    int
	// before runs once, between what is read and what is written.
	before func()
}

func (c *cells) Get(_ context.Context, key string) (coord.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		c.tries++
		return coord.Entry{}, fault.Unavailable("etcd", errors.New("away"))
	}
	e, ok := c.values[key]
	if !ok {
		return coord.Entry{}, fault.NotFound(key)
	}
	return e, nil
}

func (c *cells) Commit(_ context.Context, conditions []*rpcv1.Condition, writes []*rpcv1.Write) (int64, error) {
	c.mu.Lock()
	race := c.before
	c.before = nil
	c.mu.Unlock()
	if race != nil {
		race()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cond := range conditions {
		if c.values[cond.GetKey()].ModRevision != cond.GetModRevision() {
			return 0, fault.Conflict("it")
		}
	}
	c.revision++
	for _, w := range writes {
		c.values[w.GetKey()] = coord.Entry{Key: w.GetKey(), Value: w.GetValue(), ModRevision: c.revision}
		if w.GetDelete() {
			delete(c.values, w.GetKey())
		}
	}
	return c.revision, nil
}

func (c *cells) goAway(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

func (c *cells) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// all are the keys that are there.
func (c *cells) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.values))
}

// stands is what is in etcd under an ID; nil where nothing is.
func (c *cells) stands(t *testing.T, id string) *routingv1.Alert {
	t.Helper()
	e, err := c.Get(t.Context(), published.AlertPrefix+id)
	if err != nil {
		return nil
	}
	a, err := published.Alert(e.Value)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newCells() *cells { return &cells{values: map[string]coord.Entry{}} }

func writer(t *testing.T, store alertStore, clk clock.Clock) *alerts {
	t.Helper()
	a, err := newAlerts(store, quietDeps(clk))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func quietDeps(clk clock.Clock) Deps {
	return Deps{Clock: clk, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), MeterProvider: noop.NewMeterProvider()}
}

func (a *alerts) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { a.run(ctx) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

// nobody is a decision that finds nobody there; with a recording it is one of a call that left a message.
func nobody(line string, at time.Time, recording *routingv1.Recording) *decision {
	d := &decide.Decision{
		Line: &view.Line{ID: line}, Step: routingv1.StepKind_STEP_KIND_END, End: routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED,
	}
	return &decision{d: d, call: decide.Call{ID: "c1"}, gateway: "edge-1", at: at, recording: recording}
}

// TestWhatEtcdDoesNotTakeIsToldLater: once it is back, all of it.
func TestWhatEtcdDoesNotTakeIsToldLater(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	a := writer(t, store, clk)
	a.start(t)
	a.decided(t.Context(), nobody("gold", clk.Now(), nil))
	a.decided(t.Context(), nobody("silver", clk.Now(), nil))
	if a.messageLeft(t.Context(), nobody("gold", clk.Now(), &routingv1.Recording{Uri: "u"})) != 0 {
		t.Error("a message is said to be safe that is not")
	}
	await.True(t, "three wait", func() bool { return len(a.waiting()) == 3 })
	store.goAway(false)
	if len(store.values) != 0 {
		t.Error("written while etcd was away")
	}
	await.True(t, "all is written", func() bool {
		clk.Advance(time.Second)
		return len(a.waiting()) == 0
	})
	if store.stands(t, "nobody-answered-gold") == nil || store.stands(t, "nobody-answered-silver") == nil || len(store.values) != 3 {
		t.Errorf("%d alerts stand", len(store.values))
	}
}

// TestAMessageIsCommittedBeforeItIsSaid, and once, however often it is told and by however many processes.
func TestAMessageIsCommittedBeforeItIsSaid(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	c := nobody("gold", clk.Now(), &routingv1.Recording{Uri: "u"})
	c.call.State = &routingv1.ContinuationState{Customer: "acme"}
	one, other := writer(t, store, clk), writer(t, store, clk)
	for range 3 {
		if one.messageLeft(t.Context(), c) != committed || other.messageLeft(t.Context(), c) != committed {
			t.Fatal("not taken")
		}
	}
	a := store.stands(t, seenOf(alert.MessageLeft, c).ID())
	if store.revision != 1 || a.GetRecordingUri() != "u" || a.GetCustomer() != "customers/acme" {
		t.Errorf("revision %d, %v", store.revision, a)
	}
	// The caller hung up while it was written.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.recording = &routingv1.Recording{Uri: "v"}
	if one.messageLeft(ctx, c) != committed {
		t.Error("lost for the caller having gone")
	}
	c.d.Line = nil
	if one.messageLeft(t.Context(), c) != 0 {
		t.Error("taken for no line")
	}
}

// TestARaceIsWonByBoth: whoever comes second writes what both saw.
func TestARaceIsWonByBoth(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	one, other := writer(t, store, clk), writer(t, store, clk)
	first := seenOf(alert.NobodyAnswered, nobody("gold", viewtest.At(1), nil))
	second := seenOf(alert.NobodyAnswered, nobody("gold", viewtest.At(2), nil))
	store.before = func() {
		if err := other.write(t.Context(), first); err != nil {
			t.Error(err)
		}
	}
	if err := one.write(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	a := store.stands(t, "nobody-answered-gold")
	if !a.GetFirstTime().AsTime().Equal(viewtest.At(1)) || !a.GetLastTime().AsTime().Equal(viewtest.At(2)) {
		t.Errorf("%v", a)
	}
	// Resolved by one while the other resolves it: the first stays.
	resolve := func(by *alerts, who string) *routingv1.Alert {
		got, err := by.ResolveAlert(t.Context(), &routingv1.ResolveAlertRequest{Name: a.GetName(), ResolvedBy: who})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	store.before = func() { resolve(other, "anna") }
	if got := resolve(one, "bob"); got.GetResolvedBy() != "anna" {
		t.Errorf("%v", got)
	}
	// One that cannot be read is written over.
	store.values[published.AlertPrefix+"nobody-answered-gold"] = coord.Entry{Value: []byte{0xff}, ModRevision: 99}
	fresh := writer(t, store, clk)
	if err := fresh.write(t.Context(), second); err != nil || store.stands(t, "nobody-answered-gold") == nil {
		t.Errorf("%v", err)
	}
}

// TestAlertsAreBounded: what is beyond is dropped, counted and may be raised again; a call never waits.
func TestAlertsAreBounded(t *testing.T) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	store.goAway(true)
	a := writer(t, store, clk)
	for i := range 3 * maxQueuedAlerts { // nobody takes them
		a.decided(t.Context(), nobody(fmt.Sprintf("line-%d", i), clk.Now(), nil))
	}
	if len(a.queue) != maxQueuedAlerts || len(a.recent) != maxQueuedAlerts {
		t.Errorf("%d queued, %d remembered", len(a.queue), len(a.recent))
	}
	for i := range 2 * maxRecentAlerts {
		a.due(recentAlert{alert.NobodyThere, fmt.Sprint(i)}, 1)
	}
	if len(a.recent) > maxRecentAlerts {
		t.Errorf("%d remembered", len(a.recent))
	}
	a.start(t)
	for i := range 3 * maxPendingAlerts {
		a.await(t.Context(), alert.Seen{Kind: alert.NobodyThere, Line: fmt.Sprint(i)})
	}
	if n := len(a.waiting()); n > maxPendingAlerts {
		t.Errorf("%d wait", n)
	}
	full := writer(t, newCells(), clk)
	for i := range maxMessageAlerts {
		full.known.put(fmt.Sprint(i), &routingv1.Alert{}, 1)
	}
	if full.messageLeft(t.Context(), nobody("gold", clk.Now(), &routingv1.Recording{Uri: "u"})) != 0 || len(full.queue) != 0 {
		t.Error("more messages are taken than are kept")
	}
	there := alert.Seen{Kind: alert.NobodyThere, Line: "gold", At: clk.Now()}
	if err := full.write(t.Context(), there); err != nil {
		t.Errorf("messages take the place of other alerts: %v", err)
	}
	for i := range maxAlerts {
		full.known.put(fmt.Sprint(i), &routingv1.Alert{}, 1)
	}
	there.Line = "silver"
	if err := full.write(t.Context(), there); fault.ReasonOf(err) != rpcv1.Reason_REASON_LIMIT_EXCEEDED {
		t.Errorf("more alerts are taken than are kept: %v", err)
	}
}

// BenchmarkNothingToRaise is what alerts cost a call that raises none, and one of a line where nobody is.
func BenchmarkNothingToRaise(b *testing.B) {
	store, clk := newCells(), clock.NewManual(viewtest.At(1))
	a, err := newAlerts(store, Deps{Clock: clk, Logger: slog.New(slog.DiscardHandler), MeterProvider: noop.NewMeterProvider()})
	if err != nil {
		b.Fatal(err)
	}
	for name, end := range map[string]routingv1.EndCause{
		"none": routingv1.EndCause_END_CAUSE_OVER, "again": routingv1.EndCause_END_CAUSE_NOBODY_ANSWERED,
	} {
		b.Run(name, func(b *testing.B) {
			c := nobody("gold", clk.Now(), nil)
			c.d.End = end
			b.ReportAllocs()
			for b.Loop() {
				a.decided(b.Context(), c)
			}
		})
	}
}

// FuzzAlertToken: whatever token comes back, it is refused as a broken field, or continues behind an alert.
func FuzzAlertToken(f *testing.F) {
	good := alertToken(&routingv1.Alert{Name: "alerts/nobody-there-gold", LastTime: timestamppb.New(viewtest.At(1))})
	for _, s := range []string{good, "", "x", good[:10], "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSBhbGVydHMveA", "LTEgYWxlcnRzLw"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		a, err := readAlertToken(token)
		switch {
		case err != nil:
			if fault.ReasonOf(err) != rpcv1.Reason_REASON_INVALID_FIELD {
				t.Errorf("%q: %v", token, err)
			}
		case token == "":
			if a != nil {
				t.Errorf("no token continues behind %v", a)
			}
		default:
			if again, err := readAlertToken(alertToken(a)); err != nil || !proto.Equal(again, a) {
				t.Errorf("%q: %v, read again as %v, %v", token, a, again, err)
			}
		}
	})
}
