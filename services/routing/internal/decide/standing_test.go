package decide_test

import (
	"fmt"
	"strings"
	"testing"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// threeSites are open from 0 to 10 and rung in the order dublin, cork, pune, where nothing else is known. Dublin has two
// targets; Anna and Bob are on duty.
func threeSites() viewtest.World {
	l := viewtest.Line("gold", lineNumber, "dublin", "cork", "pune")
	l.Strategy = routingv1.Strategy_STRATEGY_PRIORITY
	l.Rotas = []string{"rotas/nights", "rotas/second"}
	w := viewtest.World{
		Lines: []*routingv1.Line{l},
		Rotas: []*publishedv1.Rota{
			viewtest.Rota("nights", 100, viewtest.Turn{From: -5, Person: "anna"}),
			viewtest.Rota("second", 100, viewtest.Turn{From: -5, Person: "bob"}),
		},
		Customers: []*publishedv1.Customer{viewtest.Customer("acme", []phone.Number{firstANI}, viewtest.Contract("", -100, 100))},
	}
	for _, id := range []string{"dublin", "cork", "pune"} {
		s := viewtest.Site(id, viewtest.Span{0, 10})
		s.Capacity = 4
		w.Sites = append(w.Sites, s)
	}
	w.Sites[0].Targets = append(w.Sites[0].Targets, "+13035550131")
	w.Rotas[0].People[0].Targets = append(w.Rotas[0].People[0].Targets, "+13035550141")
	return w
}

const (
	dublin1, dublin2 = "sip:support@dublin.example.com", "+13035550131"
	cork1, pune1     = "sip:support@cork.example.com", "sip:support@pune.example.com"
	anna1, bob1      = "sip:anna@people.example.com", "sip:bob@people.example.com"

	people   = " person.anna.1 person.anna.2 person.bob.1 last-resort"
	allThree = "dublin.1 cork.1 pune.1 dublin.2" + people
)

// reasons are those of the sites, with their ranks.
func reasons(d *decide.Decision) string {
	var out []string
	for _, s := range d.Sites() {
		out = append(out, fmt.Sprintf("%s:%s:%d", s.At.Site.ID, strings.TrimPrefix(s.Reason.String(), "SITE_REASON_"), s.Rank))
	}
	return strings.Join(out, " ")
}

// What is known of this minute puts sites behind others, and takes none out.
func TestLiveStateOrders(t *testing.T) {
	for what, c := range map[string]struct {
		live    []viewtest.LiveOf
		want    string
		reasons string
		verdict string
	}{
		"nothing is known": {nil, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_OPEN"},
		"calls below capacity": {
			[]viewtest.LiveOf{viewtest.Calls("sip-1", map[string]int32{"dublin": 3})}, allThree,
			"dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_OPEN",
		},
		"full, by what two gateways carry": {
			[]viewtest.LiveOf{
				viewtest.Calls("sip-1", map[string]int32{"dublin": 3}), viewtest.Calls("sip-2", map[string]int32{"dublin": 1}),
			}, "cork.1 pune.1 dublin.1 dublin.2" + people, "dublin:FULL:3 cork:FIRST:1 pune:NEXT:2", "SITES_OPEN",
		},
		"nobody there": {
			[]viewtest.LiveOf{viewtest.Presence("cork", 0, 0)}, "dublin.1 pune.1 cork.1 dublin.2" + people,
			"dublin:FIRST:1 cork:UNATTENDED:3 pune:NEXT:2", "SITES_OPEN",
		},
		"nobody there any more is said no longer": {
			[]viewtest.LiveOf{viewtest.Presence("cork", 0, 0.5)}, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_OPEN",
		},
		"one of two targets is gone": {
			[]viewtest.LiveOf{viewtest.Unreachable("a", dublin1)}, "dublin.2 cork.1 pune.1 dublin.1" + people,
			"dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_OPEN",
		},
		"all targets are gone": {
			[]viewtest.LiveOf{viewtest.Unreachable("a", dublin1), viewtest.Unreachable("b", dublin2)},
			"cork.1 pune.1 dublin.1 dublin.2" + people, "dublin:UNREACHABLE:3 cork:FIRST:1 pune:NEXT:2", "SITES_OPEN",
		},
		"those set behind keep their order": {
			[]viewtest.LiveOf{viewtest.Presence("dublin", 0, 0), viewtest.Presence("cork", 0, 0)},
			"pune.1 dublin.1 cork.1 dublin.2" + people, "dublin:UNATTENDED:2 cork:UNATTENDED:3 pune:FIRST:1", "SITES_OPEN",
		},
		"all of them: it is passed over": {
			[]viewtest.LiveOf{
				viewtest.Presence("dublin", 0, 0), viewtest.Calls("sip-1", map[string]int32{"cork": 9}), viewtest.Unreachable("a", pune1),
			}, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_ALL_BUSY",
		},
		"somebody on duty cannot be reached": {
			[]viewtest.LiveOf{viewtest.Unreachable("a", anna1)},
			"dublin.1 cork.1 pune.1 dublin.2 person.anna.2 person.bob.1 person.anna.1 last-resort",
			"dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_OPEN",
		},
		"nothing of somebody on duty can": {
			[]viewtest.LiveOf{viewtest.Unreachable("a", anna1, "+13035550141")},
			"dublin.1 cork.1 pune.1 dublin.2 person.bob.1 person.anna.1 person.anna.2 last-resort",
			"dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "SITES_OPEN",
		},
		"the last resort stays where it is": {
			[]viewtest.LiveOf{viewtest.Unreachable("a", "+61255500000")}, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3",
			"SITES_OPEN",
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := threeSites()
			w.Live = c.live
			d := run(w.View(), call(), viewtest.At(1))
			if ladder(d) != c.want {
				t.Errorf("%s, want\n%s", ladder(d), c.want)
			}
			if reasons(d) != c.reasons {
				t.Errorf("%s, want\n%s", reasons(d), c.reasons)
			}
			if !strings.Contains(verdicts(d), c.verdict) {
				t.Errorf("%s, want %s", verdicts(d), c.verdict)
			}
		})
	}
}

// A person who was unreachable has the rank at which they are rung.
func TestRanksOfPeopleAreThoseOfTheLadder(t *testing.T) {
	w := threeSites()
	w.Live = []viewtest.LiveOf{viewtest.Unreachable("a", anna1, "+13035550141")}
	d := run(w.View(), call(), viewtest.At(1))
	for i, want := range []int{2, 1} {
		if got := d.Duties()[i].Rank; got != want {
			t.Errorf("%s has rank %d, want %d", d.Duties()[i].Person.ID, got, want)
		}
	}
}

func TestPresenceEndsByItself(t *testing.T) {
	w := threeSites()
	w.Live = []viewtest.LiveOf{viewtest.Presence("dublin", 0, 3)}
	v := w.View()
	d := run(v, call(), viewtest.At(1))
	if d.FirstSite().ID != "cork" || d.ValidUntilUnixS != viewtest.At(3).Unix() {
		t.Errorf("first %s, valid until %d, want until %d", d.FirstSite().ID, d.ValidUntilUnixS, viewtest.At(3).Unix())
	}
	if d = run(v, call(), viewtest.At(3)); d.FirstSite().ID != "dublin" || d.ValidUntilUnixS != viewtest.At(10).Unix() {
		t.Errorf("then first %s, valid until %d", d.FirstSite().ID, d.ValidUntilUnixS)
	}
}

func TestTheSiteThatWorksTheOpenCaseComesFirst(t *testing.T) {
	for what, c := range map[string]struct {
		change  func(*viewtest.World)
		want    string
		reasons string
	}{
		"it does": {func(*viewtest.World) {}, "pune.1 dublin.1 cork.1 dublin.2", "dublin:NEXT:2 cork:NEXT:3 pune:OPEN_CASE:1"},
		"whatever its tier": {
			func(w *viewtest.World) { w.Lines[0].Sites[2].Tier = 9 }, "pune.1 dublin.1 cork.1 dublin.2",
			"dublin:NEXT:2 cork:NEXT:3 pune:OPEN_CASE:1",
		},
		"not while it is closed": {
			func(w *viewtest.World) { w.Sites[2].Timeline = viewtest.Timeline(30, viewtest.Span{5, 6}) },
			"dublin.1 cork.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:CLOSED:0",
		},
		"nor drained": {
			func(w *viewtest.World) { w.Drains = append(w.Drains, viewtest.Drain("d", "sites/pune", 0, 0)) },
			"dublin.1 cork.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:DRAINED:0",
		},
		"nor where it cannot help": {
			func(w *viewtest.World) { w.Lines[0].Product, w.Sites[2].Products = "db", []string{"web"} },
			"dublin.1 cork.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:OTHER_PRODUCT:0",
		},
		"nor while nobody is there": {
			func(w *viewtest.World) { w.Live = []viewtest.LiveOf{viewtest.Presence("pune", 0, 0)} },
			"dublin.1 cork.1 pune.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:UNATTENDED:3",
		},
		"another one does, of the cases before": {
			func(w *viewtest.World) {
				w.Customers[0].OpenCases = append([]*publishedv1.OpenCase{{Id: "1", Site: "cork"}}, w.Customers[0].OpenCases...)
			}, "cork.1 dublin.1 pune.1 dublin.2", "dublin:NEXT:2 cork:OPEN_CASE:1 pune:NEXT:3",
		},
		"nobody knows whose case": {
			func(w *viewtest.World) {
				w.Customers = append(w.Customers, viewtest.Customer("other", []phone.Number{firstANI}))
			}, "dublin.1 cork.1 pune.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3",
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := threeSites()
			w.Lines[0].Rotas = nil
			w.Customers[0].OpenCases = []*publishedv1.OpenCase{{Id: "17"}, {Id: "16", Site: "pune"}}
			c.change(&w)
			d := run(w.View(), call(), viewtest.At(1))
			if ladder(d) != c.want+" last-resort" || reasons(d) != c.reasons {
				t.Errorf("%s: %s, want\n%s: %s", ladder(d), reasons(d), c.want, c.reasons)
			}
		})
	}
}

