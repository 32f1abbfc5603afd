package decide_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	lineNumber = phone.Number(61255500100)
	firstANI   = phone.Number(13035550100)
)

// benchWorld has a line with so many sites out of so many, all round the globe and over 400 days, and a customer.
func benchWorld(onLine, inView int) viewtest.World {
	w := viewtest.World{Customers: []*publishedv1.Customer{
		viewtest.Customer("acme", []phone.Number{firstANI}, viewtest.Contract("db", -1000, 1000)),
	}}
	var names []string
	for i := range inView {
		id := fmt.Sprintf("site-%04d", i)
		s := viewtest.Site(id)
		from := float64(i%24) - 12
		var spans []viewtest.Span
		for d := range 399 {
			day := 24 * float64(d)
			spans = append(spans, viewtest.Span{from + day, from + 4 + day}, viewtest.Span{from + 5 + day, from + 9 + day})
		}
		s.Timeline = viewtest.Timeline(400, spans...)
		w.Sites = append(w.Sites, s)
		if len(names) < onLine {
			names = append(names, id)
		}
	}
	l := viewtest.Line("gold", lineNumber, names...)
	l.Product = "db"
	w.Lines = append(w.Lines, l)
	return w
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range []struct{ onLine, inView int }{{4, 4}, {32, 1000}, {1000, 1000}} {
		b.Run(fmt.Sprintf("line=%d/view=%d", c.onLine, c.inView), func(b *testing.B) {
			v := benchWorld(c.onLine, c.inView).View()
			call := decide.Call{
				ID: "a84b4c76e66710@pc33.atlanta.example", Dialled: lineNumber, Caller: firstANI,
				Gateway: decide.CapabilitiesOf(nil),
			}
			var d decide.Decision
			now := viewtest.At(24*100 - 6)
			b.ReportAllocs()
			for b.Loop() {
				decide.Decide(&d, v, call, now, decide.MaxSites)
			}
			if len(d.Targets()) < 2 {
				b.Fatal("nobody is open")
			}
			b.ReportMetric(float64(d.Open()), "open-sites")
		})
	}
}

// BenchmarkDecideWeighted is BenchmarkDecide's worlds with calls shared by weight.
func BenchmarkDecideWeighted(b *testing.B) {
	for _, c := range []struct{ onLine, inView int }{{4, 4}, {1000, 1000}} {
		b.Run(fmt.Sprintf("line=%d/view=%d", c.onLine, c.inView), func(b *testing.B) {
			w := benchWorld(c.onLine, c.inView)
			w.Lines[0].Strategy = routingv1.Strategy_STRATEGY_WEIGHTED
			for i, s := range w.Lines[0].GetSites() {
				s.Weight = proto.Int32(int32(i % 10))
			}
			v := w.View()
			call := decide.Call{
				ID: "a84b4c76e66710@pc33.atlanta.example", Dialled: lineNumber, Caller: firstANI,
				Gateway: decide.CapabilitiesOf(nil),
			}
			var d decide.Decision
			now := viewtest.At(24*100 - 6)
			b.ReportAllocs()
			for b.Loop() {
				decide.Decide(&d, v, call, now, decide.MaxSites)
			}
			if len(d.Targets()) < 2 {
				b.Fatal("nobody is open")
			}
		})
	}
}

// BenchmarkDecideOnDuty is a line whose two rotas have weekly turns over 400 days, and a handoff that was not accepted.
func BenchmarkDecideOnDuty(b *testing.B) {
	w := benchWorld(4, 4)
	for _, id := range []string{"first", "second"} {
		var turns []viewtest.Turn
		for week := range 57 {
			turns = append(turns, viewtest.Turn{From: float64(week * 24 * 7), Person: []string{"anna", "bob", "carol"}[week%3]})
		}
		r := viewtest.Rota(id, 57*24*7, turns...)
		r.AcceptWithinS = 900
		w.Rotas = append(w.Rotas, r)
		w.Custody = append(w.Custody, viewtest.Custody(id, "carol", 1, 0))
		w.Lines[0].Rotas = append(w.Lines[0].Rotas, "rotas/"+id)
	}
	v := w.View()
	call := decide.Call{ID: "a84b4c76e66710@pc33", Dialled: lineNumber, Caller: firstANI, Gateway: decide.CapabilitiesOf(nil)}
	var d decide.Decision
	now := viewtest.At(24*92 + 1)
	b.ReportAllocs()
	for b.Loop() {
		decide.Decide(&d, v, call, now, decide.MaxSites)
	}
	if len(d.Duties()) < 3 {
		b.Fatal("nobody is on duty")
	}
}

