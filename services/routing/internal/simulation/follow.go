package simulation

import (
	"context"
	"errors"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// beatMS is how often a process asks etcd whether its watch is current.
	beatMS = secondMS
	// staleMS is how long a watch may stand still, and listSpreadMS over how long processes spread their lists.
	staleMS      = 10 * secondMS
	listSpreadMS = 200
	// maxBackoffMS is how long after etcd's return a process may notice it.
	maxBackoffMS = 2 * secondMS
	// maxDelayMS is how long a message may take where nothing is wrong.
	maxDelayMS = 400
)

// follower is coord.Client's Follow, as its comments say it is: it asks whose truth etcd tells and how far that is, lists
// the range where it must, and resumes its watch where it can. What it applies goes through generation.Through, as in the
// product.
type follower struct {
	p *process
	// feed takes raw batches of etcd over the range wide.
	feed func(coord.Batch)
	wide coord.Range

	// revision and truth are of what was applied; revision is 0 where the range must be listed.
	revision int64
	truth    coord.Truth

	// cut: nothing comes through to etcd or from it. stuck: the watch stands still, though etcd is asked and answers.
	cut, stuck bool
	delayMS    int64
	// watching, and since when; told how far the watch is told of, and dueMS when the last of that arrives.
	watching       bool
	sinceMS, dueMS int64
	sent           int64
	// life is another one after each end of a watch: what is under way of an earlier one never arrives.
	life int
	// beatAtMS is the last heartbeat that was applied.
	beatAtMS int64
}

// Store methods that a process's follower needs, but Follow, are etcd's.
type link struct {
	*etcd
	f *follower
}

// Follow keeps what batches are handed to, and returns.
func (l link) Follow(_ context.Context, r coord.Range, apply func(coord.Batch)) error {
	l.f.wide, l.f.feed = r, apply
	return nil
}

// start begins to follow, into apply, with nothing known.
func (f *follower) start(apply func(coord.Batch)) {
	f.end()
	f.revision, f.truth = 0, coord.Truth{}
	store := generation.Through(link{f.p.s.etcd, f}, simClock{f.p.s, f.p})
	err := f.p.kept.follow(store, coord.Range{From: view.RangeFrom, To: view.RangeTo}, apply)
	if err != nil && !errors.Is(err, context.Canceled) {
		f.p.s.err = err
	}
	f.knock()
}

// reaches says whether etcd answers.
func (f *follower) reaches() bool { return f.p.up && !f.cut && !f.p.s.etcd.away }

// end ends the watch, with all that is under way.
func (f *follower) end() {
	f.life++
	f.watching, f.sent, f.dueMS = false, 0, 0
}

// lose is what happens when etcd is lost: what was heard before is heard.
func (f *follower) lose() {
	f.beat()
	f.p.kept.heard()
	f.end()
}

// knock asks etcd within its backoff, if it is there; it is called whenever it may have come back.
func (f *follower) knock() {
	life := f.life
	f.p.s.after(f.p.s.between(1, maxBackoffMS), func() {
		if f.life == life && !f.watching && f.reaches() {
			f.round()
		}
	})
}

// round asks whose truth etcd tells, and lists or resumes.
func (f *follower) round() {
	s, e := f.p.s, f.p.s.etcd
	if s.cfg.Plant == PlantTruth && f.revision != 0 && e.truth != f.truth {
		f.revision, f.truth = e.revision, e.truth
	}
	other := e.truth != f.truth || e.revision < f.revision
	if f.revision == 0 || other || f.revision < e.compacted {
		life := f.life
		s.after(s.between(0, listSpreadMS)+f.delayMS, func() {
			if f.life == life && !f.watching && f.reaches() {
				f.list()
			}
		})
		return
	}
	s.counts.Resumed++
	f.watch()
	for _, b := range e.after(f.revision) {
		f.told(b)
	}
	if len(e.after(f.revision)) == 0 {
		f.apply(coord.Batch{Revision: f.revision})
	}
}

// list applies the range whole, and watches from there.
func (f *follower) list() {
	s, e := f.p.s, f.p.s.etcd
	s.counts.Listed++
	b := coord.Batch{Revision: e.revision, Reset: true, Truth: e.truth}
	for _, entry := range e.list(func(key string) bool { return f.wide.From <= key && key < f.wide.To }) {
		b.Events = append(b.Events, coord.Event{Key: entry.Key, Value: entry.Value, ModRevision: entry.ModRevision})
	}
	f.revision, f.truth = e.revision, e.truth
	f.watch()
	f.apply(b)
}

func (f *follower) watch() {
	f.watching, f.sinceMS, f.beatAtMS = true, f.p.s.nowMS, f.p.s.nowMS
	f.sent, f.dueMS = f.revision, f.p.s.nowMS
}

// told is etcd's word of a batch, on the way to a process that watches.
func (f *follower) told(b coord.Batch) {
	if !f.watching || !f.reaches() || b.Revision <= f.sent {
		return
	}
	s := f.p.s
	f.beat() // what was heard until now
	f.sent = b.Revision
	life := f.life
	if f.stuck && s.cfg.Plant == PlantStill {
		f.revision = b.Revision
		return
	}
	if f.stuck {
		s.after(staleMS+s.between(0, secondMS), func() { // it is noticed that the watch stands still
			if f.life == life {
				f.lose()
				f.stuck = false
				f.knock()
			}
		})
		return
	}
	f.dueMS = max(f.dueMS, s.nowMS+f.delayMS)
	s.after(f.dueMS-s.nowMS, func() {
		if f.life == life {
			f.revision = b.Revision
			f.apply(f.clip(b))
		}
	})
}

// clip is what a watch of the range says of a batch.
func (f *follower) clip(b coord.Batch) coord.Batch {
	var kept []coord.Event
	for _, e := range b.Events {
		if f.wide.From <= e.Key && e.Key < f.wide.To {
			kept = append(kept, e)
		}
	}
	if f.p.s.cfg.Plant == PlantEvent && len(kept) > 1 {
		kept = kept[1:]
	}
	b.Events = kept
	return b
}

// apply hands over what etcd says now.
func (f *follower) apply(b coord.Batch) {
	f.p.heardMS = f.p.s.nowMS
	f.beatAtMS = f.p.s.nowMS
	f.feed(b)
}

// beat applies the last heartbeat until now, where there was one: etcd's head was what is applied, so that is current. It
// is called before anybody looks, since a year has 31 million of them.
func (f *follower) beat() {
	if !f.watching || !f.reaches() || f.sent != f.revision {
		return
	}
	last := f.sinceMS + (f.p.s.nowMS-f.sinceMS)/beatMS*beatMS
	if last <= f.beatAtMS {
		return
	}
	f.beatAtMS = last
	f.p.heardMS = last
	f.feed(coord.Batch{Revision: f.revision, Heard: at(last + f.p.offsetMS)})
}
