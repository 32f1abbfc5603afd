package view_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// liveWorld: Dublin has two targets, Anna is on duty on gold; silver has Cork alone.
func liveWorld(live ...viewtest.LiveOf) viewtest.World {
	dublin := viewtest.Site("dublin", viewtest.Span{0, 10})
	dublin.Targets = append(dublin.Targets, "+13035550131")
	gold, silver := viewtest.Line("gold", 61255500100, "dublin", "cork"), viewtest.Line("silver", 61255500101, "cork")
	gold.Rotas = []string{"rotas/nights"}
	return viewtest.World{
		Sites: []*publishedv1.Site{dublin, viewtest.Site("cork", viewtest.Span{0, 10})},
		Rotas: []*publishedv1.Rota{viewtest.Rota("nights", 100, viewtest.Turn{From: -5, Person: "anna"})},
		Lines: []*routingv1.Line{gold, silver}, Live: live,
	}
}

func TestLiveStateAddsUp(t *testing.T) {
	now := viewtest.At(1).Unix()
	v := liveWorld(
		viewtest.Calls("a", map[string]int32{"dublin": 2, "cork": 1}), viewtest.Calls("b", map[string]int32{"dublin": 3}),
		viewtest.Calls("c", map[string]int32{"dublin": -7, "elsewhere": 4}),
		viewtest.Presence("dublin", 4, 2),
		viewtest.LiveOf{Key: "presence/dublin/second", Record: &routingv1.LiveRecord{Agents: proto.Int32(3)}},
		viewtest.Unreachable("p", "+13035550131", "sip:anna@people.example.com", "sip:stranger@example.com"),
	).View()
	gold := v.LineByID("gold").Live
	want := view.SiteLive{ActiveCalls: 5, Agents: 7, AgentsKnown: true, Unreachable: 0b10}
	if got := gold.Site(0, now); got != want || v.SiteLive("dublin", now) != want {
		t.Errorf("dublin %+v, by itself %+v, want %+v", got, v.SiteLive("dublin", now), want)
	}
	if got := gold.Site(1, now); got != (view.SiteLive{ActiveCalls: 1}) {
		t.Errorf("cork %+v", got)
	}
	if got := gold.Person("anna", now); got != 1 || gold.Person("bob", now) != 0 {
		t.Errorf("of anna's targets %b are gone", got)
	}
	if got := gold.ChangesUnixS(now); got != viewtest.At(2).Unix() {
		t.Errorf("changes at %d, want when the first presence ends", got)
	}
	later := viewtest.At(2).Unix()
	if got := gold.Site(0, later).Agents; got != 3 || gold.ChangesUnixS(later) != math.MaxInt64 {
		t.Errorf("then %d agents, and it changes at %d", got, gold.ChangesUnixS(later))
	}
	if len(v.LiveReports()) != 6 || v.LiveReports()[0].Key != "gateways/a@here" {
		t.Errorf("reports %v", v.LiveReports())
	}
	if got := v.SiteLive("elsewhere", now).ActiveCalls; got != 4 {
		t.Errorf("a site that nobody published carries %d", got)
	}
}

func TestALineOfWhichNothingIsKnownHoldsNothing(t *testing.T) {
	v := liveWorld(viewtest.Calls("a", map[string]int32{"dublin": 1})).View()
	if v.LineByID("silver").Live != nil || v.LineByID("gold").Live == nil {
		t.Errorf("silver %v, gold %v", v.LineByID("silver").Live, v.LineByID("gold").Live)
	}
	b := view.Next(v)
	b.Delete(view.LivePrefix + "gateways/a@here")
	next, _ := b.View(2, viewtest.At(0))
	if next.LineByID("gold").Live != nil || next.LineByID("gold") != next.LineByNumber(61255500100) {
		t.Error("what a gateway said outlives it, or is not everywhere")
	}
}

// A change of what is known of one site makes the lines anew that it is on, and no other.
func TestLiveStateTouchesItsLinesAlone(t *testing.T) {
	v := liveWorld().View()
	b := view.Next(v)
	r := viewtest.LiveRecord(viewtest.Calls("a", map[string]int32{"dublin": 1}))
	b.Put(r.Key, r.Value)
	next, problems := b.View(2, viewtest.At(0))
	if len(problems) > 0 || next.LineByID("gold") == v.LineByID("gold") || next.LineByID("silver") != v.LineByID("silver") ||
		next.LineByNumber(61255500100) != next.LineByID("gold") {
		t.Errorf("problems %v", problems)
	}
	if &next.LineByID("gold").Sites[0] != &v.LineByID("gold").Sites[0] {
		t.Error("sites are looked up again for a call that began")
	}
}

