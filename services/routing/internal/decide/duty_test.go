package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// nights has a line of one site, open from 9 to 17, and two rotas: anna until 12 and from then on bob; nobody until 20 and
// then carol.
func nights() viewtest.World {
	l := viewtest.Line("gold", lineNumber, "dublin")
	l.Rotas = []string{"rotas/first", "rotas/second"}
	return viewtest.World{
		Sites: []*publishedv1.Site{viewtest.Site("dublin", viewtest.Daily(9, 17, 3)...)},
		Rotas: []*publishedv1.Rota{
			viewtest.Rota("first", 72, viewtest.Turn{From: -24, Person: "anna"}, viewtest.Turn{From: 12, Person: "bob"}),
			viewtest.Rota("second", 72, viewtest.Turn{From: 0, Person: ""}, viewtest.Turn{From: 20, Person: "carol"}),
		},
		Lines: []*routingv1.Line{l},
	}
}

// accepting is a world in which handoffs of the first rota must be accepted.
func accepting(custody ...viewtest.CustodyOf) viewtest.World {
	w := nights()
	w.Rotas[0].AcceptWithinS = 900
	w.Custody = custody
	return w
}

// duties is what the rotas say, for reading.
func duties(d *decide.Decision) string {
	var out []string
	for _, y := range d.Duties() {
		who := "nobody"
		if y.Person != nil {
			who = y.Person.ID
		}
		standing := strings.TrimPrefix(y.Standing.String(), "DUTY_STANDING_")
		out = append(out, fmt.Sprintf("%s:%s:%s:%d", y.Rota.ID, who, standing, y.Rank))
	}
	return strings.Join(out, " ")
}