func TestSkills(t *testing.T) {
	for what, c := range map[string]struct {
		product, language string
		change            func(*viewtest.World)
		want, reasons     string
		verdict           string
	}{
		"a site without any has all": {
			"db", "de", func(*viewtest.World) {}, "dublin.1 cork.1 pune.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "OPEN",
		},
		"a line for anything takes any site": {
			"", "", func(w *viewtest.World) { w.Sites[0].Products, w.Sites[1].Languages = []string{"web"}, []string{"fr"} },
			"dublin.1 cork.1 pune.1 dublin.2", "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "OPEN",
		},
		"another product": {
			"db", "", func(w *viewtest.World) { w.Sites[0].Products = []string{"web", "mail"} }, "cork.1 pune.1",
			"dublin:OTHER_PRODUCT:0 cork:FIRST:1 pune:NEXT:2", "OPEN",
		},
		"another language": {
			"", "de-AT", func(w *viewtest.World) {
				w.Sites[0].Languages, w.Sites[1].Languages = []string{"fr", "en"}, []string{"en", "de"}
			}, "cork.1 pune.1", "dublin:OTHER_LANGUAGE:0 cork:FIRST:1 pune:NEXT:2", "OPEN",
		},
		"none of those that are open can": {
			"db", "de", func(w *viewtest.World) {
				w.Sites[0].Products, w.Sites[1].Languages, w.Sites[2].Products = []string{"web"}, []string{"fr"}, []string{"x"}
			}, "", "dublin:OTHER_PRODUCT:0 cork:OTHER_LANGUAGE:0 pune:OTHER_PRODUCT:0", "NO_SKILL",
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := threeSites()
			w.Lines[0].Rotas, w.Lines[0].Product, w.Lines[0].Language = nil, c.product, c.language
			c.change(&w)
			d := run(w.View(), call(), viewtest.At(1))
			if strings.TrimSpace(strings.TrimSuffix(ladder(d), "last-resort")) != c.want || reasons(d) != c.reasons {
				t.Errorf("%s: %s, want\n%s: %s", ladder(d), reasons(d), c.want, c.reasons)
			}
			if !strings.Contains(verdicts(d), "SITES_"+c.verdict) {
				t.Errorf("%s, want %s", verdicts(d), c.verdict)
			}
		})
	}
}
