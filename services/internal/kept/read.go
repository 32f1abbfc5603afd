package kept

import (
	"errors"
	"fmt"
	"os"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/frugal"
)

// Load reads the newest copy that is whole, as a Reset with when it was heard and whose truth it is; found is false where
// there is none. What could not be read on the way is told in problems; the end of a log that a killed process left is not.
func (d *Disk) Load() (b coord.Batch, found bool, problems []error) {
	generations, err := d.generations()
	if err != nil {
		return coord.Batch{}, false, []error{err}
	}
	for _, n := range generations {
		var events coord.Gathered
		end := func() {}
		c, err := d.read(n, func(e coord.Event) error {
			if events.Add(e); events.Len() == frugal.Many {
				end = frugal.List()
			}
			return nil
		})
		end()
		if err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				problems = append(problems, fmt.Errorf("%s: %w", d.path(n, snapshotName), err))
			}
			continue
		}
		_ = d.Close()
		d.generation, d.state, d.snapshotBytes, d.logBytes, d.beatAt = n, c.state, c.snapshotBytes, c.logBytes, -1
		d.otherBytes = d.weigh(n)
		return coord.Batch{
			Revision: c.state.revision, Reset: true, Events: events.All(), Heard: c.state.heard, Truth: c.state.truth,
		}, true, problems
	}
	return coord.Batch{}, false, problems
}

// copied is what was found of a generation.
type copied struct {
	state                   state
	snapshotBytes, logBytes int64
}

// read gives each of a generation's records with the state that they make: those of the log first, and then those of the
// snapshot that the log does not overrule. What was given is worth nothing where it fails.
func (d *Disk) read(n uint64, each func(coord.Event) error) (copied, error) {
	c := copied{}
	f, r, err := d.open(d.path(n, snapshotName))
	if err != nil {
		return c, err
	}
	defer f.Close()
	if c.state, err = readFirst(r, n); err != nil {
		return c, err
	}
	changed, logBytes := d.readLog(n, &c.state)
	c.logBytes = logBytes
	for _, e := range changed {
		if e.Value == nil {
			continue
		}
		if err := each(e); err != nil {
			return c, err
		}
	}
	c.snapshotBytes, err = readSnapshot(r, func(e coord.Event) error {
		if _, overruled := changed[e.Key]; overruled {
			return nil
		}
		return each(e)
	})
	return c, err
}

func (d *Disk) open(path string) (*os.File, *reader, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	r, err := newReader(f, info.Size())
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, r, nil
}

// readFirst is how a file of a generation begins.
func readFirst(r *reader, n uint64) (state, error) {
	kind, payload, err := r.next()
	if err != nil || kind != kindBegin {
		return state{}, errDamaged
	}
	s, generation, err := readBegin(payload)
	if err != nil || generation != n {
		return state{}, errDamaged
	}
	return s, nil
}

// readLog is what a log changed last of each key, and how much of it is whole; it takes s to where the log ends. A log that
// cannot be read changes nothing.
func (d *Disk) readLog(n uint64, s *state) (changed map[string]coord.Event, whole int64) {
	f, r, err := d.open(d.path(n, logName))
	if err != nil {
		return nil, 0
	}
	defer f.Close()
	if begun, err := readFirst(r, n); err != nil || begun.truth != s.truth {
		return nil, 0
	}
	changed = map[string]coord.Event{}
	for {
		at := r.at
		kind, payload, err := r.next()
		if err != nil {
			return changed, at
		}
		if kind != kindBatch && kind != kindBeat {
			continue
		}
		b, err := readBatch(kind, payload)
		if err != nil {
			return changed, at
		}
		for _, e := range b.Events {
			changed[e.Key] = e
		}
		s.revision, s.heard = b.Revision, b.Heard
	}
}

// readSnapshot gives every record of a snapshot behind the first, and answers with its size.
func readSnapshot(r *reader, each func(coord.Event) error) (int64, error) {
	for events := uint64(0); ; {
		kind, payload, err := r.next()
		if err != nil {
			return 0, errDamaged // it has no end
		}
		switch kind {
		case kindPut:
			e, err := readPut(payload)
			if err != nil {
				return 0, err
			}
			if err := each(e); err != nil {
				return 0, err
			}
			events++
		case kindEnd:
			if count := (fields{b: payload}); count.fixed() != events || count.bad {
				return 0, errDamaged
			}
			return r.at, nil
		}
	}
}
