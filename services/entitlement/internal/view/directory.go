package view

import (
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// Directory is by what customers are found, from their sources: aliases and addresses are published to nobody. One goroutine
// applies; any number may ask.
type Directory struct {
	prefix string
	listed atomic.Bool
	index  *names.Index
	clues  atomic.Pointer[clues]
}

// NewDirectory is a directory of the customers whose sources are under the prefix; it has heard of nothing yet.
func NewDirectory(prefix string) *Directory {
	d := &Directory{prefix: prefix, index: names.NewIndex()}
	d.clues.Store(newClues(0))
	return d
}

// Range holds the keys that the directory is made from.
func (d *Directory) Range() coord.Range { return coord.Prefix(d.prefix) }

// Apply takes over a batch of events under Range. A source that cannot be read is left out, and its keys are the answer. The
// events of a list are used up: of a million customers there is no room for their sources beside what is made of them.
func (d *Directory) Apply(b coord.Batch) (unreadable []string) {
	clues := d.clues.Load()
	if b.Reset {
		clues = newClues(len(b.Events)) // whoever asks meanwhile is answered from the one before
	}
	heard := func(yield func(names.Customer) bool) {
		for h := range d.readAll(b, clues) {
			if h.unreadable {
				unreadable = append(unreadable, d.prefix+h.ID)
			}
			if h.known {
				clues.learn(h.ID, h.notes)
			} else {
				clues.leave(h.ID)
			}
			if !yield(h.Customer) {
				return
			}
		}
	}
	switch {
	case b.Reset:
		d.index.Reset(len(b.Events), heard)
		d.clues.Store(clues)
		d.listed.Store(true)
	case len(b.Events) > 0:
		d.index.Apply(slices.Collect(heard))
	}
	return unreadable
}

// heard is what an event says of a customer.
type heard struct {
	names.Customer
	notes []note
	// known is false of one that is gone, or cannot be read.
	known, unreadable bool
}

// eventsAtOnce is how many events one reader takes.
const eventsAtOnce = 1 << 10

// readAll reads events, in their order, on as many processors as there are.
func (d *Directory) readAll(b coord.Batch, clues *clues) iter.Seq[heard] {
	return func(yield func(heard) bool) {
		readers := runtime.GOMAXPROCS(0)
		parts := make(chan chan []heard, readers)
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			defer close(parts)
			for some := range slices.Chunk(b.Events, eventsAtOnce) {
				part := make(chan []heard, 1)
				select {
				case parts <- part:
					go func() { part <- d.read(some, b.Reset, clues) }()
				case <-stop:
					return
				}
			}
		}()
		for part := range parts {
			for _, h := range <-part {
				if !yield(h) {
					return
				}
			}
		}
	}
}

// read reads some events, which are used up where they are of a list.
func (d *Directory) read(events []coord.Event, list bool, clues *clues) []heard {
	out := make([]heard, 0, len(events))
	for i, e := range events {
		if list {
			events[i] = coord.Event{}
		}
		id, ok := strings.CutPrefix(e.Key, d.prefix)
		if !ok || id == "" {
			continue
		}
		h := heard{Customer: names.Customer{ID: id}}
		if e.Value != nil {
			source, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
			if h.known, h.unreadable = err == nil, err != nil; h.known {
				h.Names, h.notes = called(source), clues.notes(source)
			}
		}
		out = append(out, h)
	}
	return out
}

// called are all names of a customer: its own first, and those that it chose for itself, the former ones too.
func called(source *entitlementv1.Customer) []string {
	all := append([]string{source.GetDisplayName()}, source.GetAliases()...)
	if source.GetAccessName() != "" {
		all = append(all, source.GetAccessName())
	}
	for _, former := range source.GetFormerAccessNames() {
		all = append(all, former.GetName())
	}
	return all
}

// Holders are the customers of whom a clue speaks, at most limit of them. system is that of an ExternalID.
func (d *Directory) Holders(kind Clue, system, text string, limit int) []Holder {
	return d.clues.Load().find(kind, system, text, limit)
}

// Listed says whether the directory has heard the whole state once.
func (d *Directory) Listed() bool { return d.listed.Load() }

// Find is names.Index.Find.
func (d *Directory) Find(said string, limit int) (found []names.Match, more bool) {
	return d.index.Find(said, limit)
}

// FindDigits is names.Index.FindDigits.
func (d *Directory) FindDigits(digits string, limit int) (found []names.Match, more bool) {
	return d.index.FindDigits(digits, limit)
}
