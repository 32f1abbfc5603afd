// Package kept keeps a range of keys of etcd, as last known, on this host's disk, so that a process that is started while
// etcd is away knows what it knew before.
//
//	kept.go    Copy: Follow with a memory, beside whoever follows
//	disk.go    Disk: the copy itself, a snapshot and a log of what changed since; read.go reads them
//	codec.go   records of both, with their checksums
//	queue.go   what waits for the disk
//
// It knows nothing of what the keys mean, and is no database: it is read once, at the start. What it holds may be old, and
// says when etcd was last heard. It never delays nor fails whoever follows: where the disk is full or slow, the copy stays
// behind until it can be made anew.
package kept

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
	"github.com/daysidehq/dayside/services/internal/coord"
)

const (
	// probeTimeout is how long etcd is given to say whose truth it tells before the copy is used without knowing.
	probeTimeout = 700 * time.Millisecond
	// syncEvery is how often what was noted is synced: a power failure takes so much at most, a killed process nothing.
	syncEvery = time.Second
	// minRetry and maxRetry bound the time between tries while the disk fails.
	minRetry = time.Second
	maxRetry = time.Minute
	// stopTimeout is how long a disk is waited for when the process stops: a stuck one may never answer.
	stopTimeout = 3 * time.Second
)

// Source is followed; coord.Client is one, and generation.Through makes one. Its contract is that of coord.Client.
type Source interface {
	Follow(ctx context.Context, r coord.Range, apply func(coord.Batch)) error
}

// Config says where the copy is.
type Config struct {
	// Dir is a folder of its own, made (0700) where it does not exist; no other process may use it.
	Dir string
	// Head asks etcd whose truth it tells, as coord.Client's does.
	Head func(context.Context) (coord.Truth, int64, error)
	// Clock and Logger of the process. Required.
	Clock  clock.Clock
	Logger *slog.Logger

	files files // nil: the disk's
}

// Copy is what is kept. It is made by Open; Follow may be called once.
type Copy struct {
	cfg    Config
	disk   *Disk
	loaded *coord.Batch // until it is used
	queue  *queue

	mu    sync.Mutex
	stats Stats
	again context.CancelFunc // has the source list anew
}

// Stats say how the copy is.
type Stats struct {
	// Bytes it takes of the disk.
	Bytes int64
	// Failures counts what could not be written.
	Failures uint64
	// Failing says whether the last try failed: then the copy is older than what is known.
	Failing bool
}

// Open reads the copy. One that is damaged is told of, and is none; an error says that there can be none in that folder.
func Open(cfg Config) (*Copy, error) {
	if cfg.files == nil {
		cfg.files = onDisk
	}
	disk, err := openDisk(cfg.Dir, cfg.files)
	if err != nil {
		return nil, err
	}
	c := &Copy{cfg: cfg, disk: disk, queue: newQueue()}
	b, found, problems := disk.Load()
	for _, p := range problems {
		cfg.Logger.Error("a copy of the view on disk cannot be read; the one before it is taken, where there is one",
			"error", p.Error())
	}
	if found {
		c.loaded = &b
	}
	c.stats.Bytes = disk.Bytes()
	return c, nil
}

// Exists says whether there is something to begin with. Not to be asked once Follow was called.
func (c *Copy) Exists() bool { return c.loaded != nil }

// Stats are safe to read at any time.
func (c *Copy) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Follow is the source's Follow, with what is kept before it: where there is a copy, and etcd tells the same truth or
// nothing at all, apply is called with it first, a Reset that says when it was heard. What apply was called with is then
// kept, but for keys that leave says must not be: those that lease-holders write, which are worth nothing later.
func (c *Copy) Follow(ctx context.Context, source Source, r coord.Range, leave func(key string) bool,
	apply func(coord.Batch),
) error {
	known := c.begin(ctx, apply)
	written := make(chan struct{})
	go func() { defer close(written); c.write(ctx) }()
	defer c.end(written)
	for ctx.Err() == nil {
		inner, again := context.WithCancel(ctx)
		c.mu.Lock()
		c.again = again
		c.mu.Unlock()
		_ = source.Follow(inner, r, func(b coord.Batch) {
			if b.Reset && known != (coord.Truth{}) && b.Truth != known {
				c.cfg.Logger.WarnContext(ctx, "etcd tells another truth than the copy on disk, as after a restored backup: "+
					"what the copy said is dropped", "copy", known.String(), "etcd", b.Truth.String())
			}
			if b.Reset {
				known = coord.Truth{}
			}
			apply(b)
			c.queue.put(without(b, leave, c.cfg.Clock.Now()))
		})
		again()
	}
	return ctx.Err()
}

// end has the writer finish, unless its disk is stuck.
func (c *Copy) end(written <-chan struct{}) {
	c.queue.close()
	select {
	case <-written:
	case <-c.cfg.Clock.After(stopTimeout):
		c.cfg.Logger.Error("the disk does not answer: the copy of the view is left as it is")
	}
}