func TestTooMuchOfThisMinuteIsAProblem(t *testing.T) {
	calls, gone := map[string]int32{}, map[string]int64{}
	for i := range 2001 {
		calls[fmt.Sprint("s", i)], gone[fmt.Sprint("sip:", i)] = 1, 1
	}
	for what, r := range map[string]*routingv1.LiveRecord{"calls": {ActiveCalls: calls}, "unreachable": {Unreachable: gone}} {
		b := view.Next(liveWorld().View())
		record := viewtest.LiveRecord(viewtest.LiveOf{Key: "gateways/a@here", Record: r})
		b.Put(record.Key, record.Value)
		if _, problems := b.View(2, viewtest.At(0)); len(problems) != 1 {
			t.Errorf("%s: %v", what, problems)
		}
	}
}

func drawReport(t *rapid.T) viewtest.LiveOf {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")
	site := rapid.SampledFrom([]string{"dublin", "cork", "nobody"})
	var l viewtest.LiveOf
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		l = viewtest.Calls(id, map[string]int32{site.Draw(t, "site"): rapid.Int32Range(-1, 5).Draw(t, "calls")})
	case 1:
		l = viewtest.Presence(site.Draw(t, "site"), rapid.Int32Range(0, 3).Draw(t, "agents"), 0)
	default:
		l = viewtest.Unreachable(id, rapid.SliceOfDistinct(rapid.SampledFrom([]string{
			"+13035550131", "sip:support@dublin.example.com", "sip:support@cork.example.com", "sip:anna@people.example.com",
		}), rapid.ID).Draw(t, "gone")...)
	}
	if rapid.Bool().Draw(t, "ends") {
		l.Record.ExpireUnixS = viewtest.At(float64(rapid.IntRange(0, 6).Draw(t, "when"))).Unix()
	}
	return l
}

// However reports come and go, the view is the one that a list of those that stand would make; and its facts make it again.
func TestLiveStateIsThatOfTheReportsThatStand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := liveWorld().View()
		stand := map[string]viewtest.LiveOf{}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			b := view.Next(v)
			for range rapid.IntRange(1, 3).Draw(t, "at once") {
				l := drawReport(t)
				if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
					delete(stand, l.Key)
					b.Delete(view.LivePrefix + l.Key)
					continue
				}
				stand[l.Key] = l
				r := viewtest.LiveRecord(l)
				b.Put(r.Key, r.Value)
			}
			v, _ = b.View(2, viewtest.At(0))
		}
		w := liveWorld()
		for _, l := range stand {
			w.Live = append(w.Live, l)
		}
		anew, at := w.View(), viewtest.At(float64(rapid.IntRange(0, 6).Draw(t, "at"))).Unix()
		for _, id := range []string{"gold", "silver"} {
			got, want := factsAt(v.LineByID(id), at), factsAt(anew.LineByID(id), at)
			if !equalFacts(got, want) {
				t.Fatalf("%s: %v, want %v", id, got, want)
			}
			again := v.WithLive(id, got)
			if !equalFacts(factsAt(again.LineByID(id), at), got) || again.LineByNumber(61255500100) != again.LineByID("gold") {
				t.Fatalf("%s of its facts: %v, want %v", id, factsAt(again.LineByID(id), at), got)
			}
		}
	})
}

func factsAt(l *view.Line, unixS int64) []*routingv1.LiveFact {
	if l.Live == nil {
		return nil
	}
	return l.Live.AppendFacts(nil, unixS)
}

func equalFacts(a, b []*routingv1.LiveFact) bool {
	return slices.EqualFunc(a, b, func(x, y *routingv1.LiveFact) bool { return proto.Equal(x, y) })
}

// BenchmarkOneCallMore is what a gateway's count costs a view of a hundred lines of ten sites.
func BenchmarkOneCallMore(b *testing.B) {
	w := viewtest.World{}
	for i := range 100 {
		var sites []string
		for j := range 10 {
			id := fmt.Sprintf("s-%d-%d", i, j)
			w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Span{0, 10}))
			sites = append(sites, id)
		}
		w.Lines = append(w.Lines, viewtest.Line(fmt.Sprintf("l-%d", i), 61255500100+phone.Number(i), sites...))
	}
	v, n := w.View(), int32(0)
	for b.Loop() {
		n++
		next := view.Next(v)
		r := viewtest.LiveRecord(viewtest.Calls("a", map[string]int32{"s-7-3": n}))
		next.Put(r.Key, r.Value)
		v, _ = next.View(2, viewtest.At(0))
	}
}