// BenchmarkDecideRandomCallers says what a million customers cost a decision beside a hundred, callers at random so that
// no cache holds them.
func BenchmarkDecideRandomCallers(b *testing.B) {
	few, many := callersWorld(b, 100), callersWorld(b, 1_000_000)
	var perFew, perMany time.Duration
	b.Run("customers=100", func(b *testing.B) { perFew = randomCallers(b, few, 100) })
	b.Run("customers=1000000", func(b *testing.B) { perMany = randomCallers(b, many, 1_000_000) })
	b.Run("difference", func(b *testing.B) {
		b.ReportMetric(0, "ns/op") // nothing runs here
		b.ReportMetric(float64(perMany-perFew), "ns-more/decision")
	})
}

func callersWorld(b *testing.B, n int) *view.View {
	b.Helper()
	build := view.Next(benchWorld(4, 4).View())
	viewtest.ManyCustomers(build, firstANI+1000, n)
	v, problems := build.View(2, viewtest.At(0))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	return v
}

func randomCallers(b *testing.B, v *view.View, n int) time.Duration {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	callers := make([]phone.Number, 1<<16)
	for i := range callers {
		callers[i] = firstANI + 1000 + phone.Number(rng.IntN(n))
	}
	call := decide.Call{ID: "a84b4c76e66710@pc33", Dialled: lineNumber, Gateway: decide.CapabilitiesOf(nil)}
	var d decide.Decision
	now := viewtest.At(12)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		call.Caller = callers[i&(len(callers)-1)]
		i++
		decide.Decide(&d, v, call, now, decide.MaxSites)
	}
	if len(d.Candidates()) != 1 {
		b.Fatal("the caller is not known")
	}
	return b.Elapsed() / time.Duration(b.N)
}

// BenchmarkDecideLive is BenchmarkDecide's worlds in the busiest minute: calls and agents are known of every site, a few
// targets cannot be reached, and the line has skills, a budget, and sites that open soon.
func BenchmarkDecideLive(b *testing.B) {
	for _, n := range []int{4, 1000} {
		b.Run(fmt.Sprintf("line=%d/view=%d", n, n), func(b *testing.B) {
			w := benchWorld(n, n)
			w.Lines[0].Strategy = routingv1.Strategy_STRATEGY_LEAST_LOADED
			w.Lines[0].Language = "de"
			w.Lines[0].OpeningSoon, w.Lines[0].RingBudget = durationpb.New(30*time.Minute), durationpb.New(3*time.Minute)
			calls := map[string]int32{}
			for i, s := range w.Sites {
				s.Capacity, s.Languages = 10, []string{"en", "de"}
				calls[s.GetId()] = int32(i % 12)
				w.Live = append(w.Live, viewtest.Presence(s.GetId(), int32(i%5), 100000))
			}
			w.Live = append(w.Live, viewtest.Calls("sip-1", calls), viewtest.Unreachable("r-1", w.Sites[0].GetTargets()...))
			v := w.View()
			call := decide.Call{ID: "a84b4c76e66710@pc33", Dialled: lineNumber, Caller: firstANI, Gateway: decide.CapabilitiesOf(nil)}
			var d decide.Decision
			now := viewtest.At(24*100 - 6)
			b.ReportAllocs()
			for b.Loop() {
				decide.Decide(&d, v, call, now, decide.MaxSites)
			}
			if len(d.Targets()) < 2 {
				b.Fatal("nobody is open")
			}
		})
	}
}
