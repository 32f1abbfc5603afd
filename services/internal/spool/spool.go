// Package spool keeps entries on this host until somebody else has them: appended in well under a microsecond, without a
// system call, they survive a killed process at once and a lost machine after the next sync, and are delivered in order, at
// least once, for as long as it takes.
//
// It knows nothing of what an entry says. It is no queue between processes (one process has a directory to itself) and no
// database: an entry that was delivered is gone.
//
// A directory holds segments, which are files of a fixed size, written from their start and mapped into memory. They are
// made ahead of time, with every block written once, so that an append finds room or is refused, and never waits for a file
// system. What is refused is counted, and it is the caller's to go on without: no call waits for a record.
package spool

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/daysidehq/dayside/services/internal/clock"
)

// What Append, Sync and Delivered can say.
var (
	// ErrFull: the disk, or what the spool may take of it, is full, or entries come faster than room is made for them.
	ErrFull = errors.New("spool: full")
	// ErrTooLarge: the entry has no bytes, or more than fit a segment.
	ErrTooLarge = errors.New("spool: an entry has 1 byte to what fits half a segment")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("spool: closed")
	// ErrFailed: the disk failed under the entry.
	ErrFailed = errors.New("spool: the disk failed")
	// ErrAway: deliveries fail at present, so that waiting for one is in vain.
	ErrAway = errors.New("spool: deliveries fail")
	// ErrRefused is for a Deliver to wrap: what was handed over will never be taken, however often it is sent.
	ErrRefused = errors.New("spool: refused for good")
)

const (
	// defaultMaxBytes is what a spool takes of the disk.
	defaultMaxBytes = 512 << 20
	// defaultSegmentBytes holds some thousand records.
	defaultSegmentBytes = 4 << 20
	// minSegmentBytes is a page.
	minSegmentBytes = 4 << 10
	// numSpares is how many segments stand ready: what can be appended while the file system makes the next one.
	numSpares = 3
	// syncEvery is how long an entry may be in memory alone.
	syncEvery = 100 * time.Millisecond
)

// Config is where a spool stands, and how much it holds.
type Config struct {
	// Dir is the spool's own directory; it is made (0700) where it is not there.
	Dir string
	// MaxBytes is what all segments may take of the disk; 512 MiB where 0. At least four segments.
	MaxBytes int64
	// SegmentBytes is the size of a segment; 4 MiB where 0. The longest entry is half of it.
	SegmentBytes int64
	// Unmapped writes by system calls instead of mapping files into memory: for file systems that cannot map them. An append
	// then costs some microseconds.
	Unmapped bool
	// Stepped does nothing in the background: see Tend.
	Stepped bool
	// Clock and Logger are required.
	Clock  clock.Clock
	Logger *slog.Logger
}

func (c *Config) check() error {
	if c.Dir == "" || c.Clock == nil || c.Logger == nil {
		return errors.New("spool: Dir, Clock and Logger are required")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = min(defaultSegmentBytes, c.MaxBytes/(numSpares+1)/minSegmentBytes*minSegmentBytes)
	}
	if c.SegmentBytes < minSegmentBytes || c.SegmentBytes%minSegmentBytes != 0 || c.SegmentBytes > 1<<30 {
		return fmt.Errorf("spool: segments of %d bytes: must be a multiple of %d, at most 1 GiB", c.SegmentBytes, minSegmentBytes)
	}
	if c.MaxBytes < (numSpares+1)*c.SegmentBytes {
		return fmt.Errorf("spool: at most %d bytes, which is less than %d segments of %d", c.MaxBytes, numSpares+1,
			c.SegmentBytes)
	}
	return nil
}

// Mark is the place of an entry in a spool. Marks of one spool are ordered; the zero value is before all entries.
type Mark struct {
	segment uint64
	end     int64
}

func (m Mark) behind(other Mark) bool {
	return m.segment > other.segment || m.segment == other.segment && m.end > other.end
}

// maxFlaws bounds how many are remembered: who asks does so within seconds.
const maxFlaws = 128

// flaw is what is wrong with the entries that end in (from, to] of a segment.
type flaw struct {
	segment  uint64
	from, to int64
	err      error
}

type flaws []flaw

func (f *flaws) add(one flaw) {
	if len(*f) == maxFlaws {
		*f = slices.Delete(*f, 0, 1)
	}
	*f = append(*f, one)
}

// of is what is wrong with the entry at a mark; nil where nothing is known to be.
func (f flaws) of(m Mark) error {
	for _, one := range f {
		if one.segment == m.segment && one.from < m.end && m.end <= one.to {
			return one.err
		}
	}
	return nil
}

// Stats are what a spool holds and did. Counters begin at 0 with the process.
type Stats struct {
	// Appended, Delivered and Dropped are entries: taken; handed over, or set aside; turned away for want of room, or lost
	// since the disk failed.
	Appended, Delivered, Dropped uint64
	// Refused are entries that whoever they were delivered to will never take; they stand in the directory, for people.
	Refused uint64
	// Damaged is how often something was found that cannot be read: the end of a segment that a lost machine left.
	Damaged uint64
	// Pending are entries taken and not handed over, those of processes before this one among them.
	Pending uint64
	// Bytes on disk, segments that stand ready among them.
	Bytes int64
	// AwaySince is since when deliveries fail; zero where they do not.
	AwaySince time.Time
}

