package coord

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// heartbeatInterval is how often etcd is asked whether the watch is still current.
	heartbeatInterval = time.Second
	// staleAfter is how long a watch may be silent, heartbeats included, before it is begun anew.
	staleAfter = 10 * time.Second
	// listTimeout bounds one whole list: a million keys take some seconds.
	listTimeout = 60 * time.Second
	// minBackoff and maxBackoff bound the wait before listing again, with jitter so that processes do not come as a herd.
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
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
}

// Follow lists a range at one revision and then watches it, until ctx ends; it calls apply for every batch, from one
// goroutine, first with a Reset. What cannot be resumed (compaction, a watch that fell silent) is listed anew as another
// Reset. While etcd is away it keeps trying, and calls nothing. It returns only ctx's error.
func (c *Client) Follow(ctx context.Context, r Range, apply func(Batch)) error {
	backoff := minBackoff
	var lost time.Time // when etcd was last heard; zero while it answers
	for ctx.Err() == nil {
		revision, err := c.snapshot(ctx, r, apply)
		if err == nil {
			if !lost.IsZero() {
				c.log.InfoContext(ctx, "etcd is back", "range", r.From, "away", c.clock.Now().Sub(lost).Round(time.Second))
			}
			lost, backoff = time.Time{}, minBackoff
			err = c.watch(ctx, r, revision, apply)
		}
		if err == nil {
			continue // the watch ended; what it cannot resume is listed anew
		}
		if lost.IsZero() && ctx.Err() == nil {
			lost = c.clock.Now()
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

func (c *Client) snapshot(ctx context.Context, r Range, apply func(Batch)) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var events []Event
	revision, err := c.stream(ctx, r, func(e Entry) {
		events = append(events, Event{Key: e.Key, Value: e.Value, ModRevision: e.ModRevision})
	})
	if err != nil {
		return 0, err
	}
	apply(Batch{Revision: revision, Reset: true, Events: events})
	return revision, nil
}

// stream reads a range at one revision as etcd 3.7 streams it: paging through open-ended ranges costs etcd a count of
// all that remains for every page.
func (c *Client) stream(ctx context.Context, r Range, each func(Entry)) (revision int64, err error) {
	ch, err := c.etcd.GetStream(ctx, c.prefix+r.From, clientv3.WithRange(c.prefix+r.To))
	if err != nil {
		return 0, wrap(err)
	}
	for part := range ch {
		if err := part.Err(); err != nil {
			return 0, wrap(err)
		}
		for _, kv := range part.Kvs {
			each(Entry{strings.TrimPrefix(string(kv.Key), c.prefix), kv.Value, kv.ModRevision, kv.CreateRevision})
		}
		if part.Header != nil {
			revision = part.Header.Revision
		}
	}
	if revision == 0 {
		return 0, wrap(errors.New("the range stream ended without a revision"))
	}
	return revision, nil
}

// errSilent is an etcd of which nothing was heard for staleAfter.
var errSilent = errors.New("nothing was heard for " + staleAfter.String())

// watch applies changes after revision until the watch can go on no longer: errSilent where etcd has fallen silent.
func (c *Client) watch(ctx context.Context, r Range, revision int64, apply func(Batch)) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	events := c.etcd.Watch(ctx, c.prefix+r.From, clientv3.WithRange(c.prefix+r.To), clientv3.WithRev(revision+1),
		clientv3.WithProgressNotify())
	heads := make(chan int64, 1)
	beat := c.clock.After(heartbeatInterval)
	heard := c.clock.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat:
			if c.clock.Now().Sub(heard) > staleAfter {
				return errSilent
			}
			go c.ask(ctx, heads)
			beat = c.clock.After(heartbeatInterval)
		case head := <-heads:
			// Nothing was written since what we know: so what we know is current.
			if head == revision {
				heard = c.clock.Now()
				apply(Batch{Revision: revision})
			}
		case resp, ok := <-events:
			if !ok || resp.Err() != nil {
				return nil
			}
			heard, revision = c.clock.Now(), max(revision, resp.Header.Revision)
			apply(c.batch(resp))
		}
	}
}

// ask asks in two ways whether the watch is current, since each has a gap. A progress request is answered on the watch
// itself, but not before something was written after the revision at which the watch began or was resumed. The store's
// revision says so where nothing was written at all, but nothing where somebody wrote outside the range.
func (c *Client) ask(ctx context.Context, heads chan<- int64) {
	ctx, cancel := context.WithTimeout(ctx, heartbeatInterval)
	defer cancel()
	// An error shows as silence, which the watch judges.
	_ = c.etcd.RequestProgress(ctx)
	resp, err := c.etcd.Get(ctx, c.prefix+"cluster/probe", clientv3.WithCountOnly())
	if err != nil {
		return
	}
	select {
	case heads <- resp.Header.Revision:
	default: // the one before has not been looked at yet
	}
}

func (c *Client) batch(resp clientv3.WatchResponse) Batch {
	b := Batch{Revision: resp.Header.Revision, Events: make([]Event, 0, len(resp.Events))}
	for _, ev := range resp.Events {
		e := Event{Key: strings.TrimPrefix(string(ev.Kv.Key), c.prefix), ModRevision: ev.Kv.ModRevision}
		if ev.Type == clientv3.EventTypePut {
			// An empty value is still a value.
			e.Value = append([]byte{}, ev.Kv.Value...)
		}
		b.Events = append(b.Events, e)
	}
	return b
}
