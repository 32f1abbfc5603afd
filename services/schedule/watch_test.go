package schedule_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	rpcv1 "github.com/daysidehq/dayside/api/dayside/rpc/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/await"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// watcher is the client's end of a stream.
type watcher struct {
	grpc.ServerStream
	ctx  context.Context //nolint:containedctx // a stream carries its context by definition
	told chan *schedulev1.WatchCoverageResponse
	end  chan error
}

func (w *watcher) Context() context.Context { return w.ctx }

func (w *watcher) Send(r *schedulev1.WatchCoverageResponse) error {
	w.told <- r
	return nil
}

// watch follows gold until the test ends.
func (w world) watch(t *testing.T) *watcher {
	t.Helper()
	stream := &watcher{ctx: t.Context(), told: make(chan *schedulev1.WatchCoverageResponse, 100), end: make(chan error, 1)}
	go func() {
		stream.end <- w.WatchCoverage(&schedulev1.WatchCoverageRequest{Line: "lines/gold"}, stream)
	}()
	return stream
}

func (w *watcher) next(t *testing.T) string {
	t.Helper()
	r := await.Receive(t, "the next handover", w.told)
	return r.GetAt().AsTime().Format("Mon 15:04 ") + strings.Join(r.GetSites(), "+") + " until " +
		r.GetNextChange().AsTime().Format("Mon 15:04 ") + strings.Join(r.GetNextSites(), "+")
}

func TestWatchTellsTheHandoversAndTheChanges(t *testing.T) {
	w := newWorld(t)
	run(t, w.Service)
	w.create(t, site("sydney", "Australia/Sydney"))
	w.create(t, site("dublin", "Europe/Dublin"))
	w.line(t, "gold", "sydney", "dublin")
	await.True(t, "the line", func() bool {
		r, err := w.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{Line: "lines/gold"})
		return err == nil && len(r.GetSites()) == 2
	})
	stream := w.watch(t)
	want := func(want string) {
		t.Helper()
		if got := stream.next(t); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	want("Sun 09:00  until Sun 22:00 sites/sydney")
	// The stream looks at the clock again and again, and tells only what is new.
	for _, c := range []struct{ at, want string }{
		{"2026-11-22T21:59:59Z", ""},
		{"2026-11-22T22:00:00Z", "Sun 22:00 sites/sydney until Mon 06:00 "},
		{"2026-11-23T06:00:00Z", "Mon 06:00  until Mon 09:00 sites/dublin"},
		{"2026-11-23T12:00:00Z", "Mon 12:00 sites/dublin until Mon 17:00 "}, // having slept over the opening
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			w.clock.Set(at)
			continue
		}
		var got string
		await.True(t, c.want, func() bool { // its timer may be set a moment later
			w.clock.Set(at)
			select {
			case r := <-stream.told:
				stream.told <- r
				got = stream.next(t)
				return true
			default:
				return false
			}
		})
		if got != c.want {
			t.Errorf("at %s: got %q, want %q", c.at, got, c.want)
		}
	}

	w.line(t, "gold", "dublin", "sydney") // the order alone tells nothing new: one site is open
	longer := site("dublin", "Europe/Dublin")
	longer.WeeklyHours.Mon[0].Close.Hours = 19
	if _, err := w.UpdateSite(t.Context(), &schedulev1.UpdateSiteRequest{Site: longer}); err != nil {
		t.Fatal(err)
	}
	want("Mon 12:00 sites/dublin until Mon 19:00 ")

	if _, err := w.etcd.Commit(t.Context(), nil, []*rpcv1.Write{coord.Delete(published.LinePrefix + "gold")}); err != nil {
		t.Fatal(err)
	}
	wantReason(t, "the line is gone", await.Receive(t, "the stream to end", stream.end), rpcv1.Reason_REASON_NOT_FOUND)
}

func TestWatchesAreLimited(t *testing.T) {
	const limit = 256 // as the API says
	w := newWorld(t)
	run(t, w.Service)
	w.line(t, "gold")
	await.True(t, "the line", func() bool {
		_, err := w.QueryOpenSites(t.Context(), &schedulev1.QueryOpenSitesRequest{Line: "lines/gold"})
		return err == nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	streams := make([]*watcher, limit)
	for i := range streams {
		streams[i] = &watcher{ctx: ctx, told: make(chan *schedulev1.WatchCoverageResponse, 1), end: make(chan error, 1)}
		go func() {
			streams[i].end <- w.WatchCoverage(&schedulev1.WatchCoverageRequest{Line: "lines/gold"}, streams[i])
		}()
		await.Receive(t, "a stream to begin", streams[i].told)
	}
	wantReason(t, "one too many", await.Receive(t, "the refusal", w.watch(t).end), rpcv1.Reason_REASON_LIMIT_EXCEEDED)
	cancel()
	for _, s := range streams {
		if err := await.Receive(t, "a stream to end", s.end); err == nil {
			t.Error("a stream whose client went away ended well")
		}
	}
	await.Receive(t, "a stream in their place", w.watch(t).told)
}
