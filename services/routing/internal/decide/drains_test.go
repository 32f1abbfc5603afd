package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/phone_number"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/phone"
	"github.com/daysidehq/dayside/services/internal/target"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

func address(text string) *schedulev1.Target {
	if strings.HasPrefix(text, "+") {
		return &schedulev1.Target{Address: &schedulev1.Target_PhoneNumber{PhoneNumber: &phone_number.PhoneNumber{
			Kind: &phone_number.PhoneNumber_E164Number{E164Number: text},
		}}}
	}
	return &schedulev1.Target{Address: &schedulev1.Target_SipUri{SipUri: text}}
}

// only takes one target of a drain's subject.
func only(d *routingv1.Drain, text string) *routingv1.Drain {
	d.Target = address(text)
	return d
}

// onLine takes calls to one line alone.
func onLine(d *routingv1.Drain, line string) *routingv1.Drain {
	d.Line = "lines/" + line
	return d
}

// drainWorld: Dublin and Bengaluru are open from 0 to 10, Dublin with two targets, and Anna is on duty.
func drainWorld(drains ...*routingv1.Drain) viewtest.World {
	dublin := viewtest.Site("dublin", viewtest.Span{0, 10})
	dublin.Targets = append(dublin.Targets, "+13035550131")
	gold, web := viewtest.Line("gold", lineNumber, "dublin", "bengaluru"), viewtest.Line("web", lineNumber+1, "dublin")
	gold.Rotas = []string{"rotas/nights"}
	gold.Strategy = routingv1.Strategy_STRATEGY_PRIORITY
	return viewtest.World{
		Sites:  []*publishedv1.Site{dublin, viewtest.Site("bengaluru", viewtest.Span{0, 10})},
		Rotas:  []*publishedv1.Rota{viewtest.Rota("nights", 100, viewtest.Turn{From: -5, Person: "anna"})},
		Lines:  []*routingv1.Line{gold, web},
		Drains: drains,
	}
}