// begin uses what was kept, or drops it; it answers with the truth of what was used.
func (c *Copy) begin(ctx context.Context, apply func(coord.Batch)) coord.Truth {
	b := c.loaded
	c.loaded = nil
	if b == nil {
		return coord.Truth{}
	}
	asking, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	truth, _, err := c.cfg.Head(asking)
	if err == nil && truth != b.Truth {
		c.cfg.Logger.WarnContext(ctx, "etcd tells another truth than the copy on disk, as after a restored backup: the copy "+
			"is dropped", "copy", b.Truth.String(), "etcd", truth.String())
		if err := c.disk.Drop(); err != nil {
			c.cfg.Logger.ErrorContext(ctx, "the copy on disk cannot be removed", "error", err.Error())
		}
		return coord.Truth{}
	}
	// A clock that was ahead when the copy was made, and is right now: how old it is nobody knows, but it grows older from now.
	if now := c.cfg.Clock.Now(); b.Heard.After(now) {
		c.cfg.Logger.WarnContext(ctx, "the copy on disk is from the future: this host's clock was ahead, or is behind; its age "+
			"is counted from now", "ahead", b.Heard.Sub(now).Round(time.Second))
		b.Heard = now
	}
	if err != nil {
		c.cfg.Logger.WarnContext(ctx, "etcd does not answer; beginning with the copy on disk", "revision", b.Revision,
			"age", c.cfg.Clock.Now().Sub(b.Heard).Round(time.Second))
	}
	apply(*b)
	return b.Truth
}

// without is what is kept of a batch.
func without(b coord.Batch, leave func(string) bool, now time.Time) coord.Batch {
	if b.Heard.IsZero() {
		b.Heard = now
	}
	left := 0
	for _, e := range b.Events {
		if leave(e.Key) {
			left++
		}
	}
	if left == 0 {
		return b
	}
	kept := make([]coord.Event, 0, len(b.Events)-left)
	for _, e := range b.Events {
		if !leave(e.Key) {
			kept = append(kept, e)
		}
	}
	b.Events = kept
	return b
}

// write brings the queue to disk until it is closed, and has been emptied as far as the disk takes it. A disk that fails is
// well again once it has taken something, not once everything was asked for: it may have room for less than that.
func (c *Copy) write(ctx context.Context) {
	defer func() { _ = c.disk.Close() }()
	retry := minRetry
	var unsynced error       // why what was noted could not be synced
	var due <-chan time.Time // when it is to be; nil where nothing was
	for {
		wrote, over, err := c.drain()
		if wrote || err != nil {
			c.told(ctx, cmp.Or(err, unsynced))
		}
		if wrote {
			retry = minRetry
		}
		switch {
		case over, err != nil && c.queue.isClosed():
			return
		case err != nil:
			c.queue.failing()
			select {
			case <-c.queue.closed:
			case <-c.cfg.Clock.After(retry):
			}
			retry = min(retry*2, maxRetry)
			continue
		case due == nil && c.disk.dirty:
			due = c.cfg.Clock.After(syncEvery)
		}
		select {
		case <-c.queue.changed:
		case <-c.queue.closed:
		case <-due:
			due = nil
			unsynced = c.disk.Sync()
			c.told(ctx, unsynced)
		}
	}
}

// drain writes what waits; over is true where nothing comes any more.
func (c *Copy) drain() (wrote, over bool, err error) {
	for {
		b, n, what := c.queue.first()
		switch what {
		case queueEmpty:
			return wrote, false, nil
		case queueEnded:
			return wrote, true, c.disk.Sync()
		case queueBehind:
			if err := c.anew(); err != nil {
				return wrote, false, err
			}
		case queueWaiting:
			if err := c.note(b); err != nil {
				return wrote, false, err
			}
			c.queue.taken(n)
			wrote = true
		}
	}
}

func (c *Copy) note(b coord.Batch) error {
	if err := c.disk.Note(b); err != nil {
		return err
	}
	if err := c.disk.Tidy(); err != nil {
		// The batch is noted: a log that grows on is told of when it takes no more.
		c.cfg.Logger.Warn("the log of the view on disk cannot be merged", "error", err.Error())
	}
	return nil
}

// anew has the source list everything, once the disk takes something again: what was in the queue is lost.
func (c *Copy) anew() error {
	if err := c.disk.Probe(); err != nil {
		return err
	}
	c.queue.expect()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.again()
	return nil
}

// told counts a failure, and says when it begins and when it is over.
func (c *Copy) told(ctx context.Context, err error) {
	c.mu.Lock()
	was := c.stats.Failing
	c.stats.Bytes, c.stats.Failing = c.disk.Bytes(), err != nil
	if err != nil {
		c.stats.Failures++
	}
	c.mu.Unlock()
	switch {
	case err != nil && !was:
		c.cfg.Logger.ErrorContext(ctx, "the view cannot be kept on disk: calls go on, but if this process were started again "+
			"while etcd is away, it would know less", "error", fmt.Sprint(err))
	case err == nil && was:
		c.cfg.Logger.InfoContext(ctx, "the view is kept on disk again")
	}
}
