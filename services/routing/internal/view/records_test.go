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
		which, found := r.find(id)
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
		now, model := newRecords("kind/"), map[string]string{}
		type state struct {
			records *records
			model   map[string]string
		}
		var states []state
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			b := recordsBuilder{next: now}
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
		e := editOf(nil)
		b := &recordsBuilder{next: newRecords("kind/"), edits: map[uint32]*shardEdit{}}
		for i := range uint32(numShards) {
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
			e.compact(rapid.IntRange(0, 50).Draw(t, "need"))
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

// A state that follows writes behind the text of the one before, which does not change; a second one that follows, as where
// the first was given up, copies.
func TestOneStateContinuesAnother(t *testing.T) {
	first := recordsBuilder{next: newRecords("")}
	for i := range 100 {
		first.put(fmt.Sprint(i), []byte("as it was"))
	}
	base := first.finish()
	with := func(from *records, value string) *records {
		b := recordsBuilder{next: from}
		for i := range 100 {
			b.put(fmt.Sprint(i), []byte(value))
		}
		return b.finish()
	}
	left, right := with(base, "left"), with(base, "right")
	further := with(left, "further")
	for want, r := range map[string]*records{"as it was": base, "left": left, "right": right, "further": further} {
		for i := range 100 {
			if got := r.get(fmt.Sprint(i)); got != want {
				t.Fatalf("%d is %q, want %q", i, got, want)
			}
		}
	}
}

// What changes again and again, and what is gone, takes no memory for longer than some changes.
func TestRecordsLeaveNoGarbage(t *testing.T) {
	const n = 2000
	value := make([]byte, 100)
	b := recordsBuilder{next: newRecords("")}
	for i := range n {
		b.put(fmt.Sprint(i), value)
	}
	now := b.finish()
	change := func(each func(b *recordsBuilder, id string)) {
		for i := range n {
			b := recordsBuilder{next: now}
			each(&b, fmt.Sprint(i))
			now = b.finish()
		}
	}
	for range 3 {
		change(func(b *recordsBuilder, id string) { b.put(id, value) })
	}
	if text, room, _ := weightOf(now); room > n*sizeOf(5, 100)*5/4 {
		t.Errorf("%d bytes are %d, with room %d", n*sizeOf(5, 100), text, room)
	}
	change(func(b *recordsBuilder, id string) {
		if id[len(id)-1] != '7' {
			b.remove(id)
		}
	})
	if _, room, places := weightOf(now); room > n/10*sizeOf(5, 100)*3/2 || places > n/10*20 {
		t.Errorf("of a tenth, %d bytes and %d places are left", room, places)
	}
	change(func(b *recordsBuilder, id string) { b.remove(id) })
	if text, room, places := weightOf(now); now.count+text+room+places != 0 {
		t.Errorf("of nothing, %d bytes and %d places are left", room, places)
	}
}

// weightOf is what records take.
func weightOf(r *records) (text, room, places int) {
	for _, s := range r.shards {
		if s != nil {
			text, room, places = text+len(s.text), room+s.room.Cap(), places+len(s.at)+len(s.index)
		}
	}
	return text, room, places
}
