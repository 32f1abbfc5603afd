package routing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func TestNewNeedsItsDependencies(t *testing.T) {
	if _, err := routing.New(routing.Config{}, routing.Deps{}); err == nil {
		t.Error("made from nothing")
	}
}

// A list of the whole state, as after a compaction or a long silence, replaces what was known: what it does not hold is
// gone.
func TestAListReplacesTheView(t *testing.T) {
	h := build(t)
	batches := make(chan coord.Batch)
	h.follow = func(ctx context.Context, apply func(coord.Batch)) error {
		for {
			select {
			case b := <-batches:
				apply(b)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	whole := func(revision int64, w viewtest.World) coord.Batch {
		b := coord.Batch{Revision: revision, Reset: true}
		for _, r := range w.Records() {
			b.Events = append(b.Events, coord.Event{Key: r.Key, Value: r.Value, ModRevision: revision})
		}
		return b
	}
	go func() { batches <- whole(7, followTheSun()) }()
	h.run(t)
	if got := shape(h.route(t, "+61255500101", "+13035550100")); got != "lines/members sydney.1 last-resort" {
		t.Error(got)
	}
	less := followTheSun()
	less.Lines, less.Customers = less.Lines[:1], nil
	batches <- whole(9, less)
	h.applied(t, 9)
	if got := shape(h.route(t, "+61255500101", "+13035550100")); got != " END_CAUSE_UNKNOWN_LINE" {
		t.Error(got)
	}
	if r := h.route(t, "+61255500100", "+13035550100"); len(r.GetExplanation().GetCustomers()) != 0 {
		t.Errorf("a customer outlives the list: %v", r)
	}
	await.True(t, "the log to tell of it", func() bool {
		return strings.Contains(h.log.String(), `msg="view listed" revision=9 sites=3 customers=0 lines=1 rotas=0 tzdata=2025c`)
	})
	// A heartbeat changes nothing but the age.
	h.clock.Advance(5 * time.Second)
	if age := h.route(t, "+61255500100", "").GetExplanation().GetViewAge().AsDuration(); age != 5*time.Second {
		t.Errorf("age %v", age)
	}
	batches <- coord.Batch{Revision: 12}
	h.applied(t, 12)
	if age := h.route(t, "+61255500100", "").GetExplanation().GetViewAge().AsDuration(); age != 0 {
		t.Errorf("age %v after a heartbeat", age)
	}
}

// A record of a list that cannot be read stands as it was known, but not where another truth is listed, as after a restored
// backup: of the one before nothing is left.
func TestNothingOfTheTruthBefore(t *testing.T) {
	h := build(t)
	batches := make(chan coord.Batch, 1)
	h.follow = func(ctx context.Context, apply func(coord.Batch)) error {
		for {
			select {
			case b := <-batches:
				apply(b)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	list := func(revision int64, cluster uint64, damaged string) {
		b := coord.Batch{Revision: revision, Reset: true, Truth: coord.Truth{ClusterID: cluster}}
		for _, r := range followTheSun().Records() {
			if strings.HasSuffix(r.Key, damaged) {
				r.Value = []byte{0xff}
			}
			b.Events = append(b.Events, coord.Event{Key: r.Key, Value: r.Value, ModRevision: revision})
		}
		batches <- b
	}
	list(7, 1, "no key")
	h.run(t)
	for _, step := range []struct {
		revision int64
		cluster  uint64
		want     string
	}{
		{9, 1, "lines/members sydney.1 last-resort"},
		{1009, 2, " END_CAUSE_UNKNOWN_LINE"},
	} {
		list(step.revision, step.cluster, "/members")
		h.applied(t, step.revision)
		if got := shape(h.route(t, "+61255500101", "+13035550100")); got != step.want {
			t.Errorf("cluster %d at %d: %s, want %s", step.cluster, step.revision, got, step.want)
		}
	}
}

// Age is never a reason not to answer.
func TestCallsAreAnsweredWithoutEtcd(t *testing.T) {
	h := open(t)
	h.applied(t, h.put(t, followTheSun().Records()...))
	h.stopEtcd()
	for day := range 3 {
		h.clock.Set(viewtest.At(4 + 24*float64(day)))
		await.True(t, "a call is answered", func() bool {
			return shape(h.route(t, "+61255500100", "+13035550100")) == "lines/gold bengaluru.1 sydney.1 last-resort"
		})
	}
	if age := h.route(t, "+61255500100", "").GetExplanation().GetViewAge().AsDuration(); age < 24*time.Hour {
		t.Errorf("the view says it is %v old", age)
	}
}
