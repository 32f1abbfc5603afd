package coord

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/daysidehq/dayside/services/internal/frugal"
)

const (
	// heartbeatInterval is how often etcd is asked whether the watch is still current.
	heartbeatInterval = time.Second
	// staleAfter is how long a watch may be silent, heartbeats included, before it is begun anew.
	staleAfter = 4 * time.Second
	// behindAfter is how long a watch may stand still while etcd is known to be further: its member is paused, or cut off.
	behindAfter = time.Second
	// createTimeout is how long a member is given to take up a watch before another is asked.
	createTimeout = time.Second
	// listTimeout bounds one whole list. A million keys take some seconds, and a minute where etcd, the network or this host is
	// slow: given up then, they would be listed again and again, and never known. One that stands still is given up at once.
	listTimeout = 10 * time.Minute
	// minBackoff and maxBackoff bound the wait before asking again, with jitter so that processes do not come as a herd.
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
	// maxMissed is how many revisions may have passed for a watch to be resumed, where there are not more records than that:
	// etcd tells of them in parts, each of which costs it all that remains, so that a list is sooner there.
	maxMissed = 10_000
	// listSpread is over how long processes spread their lists where all of them must list anew.
	listSpread = 250 * time.Millisecond
)

// Range is the keys k with From <= k < To.
type Range struct{ From, To string }

// Prefix is the range of all keys that begin with p; of all of the cluster's where p is empty.
func Prefix(p string) Range {
	if p == "" {
		return Range{"", "\xff"} // no key is above: they are ASCII
	}
	return Range{p, clientv3.GetPrefixRangeEnd(p)}
}

// Event is a key written, or deleted where Value is nil.
type Event struct {
	Key         string
	Value       []byte
	ModRevision int64
}

// Batch is what happened up to a revision. Events of one transaction always come in one batch, in order.
type Batch struct {
	// Revision is the state after the batch; a batch without events is a heartbeat.
	Revision int64
	// Reset says that the events are the whole state: everything else is gone.
	Reset  bool
	Events []Event
	// Heard is when what is known with it was last known to be all there is, by this process's clock; zero: now. It was before
	// where there is more to come, and of what was kept on a disk.
	Heard time.Time
	// Truth is whose truth a Reset is; zero in other batches, which are the same one's.
	Truth Truth
}

// Follow lists a range at one revision and then watches it, until ctx ends; it calls apply for every batch, from one
// goroutine, first with a Reset. A watch that ends or falls silent is resumed where it was; only what cannot be resumed
// (compacted meanwhile, or another truth, as of a restored backup) is listed anew, as another Reset. While etcd is away it
// keeps trying, and calls nothing. It returns only ctx's error.
func (c *Client) Follow(ctx context.Context, r Range, apply func(Batch)) error {
	f := follower{c: c, r: r, apply: apply, stream: c.streams.Add(1)}
	backoff := minBackoff
	for ctx.Err() == nil {
		began := c.clock.Now()
		err := f.round(ctx)
		if ctx.Err() != nil {
			break
		}
		if f.watched && c.clock.Now().Sub(began) > maxBackoff {
			backoff = minBackoff
		}
		if !f.watched && f.lost.IsZero() {
			f.lost = c.clock.Now()
			c.log.WarnContext(ctx, "etcd does not answer; going on with what is known", "range", r.From, "error", cause(err))
		}
		wait := backoff/2 + rand.N(backoff) //nolint:gosec // jitter, not a secret
		select {
		case <-ctx.Done():
		case <-c.clock.After(wait):
		}
		backoff = min(backoff*2, maxBackoff)
	}
	return ctx.Err()
}

// cause is what etcd, or the way to it, said.
func cause(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}

// How a watch ends. None of them says that etcd is away: that shows when it is asked.
var (
	errStuck      = errors.New("a list stood still for " + idleTimeout.String())
	errSilent     = errors.New("nothing was heard for " + staleAfter.String())
	errBehind     = errors.New("the watch stands still, and etcd does not")
	errOtherTruth = errors.New("etcd tells another truth, as after a restored backup")
	errCompacted  = errors.New("what happened meanwhile was compacted")
	errEnded      = errors.New("the watch ended")
)

// follower is what one Follow knows.
type follower struct {
	c     *Client
	r     Range
	apply func(Batch)
	// revision and truth are of what was applied; revision is 0 where the range must be listed.
	revision int64
	truth    Truth
	// records is how many the last list had, and current when what was applied was last known to be all there is.
	records int64
	current time.Time
	// lost is since when etcd does not answer; zero while it does. watched says whether the last round came to watch.
	lost    time.Time
	watched bool
	// stream names the gRPC stream of the watch: each has its own, so that one of them can leave a member that is paused.
	stream int64
}

