package simulation

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/keeper"
	"github.com/daysidehq/dayside/services/routing/internal/record"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// process is one that routes calls: what it knows in memory, and what it has on disk.
type process struct {
	s  *sim
	n  int
	id string
	// dir is its host's disk.
	dir string
	// up: it runs. life is another one each time it starts.
	up   bool
	life int
	// offsetMS is how far its host's clock is ahead.
	offsetMS, offsetSetMS int64

	follow follower
	kept   onDisk
	spool  *spooler

	// current is nil until it knows anything. fromDisk: nothing of it was heard from etcd since this start.
	current  *view.View
	truth    coord.Truth
	fromDisk bool
	// heardMS is when it last heard, truly; offset by how far its clock was ahead then.
	heardMS int64
	// torn: the end of what it noted on disk was lost, so that it may seem to have heard earlier.
	torn        bool
	heardOffset int64
	sinceMS     int64 // when it was last started
	// began is whose truth etcd told it when it was; zero where etcd did not answer.
	began        coord.Truth
	decision     decide.Decision
	maker        record.Maker
	asked        asked
	buf          []byte
	replayed     int64
	problemsTold int
	// appended are its records, of all of its lives; gone those that went with a disk.
	appended, gone int
}

func newProcess(s *sim, n int) (*process, error) {
	id := fmt.Sprintf("routing-%d", n+1)
	p := &process{s: s, n: n, id: id, dir: filepath.Join(s.cfg.Dir, id)}
	p.follow = follower{p: p, delayMS: s.between(1, 150)}
	p.kept = onDisk{p: p}
	if err := p.start(); err != nil {
		return nil, err
	}
	return p, nil
}

// offset is how far the process's clock is ahead of the simulation's; whoever is no process has the right time.
func (p *process) offset() int64 {
	if p == nil {
		return 0
	}
	return p.offsetMS
}

// now is the time on the process's clock.
func (p *process) now() time.Time { return at(p.s.nowMS + p.offsetMS) }

// start starts the process from what is on its disk.
func (p *process) start() error {
	p.up, p.sinceMS, p.current = true, p.s.nowMS, nil
	p.life++
	var err error
	if p.spool, err = openSpool(p); err != nil {
		return err
	}
	p.began = coord.Truth{}
	if p.follow.reaches() {
		p.began = p.s.etcd.truth
	}
	p.follow.start(p.apply)
	p.try()
	p.spool.wake()
	return nil
}

// kill ends the process as kill -9 does: what it has on disk stays as it is.
func (p *process) kill() {
	p.follow.lose()
	p.up, p.current = false, nil
	p.spool.kill()
	p.kept.kill()
}

// shut gives back what the process holds of this machine.
func (p *process) shut() {
	if p.up {
		p.up = false
		p.spool.kill()
		p.kept.kill()
	}
}

// oldestMS is the earliest time that the process, or its disk, knows the cluster of.
func (p *process) oldestMS() int64 {
	if p.truth == (coord.Truth{}) {
		return p.s.nowMS
	}
	return p.heardMS - 4*notedEveryMS
}

// apply is what routing does with a batch.
func (p *process) apply(b coord.Batch) {
	var next *view.Builder
	if b.Reset {
		next, p.truth = view.Anew(p.known()), b.Truth
	} else {
		next = view.Next(p.current)
	}
	for _, e := range b.Events {
		if e.Value == nil {
			next.Delete(e.Key)
			continue
		}
		next.Put(e.Key, e.Value)
	}
	heard := b.Heard
	if heard.IsZero() {
		heard = p.now()
	}
	if p.s.cfg.Plant == PlantAge {
		heard = p.now().Add(time.Duration(p.s.nowMS-p.sinceMS) * time.Millisecond)
	}
	v, problems := next.View(b.Revision, heard)
	if len(problems) > 0 && p.problemsTold < 3 {
		p.problemsTold++
		p.s.find(p, "%s cannot be read: %v", problems[0].Key, problems[0].Err)
	}
	p.s.latest = v
	p.current, p.fromDisk = v, b.Reset && !b.Heard.IsZero()
	if !p.fromDisk {
		p.torn, p.heardOffset = false, p.offsetMS
	}
	if len(b.Events) > 0 || b.Reset {
		p.s.trace.note(p.s.nowMS, "applied", p.id, fmt.Sprint(b.Revision, b.Reset, len(b.Events), heard.UnixMilli()))
	}
}

// known is what a list is read beside: of which each byte is the same it makes the same, and what cannot be read is a
// finding. So a process that begins may have what another one read; the bytes come from its own disk, or from etcd.
func (p *process) known() *view.View {
	if p.current != nil {
		return p.current
	}
	return p.s.latest
}

// view is what the process would decide on now; nil where it knows nothing yet.
func (p *process) view() *view.View {
	p.follow.beat()
	return p.current
}

// keeperOf is who looks after the keys of continuations.
func keeperOf(s *sim, p *process) *keeper.Keeper {
	return keeper.New(s.etcd, simClock{s, p}, slog.New(slog.DiscardHandler))
}

// keys has a process look after the keys of continuations now and then.
func (s *sim) keys() {
	s.after(hourMS, s.keys)
	p := s.processes[s.chance.IntN(len(s.processes))]
	if p.follow.reaches() && p.follow.watching {
		s.lookAfterKeys(p)
	}
}
