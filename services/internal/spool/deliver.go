package spool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	// maxBatchEntries and maxBatchBytes bound what is handed over at once; a longer entry is handed over alone. Whoever takes
	// them works as long at a stretch, on a processor that calls need.
	maxBatchEntries = 250
	maxBatchBytes   = 512 << 10
	// linger is how long entries are collected for a batch; not when somebody waits for one to be delivered.
	linger = 20 * time.Millisecond
	// minBackoff and maxBackoff bound the time between tries while deliveries fail.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 10 * time.Second
	// restPerWork is how long a delivery is rested from, in times of what it took: a quarter of a processor at most. While
	// busyPerSecond entries or more come a second it is restBusy, a twentieth: what piles up is delivered afterwards. With less
	// than half of the room left it is restFull, whatever comes: a record that is late is better than one that is lost.
	restPerWork   = 3
	restBusy      = 19
	restFull      = 1
	busyPerSecond = 2000
	// maxRest bounds a rest, and measureEvery how often it is asked how many entries come.
	maxRest      = time.Second
	measureEvery = 250 * time.Millisecond
	// maxRefused is how many refused entries are kept for people.
	maxRefused = 100
)

// Deliver hands entries over, in order: nil where all of them are taken, and durable. They are sent again after an error,
// all of them, and after a killed process; but where the error wraps ErrRefused they are tried by halves, and the one that
// is refused alone is set aside. Entries are the caller's until it returns.
type Deliver func(ctx context.Context, entries [][]byte) error

// batch is entries as they stand in one segment; ends are behind each of them. Of a full one there may be more.
type batch struct {
	of      *segment
	entries [][]byte
	ends    []int64
	full    bool
	buf     []byte // what entries are parts of
}

// Run delivers until ctx ends, and returns its error; one at a time.
func (s *Spool) Run(ctx context.Context, deliver Deliver) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	backoff := minBackoff
	p := pace{at: s.cfg.Clock.Now()}
	var b batch
	for {
		b = s.nextBatch(b)
		if len(b.entries) == 0 {
			if err := s.await(ctx); err != nil {
				return err
			}
			continue
		}
		began := s.cfg.Clock.Now()
		n, err := s.handOver(ctx, b, deliver)
		if n > 0 {
			s.delivered(b, n)
		}
		if err == nil {
			backoff = minBackoff
			now := s.cfg.Clock.Now()
			s.rest(ctx, time.Duration(p.restPerWork(s.Stats(), s.cfg.MaxBytes, now))*now.Sub(began), b.full)
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.failed(ctx, err)
		// Full jitter, so that the processes of a cluster do not come back all at once.
		wait := minBackoff + rand.N(backoff) //nolint:gosec // no secret
		backoff = min(2*backoff, maxBackoff)
		select { // what was said before is known by now to have been in vain
		case <-s.retry:
		default:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.retry:
		case <-s.cfg.Clock.After(wait):
		}
	}
}

// Retry says that a delivery may succeed again: one that waits for its next try is tried now. It waits for nothing.
func (s *Spool) Retry() { signal(s.retry) }

// pace is how many entries come.
type pace struct {
	at       time.Time
	appended uint64 // until then, dropped ones too
	busy     bool
}

// restPerWork is how long is rested from a delivery, in times of what it took.
func (p *pace) restPerWork(st Stats, maxBytes int64, now time.Time) int64 {
	if took := now.Sub(p.at); took >= measureEvery {
		came := st.Appended + st.Dropped
		p.busy = float64(came-p.appended) >= busyPerSecond*took.Seconds()
		p.at, p.appended = now, came
	}
	switch {
	case st.Bytes > maxBytes/2:
		return restFull
	case p.busy:
		return restBusy
	}
	return restPerWork
}

// rest waits: the calls of this moment need the processors, and history can wait. Whoever waits for a delivery cuts it short
// while there is little.
func (s *Spool) rest(ctx context.Context, most time.Duration, piled bool) {
	hurry := s.hurry
	if piled {
		hurry = nil
	}
	select {
	case <-ctx.Done():
	case <-hurry:
	case <-s.cfg.Clock.After(min(most, maxRest)):
	}
}

func (s *Spool) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running || s.closed {
		return errors.New("spool: closed, or delivered by somebody already")
	}
	s.running = true
	return nil
}

func (s *Spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	s.tell()
}

// tell wakes those who wait for a delivery; with the lock held.
func (s *Spool) tell() {
	close(s.progress)
	s.progress = make(chan struct{})
}

// await waits for entries, and then for some more of them.
func (s *Spool) await(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.hurry:
		return nil
	case <-s.wake:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.hurry:
	case <-s.cfg.Clock.After(linger):
	}
	return nil
}

// nextBatch is what is to be delivered next, in the memory of the last one; no entries where there is nothing.
func (s *Spool) nextBatch(last batch) batch {
	b := batch{entries: last.entries[:0], ends: last.ends[:0], buf: last.buf}
	for {
		g, end, full := s.oldest()
		if g == nil {
			return b
		}
		if g.read == end {
			if !full {
				return b
			}
			s.handed(g)
			continue
		}
		err := g.batch(&b, end)
		if err == nil && len(b.entries) > 0 {
			return b
		}
		// Of a segment that cannot be read any more the rest is lost.
		s.cfg.Logger.Error("a segment of the spool cannot be read; the rest of it is lost", "file", g.path, "at", g.read,
			"error", err)
		s.lost(g)
	}
}