func TestPeopleOnDutyComeAfterSitesAndBeforeTheLastResort(t *testing.T) {
	for what, c := range map[string]struct {
		world          viewtest.World
		hour           float64
		ladder, duties string
		verdict        routingv1.Verdict
		until          float64
	}{
		"no site is open": {
			nights(), 4, "person.anna.1 last-resort", "first:anna:ON_DUTY:1 second:nobody:NOBODY:0",
			routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 9,
		},
		"a site is open": {
			nights(), 10, "dublin.1 person.anna.1 last-resort", "first:anna:ON_DUTY:1 second:nobody:NOBODY:0",
			routingv1.Verdict_VERDICT_LADDER_SITES, 12,
		},
		"a handoff": {
			nights(), 12, "dublin.1 person.bob.1 last-resort", "first:bob:ON_DUTY:1 second:nobody:NOBODY:0",
			routingv1.Verdict_VERDICT_LADDER_SITES, 17,
		},
		"two rotas": {
			nights(), 21, "person.bob.1 person.carol.1 last-resort", "first:bob:ON_DUTY:1 second:carol:ON_DUTY:2",
			routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 33,
		},
		"behind what is known of a rota": {
			nights(), 73, "last-resort", "first:nobody:UNKNOWN:0 second:nobody:UNKNOWN:0",
			routingv1.Verdict_VERDICT_LADDER_LAST_RESORT_ONLY, 0,
		},
		"before what is known of the second one": {
			nights(), -1, "person.anna.1 last-resort", "first:anna:ON_DUTY:1 second:nobody:UNKNOWN:0",
			routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 0,
		},
		"not accepted yet, and nobody ever did": {
			accepting(), 4, "person.anna.1 last-resort", "first:anna:NOT_ACCEPTED:1 second:nobody:NOBODY:0",
			routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 9,
		},
		"accepted": {
			accepting(viewtest.Custody("first", "bob", 12.1, 12)), 18, "person.bob.1 last-resort",
			"first:bob:ON_DUTY:1 second:nobody:NOBODY:0", routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 20,
		},
		"not accepted by bob, who has it from anna": {
			accepting(viewtest.Custody("first", "anna", -23, -24)), 18, "person.bob.1 person.anna.1 last-resort",
			"first:bob:NOT_ACCEPTED:1 first:anna:STILL_HOLDS:2 second:nobody:NOBODY:0",
			routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 20,
		},
		"last accepted by somebody who has left the rota": {
			accepting(viewtest.Custody("first", "zoe", -23, -24)), 18, "person.bob.1 last-resort",
			"first:bob:NOT_ACCEPTED:1 second:nobody:NOBODY:0", routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 20,
		},
		"bob accepted an earlier turn only": {
			accepting(viewtest.Custody("first", "bob", -40, -48)), 18, "person.bob.1 last-resort",
			"first:bob:NOT_ACCEPTED:1 second:nobody:NOBODY:0", routingv1.Verdict_VERDICT_LADDER_ON_DUTY, 20,
		},
		"accepted ahead, and the turn has not begun": {
			accepting(ahead("anna", "bob", 12)), 11, "dublin.1 person.anna.1 last-resort",
			"first:anna:ON_DUTY:1 second:nobody:NOBODY:0", routingv1.Verdict_VERDICT_LADDER_SITES, 12,
		},
		"accepted ahead": {
			accepting(ahead("anna", "bob", 12)), 12, "dublin.1 person.bob.1 last-resort",
			"first:bob:ON_DUTY:1 second:nobody:NOBODY:0", routingv1.Verdict_VERDICT_LADDER_SITES, 17,
		},
		"accepted ahead by somebody whose turn it is no more": {
			accepting(ahead("anna", "carol", 12)), 12, "dublin.1 person.bob.1 person.anna.1 last-resort",
			"first:bob:NOT_ACCEPTED:1 first:anna:STILL_HOLDS:2 second:nobody:NOBODY:0",
			routingv1.Verdict_VERDICT_LADDER_SITES, 17,
		},
	} {
		t.Run(what, func(t *testing.T) {
			d := run(c.world.View(), call(), viewtest.At(c.hour))
			if ladder(d) != c.ladder || duties(d) != c.duties {
				t.Errorf("ladder %s, duties %s; want %s, %s", ladder(d), duties(d), c.ladder, c.duties)
			}
			if last := d.Verdicts()[len(d.Verdicts())-1]; last != c.verdict {
				t.Errorf("verdict %v, want %v", last, c.verdict)
			}
			if want := viewtest.At(c.until).Unix(); c.until != 0 && d.ValidUntilUnixS != want {
				t.Errorf("valid until %d, want %d", d.ValidUntilUnixS, want)
			}
		})
	}
}

// ahead is custody that one person accepted on Saturday, and another one ahead, for the turn at an hour.
func ahead(now, next string, hour float64) viewtest.CustodyOf {
	c := viewtest.Custody("first", now, -23, -24)
	c.Record.Ahead = []*publishedv1.Custody{viewtest.Custody("first", next, 6, hour).Record}
	return c
}

func TestVerdictsOfDuty(t *testing.T) {
	unknown := nights()
	unknown.Lines[0].Rotas = []string{"rotas/gone"}
	none := nights()
	none.Lines[0].Rotas = nil
	for what, c := range map[string]struct {
		world viewtest.World
		want  string
	}{
		"somebody": {nights(), "SITES_NONE_OPEN DUTY_SOMEBODY LADDER_ON_DUTY"},
		"unknown":  {unknown, "SITES_NONE_OPEN DUTY_UNKNOWN LADDER_LAST_RESORT_ONLY"},
		"no rotas": {none, "TREATMENT_FORWARD SITES_NONE_OPEN LADDER_LAST_RESORT_ONLY"},
	} {
		if got := verdicts(run(c.world.View(), call(), viewtest.At(4))); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %s, want %s at its end", what, got, c.want)
		}
	}
	one := nights()
	one.Lines[0].Rotas = []string{"rotas/second"}
	got := verdicts(run(one.View(), call(), viewtest.At(4)))
	if !strings.HasSuffix(got, "SITES_NONE_OPEN DUTY_NOBODY LADDER_LAST_RESORT_ONLY") {
		t.Error(got)
	}
}

