package view

import (
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

// Apply takes over a batch of events under Range. A source that cannot be read is left out, and its keys are the answer.
func (d *Directory) Apply(b coord.Batch) (unreadable []string) {
	changed := make([]names.Customer, 0, len(b.Events))
	clues := d.clues.Load()
	if b.Reset {
		clues = newClues(len(b.Events)) // whoever asks meanwhile is answered from the one before
	}
	for _, e := range b.Events {
		id, ok := strings.CutPrefix(e.Key, d.prefix)
		if !ok || id == "" {
			continue
		}
		c := names.Customer{ID: id}
		var source *entitlementv1.Customer
		if e.Value != nil {
			var err error
			if source, _, err = collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision); err != nil {
				unreadable, source = append(unreadable, e.Key), nil
			}
		}
		c.Names = called(source)
		clues.learn(id, source)
		changed = append(changed, c)
	}
	switch {
	case b.Reset:
		d.index.Reset(changed)
		d.clues.Store(clues)
		d.listed.Store(true)
	case len(changed) > 0:
		d.index.Apply(changed)
	}
	return unreadable
}

// called are all names of a customer: its own first, and those that it chose for itself, the former ones too.
func called(source *entitlementv1.Customer) []string {
	if source == nil {
		return nil
	}
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
