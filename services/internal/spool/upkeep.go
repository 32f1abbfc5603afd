package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// retryDisk is how long a disk that is full or fails is left alone before room is tried for again.
const retryDisk = time.Second

// upkeep is what keeps a spool: it makes segments ahead, syncs, and removes what is delivered. All of it that touches a disk
// is done by one goroutine.
type upkeep struct {
	kick chan struct{}
	// ill: the last segment could not be made.
	ill bool
	// zeros are what segments are made of.
	zeros []byte
}

// zeroBytes is how much of a segment is written at once when it is made.
const zeroBytes = 64 << 10

// keep works until Close.
func (s *Spool) keep() {
	var due, again <-chan time.Time
	for {
		select {
		case <-s.stop:
			return
		case <-s.upkeep.kick:
		case <-due:
			s.sync()
			due = nil
		case <-again:
			again = nil
		}
		s.mu.Lock()
		wanted, dirty := s.round.wanted, s.dirty
		s.mu.Unlock()
		if wanted {
			s.sync()
			due, dirty = nil, false
		}
		if dirty && due == nil {
			due = s.cfg.Clock.After(syncEvery)
		}
		s.removeDelivered()
		s.unmapSynced()
		if !s.makeSpares(numSpares) && again == nil {
			again = s.cfg.Clock.After(retryDisk)
		}
	}
}

// span is what is to be synced of one segment.
type span struct {
	of *segment
	to int64
}

// sync puts on disk all that was appended before, and tells those who waited for it.
func (s *Spool) sync() {
	s.mu.Lock()
	r := s.round
	s.round, s.dirty = newRound(), false
	var spans []span
	for _, g := range s.queue {
		if g.synced < g.end {
			spans = append(spans, span{g, g.end})
		}
	}
	if g := s.active; g != nil && g.synced < g.end {
		spans = append(spans, span{g, g.end})
	}
	s.mu.Unlock()
	for _, one := range spans {
		if err := one.of.memory.sync(one.of.synced, one.to); err != nil {
			r.err = fmt.Errorf("%w: %w", ErrFailed, err)
			s.cfg.Logger.Error("the spool cannot be synced: what it holds survives this process, not this machine",
				"file", one.of.path, "error", err)
			s.leave(one, r.err)
		}
		one.of.synced = one.to
	}
	close(r.done)
}

// leave goes on in another segment: what a disk failed to sync once it may say to have synced the next time, and not have.
func (s *Spool) leave(what span, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsynced.add(flaw{what.of.number, what.of.synced, what.to, err})
	if s.active == what.of {
		s.roll()
	}
}

// makeSpares makes segments until so many stand ready beside the one that is written to, and says whether they do, or will
// when something is delivered.
func (s *Spool) makeSpares(n int) bool {
	for {
		s.mu.Lock()
		enough := len(s.spares) >= n && s.active != nil || s.bytes+s.cfg.SegmentBytes > s.cfg.MaxBytes
		number := s.next
		s.mu.Unlock()
		if enough {
			return true
		}
		if s.upkeep.zeros == nil {
			s.upkeep.zeros = make([]byte, min(zeroBytes, s.cfg.SegmentBytes))
		}
		g, err := createSegment(&s.cfg, number, s.upkeep.zeros)
		if err == nil {
			err = syncDir(s.cfg.Dir)
		}
		if g == nil {
			if !s.upkeep.ill {
				s.cfg.Logger.Error("no room can be made in the spool; what does not fit is lost", "dir", s.cfg.Dir, "error", err)
			}
			s.upkeep.ill = true
			return false
		}
		if s.upkeep.ill && err == nil {
			s.cfg.Logger.Info("there is room in the spool again", "dir", s.cfg.Dir)
			s.upkeep.ill = false
		}
		s.mu.Lock()
		s.next++
		s.bytes += g.size
		s.spares = append(s.spares, g)
		if s.active == nil {
			s.roll()
		}
		s.mu.Unlock()
	}
}

// unmapSynced gives the memory of full segments back that nothing is stored into any more.
func (s *Spool) unmapSynced() {
	s.mu.Lock()
	var done []*segment
	for _, g := range s.queue {
		if g.memory != nil && g.synced >= g.end {
			done = append(done, g)
		}
	}
	s.mu.Unlock()
	for _, g := range done {
		if err := g.memory.close(); err != nil {
			s.cfg.Logger.Warn("the memory of a segment cannot be given back", "file", g.path, "error", err)
		}
		g.memory = nil
	}
}

