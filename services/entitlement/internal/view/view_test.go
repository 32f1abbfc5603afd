package view_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/entitlement/internal/view"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/published"
)

func put(t interface{ Fatal(args ...any) }, key string, m proto.Message) coord.Event {
	value, err := published.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: key, Value: value}
}

// world is what an index should know, kept the slow way.
type world struct {
	customers map[string]*publishedv1.Customer
}

func (w world) whoHas(n uint64) []string {
	var ids []string
	for id, c := range w.customers {
		if slices.Contains(c.GetNumbers(), n) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w world) events(t *rapid.T) []coord.Event {
	var events []coord.Event
	for id, c := range w.customers {
		events = append(events, put(t, published.CustomerPrefix+id, c))
	}
	return events
}

// change makes one change to the world, and is its event.
func (w world) change(t *rapid.T) coord.Event {
	id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "id")
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		delete(w.customers, id)
		return coord.Event{Key: published.CustomerPrefix + id}
	case 1: // nothing to it
		return put(t, published.LinePrefix+id, &publishedv1.Line{Id: id, Product: "db"})
	default:
		numbers := rapid.SliceOfN(rapid.Uint64Range(1, 5), 0, 5).Draw(t, "numbers")
		w.customers[id] = &publishedv1.Customer{Id: id, Numbers: numbers}
		return put(t, published.CustomerPrefix+id, w.customers[id])
	}
}

func TestIndexKnowsWhatIsPublished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{map[string]*publishedv1.Customer{}}
		x := view.NewIndex()
		if x.Listed() {
			t.Fatal("listed before the first batch")
		}
		x.Apply(coord.Batch{Reset: true})
		for range rapid.IntRange(1, 8).Draw(t, "batches") {
			b := coord.Batch{}
			for range rapid.IntRange(0, 6).Draw(t, "events") {
				b.Events = append(b.Events, w.change(t))
			}
			if rapid.IntRange(0, 4).Draw(t, "listed anew") == 0 {
				b = coord.Batch{Reset: true, Events: w.events(t)}
			}
			if bad := x.Apply(b); len(bad) > 0 {
				t.Fatalf("unreadable: %v", bad)
			}
			agree(t, w, x)
		}
	})
}

func agree(t *rapid.T, w world, x *view.Index) {
	for n := range uint64(6) {
		var got []string
		for _, c := range x.WhoHas(phone.Number(n), 10) {
			got = append(got, c.GetId())
		}
		if want := w.whoHas(n); !slices.Equal(got, want) {
			t.Fatalf("number %d is had by %v, want %v", n, got, want)
		}
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		got, ok := x.Customer(id)
		if want, exists := w.customers[id]; ok != exists || !slices.Equal(got.GetNumbers(), want.GetNumbers()) {
			t.Fatalf("customer %s: %v %v, want %v %v", id, got, ok, want, exists)
		}
	}
}

func TestIndexSaysWhatItCannotRead(t *testing.T) {
	x := view.NewIndex()
	x.Apply(coord.Batch{Reset: true, Events: []coord.Event{
		put(t, published.CustomerPrefix+"a", &publishedv1.Customer{Id: "a", Numbers: []uint64{7}}),
	}})
	bad := x.Apply(coord.Batch{Events: []coord.Event{
		{Key: published.CustomerPrefix + "a", Value: []byte{0xff}}, {Key: published.LinePrefix + "l", Value: []byte{0xff}},
	}})
	if !slices.Equal(bad, []string{published.CustomerPrefix + "a"}) { // lines are the shelf's to tell of
		t.Errorf("unreadable %v", bad)
	}
	if got := x.WhoHas(7, 10); len(got) != 0 {
		t.Errorf("still answers from the record that was overwritten: %v", got)
	}
}
