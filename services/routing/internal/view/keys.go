package view

import (
	"maps"
	"slices"

	"github.com/daysidehq/dayside/services/routing/internal/continuation"
)

// maxContinuationKeys bounds the keys that a view takes in; a ring takes the latest of them.
const maxContinuationKeys = 64

// Ring is the keys that seal and open what calls carry from step to step; never nil, and empty where there are none yet.
func (v *View) Ring() *continuation.Ring { return v.keys.ring }

// keys is routing's own part of what its keeper writes.
type keys struct {
	byID map[string]continuation.Key
	ring *continuation.Ring
}

func newKeys() *keys { return &keys{ring: continuation.NewRing()} }

type keysBuilder struct {
	from, before *keys
	byID         map[string]continuation.Key // nil until something changes
}

func (b *keysBuilder) edit() map[string]continuation.Key {
	if b.byID == nil {
		if b.byID = maps.Clone(b.from.byID); b.byID == nil {
			b.byID = map[string]continuation.Key{}
		}
	}
	return b.byID
}

// put passes keys beyond the limit over: whoever can write them there can do worse.
func (b *keysBuilder) put(id string, value []byte) error {
	key, err := continuation.ReadKey(id, value)
	if err != nil {
		return err
	}
	byID := b.edit()
	if _, known := byID[id]; known || len(byID) < maxContinuationKeys {
		byID[id] = key
	}
	return nil
}

func (b *keysBuilder) keep(id string) {
	if key, known := b.before.byID[id]; known {
		b.edit()[id] = key
	}
}

func (b *keysBuilder) remove(id string) { delete(b.edit(), id) }

func (b *keysBuilder) finish() *keys {
	if b.byID == nil {
		return b.from
	}
	return &keys{b.byID, continuation.NewRing(slices.Collect(maps.Values(b.byID))...)}
}
