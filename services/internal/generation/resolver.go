package generation

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
)

// Resolver turns what etcd says of the keys into what is in force. It stands before a view, and is used by one goroutine.
//
// It keeps the published records of sites and rotas, and staged ones until they are folded or removed; nothing else.
type Resolver struct {
	// own are the records at their own keys.
	own map[string]record
	// staged are values by generation, then by the key at which they are to stand.
	staged map[string]map[string][]byte
	// current is the generation that the pointer names, "" for none, and since the revision at which the pointer was written.
	current string
	since   int64
}

type record struct {
	value    []byte
	revision int64
}

// NewResolver has heard of nothing yet; its first batch must be a Reset.
func NewResolver() *Resolver {
	r := &Resolver{}
	r.clear()
	return r
}

func (r *Resolver) clear() {
	*r = Resolver{own: map[string]record{}, staged: map[string]map[string][]byte{}}
}

// Resolve takes a batch of events under published.SchedulePrefix, and of any others, and gives what they change: events of
// stageable keys as if the records in force had been written there, all of them in the batch that brought the pointer; no
// event where the value stays the same; and every event that is not of a generation, as it came. Event.ModRevision is the
// revision at which a value came in force.
func (r *Resolver) Resolve(b coord.Batch) coord.Batch {
	if !b.Reset && !slices.ContainsFunc(b.Events, concerns) {
		return b
	}
	out := b
	out.Events = make([]coord.Event, 0, len(b.Events))
	if b.Reset {
		r.clear()
	}
	before := map[string][]byte{}
	for _, e := range b.Events {
		if !r.take(e, before) {
			out.Events = append(out.Events, e)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		value, revision := r.inForce(key)
		if value == nil {
			revision = b.Revision
		}
		if !same(before[key], value) {
			out.Events = append(out.Events, coord.Event{Key: key, Value: value, ModRevision: revision})
		}
	}
	return out
}

// concerns says whether an event may change what is in force at a stageable key.
func concerns(e coord.Event) bool {
	if !strings.HasPrefix(e.Key, published.SchedulePrefix) {
		return false
	}
	return e.Key == published.GenerationKey || strings.HasPrefix(e.Key, published.StagedPrefix) || published.Stageable(e.Key)
}

// take notes an event in the state, and in before what was in force at the keys that it may change; false where the event
// is none of ours.
func (r *Resolver) take(e coord.Event, before map[string][]byte) bool {
	switch {
	case !concerns(e):
		return false
	case e.Key == published.GenerationKey:
		r.point(e, before)
	case published.Stageable(e.Key):
		r.note(before, e.Key)
		if e.Value == nil {
			delete(r.own, e.Key)
		} else {
			r.own[e.Key] = record{e.Value, e.ModRevision}
		}
	default:
		r.stage(e, before)
	}
	return true
}

// point follows the pointer. One that cannot be read, or is gone, names no generation.
func (r *Resolver) point(e coord.Event, before map[string][]byte) {
	next := ""
	if e.Value != nil {
		if g, err := published.Generation(e.Value); err == nil {
			next = g.GetId()
		}
	}
	for _, name := range []string{r.current, next} {
		for key := range r.staged[name] {
			r.note(before, key)
		}
	}
	r.current, r.since = next, e.ModRevision
}

func (r *Resolver) stage(e coord.Event, before map[string][]byte) {
	name, key, ok := published.Staged(e.Key)
	if !ok {
		return // nothing that anybody could read
	}
	if name == r.current {
		r.note(before, key)
	}
	if e.Value == nil {
		delete(r.staged[name], key)
		if len(r.staged[name]) == 0 {
			delete(r.staged, name)
		}
		return
	}
	if r.staged[name] == nil {
		r.staged[name] = map[string][]byte{}
	}
	r.staged[name][key] = e.Value
}

// note remembers what was in force at a key before the batch: of what is noted more than once, the first holds.
func (r *Resolver) note(before map[string][]byte, key string) {
	if _, noted := before[key]; !noted {
		before[key], _ = r.inForce(key)
	}
}

// inForce is what stands at a stageable key, since which revision; nil where nothing does.
func (r *Resolver) inForce(key string) (value []byte, revision int64) {
	own, exists := r.own[key]
	if !exists {
		return nil, 0
	}
	if staged, ok := r.staged[r.current][key]; ok && own.revision < r.since {
		return staged, r.since
	}
	return own.value, own.revision
}

// same compares values; one that is empty is not one that is absent.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
