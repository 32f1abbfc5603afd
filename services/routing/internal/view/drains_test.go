package view_test

import (
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func TestALineKnowsItsDrainsInWhateverOrderRecordsCome(t *testing.T) {
	w := viewtest.World{
		Sites: []*publishedv1.Site{viewtest.Site("dublin", viewtest.Span{0, 10})},
		Lines: []*routingv1.Line{viewtest.Line("gold", 61255500100, "dublin"), viewtest.Line("web", 61255500101)},
	}
	drain := viewtest.DrainRecord(viewtest.Drain("d", "sites/dublin", 0, 5))
	later := view.Next(w.View())
	later.Put(drain.Key, drain.Value)
	first := view.Anew(nil)
	first.Put(drain.Key, drain.Value)
	for _, r := range w.Records() {
		first.Put(r.Key, r.Value)
	}
	for name, b := range map[string]*view.Builder{"drain last": later, "drain first": first} {
		t.Run(name, func(t *testing.T) {
			v, problems := b.View(2, viewtest.At(0))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			gold := v.LineByID("gold")
			if gold.Drains == nil || v.LineByID("web").Drains != nil || len(v.Drains()) != 1 {
				t.Fatalf("gold has %v, web %v, of %v", gold.Drains, v.LineByID("web").Drains, v.Drains())
			}
			if targets, by := gold.Drains.Site(0, viewtest.At(4.9).Unix()); !targets.All(1) || by.Reason != "because" {
				t.Errorf("%v by %v, want all", targets, by)
			}
			if targets, by := gold.Drains.Site(0, viewtest.At(5).Unix()); targets != 0 || by != nil {
				t.Errorf("%v by %v when it is over", targets, by)
			}
			// One that cannot be read changes nothing; ending it does.
			next := view.Next(v)
			next.Put(drain.Key, []byte("\xff"))
			v, problems = next.View(3, viewtest.At(0))
			if len(problems) != 1 || v.LineByID("gold").Drains == nil {
				t.Errorf("problems %v, drains %v", problems, v.LineByID("gold").Drains)
			}
			next = view.Next(v)
			next.Delete(drain.Key)
			v, _ = next.View(4, viewtest.At(0))
			if v.LineByID("gold").Drains != nil || v.Drains() != nil {
				t.Error("the drain is gone, and the line knows it still")
			}
		})
	}
}

func TestDrainsOfNobodyAreProblems(t *testing.T) {
	backwards := viewtest.Drain("d", "sites/dublin", 5, 4)
	odd := viewtest.Drain("d", "sites/dublin", 0, 0)
	odd.Line = "gold"
	for name, d := range map[string]*routingv1.Drain{
		"ends before it begins": backwards, "no subject": {Name: "drains/d", StartTime: odd.GetStartTime()}, "no line's name": odd,
	} {
		t.Run(name, func(t *testing.T) {
			b, r := view.Anew(nil), viewtest.DrainRecord(d)
			b.Put(r.Key, r.Value)
			if v, problems := b.View(1, viewtest.At(0)); len(problems) != 1 || v.Drains() != nil {
				t.Errorf("problems %v, drains %v", problems, v.Drains())
			}
		})
	}
}
