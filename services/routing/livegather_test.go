package routing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/coord"
)

func TestChangesOfThisMinuteWaitForEachOtherAndNothingElseWaits(t *testing.T) {
	var g gatherer
	at := func(ms int) time.Time { return time.Unix(1795305600, 0).Add(time.Duration(ms) * time.Millisecond) }
	live := func(keys ...string) []coord.Event {
		var events []coord.Event
		for _, k := range keys {
			events = append(events, coord.Event{Key: "routing/live/" + k})
		}
		return events
	}
	drain := coord.Event{Key: "routing/drains/a"}
	for i, c := range []struct {
		ms     int
		events []coord.Event
		want   string
	}{
		{0, live("a"), "a"}, // the first one at once
		{10, live("b"), "waits"},
		{20, live("c", "d"), "waits"},
		{30, []coord.Event{drain}, "b c d drain"}, // a drain waits for nothing, and what came before it comes before it
		{40, live("e"), "waits"},
		{135, live("f"), "e f"},
		{140, live("g"), "waits"},
		{900, nil, "g"}, // a heartbeat
		{910, nil, ""},
		{2000, append(live("h"), drain), "h drain"},
	} {
		b, ok := g.take(coord.Batch{Revision: int64(i), Events: c.events}, at(c.ms))
		got := "waits"
		if ok {
			got = ""
			for _, e := range b.Events {
				name := map[bool]string{true: "drain", false: e.Key[len(e.Key)-1:]}[e.Key == drain.Key]
				got += map[bool]string{true: "", false: " "}[got == ""] + name
			}
		}
		if got != c.want {
			t.Errorf("after %d ms: %q, want %q", c.ms, got, c.want)
		}
	}
	_, first := g.take(coord.Batch{Events: live("y")}, at(2001))
	if _, second := g.take(coord.Batch{Events: live("z")}, at(2002)); !first || second {
		t.Fatal("the first one waits, or the second one does not")
	}
	if b, ok := g.take(coord.Batch{Reset: true, Events: live("x")}, at(2003)); !ok || len(b.Events) != 1 {
		t.Errorf("a list is the whole state, and not what waited: %v", b)
	}
}

// TestNothingThatWaitsIsLostOrOvertaken: whatever comes, and whatever the clock does, all of it is applied, in order.
func TestNothingThatWaitsIsLostOrOvertaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g gatherer
		var sent, applied []string
		now, waiting := time.Unix(1795305600, 0), 0
		feed := func(events []coord.Event) {
			b, ok := g.take(coord.Batch{Events: events}, now)
			if waiting += len(events); !ok {
				return
			}
			for _, e := range b.Events {
				applied = append(applied, e.Key)
			}
			waiting -= len(b.Events)
		}
		for i := range rapid.IntRange(1, 60).Draw(t, "batches") {
			now = now.Add(time.Duration(rapid.IntRange(-50, 150).Draw(t, "ms")) * time.Millisecond)
			var events []coord.Event
			for j := range rapid.IntRange(0, 3).Draw(t, "events") {
				prefix := rapid.SampledFrom([]string{"routing/live/", "routing/live/", "pub/schedule/sites/"}).Draw(t, "kind")
				events = append(events, coord.Event{Key: fmt.Sprintf("%s%d-%d", prefix, i, j)})
				sent = append(sent, events[j].Key)
			}
			feed(events)
			if waiting != len(g.waiting) || !liveAlone(g.waiting) {
				t.Fatalf("%d should wait, and do: %v", waiting, g.waiting)
			}
		}
		feed(nil) // a heartbeat
		if !slices.Equal(sent, applied) {
			t.Fatalf("sent %v, applied %v", sent, applied)
		}
	})
}