func TestDrains(t *testing.T) {
	const (
		dublin1, dublin2 = "sip:support@dublin.example.com", "+13035550131"
		bengaluru, anna  = "sip:support@bengaluru.example.com", "sip:anna@people.example.com"
		last             = "+61255500000"
	)
	drained := routingv1.SiteReason_SITE_REASON_DRAINED
	for name, c := range map[string]struct {
		drains   []*routingv1.Drain
		at       float64
		dialled  phone.Number
		want     []string
		verdict  routingv1.Verdict
		dublin   routingv1.SiteReason
		by       string
		validFor float64 // hours
	}{
		"nothing is drained": {
			want: []string{dublin1, bengaluru, dublin2, anna, last}, dublin: 1, validFor: 9,
		},
		"a site": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "sites/dublin", 0, 0)},
			want:   []string{bengaluru, anna, last}, dublin: drained, by: "drains/d", validFor: 9,
		},
		"a site, until then": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "sites/dublin", 0, 3)},
			want:   []string{bengaluru, anna, last}, dublin: drained, by: "drains/d", validFor: 2,
		},
		"a site, later": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "sites/dublin", 2, 3)},
			want:   []string{dublin1, bengaluru, dublin2, anna, last}, dublin: 1, validFor: 1,
		},
		"from this very second": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "sites/dublin", 1, 3)},
			want:   []string{bengaluru, anna, last}, dublin: drained, by: "drains/d", validFor: 2,
		},
		"until this very second": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "sites/dublin", 0.5, 1)},
			want:   []string{dublin1, bengaluru, dublin2, anna, last}, dublin: 1, validFor: 9,
		},
		"one target": {
			drains: []*routingv1.Drain{only(viewtest.Drain("d", "sites/dublin", 0, 0), dublin1)},
			want:   []string{dublin2, bengaluru, anna, last}, dublin: 1, by: "drains/d", validFor: 9,
		},
		"every target, one after the other": {
			drains: []*routingv1.Drain{
				only(viewtest.Drain("d", "sites/dublin", 0, 4), dublin1), only(viewtest.Drain("e", "sites/dublin", 0, 5), dublin2),
			},
			want: []string{bengaluru, anna, last}, dublin: drained, by: "drains/d", validFor: 3,
		},
		"a target that the site has no more": {
			drains: []*routingv1.Drain{only(viewtest.Drain("d", "sites/dublin", 0, 4), "sip:old@dublin.example.com")},
			want:   []string{dublin1, bengaluru, dublin2, anna, last}, dublin: 1, validFor: 9,
		},
		"on another line": {
			drains: []*routingv1.Drain{onLine(viewtest.Drain("d", "sites/dublin", 0, 4), "web")},
			want:   []string{dublin1, bengaluru, dublin2, anna, last}, dublin: 1, validFor: 9,
		},
		"on this line": {
			drains: []*routingv1.Drain{onLine(viewtest.Drain("d", "sites/dublin", 0, 4), "web")}, dialled: lineNumber + 1,
			want: []string{last}, dublin: drained, by: "drains/d", validFor: 3, verdict: routingv1.Verdict_VERDICT_SITES_DRAINED,
		},
		"somebody on duty": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "people/anna", 0, 0)},
			want:   []string{dublin1, bengaluru, dublin2, last}, dublin: 1, validFor: 9,
		},
		"everybody: the last resort is never drained": {
			drains: []*routingv1.Drain{
				viewtest.Drain("a", "people/anna", 0, 0), viewtest.Drain("b", "sites/bengaluru", 0, 0),
				viewtest.Drain("d", "sites/dublin", 0, 0),
			},
			want: []string{last}, dublin: drained, by: "drains/d", validFor: 9, verdict: routingv1.Verdict_VERDICT_SITES_DRAINED,
		},
		"a drain goes before hours": {
			drains: []*routingv1.Drain{viewtest.Drain("d", "sites/dublin", 0, 0)}, at: 20,
			want: []string{anna, last}, dublin: drained, by: "drains/d", validFor: 80, verdict: routingv1.Verdict_VERDICT_SITES_NONE_OPEN,
		},
		"two: the one that takes all is named": {
			drains: []*routingv1.Drain{
				only(viewtest.Drain("a", "sites/dublin", 0, 4), dublin1), viewtest.Drain("b", "sites/dublin", 0, 5),
			},
			want: []string{bengaluru, anna, last}, dublin: drained, by: "drains/b", validFor: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			call := decide.Call{ID: "1", Dialled: max(c.dialled, lineNumber), Gateway: decide.CapabilitiesOf(nil)}
			at := viewtest.At(max(c.at, 1))
			d := run(drainWorld(c.drains...).View(), call, at)
			if got := texts(d); !slices.Equal(got, c.want) {
				t.Errorf("ladder %v, want %v", got, c.want)
			}
			s, by := d.Sites()[0], ""
			if s.Drain != nil {
				by = s.Drain.Name
			}
			if s.Reason != c.dublin || by != c.by {
				t.Errorf("dublin is %v by %q, want %v by %q", s.Reason, by, c.dublin, c.by)
			}
			if c.verdict == 0 {
				c.verdict = routingv1.Verdict_VERDICT_SITES_OPEN
			}
			if !slices.Contains(d.Verdicts(), c.verdict) {
				t.Errorf("verdicts %v, want %v", d.Verdicts(), c.verdict)
			}
			if got := time.Unix(d.ValidUntilUnixS, 0).Sub(at).Hours(); got != c.validFor {
				t.Errorf("valid for %v h, want %v", got, c.validFor)
			}
		})
	}
}

// texts are the addresses of a ladder.
func texts(d *decide.Decision) []string {
	var list []string
	for _, t := range d.Targets() {
		list = append(list, target.Text(t.GetTarget()))
	}
	return list
}

// out says whether all targets of a site of a line are drained.
func out(l *view.Line, place int, at time.Time) bool {
	if l.Drains == nil {
		return false
	}
	drained, _ := l.Drains.Site(place, at.Unix())
	return drained.All(len(l.Sites[place].Site.Targets))
}