func TestAPersonIsRungOnceWhateverRotasTheyAreOn(t *testing.T) {
	w := nights()
	w.Rotas[1] = viewtest.Rota("second", 72, viewtest.Turn{From: 0, Person: "anna"})
	w.Rotas[0].People[0].Targets = []string{"+13035550121", "sip:anna@example.com"}
	d := run(w.View(), call(), viewtest.At(4))
	if want := "person.anna.1 person.anna.2 last-resort"; ladder(d) != want {
		t.Errorf("%s, want %s", ladder(d), want)
	}
	if want := "first:anna:ON_DUTY:1 second:anna:ON_DUTY:0"; duties(d) != want {
		t.Errorf("%s, want %s", duties(d), want)
	}
	first := d.Targets()[0]
	if first.GetPerson() != "people/anna" || first.GetSite() != "" || first.GetLastResort() ||
		first.GetRingTimeout().GetSeconds() != 25 || first.GetTarget().GetPhoneNumber().GetE164Number() != "+13035550121" {
		t.Errorf("%v", first)
	}
}

func TestSomebodyWithoutATargetIsPassedOver(t *testing.T) {
	w := nights()
	w.Rotas[0].People[0].Targets = nil
	d := run(w.View(), call(), viewtest.At(4))
	if ladder(d) != "last-resort" || !strings.HasPrefix(duties(d), "first:anna:ON_DUTY:0") {
		t.Errorf("%s, %s", ladder(d), duties(d))
	}
}

// TestAFullLadderKeepsRoomForPeople: sites alone would fill it, and nobody on duty would ever be rung.
func TestAFullLadderKeepsRoomForPeople(t *testing.T) {
	w := nights()
	for i := range 20 {
		id := fmt.Sprintf("s%02d", i)
		w.Sites = append(w.Sites, viewtest.Site(id, viewtest.Span{0, 24}))
		w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/" + id})
	}
	w.Rotas[0].People[0].Targets = slices.Repeat([]string{"sip:anna@people.example.com"}, 6)
	d := run(w.View(), call(), viewtest.At(4))
	people, sites := 0, 0
	for _, target := range d.Targets() {
		if target.GetPerson() != "" {
			people++
		}
		if target.GetSite() != "" {
			sites++
		}
	}
	if len(d.Targets()) != 16 || people != 4 || sites != 11 || !d.Targets()[15].GetLastResort() {
		t.Errorf("%d sites, %d people: %s", sites, people, ladder(d))
	}
	beyond := 0
	for _, s := range d.Sites() {
		if s.Reason == routingv1.SiteReason_SITE_REASON_BEYOND_TARGET_LIMIT {
			beyond++
		}
	}
	if beyond != 9 {
		t.Errorf("%d sites are beyond the limit", beyond)
	}
}

