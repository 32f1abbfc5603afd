package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/render"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const (
	gold = phone.Number(61255500100)
	acme = phone.Number(13035550100)
)

func world() viewtest.World {
	refusing := viewtest.Line("members", gold+1, "dublin")
	refusing.Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_REJECT}
	duty := viewtest.Line("duty", gold+3, "denver")
	duty.Rotas = []string{"rotas/nights", "rotas/gone"}
	shared := viewtest.Line("shared", gold+4, "bengaluru", "denver", "sydney")
	shared.Strategy = routingv1.Strategy_STRATEGY_WEIGHTED
	shared.Sites[0].Weight, shared.Sites[2].Weight = proto.Int32(0), proto.Int32(30)
	nights := viewtest.Rota("nights", 72, viewtest.Turn{From: -24, Person: "anna"}, viewtest.Turn{From: 0, Person: "bob"})
	nights.AcceptWithinS = 900
	nights.People[0].Targets = []string{"+13035550121", "sip:anna@example.com"}
	return viewtest.World{
		Rotas: []*publishedv1.Rota{nights}, Custody: []viewtest.CustodyOf{viewtest.Custody("nights", "anna", -23, -24)},
		Sites: []*publishedv1.Site{
			viewtest.Site("sydney", viewtest.Daily(-2, 6, 9)...), viewtest.Site("bengaluru", viewtest.Daily(3.5, 11.5, 9)...),
			viewtest.Site("dublin", viewtest.Daily(9, 17, 9)...), viewtest.Site("denver"),
		},
		Customers: []*publishedv1.Customer{
			viewtest.Customer("acme", []phone.Number{acme}, viewtest.Contract("db", -100, 100)),
			viewtest.Customer("bridge-1", []phone.Number{acme + 1}), viewtest.Customer("bridge-2", []phone.Number{acme + 1}),
		},
		Lines: []*routingv1.Line{viewtest.Line("gold", gold, "sydney", "bengaluru", "dublin", "denver", "gone"), refusing, duty, shared},
	}
}

// The files beside this test are what gateways get, to be read by people; a change there is a change of answers. Run
// with DAYSIDE_UPDATE=1 to write them.
func TestAnswers(t *testing.T) {
	v := world().View()
	now := viewtest.At(4).Add(1500 * time.Millisecond)
	for name, c := range map[string]struct {
		call  decide.Call
		rules bool
	}{
		"forward":      {decide.Call{Dialled: gold, Caller: acme, Attested: true}, false},
		"dry-run":      {decide.Call{Dialled: gold, Caller: acme + 1}, true},
		"on-duty":      {decide.Call{Dialled: gold + 3, Caller: acme}, false},
		"dry-run-duty": {decide.Call{Dialled: gold + 3, Caller: acme}, true},
		"shared":       {decide.Call{Dialled: gold + 4, Caller: acme}, false},
		"refused":      {decide.Call{Dialled: gold + 1, Caller: acme + 9}, false},
		"unknown-line": {decide.Call{Dialled: gold + 2, Caller: acme}, false},
		"unavailable":  {decide.Call{Dialled: gold, Gateway: 1 << routingv1.Capability_CAPABILITY_GATHER_DIGITS}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.call.Gateway == 0 {
				c.call.Gateway = decide.CapabilitiesOf(nil)
			}
			c.call.ID = "call-1"
			var d decide.Decision
			decide.Decide(&d, v, c.call, now, decide.MaxSites)
			got := render.Route(&d, v, "call-1", now, c.rules)
			file := filepath.Join("testdata", name+".json")
			if os.Getenv("DAYSIDE_UPDATE") != "" {
				text := protojson.MarshalOptions{Indent: "  "}.Format(got)
				if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want routingv1.RouteCallResponse
			if err := protojson.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, &want) {
				t.Errorf("got %s", protojson.Format(got))
			}
		})
	}
}

func TestRenderingAllocatesAHandful(t *testing.T) {
	v := world().View()
	var d decide.Decision
	now := viewtest.At(4)
	decide.Decide(&d, v, decide.Call{Dialled: gold, Caller: acme, Gateway: decide.CapabilitiesOf(nil)}, now, decide.MaxSites)
	const most = 4
	if n := testing.AllocsPerRun(100, func() { render.Route(&d, v, "call-1", now, false) }); n > most {
		t.Errorf("%v allocations an answer, at most %d", n, most)
	}
}

func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{4, 32} {
		b.Run(fmt.Sprintf("sites=%d", n), func(b *testing.B) {
			w := world()
			w.Lines[0].Sites = w.Lines[0].Sites[:0]
			w.Sites = nil
			for i := range n {
				s := viewtest.Site(fmt.Sprintf("site-%d", i), viewtest.Daily(float64(i%12), 17, 9)...)
				w.Sites = append(w.Sites, s)
				w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + s.GetId()})
			}
			v := w.View()
			now := viewtest.At(4)
			call := decide.Call{ID: "a84b4c76e66710@pc33", Dialled: gold, Caller: acme, Gateway: decide.CapabilitiesOf(nil)}
			var d decide.Decision
			b.ReportAllocs()
			decide.Decide(&d, v, call, now, decide.MaxSites)
			var answer *routingv1.RouteCallResponse
			for b.Loop() {
				answer = render.Route(&d, v, call.ID, now, false)
			}
			b.ReportMetric(float64(proto.Size(answer)), "message-bytes")
		})
	}
}