// drawDrains takes some sites, people and targets of a world out of calls; some drains are of nobody.
func drawDrains(t *rapid.T, w *viewtest.World) {
	for i := range rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "drains") {
		subject, targets := "sites/nobody", []string{"sip:nobody@example.com"}
		if n := rapid.IntRange(0, len(w.Sites)).Draw(t, "drained site"); n < len(w.Sites) {
			subject, targets = "sites/"+w.Sites[n].GetId(), append(targets, w.Sites[n].GetTargets()...)
		}
		if len(w.Rotas) > 0 && rapid.IntRange(0, 3).Draw(t, "a person") == 0 {
			for _, p := range w.Rotas[0].GetPeople() {
				subject, targets = "people/"+p.GetId(), append(targets[:1], p.GetTargets()...)
			}
		}
		from := float64(rapid.IntRange(-20, 120).Draw(t, "drained from")) / 4
		d := viewtest.Drain(fmt.Sprintf("d%d", i), subject, from, from+float64(rapid.IntRange(1, 60).Draw(t, "drained for"))/4)
		if rapid.IntRange(0, 3).Draw(t, "no end") == 0 {
			d.EndTime = nil
		}
		if rapid.IntRange(0, 3).Draw(t, "at once") == 0 {
			d.StartTime = nil
		}
		if rapid.IntRange(0, 2).Draw(t, "one target") == 0 {
			d.Target = address(rapid.SampledFrom(targets).Draw(t, "which"))
		}
		d.Line = rapid.SampledFrom([]string{"", "", "lines/gold", "lines/other"}).Draw(t, "drained line")
		if d.GetLine() != "" && rapid.IntRange(0, 3).Draw(t, "the whole line") == 0 {
			d.Subject, d.Target = &routingv1.Drain_AllSites{AllSites: true}, nil
		}
		w.Drains = append(w.Drains, d)
	}
}

// A world with drains decides as one in which the drained targets are not there: the slow way to say what a drain is.
func TestDrainsAgainstAWorldWithoutTheTargets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, c, at := drawWorld(t), drawCall(t), drawTime(t)
		without := viewtest.World{Custody: w.Custody, Customers: w.Customers, Lines: w.Lines, Live: w.Live}
		for _, s := range w.Sites {
			s = proto.CloneOf(s)
			s.Targets = undrained(w.Drains, "sites/"+s.GetId(), s.GetTargets(), at)
			without.Sites = append(without.Sites, s)
		}
		for _, r := range w.Rotas {
			r = proto.CloneOf(r)
			for _, p := range r.GetPeople() {
				p.Targets = undrained(w.Drains, "people/"+p.GetId(), p.GetTargets(), at)
			}
			without.Rotas = append(without.Rotas, r)
		}
		got, want := run(w.View(), c, at), run(without.View(), c, at)
		if !slices.Equal(texts(got), texts(want)) || got.FirstSite() != nil && got.FirstSite().Name != want.FirstSite().Name {
			t.Fatalf("ladder %v, want %v", texts(got), texts(want))
		}
		if n := len(got.Targets()); n > 0 && !got.Targets()[n-1].GetLastResort() {
			t.Fatalf("%v does not end with the last resort", texts(got))
		}
		for _, s := range got.Sites() {
			if s.Reason == routingv1.SiteReason_SITE_REASON_DRAINED && (s.Drain == nil || s.Rank != 0) {
				t.Fatalf("%s is drained by %v and has rank %d", s.At.Site.ID, s.Drain, s.Rank)
			}
		}
	})
}

func undrained(drains []*routingv1.Drain, subject string, targets []string, at time.Time) []string {
	return slices.DeleteFunc(slices.Clone(targets), func(text string) bool {
		return slices.ContainsFunc(drains, func(d *routingv1.Drain) bool {
			inForce := !at.Before(d.GetStartTime().AsTime()) && (d.GetEndTime() == nil || at.Before(d.GetEndTime().AsTime()))
			concerned := d.GetSite()+d.GetPerson() == subject || d.GetAllSites() && strings.HasPrefix(subject, "sites/")
			return inForce && concerned && (d.GetLine() == "" || d.GetLine() == "lines/gold") &&
				(d.GetTarget() == nil || target.Text(d.GetTarget()) == text)
		})
	})
}

// BenchmarkDecideDrained is BenchmarkDecide's smallest world, a site of which is drained.
func BenchmarkDecideDrained(b *testing.B) {
	w := benchWorld(4, 4)
	w.Drains = append(w.Drains, viewtest.Drain("d", "sites/site-0000", 0, 0))
	v := w.View()
	call := decide.Call{ID: "a84b4c76e66710@pc33", Dialled: lineNumber, Caller: firstANI, Gateway: decide.CapabilitiesOf(nil)}
	var d decide.Decision
	now := viewtest.At(24*100 - 6)
	b.ReportAllocs()
	for b.Loop() {
		decide.Decide(&d, v, call, now, decide.MaxSites)
	}
}