// oldest is the first segment that is not delivered whole, and where its entries end now; full where no more come. Where
// there is nothing, whoever appends next wakes the deliverer.
func (s *Spool) oldest() (g *segment, end int64, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.queue {
		if !g.handed {
			return g, g.end, true
		}
	}
	s.idle = s.active == nil || s.active.read == s.active.end
	if s.active == nil {
		return nil, 0, false
	}
	return s.active, s.active.end, false
}

// batch takes the entries from read on, before end, into b, which has none.
func (g *segment) batch(b *batch, end int64) error {
	if err := g.open(); err != nil {
		return err
	}
	b.of = g
	// The whole of it is copied only for an entry that is longer than a batch.
	for _, most := range []int64{maxBatchBytes, g.size} {
		var err error
		if b.buf, err = g.copyOut(b.buf, g.read, min(end, g.read+most)); err != nil {
			return err
		}
		for at := int64(0); len(b.entries) < maxBatchEntries; {
			entry, takes, ok := entryAt(b.buf[at:], g.number)
			if !ok {
				break
			}
			b.entries = append(b.entries, entry)
			at += takes
			b.ends = append(b.ends, g.read+at)
		}
		if len(b.entries) > 0 {
			break
		}
	}
	b.full = len(b.entries) > 0 && b.ends[len(b.ends)-1] < end
	return nil
}

// handOver delivers entries, and answers with how many of the first are; those that are refused for good are set aside one
// by one, which counts as delivered.
func (s *Spool) handOver(ctx context.Context, b batch, deliver Deliver) (int, error) {
	err := deliver(ctx, b.entries)
	switch {
	case err == nil:
		return len(b.entries), nil
	case !errors.Is(err, ErrRefused):
		return 0, err
	case len(b.entries) == 1:
		s.setAside(ctx, b, err)
		return 1, nil
	}
	half := len(b.entries) / 2
	n, err := s.handOver(ctx, batch{of: b.of, entries: b.entries[:half], ends: b.ends[:half]}, deliver)
	if err != nil {
		return n, err
	}
	m, err := s.handOver(ctx, batch{of: b.of, entries: b.entries[half:], ends: b.ends[half:]}, deliver)
	return n + m, err
}

// setAside keeps an entry that nobody takes, a batch of one, in a file of its own.
func (s *Spool) setAside(ctx context.Context, b batch, why error) {
	entry, end := b.entries[0], b.ends[0]
	s.mu.Lock()
	s.stats.Refused++
	n := s.stats.Refused
	s.gone.add(flaw{b.of.number, end - padded(len(entry)), end, ErrRefused})
	s.mu.Unlock()
	kept := n <= maxRefused
	if kept {
		name := fmt.Sprintf("refused-%016x-%d", b.of.number, n)
		if err := os.WriteFile(filepath.Join(s.cfg.Dir, name), entry, 0o600); err != nil {
			kept = false
		}
	}
	s.cfg.Logger.ErrorContext(ctx, "a record is refused for good, and set aside", "bytes", len(entry), "kept", kept,
		"error", why)
}

// delivered notes that the first n of a batch are.
func (s *Spool) delivered(b batch, n int) {
	b.of.read = b.ends[n-1]
	// Where the note cannot be kept, the batch is delivered again after a restart.
	if err := b.of.noteDelivered(); err != nil {
		s.cfg.Logger.Warn("how far a segment is delivered cannot be noted", "file", b.of.path, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = Mark{b.of.number, b.of.read}
	s.stats.Delivered += uint64(n)
	s.stats.Pending -= uint64(n)
	b.of.entries -= uint64(n)
	if !s.stats.AwaySince.IsZero() {
		s.cfg.Logger.Info("records are delivered again", "pending", s.stats.Pending)
	}
	s.stats.AwaySince = time.Time{}
	s.tell()
}

// failed notes that a delivery did.
func (s *Spool) failed(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stats.AwaySince.IsZero() {
		s.cfg.Logger.WarnContext(ctx, "records cannot be delivered; they are kept, and tried again", "pending", s.stats.Pending,
			"error", err)
		s.stats.AwaySince = s.cfg.Clock.Now()
	}
	s.tell()
}

// handed notes that a full segment is delivered whole.
func (s *Spool) handed(g *segment) {
	s.mu.Lock()
	g.handed = true
	s.mu.Unlock()
	signal(s.upkeep.kick)
}

// lost gives up what is left of a segment; of one that is being written to, it is the last that is written.
func (s *Spool) lost(g *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Damaged++
	s.stats.Dropped += g.entries
	s.stats.Pending -= g.entries
	if s.active == g {
		s.roll()
	}
	g.handed = true
	s.gone.add(flaw{g.number, g.read, g.end, ErrFailed})
	s.done = Mark{g.number, g.end}
	signal(s.upkeep.kick)
	s.tell()
}
