package generation_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/generation"
	"github.com/daysidehq/dayside/services/internal/published"
)

// pointTo is the value of the pointer.
func pointTo(name string) string {
	value, err := published.Marshal(&publishedv1.Generation{Id: name})
	if err != nil {
		panic(err)
	}
	return string(value)
}

// write is an event in short: "key=value", or "-key" for a deletion; @NAME is the pointer's value.
func write(revision int64, text string) coord.Event {
	if key, ok := strings.CutPrefix(text, "-"); ok {
		return coord.Event{Key: "pub/" + key, ModRevision: revision}
	}
	key, value, _ := strings.Cut(text, "=")
	if name, ok := strings.CutPrefix(value, "@"); ok {
		value = pointTo(name)
	}
	return coord.Event{Key: "pub/" + key, Value: []byte(value), ModRevision: revision}
}

// told is a batch in the same words, with the revision of each event.
func told(b coord.Batch) string {
	var out []string
	for _, e := range b.Events {
		text := fmt.Sprintf("%s=%s@%d", strings.TrimPrefix(e.Key, "pub/"), e.Value, e.ModRevision)
		if e.Value == nil {
			text = fmt.Sprintf("-%s@%d", strings.TrimPrefix(e.Key, "pub/"), e.ModRevision)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestResolve(t *testing.T) {
	// A step is one transaction, of the revision of its place; a step that begins with "list" is a Reset.
	type step struct{ raw, want string }
	const (
		own    = "schedule/sites/a=old schedule/sites/b=old schedule/rotas/a=old"
		staged = "schedule/staged/G/sites/a=new schedule/staged/G/rotas/a=new"
	)
	listed := step{"list " + own, "schedule/rotas/a=old@1 schedule/sites/a=old@1 schedule/sites/b=old@1"}
	flip := step{"schedule/generation=@G", "schedule/rotas/a=new@3 schedule/sites/a=new@3"}
	for name, steps := range map[string][]step{
		"all comes in force with the pointer": {listed, {staged, ""}, flip},
		"with what else the transaction wrote": {
			listed, {staged, ""},
			{
				"schedule/generation=@G schedule/sites/c=made -schedule/sites/b routing/lines/l=x -schedule/custody/a",
				"routing/lines/l=x@3 -schedule/custody/a@3 schedule/rotas/a=new@3 schedule/sites/a=new@3 -schedule/sites/b@3 " +
					"schedule/sites/c=made@3",
			},
		},
		"folding changes nothing": {
			listed, {staged, ""}, flip,
			{"schedule/sites/a=new -schedule/staged/G/sites/a", ""},
			{"schedule/rotas/a=new -schedule/staged/G/rotas/a", ""},
			{"schedule/sites/a=newer", "schedule/sites/a=newer@6"},
		},
		"a later write wins, and its staged record goes unseen": {
			listed, {staged, ""}, flip, {"schedule/sites/a=later", "schedule/sites/a=later@4"},
			{"-schedule/staged/G/sites/a", ""},
		},
		"a write of the pointer's own transaction wins": {
			listed, {staged, ""},
			{"schedule/generation=@G schedule/sites/a=same", "schedule/rotas/a=new@3 schedule/sites/a=same@3"},
		},
		"a write between staging and the pointer does not": {
			{"list " + own, listed.want}, {staged, ""}, {"schedule/sites/a=between", "schedule/sites/a=between@3"},
			{"schedule/generation=@G", "schedule/rotas/a=new@4 schedule/sites/a=new@4"},
		},
		"a deleted record is gone, and its successor is its own": {
			listed, {staged, ""}, flip, {"-schedule/sites/a", "-schedule/sites/a@4"},
			{"schedule/sites/a=again", "schedule/sites/a=again@5"},
		},
		"a record staged where there is none waits for nothing": {
			listed, {"schedule/staged/G/sites/z=new", ""}, {"schedule/generation=@G", ""},
			{"schedule/sites/z=made", "schedule/sites/z=made@4"},
		},
		"the same value is no event": {
			listed, {"schedule/staged/G/sites/a=old schedule/staged/G/sites/b=new", ""},
			{"schedule/generation=@G", "schedule/sites/b=new@3"}, {"schedule/sites/b=new", ""},
		},
		"a generation that never comes in force": {
			listed, {staged, ""}, {"-schedule/staged/G/sites/a -schedule/staged/G/rotas/a", ""},
			{"schedule/generation=@G", ""},
		},
		"a list with a generation half folded": {
			{"list " + own, listed.want}, {staged, ""}, flip,
			{"list " + own + " " + staged + " schedule/generation=@G", "schedule/rotas/a=old@4 schedule/sites/a=old@4 schedule/sites/b=old@4"},
		},
		"what is no record of a site or rota": {
			{"list schedule/tzdata=z schedule/staged/G/people/x=p schedule/sites/=q", "schedule/tzdata=z@1 schedule/sites/=q@1"},
			{"schedule/staged/x=1", ""}, {"schedule/generation=\xff", ""}, {"", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := generation.NewResolver()
			for i, s := range steps {
				b := coord.Batch{Revision: int64(i + 1)}
				raw, isList := strings.CutPrefix(s.raw, "list ")
				b.Reset = isList
				for _, text := range strings.Fields(raw) {
					b.Events = append(b.Events, write(b.Revision, text))
				}
				got := r.Resolve(b)
				if told(got) != s.want || got.Reset != b.Reset || got.Revision != b.Revision {
					t.Fatalf("step %d, %s:\ngot  %s\nwant %s", i+1, s.raw, told(got), s.want)
				}
			}
		})
	}
}

// A list says of every key when it was written: one whose pointer is newer than the records begins with what is staged.
func TestResolveBeginsInTheMiddle(t *testing.T) {
	r := generation.NewResolver()
	got := r.Resolve(coord.Batch{Revision: 9, Reset: true, Events: []coord.Event{
		write(5, "schedule/generation=@G"), write(2, "schedule/sites/a=old"), write(7, "schedule/sites/b=later"),
		write(3, "schedule/staged/G/sites/a=new"), write(3, "schedule/staged/G/sites/b=new"),
		write(8, "schedule/staged/H/sites/a=waits"),
	}})
	if want := "schedule/sites/a=new@5 schedule/sites/b=later@7"; told(got) != want || !got.Reset {
		t.Fatalf("got %s, want %s", told(got), want)
	}
	if got := told(r.Resolve(coord.Batch{Revision: 10, Events: []coord.Event{write(10, "schedule/generation=@H")}})); got !=
		"schedule/sites/a=waits@10" {
		t.Fatalf("got %s", got)
	}
}

// keyspace is what etcd holds, and the slow way of saying what is in force.
type keyspace map[string]coord.Event

func (k keyspace) inForce() map[string]string {
	out := map[string]string{}
	name := ""
	g, exists := k[published.GenerationKey]
	if m, err := published.Generation(g.Value); exists && err == nil {
		name = m.GetId()
	}
	for key, e := range k {
		if key == published.GenerationKey || strings.HasPrefix(key, published.StagedPrefix) {
			continue
		}
		out[key] = string(e.Value)
		for _, kind := range []string{published.SitePrefix, published.RotaPrefix} {
			id, ok := strings.CutPrefix(key, kind)
			s, staged := k[published.StagedPrefix+name+"/"+strings.TrimPrefix(key, "pub/schedule/")]
			if ok && id != "" && name != "" && staged && e.ModRevision < g.ModRevision {
				out[key] = string(s.Value)
			}
		}
	}
	return out
}

func (k keyspace) list() (events []coord.Event) {
	for _, key := range slices.Sorted(maps.Keys(k)) {
		events = append(events, k[key])
	}
	return events
}

// seen is what a view has made of the batches.
type seen map[string]string

func (s seen) apply(b coord.Batch) (needless []string) {
	if b.Reset {
		clear(s)
	}
	for _, e := range b.Events {
		was, had := s[e.Key]
		if published.Stageable(e.Key) && (had == (e.Value != nil)) && was == string(e.Value) {
			needless = append(needless, e.Key)
		}
		if e.Value == nil {
			delete(s, e.Key)
			continue
		}
		s[e.Key] = string(e.Value)
	}
	return needless
}

// Whatever is written, in whatever order, and however it is brought: after every batch a view holds what is in force by
// definition, and no event was needless.
func TestResolveEqualsTheDefinition(t *testing.T) {
	keys := []string{
		"schedule/generation", "schedule/sites/a", "schedule/sites/b", "schedule/rotas/a",
		"schedule/staged/G/sites/a", "schedule/staged/G/sites/b", "schedule/staged/G/rotas/a", "schedule/staged/G/sites/c",
		"schedule/staged/H/sites/a", "schedule/staged/H/sites/b", "schedule/staged/H/rotas/a",
		"schedule/staged/G/people/a", "schedule/staged/G", "schedule/sites/", "schedule/custody/a", "routing/lines/l",
	}
	values := rapid.SampledFrom([]string{"", "1", "2", "3"})
	rapid.Check(t, func(t *rapid.T) {
		k, view, r := keyspace{}, seen{}, generation.NewResolver()
		revision := int64(1)
		for i := range rapid.IntRange(1, 40).Draw(t, "batches") {
			b := coord.Batch{Revision: revision, Reset: i == 0 || rapid.IntRange(0, 9).Draw(t, "again") == 0}
			for range rapid.IntRange(0, 3).Draw(t, "transactions") {
				revision++
				for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 5, rapid.ID).Draw(t, "keys") {
					e := coord.Event{Key: "pub/" + key, ModRevision: revision}
					if rapid.IntRange(0, 3).Draw(t, "put") > 0 {
						e.Value = []byte(values.Draw(t, "value"))
						if key == "schedule/generation" {
							e.Value = []byte(rapid.SampledFrom([]string{pointTo("G"), pointTo("H"), "\xff", ""}).Draw(t, "to"))
						}
						k[e.Key] = e
					} else {
						delete(k, e.Key)
					}
					b.Events = append(b.Events, e)
				}
			}
			b.Revision = revision
			if b.Reset {
				b.Events = k.list()
			}
			if needless := view.apply(r.Resolve(b)); len(needless) > 0 && !b.Reset {
				t.Fatalf("needless events of %q", needless)
			}
			if want := k.inForce(); !maps.Equal(map[string]string(view), want) {
				t.Fatalf("batch %d: a view holds\n%v, in force is\n%v", i, view, want)
			}
		}
	})
}
