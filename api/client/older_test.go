package client

import (
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// at is a clock that stands.
type at struct{ now time.Time }

// Now is Clock's.
func (a *at) Now() time.Time { return a.now }

// After is Clock's; nothing here waits.
func (*at) After(time.Duration) <-chan time.Time { return nil }

// toldAt is what one process says of gold, at a revision and so long after it heard from etcd.
func toldAt(revision int64, age time.Duration, spans ...string) *routingv1.WatchRoutesResponse {
	return &routingv1.WatchRoutesResponse{
		Tables: []*routingv1.RouteTable{hours("lines/gold", gold, spans...)}, ViewRevision: revision,
		ViewAge: durationpb.New(age),
	}
}

// A process that is cut off from etcd itself knows nothing of what this gateway was told since: a drained site would be
// rung again. What it says counts once it has heard of that, or what was known has ended.
func TestAnOlderTruthDoesNotTakeTheTablesPlace(t *testing.T) {
	clock := &at{noon().Add(time.Minute)}
	c := &Client{clock: clock, log: slog.New(slog.DiscardHandler), changed: make(chan struct{}, 1)}
	want := func(what, ladderText string, age time.Duration) {
		t.Helper()
		r, err := c.table.Load().route("a", gold, clock.now)
		if err != nil || ladder(r) != ladderText || r.Age != age {
			t.Errorf("%s: %s, %s old, %v; want %s, %s", what, ladder(r), r.Age, err, ladderText, age)
		}
	}
	take := func(f *follower, r *routingv1.WatchRoutesResponse) {
		t.Helper()
		if err := f.take(r); err != nil {
			t.Fatal(err)
		}
	}
	first := &follower{c: c}
	take(first, toldAt(20, time.Second, "cork"))
	want("dublin is drained", "cork last", time.Second)

	behind := &follower{c: c}
	take(behind, toldAt(10, 30*time.Minute, "dublin cork", "dublin cork"))
	want("of before the drain", "cork last", time.Second)
	clock.now = clock.now.Add(time.Minute)
	take(behind, &routingv1.WatchRoutesResponse{ViewRevision: 10, ViewAge: durationpb.New(31 * time.Minute)})
	want("still of before", "cork last", time.Minute+time.Second)

	// It is back: what it was told meanwhile, and what it had said before, count.
	take(behind, toldAt(25, 0, "sydney"))
	want("it is back", "sydney last", 0)

	// Another truth, such as a restored backup or a cluster that was made anew, is later whatever its revision.
	clock.now = clock.now.Add(time.Minute)
	take(&follower{c: c}, toldAt(3, time.Second, "bengaluru", "bengaluru"))
	want("another truth", "bengaluru last", time.Second)

	// What was known has ended: an older one that goes on is better.
	clock.now = noon().Add(150 * time.Minute)
	late := &follower{c: c}
	take(late, toldAt(2, 3*time.Hour, "a", "b", "c"))
	want("beyond the end", "c last", 3*time.Hour)

	// A clock that is put back leaves nothing in force that cannot be replaced.
	clock.now = noon().Add(-time.Hour)
	take(&follower{c: c}, toldAt(1, 0, "d"))
	want("the clock was put back", "d last", 0)
}
