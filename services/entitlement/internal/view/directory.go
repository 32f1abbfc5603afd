package view

import (
	"strings"
	"sync/atomic"

	entitlementv1 "github.com/daysidehq/dayside/api/dayside/entitlement/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/names"
	"github.com/daysidehq/dayside/services/internal/collection"
	"github.com/daysidehq/dayside/services/internal/coord"
)

// Directory is what customers are called, from their sources: aliases are published to nobody. One goroutine applies; any
// number may ask.
type Directory struct {
	prefix string
	listed atomic.Bool
	index  *names.Index
}

// NewDirectory is a directory of the customers whose sources are under the prefix; it has heard of nothing yet.
func NewDirectory(prefix string) *Directory {
	return &Directory{prefix: prefix, index: names.NewIndex()}
}

// Range holds the keys that the directory is made from.
func (d *Directory) Range() coord.Range { return coord.Prefix(d.prefix) }

// Apply takes over a batch of events under Range. A source that cannot be read is left out, and its keys are the answer.
func (d *Directory) Apply(b coord.Batch) (unreadable []string) {
	changed := make([]names.Customer, 0, len(b.Events))
	for _, e := range b.Events {
		id, ok := strings.CutPrefix(e.Key, d.prefix)
		if !ok || id == "" {
			continue
		}
		c := names.Customer{ID: id}
		if e.Value != nil {
			source, _, err := collection.Decode[*entitlementv1.Customer](e.Value, e.ModRevision)
			if err != nil {
				unreadable = append(unreadable, e.Key)
			} else {
				c.Names = append([]string{source.GetDisplayName()}, source.GetAliases()...)
			}
		}
		changed = append(changed, c)
	}
	switch {
	case b.Reset:
		d.index.Reset(changed)
		d.listed.Store(true)
	case len(changed) > 0:
		d.index.Apply(changed)
	}
	return unreadable
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
