package view_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/coord"
	"github.com/daysidehq/dayside/services/internal/published"
	"github.com/daysidehq/dayside/services/schedule/internal/answer"
	"github.com/daysidehq/dayside/services/schedule/internal/view"
)

func event(t *testing.T, key string, m proto.Message) coord.Event {
	t.Helper()
	if m == nil {
		return coord.Event{Key: key}
	}
	value, err := published.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return coord.Event{Key: key, Value: value}
}

func site(t *testing.T, id string) coord.Event {
	t.Helper()
	return event(t, published.SitePrefix+id, &publishedv1.Site{
		Id: id, DisplayName: id, TimeZone: "UTC", Timeline: &publishedv1.Timeline{FromUnixS: 0, ToUnixS: 86400},
	})
}

func line(t *testing.T, id string, sites ...string) coord.Event {
	t.Helper()
	return event(t, published.LinePrefix+id, &publishedv1.Line{Id: id, Sites: sites})
}

func names(list []answer.Site) (out []string) {
	for _, s := range list {
		out = append(out, s.Name)
	}
	return out
}

func TestIndexFollowsWhatIsPublished(t *testing.T) {
	x := view.NewIndex()
	if x.Listed() {
		t.Error("listed before it has heard of anything")
	}
	if broken := x.Apply(coord.Batch{Reset: true, Events: []coord.Event{
		site(t, "sydney"), site(t, "dublin"), line(t, "gold", "sydney", "gone", "dublin"),
		event(t, "pub/routing/other/x", &publishedv1.Line{}),
	}}); len(broken) != 0 || x.Listed() {
		t.Fatalf("broken %q, or listed without its calendars", broken)
	}
	x.SetCalendars(map[string]*schedulev1.Calendar{})
	if !x.Listed() {
		t.Error("not listed, though it has heard of everything")
	}
	if got := names(x.Sites()); !slices.Equal(got, []string{"sites/dublin", "sites/sydney"}) {
		t.Errorf("all sites %q, want them in order of name", got)
	}
	got, ok := x.SitesOf("gold")
	if !ok || !slices.Equal(names(got), []string{"sites/sydney", "sites/dublin"}) {
		t.Errorf("sites of gold %q, %v, want the line's order", names(got), ok)
	}
	if _, ok := x.SitesOf("silver"); ok {
		t.Error("a line that does not exist has sites")
	}

	x.Apply(coord.Batch{Events: []coord.Event{
		event(t, published.LinePrefix+"german", &publishedv1.Line{Id: "german", Sites: []string{"english", "dublin"}, Language: "de"}),
		event(t, published.SitePrefix+"english", &publishedv1.Site{
			Id: "english", Languages: []string{"en"}, Timeline: &publishedv1.Timeline{ToUnixS: 86400},
		}),
	}})
	if got, _ := x.SitesOf("german"); !slices.Equal(names(got), []string{"sites/dublin"}) {
		t.Errorf("sites of a German line: %q", names(got))
	}

	broken := x.Apply(coord.Batch{Events: []coord.Event{
		{Key: published.SitePrefix + "dublin", Value: []byte("\xff")},
		event(t, published.SitePrefix+"denver", &publishedv1.Site{Timeline: &publishedv1.Timeline{FromUnixS: 5}}),
		line(t, "gold", "dublin", "sydney"),
	}})
	if !slices.Equal(broken, []string{published.SitePrefix + "dublin", published.SitePrefix + "denver"}) {
		t.Errorf("broken %q", broken)
	}
	if got, _ := x.SitesOf("gold"); !slices.Equal(names(got), []string{"sites/sydney"}) {
		t.Errorf("with dublin unreadable: %q", names(got))
	}

	x.Apply(coord.Batch{Events: []coord.Event{event(t, published.LinePrefix+"gold", nil)}})
	if _, ok := x.SitesOf("gold"); ok {
		t.Error("a deleted line has sites")
	}
	x.Apply(coord.Batch{Reset: true})
	if len(x.Sites()) != 0 {
		t.Error("a reset left sites behind")
	}
}

func TestRangeHoldsSitesAndLinesOnly(t *testing.T) {
	r := view.Range()
	within := func(key string) bool { return r.From <= key && key < r.To }
	for key, want := range map[string]bool{
		published.SitePrefix + "a": true, published.SitePrefix + "zzz": true, published.LinePrefix + "a": true,
		published.CustomerPrefix + "a": false, "schedule/sites/a": false,
	} {
		if within(key) != want {
			t.Errorf("%s: within %v, want %v", key, !want, want)
		}
	}
}
