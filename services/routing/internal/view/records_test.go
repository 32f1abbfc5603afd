package view

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// says compares records with what they are to be.
func (r *records) says(t *rapid.T, model map[string]string) {
	t.Helper()
	if r.count != len(model) {
		t.Fatalf("%d records, want %d", r.count, len(model))
	}
	for i := range 300 {
		id := fmt.Sprintf("id-%d", i)
		which, found := r.find("kind/", id)
		want, known := model[id]
		if found != known {
			t.Fatalf("%s: found %v, want %v", id, found, known)
		}
		if !found {
			continue
		}
		if name, value := r.at(which); name != "kind/"+id || value != want {
			t.Fatalf("%s is %q: %d bytes, want %d", id, name, len(value), len(want))
		}
	}
}

// Records are a map, whose earlier states stay as they were; a record keeps its place while others come and go.
func TestRecordsAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, model := &records{}, map[string]string{}
		type state struct {
			records *records
			model   map[string]string
		}
		var states []state
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			b := recordsBuilder{prefix: "kind/", next: now}
			for range rapid.IntRange(0, 80).Draw(t, "changes") {
				// Few shards of few records would hide what many in one do: so some batches are of few IDs.
				id := fmt.Sprintf("id-%d", rapid.IntRange(0, 299).Draw(t, "id"))
				if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					b.remove(id)
					delete(model, id)
				} else {
					value := fmt.Sprint(rapid.StringN(0, 300, -1).Draw(t, "value"))
					if _, ok := b.put(id, []byte(value)); !ok {
						t.Fatal("no room")
					}
					model[id] = value
				}
				value, which, ok := b.get(id)
				if want, known := model[id]; ok != known || value != want || ok && b.name(which) != "kind/"+id {
					t.Fatalf("%s while it is built: %q, %v", id, value, ok)
				}
			}
			if b.changed() {
				now = b.finish()
			}
			states = append(states, state{now, maps.Clone(model)})
		}
		for _, s := range states {
			s.records.says(t, s.model)
		}
	})
}

// All in one shard: probes, growth, free places and dead bytes are those of thousands of records.
func TestAShardIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := (&recordsBuilder{next: &records{}}).edit(0)
		b := &recordsBuilder{prefix: "kind/", next: &records{}, edits: &[numShards]*shardEdit{}}
		for i := range b.edits {
			b.edits[i] = e // wherever an ID leads
		}
		model := map[string]string{}
		for range rapid.IntRange(0, 400).Draw(t, "changes") {
			id := fmt.Sprintf("id-%d", rapid.IntRange(0, 60).Draw(t, "id"))
			if rapid.Bool().Draw(t, "remove") {
				b.remove(id)
				delete(model, id)
			} else {
				model[id] = rapid.StringN(0, 20, -1).Draw(t, "value")
				b.put(id, []byte(model[id]))
			}
		}
		if len(model) > 0 && rapid.Bool().Draw(t, "compact") {
			e.compact()
		}
		for i := range 61 {
			id := fmt.Sprintf("id-%d", i)
			value, _, ok := b.get(id)
			if want, known := model[id]; ok != known || value != want {
				t.Fatalf("%s: %q, %v, want %q, %v", id, value, ok, want, known)
			}
		}
		if e.used != len(model) || e.used != len(e.at)-len(e.free) || e.dead < 0 || e.dead > e.text.Len() {
			t.Fatalf("%d used of %d, %d free, %d dead of %d, want %d", e.used, len(e.at), len(e.free), e.dead, e.text.Len(), len(model))
		}
	})
}