// Spool is safe for concurrent use.
type Spool struct {
	cfg Config

	mu     sync.Mutex
	active *segment   // nil where nothing can be appended until there is a spare
	queue  []*segment // full ones, the oldest first, until they are delivered
	spares []*segment
	// next is the number of the next segment.
	next   uint64
	bytes  int64
	closed bool
	dirty  bool   // something was appended since the last sync began
	idle   bool   // the deliverer waits to be woken
	round  *round // who waits for the next sync
	// progress is closed, and made anew, whenever a delivery ends, either way.
	progress chan struct{}
	done     Mark // all before it is delivered
	// unsynced are entries that a disk failed to sync, gone those that count as delivered and never arrived.
	unsynced, gone flaws
	running        bool
	stats          Stats

	upkeep upkeep
	// wake tells the deliverer that there is something, hurry that somebody waits for it, retry that it is worth a try again.
	wake, hurry, retry chan struct{}
	stop               chan struct{}
	stopped            sync.WaitGroup
	// step is the last of DeliverOnce.
	step batch
}

// round is one sync, and who waits for it.
type round struct {
	wanted bool
	done   chan struct{}
	err    error // once done is closed
}

func newRound() *round { return &round{done: make(chan struct{})} }

// Open takes up the spool in a directory: entries that were appended before, and not delivered, will be.
func Open(cfg Config) (*Spool, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{
		cfg: cfg, round: newRound(), progress: make(chan struct{}),
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), retry: make(chan struct{}, 1), stop: make(chan struct{}),
		upkeep: upkeep{kick: make(chan struct{}, 1)},
	}
	if err := s.takeUp(); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	// Room for the first entries is made here, so that a spool that opened can be written to, but for a full disk; more of it
	// while they come.
	s.makeSpares(1)
	signal(s.upkeep.kick)
	if !cfg.Stepped {
		s.stopped.Go(s.keep)
	}
	return s, nil
}

// Append takes a copy of an entry. When it returns, the entry survives the end of this process, however it comes.
func (s *Spool) Append(entry []byte) (Mark, error) {
	if len(entry) == 0 || int64(len(entry)) > s.cfg.SegmentBytes/2 {
		s.mu.Lock()
		s.stats.Dropped++
		s.mu.Unlock()
		return Mark{}, ErrTooLarge
	}
	sum := crc32.Checksum(entry, castagnoli())
	s.mu.Lock()
	mark, err := s.append(entry, sum)
	first, idle := !s.dirty, s.idle
	s.dirty, s.idle = true, false
	s.mu.Unlock()
	if first {
		signal(s.upkeep.kick)
	}
	if idle {
		signal(s.wake)
	}
	return mark, err
}

// append is Append with the lock held: what is in it is a copy of some hundred bytes.
func (s *Spool) append(entry []byte, sum uint32) (Mark, error) {
	if s.closed {
		return Mark{}, ErrClosed
	}
	if s.active == nil || !s.active.fits(len(entry)) {
		s.roll()
	}
	if s.active == nil {
		s.stats.Dropped++
		return Mark{}, ErrFull
	}
	if err := s.active.write(entry, sum); err != nil {
		s.stats.Dropped++
		s.roll() // whatever is wrong with this file, the next one may be whole
		return Mark{}, err
	}
	s.active.entries++
	s.stats.Appended++
	s.stats.Pending++
	return Mark{s.active.number, s.active.end}, nil
}

// roll puts a spare in the active segment's place; none where there is none.
func (s *Spool) roll() {
	if s.active != nil {
		s.queue = append(s.queue, s.active)
		s.active = nil
	}
	if len(s.spares) > 0 {
		s.active = s.spares[0]
		s.spares = s.spares[1:]
	}
	signal(s.upkeep.kick)
}

// Sync waits until the entry at a mark, and all before it, are on disk; many who wait share one sync. ErrFailed where the
// disk fails, or failed for that entry: then it survives the process alone.
func (s *Spool) Sync(ctx context.Context, at Mark) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	r := s.round
	r.wanted = true
	s.mu.Unlock()
	signal(s.upkeep.kick)
	select {
	case <-r.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.err != nil {
		return r.err
	}
	// A sync that nobody waited for may have had the entry before, and failed.
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsynced.of(at)
}

// Delivered waits until the entry at a mark, and all before it, are delivered. ErrAway at once where deliveries fail at
// present, or nobody runs them; ErrRefused or ErrFailed of an entry that never will be.
func (s *Spool) Delivered(ctx context.Context, at Mark) error {
	for {
		s.mu.Lock()
		progress, running, away, closed := s.progress, s.running, !s.stats.AwaySince.IsZero(), s.closed
		there, flaw := !at.behind(s.done), s.gone.of(at)
		s.mu.Unlock()
		switch {
		case there:
			return flaw
		case closed:
			return ErrClosed
		case away || !running:
			return ErrAway
		}
		signal(s.hurry)
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stats are the figures of the moment.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Bytes = s.bytes
	return st
}

// Close syncs what was appended, and ends. Run must have returned; what is not delivered is when the spool is next opened.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.stopped.Wait()
	return s.shut()
}

// signal wakes whoever waits on ch, now or next.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