// round asks whose truth etcd tells, lists where it must, and watches for as long as it can.
func (f *follower) round(ctx context.Context) error {
	f.watched = false
	asked := f.revision
	truth, head, err := f.c.Head(ctx)
	if err != nil {
		return err
	}
	if asked == 0 || truth != f.truth || head < asked || head-asked > max(f.c.maxMissed, f.records) {
		if err := f.list(ctx, truth, head); err != nil {
			return err
		}
	} else if head == asked {
		f.beat() // nothing happened meanwhile
	}
	if !f.lost.IsZero() {
		f.c.log.InfoContext(ctx, "etcd is back", "range", f.r.From, "away", f.c.clock.Now().Sub(f.lost).Round(time.Second))
		f.lost = time.Time{}
	}
	f.watched = true
	err = f.watch(ctx)
	if errors.Is(err, errCompacted) {
		f.revision = 0
	}
	f.stream = f.c.streams.Add(1) // on another connection, where there is another member
	return err
}

// list applies the range whole. Of another truth than before it says so.
func (f *follower) list(ctx context.Context, truth Truth, head int64) error {
	if f.truth != (Truth{}) {
		if truth != f.truth || head < f.revision {
			f.c.log.WarnContext(ctx, errOtherTruth.Error()+": all that was known is read anew", "range", f.r.From,
				"before", f.truth.String(), "now", truth.String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.c.clock.After(rand.N(listSpread)): //nolint:gosec // jitter, not a secret
		}
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var gathered Gathered
	end := func() {}
	revision, clusterID, err := f.c.stream(ctx, f.r, func(e Entry) {
		gathered.AddCopy(Event{Key: e.Key, Value: e.Value, ModRevision: e.ModRevision})
		if gathered.Len() == frugal.Many {
			end = frugal.List()
		}
	})
	end() // whoever applies it knows best what that takes
	if err != nil {
		return err
	}
	if clusterID != truth.ClusterID {
		return wrap(fmt.Errorf("%w: between two requests", errOtherTruth))
	}
	events := gathered.All()
	f.revision, f.truth, f.records, f.current = revision, truth, int64(len(events)), f.c.clock.Now()
	f.apply(Batch{Revision: revision, Reset: true, Events: events, Truth: truth})
	return nil
}

// stream reads a range at one revision as etcd 3.7 streams it: paging through open-ended ranges costs etcd a count of
// all that remains for every page.
func (c *Client) stream(ctx context.Context, r Range, each func(Entry)) (revision int64, clusterID uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ch, err := c.etcd.GetStream(ctx, c.prefix+r.From, clientv3.WithRange(c.prefix+r.To))
	if err != nil {
		return 0, 0, wrap(err)
	}
	for {
		part, ok, err := c.nextPart(ch)
		if err != nil {
			return 0, 0, wrap(err)
		}
		if !ok {
			break
		}
		if err := part.Err(); err != nil {
			return 0, 0, wrap(err)
		}
		for _, kv := range part.Kvs {
			each(Entry{strings.TrimPrefix(string(kv.Key), c.prefix), kv.Value, kv.ModRevision, kv.CreateRevision})
		}
		if part.Header != nil {
			revision, clusterID = part.Header.Revision, part.Header.ClusterId
		}
	}
	if revision == 0 {
		return 0, 0, wrap(errors.New("the range stream ended without a revision"))
	}
	return revision, clusterID, nil
}

// nextPart is the next part of a list; an error where a member has fallen silent, which must not be waited for as long as a
// list may take.
func (c *Client) nextPart(ch clientv3.GetStreamChan) (part clientv3.RangeStreamResponse, ok bool, err error) {
	select {
	case part, ok = <-ch:
		return part, ok, nil
	case <-c.clock.After(idleTimeout):
		return part, false, errStuck
	}
}

// head is what etcd said of itself, and up to where the watch was when it was asked.
type head struct {
	truth           Truth
	revision, asked int64
}

// watch applies changes after the revision until the watch can go on no longer, and answers why.
func (f *follower) watch(ctx context.Context) error {
	c := f.c
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(
		metadata.AppendToOutgoingContext(ctx, "dayside-watch", strconv.FormatInt(f.stream, 10))))
	defer cancel()
	events, err := f.open(ctx)
	if err != nil {
		return err
	}
	heads := make(chan head, 1)
	beat := c.clock.After(heartbeatInterval)
	heard := c.clock.Now()
	moved := heard   // when the watch last moved, or was seen to need to for the first time
	owed := int64(0) // where etcd is known to be
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat:
			if now := c.clock.Now(); now.Sub(heard) > staleAfter {
				return errSilent
			} else if owed > f.revision && now.Sub(moved) > behindAfter {
				return errBehind
			}
			go c.ask(ctx, f.revision, heads)
			beat = c.clock.After(heartbeatInterval)
		case h := <-heads:
			switch {
			case h.truth != f.truth, h.revision < h.asked:
				return errOtherTruth
			case h.revision <= f.revision: // nothing was written since what we know: so what we know is current
				heard = c.clock.Now()
				f.beat()
			case owed <= f.revision:
				owed, moved = h.revision, c.clock.Now()
			}
		case resp, ok := <-events:
			if err := f.ended(resp, ok); err != nil {
				return err
			}
			before := f.revision
			if f.revision = max(before, upTo(resp)); f.revision > before {
				moved = c.clock.Now()
			}
			// A member that is cut off from the others answers a progress request all the same. What it says is news of etcd only
			// once it has come to where etcd as a whole was known to be.
			if len(resp.Events) > 0 || owed > before && f.revision >= owed {
				heard = c.clock.Now()
				f.apply(f.batch(resp))
			}
		}
	}
}