// removeDelivered removes segments of which everything is delivered.
func (s *Spool) removeDelivered() {
	s.mu.Lock()
	var gone []*segment
	s.queue = slices.DeleteFunc(s.queue, func(g *segment) bool {
		if g.handed {
			gone = append(gone, g)
			s.bytes -= g.size
		}
		return g.handed
	})
	s.mu.Unlock()
	for _, g := range gone {
		_ = g.release()
		if err := os.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Logger.Warn("a delivered segment cannot be removed", "file", g.path, "error", err)
		}
	}
}

// takeUp finds the segments that earlier processes left.
func (s *Spool) takeUp() error {
	names, err := filepath.Glob(filepath.Join(s.cfg.Dir, "*"+segmentSuffix))
	if err != nil {
		return err
	}
	slices.Sort(names) // numbers have the same number of digits
	s.next = 1
	var spares []uint64
	var buf []byte
	for _, name := range names {
		number, err := s.takeUpSegment(name, &buf)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		if number > 0 {
			spares = append(spares, number)
		}
	}
	if len(s.queue) > 0 {
		signal(s.wake)
	}
	return s.takeUpSpares(spares)
}

// takeUpSpares has segments that earlier processes made ahead stand ready for this one, which need not make them then.
// Entries must not come to stand before older ones.
func (s *Spool) takeUpSpares(numbers []uint64) error {
	for _, number := range numbers {
		behind := len(s.queue) == 0 || s.queue[len(s.queue)-1].number < number
		if !behind || len(s.spares) > numSpares || s.bytes+s.cfg.SegmentBytes > s.cfg.MaxBytes {
			if err := os.Remove(segmentPath(s.cfg.Dir, number)); err != nil {
				return err
			}
			continue
		}
		g, err := takeSpare(&s.cfg, number)
		if err != nil { // another one is made in its place
			if err := os.Remove(segmentPath(s.cfg.Dir, number)); err != nil {
				return err
			}
			continue
		}
		s.bytes += g.size
		s.spares = append(s.spares, g)
	}
	if len(s.spares) > 0 {
		s.roll()
	}
	return nil
}

// takeUpSegment puts what was not delivered of a segment in the queue. It answers with the number of one that can stand
// ready, and else with 0. Files are read into buf, which grows.
func (s *Spool) takeUpSegment(path string, buf *[]byte) (spare uint64, err error) {
	var number uint64
	if _, err := fmt.Sscanf(filepath.Base(path), "%016x"+segmentSuffix, &number); err != nil {
		return 0, nil //nolint:nilerr // somebody else's file
	}
	s.next = max(s.next, number+1)
	b, err := readInto(*buf, path)
	if err != nil {
		s.stats.Damaged++
		s.cfg.Logger.Error("a segment of the spool cannot be read, and is left as it is", "file", path, "error", err)
		return 0, nil
	}
	*buf = b
	found, err := scan(b)
	if err != nil || !found.blank && found.number != number {
		s.stats.Damaged++
		s.cfg.Logger.Error("a segment of the spool cannot be read, and is set aside", "file", path, "error", err)
		return 0, os.Rename(path, strings.TrimSuffix(path, segmentSuffix)+damagedSuffix)
	}
	if found.torn {
		s.stats.Damaged++
		s.cfg.Logger.Warn("the end of a segment of the spool was not on disk yet when the machine was lost", "file", path,
			"at", found.end)
	}
	if path == segmentPath(s.cfg.Dir, number) && found.spare(&s.cfg, int64(len(b))) {
		return number, nil
	}
	if found.entries == 0 {
		return 0, os.Remove(path)
	}
	if err := os.Truncate(path, found.end); err != nil {
		return 0, err
	}
	s.queue = append(s.queue, &segment{
		number: number, path: path, size: found.end, end: found.end, synced: found.end, read: found.delivered,
		entries: found.entries,
	})
	s.bytes += found.end
	s.stats.Pending += found.entries
	return 0, nil
}

// readInto reads a file whole, into buf where that has room.
func readInto(buf []byte, path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the spool's own directory
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	buf = slices.Grow(buf[:0], int(info.Size()))[:info.Size()]
	_, err = io.ReadFull(f, buf)
	return buf, err
}

// shut syncs, and gives all files back; the ones that hold nothing are removed.
func (s *Spool) shut() error {
	s.sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	var problems []error
	all := slices.Concat(s.queue, s.spares)
	if s.active != nil {
		all = append(all, s.active)
	}
	for _, g := range all {
		problems = append(problems, g.release())
		if g.handed || g.read == g.end {
			problems = append(problems, os.Remove(g.path))
		}
	}
	s.queue, s.spares, s.active = nil, nil, nil
	return errors.Join(problems...)
}

// syncDir makes the names of new files durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
