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

// A view that was kept on disk is as old as what it was made of, and says where it is from until etcd is heard.
func TestAViewFromDiskIsAsOldAsItIs(t *testing.T) {
	h := build(t)
	if got := h.service.ViewState(); got != (routing.ViewState{}) {
		t.Errorf("before there is a view: %+v", got)
	}
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
	list := func(revision int64, heard time.Time) coord.Batch {
		b := coord.Batch{Revision: revision, Reset: true, Heard: heard}
		for _, r := range followTheSun().Records() {
			b.Events = append(b.Events, coord.Event{Key: r.Key, Value: r.Value, ModRevision: revision})
		}
		return b
	}
	heard := viewtest.At(4).Add(-36 * time.Hour)
	go func() { batches <- list(7, heard) }()
	h.run(t)
	route := h.route(t, "+61255500100", "+13035550100")
	if age := route.GetExplanation().GetViewAge().AsDuration(); age != 36*time.Hour || len(route.GetForward().GetTargets()) == 0 {
		t.Errorf("the view says it is %v old, and routes to %v", age, route.GetForward())
	}
	if got, want := h.service.ViewState(), (routing.ViewState{Revision: 7, Heard: heard, FromDisk: true, Ready: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	await.True(t, "the log to tell of it", func() bool {
		return strings.Contains(h.log.String(), `msg="view taken from the disk" revision=7`)
	})
	batches <- list(9, time.Time{})
	h.applied(t, 9)
	want := routing.ViewState{Revision: 9, Heard: viewtest.At(4), Ready: true}
	if got := h.service.ViewState(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