// open begins the watch. etcd's client waits for ever until a member has taken it up.
func (f *follower) open(ctx context.Context) (clientv3.WatchChan, error) {
	opened, from := make(chan clientv3.WatchChan, 1), f.revision+1
	go func() {
		opened <- f.c.etcd.Watch(ctx, f.c.prefix+f.r.From, clientv3.WithRange(f.c.prefix+f.r.To),
			clientv3.WithRev(from), clientv3.WithProgressNotify())
	}()
	select {
	case events := <-opened:
		return events, nil
	case <-f.c.clock.After(createTimeout):
		return nil, errBehind
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ended is why a watch goes on no longer; nil where it does. etcd's client takes a watch up again by itself, so that it may
// be another etcd that answers.
func (f *follower) ended(resp clientv3.WatchResponse, ok bool) error {
	switch err := resp.Err(); {
	case !ok:
		return errEnded
	case errors.Is(err, rpctypes.ErrCompacted):
		return errCompacted
	case err != nil:
		return fmt.Errorf("%w: %w", errEnded, err)
	case resp.Header.ClusterId != f.truth.ClusterID:
		return errOtherTruth
	}
	return nil
}

// ask asks in two ways whether the watch is current, since each has a gap. A progress request is answered on the watch
// itself, but not before something was written after the revision at which the watch began or was resumed. The store's
// revision says so where nothing was written at all, but nothing where somebody wrote outside the range.
func (c *Client) ask(ctx context.Context, asked int64, heads chan<- head) {
	ctx, cancel := context.WithTimeout(ctx, heartbeatInterval)
	defer cancel()
	// An error shows as silence, which the watch judges.
	_ = c.etcd.RequestProgress(ctx)
	truth, revision, err := c.Head(ctx)
	if err != nil {
		return
	}
	select {
	case heads <- head{truth, revision, asked}:
	default: // the one before has not been looked at yet
	}
}

// upTo is how far a watch is. Who was away for long is told in parts of a thousand revisions, and each part's header says
// how far etcd is, not the part; where nothing happened it is the header alone that says so, and then it is true.
func upTo(resp clientv3.WatchResponse) int64 {
	if n := len(resp.Events); n > 0 {
		return resp.Events[n-1].Kv.ModRevision
	}
	return resp.Header.Revision
}

// beat says that what was applied is all there is.
func (f *follower) beat() {
	f.current = f.c.clock.Now()
	f.apply(Batch{Revision: f.revision})
}

// batch is what a watch brought. Where there is more to come, it is as old as what it is added to.
func (f *follower) batch(resp clientv3.WatchResponse) Batch {
	b := Batch{Revision: f.revision, Events: make([]Event, 0, len(resp.Events))}
	for _, ev := range resp.Events {
		e := Event{Key: strings.TrimPrefix(string(ev.Kv.Key), f.c.prefix), ModRevision: ev.Kv.ModRevision}
		if ev.Type == clientv3.EventTypePut {
			// An empty value is still a value.
			e.Value = append([]byte{}, ev.Kv.Value...)
		}
		b.Events = append(b.Events, e)
	}
	if f.revision < resp.Header.Revision {
		b.Heard = f.current
	} else {
		f.current = f.c.clock.Now()
	}
	return b
}
