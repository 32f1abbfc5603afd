package coord

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/daysidehq/dayside/services/internal/fault"
)

// errNoSequel is a revision after which what happened cannot be told.
var errNoSequel = errors.New("what came after it is not known any more")

// Changes calls apply for all that happens to a range after a revision of a truth, in order, and for heartbeats, from
// one goroutine, until ctx ends or apply fails; that error is the answer. Unlike Follow it never lists: WRONG_STATE
// where what came after the revision is compacted, or etcd tells another truth. While etcd is away it keeps trying.
func (c *Client) Changes(ctx context.Context, r Range, truth Truth, after int64, apply func(Batch) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := follower{
		c: c, r: r, revision: after, truth: truth, stream: c.streams.Add(1),
		apply: func(b Batch) {
			if ctx.Err() != nil {
				return
			}
			if err := apply(b); err != nil {
				cancel(err)
			}
		},
	}
	backoff := minBackoff
	for ctx.Err() == nil {
		err := f.resume(ctx)
		if errors.Is(err, errNoSequel) {
			return fault.WrongState("", "what came after revision is compacted, or etcd was restored from a backup")
		}
		if f.watched {
			backoff = minBackoff
		}
		wait := backoff/2 + rand.N(backoff) //nolint:gosec // jitter, not a secret
		select {
		case <-ctx.Done():
		case <-c.clock.After(wait):
		}
		backoff = min(backoff*2, maxBackoff)
	}
	return context.Cause(ctx)
}

// resume watches from where the follower is for as long as it can.
func (f *follower) resume(ctx context.Context) error {
	f.watched = false
	truth, head, err := f.c.Head(ctx)
	switch {
	case err != nil:
		return err
	case truth != f.truth, head < f.revision:
		return errNoSequel
	case head == f.revision:
		f.beat()
	}
	f.watched = true
	err = f.watch(ctx)
	f.stream = f.c.streams.Add(1)
	if errors.Is(err, errCompacted) {
		return errNoSequel
	}
	return err
}