func TestDutyCostsNoAllocation(t *testing.T) {
	for what, w := range map[string]viewtest.World{
		"no rotas": followTheSun(), "two rotas": accepting(viewtest.Custody("first", "anna", -23, -24)),
	} {
		v := w.View()
		var d decide.Decision
		decide.Decide(&d, v, call(), viewtest.At(18), decide.MaxSites)
		if n := testing.AllocsPerRun(100, func() {
			decide.Decide(&d, v, call(), viewtest.At(18), decide.MaxSites)
		}); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

// drawRotas gives a line rotas of a few people with turns that begin on quarters of an hour.
func drawRotas(t *rapid.T, w *viewtest.World) {
	person := rapid.SampledFrom([]string{"", "anna", "bob", "carol"})
	for i := range rapid.IntRange(0, 3).Draw(t, "rotas") {
		id := fmt.Sprintf("r%d", i)
		w.Lines[0].Rotas = append(w.Lines[0].Rotas, "rotas/"+id)
		if rapid.IntRange(0, 9).Draw(t, "an unknown rota") == 0 {
			continue
		}
		at := float64(rapid.IntRange(-48, 40).Draw(t, "first turn")) / 4
		var turns []viewtest.Turn
		for range rapid.IntRange(1, 6).Draw(t, "turns") {
			turns = append(turns, viewtest.Turn{From: at, Person: person.Draw(t, "person")})
			at += float64(rapid.IntRange(1, 60).Draw(t, "length")) / 4
		}
		r := viewtest.Rota(id, at, turns...)
		for _, p := range r.GetPeople() {
			p.Targets = slices.Repeat(p.GetTargets(), rapid.SampledFrom([]int{1, 1, 2, 8, 0}).Draw(t, "targets"))
		}
		if rapid.Bool().Draw(t, "must be accepted") {
			r.AcceptWithinS = 900
		}
		w.Rotas = append(w.Rotas, r)
		if rapid.Bool().Draw(t, "was accepted") {
			turn := rapid.SampledFrom(turns).Draw(t, "turn")
			c := viewtest.Custody(id, person.Draw(t, "holder"), turn.From+0.25, turn.From)
			for range rapid.IntRange(0, 2).Draw(t, "ahead") {
				turn := rapid.SampledFrom(turns).Draw(t, "turn ahead")
				c.Record.Ahead = append(c.Record.Ahead, viewtest.Custody(id, turn.Person, turn.From-0.25, turn.From).Record)
			}
			w.Custody = append(w.Custody, c)
		}
	}
}

// TestWhoIsOnDutyIsRungBeforeTheLastResort: where no site is open and somebody who can be reached is on duty, they come
// first; and whoever the roster has on duty is on the ladder, in the order of the rotas.
func TestWhoIsOnDutyIsRungBeforeTheLastResort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, c, at := drawWorld(t), drawCall(t), drawTime(t)
		// Of those who are drained, who cannot be reached, and for whom there is no time, other properties tell.
		w.Drains, w.Live, w.Lines[0].RingBudget = nil, nil, nil
		d := run(w.View(), c, at)
		if len(d.Targets()) == 0 { // refused, or nothing that the gateway could ring
			return
		}
		var want []string
		for _, r := range w.Rotas {
			i, hour := 0, r.GetFromUnixS()
			for ; i < len(r.GetLengthS()) && at.Unix() >= hour+int64(r.GetLengthS()[i]); i++ {
				hour += int64(r.GetLengthS()[i])
			}
			if at.Unix() < r.GetFromUnixS() || i == len(r.GetHolder()) || r.GetHolder()[i] == 0 {
				continue
			}
			p := r.GetPeople()[r.GetHolder()[i]-1]
			if len(p.GetTargets()) == 0 && r.GetAcceptWithinS() > 0 {
				return // in their place comes whoever had the phone before: before those of later rotas
			}
			if name := "people/" + p.GetId(); len(p.GetTargets()) > 0 && !slices.Contains(want, name) {
				want = append(want, name)
			}
		}
		var rung []string
		for _, target := range d.Targets() {
			if n := target.GetPerson(); n != "" && !slices.Contains(rung, n) {
				rung = append(rung, n)
			}
		}
		if len(want) > 0 && (len(rung) == 0 || rung[0] != want[0]) {
			t.Fatalf("%v are on duty, %s", want, ladder(d))
		}
		if len(want) > 0 && d.FirstSite() == nil && d.Targets()[0].GetPerson() != want[0] {
			t.Fatalf("no site is open and %s is on duty, %s", want[0], ladder(d))
		}
		for i, target := range d.Targets() {
			if target.GetPerson() != "" && slices.ContainsFunc(d.Targets()[i:], func(o *routingv1.RouteTarget) bool { return o.GetSite() != "" }) {
				t.Fatalf("a site behind a person: %s", ladder(d))
			}
		}
	})
}
