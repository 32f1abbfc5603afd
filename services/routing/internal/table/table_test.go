package table_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	publishedv1 "github.com/daysidehq/dayside/api/dayside/published/v1"
	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/table"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

const number = 61255500100

// twoSites is Bengaluru from 3:30 to 12:30 and Dublin from 9:00 to 17:00, every day.
func twoSites() viewtest.World {
	return viewtest.World{
		Sites: []*publishedv1.Site{
			viewtest.Site("bengaluru", viewtest.Daily(3.5, 12.5, 20)...), viewtest.Site("dublin", viewtest.Daily(9, 17, 20)...),
		},
		Lines: []*routingv1.Line{viewtest.Line("gold", number, "bengaluru", "dublin")},
	}
}

// viewOf is the view of a world in which reporters say something of this minute.
func viewOf(w viewtest.World, live map[string]*routingv1.LiveRecord) *view.View {
	b := view.Anew(nil)
	for _, r := range w.Records() {
		b.Put(r.Key, r.Value)
	}
	for key, record := range live {
		value, err := proto.Marshal(record)
		if err != nil {
			panic(err)
		}
		b.Put(view.LivePrefix+key, value)
	}
	v, problems := b.View(1, viewtest.At(0))
	if len(problems) > 0 {
		panic(fmt.Sprint(problems))
	}
	return v
}

func tableOf(v *view.View, from time.Time) table.Table {
	return table.Of(v, v.WithoutLive(), "gold", table.Gateway{ID: "sbc-1"}, from)
}

// text is a table in short, in hours of the first day: "4-9 bengaluru; 9-12.5 dublin bengaluru; 12.5-17 dublin".
func text(t table.Table) string {
	var parts []string
	hour := func(unixS int64) float64 { return float64(unixS-viewtest.Base) / 3600 }
	for _, s := range t.Proto.GetSpans() {
		part := fmt.Sprintf("%.4g-%.4g", hour(s.GetStartTime().GetSeconds()), hour(s.GetEndTime().GetSeconds()))
		for _, target := range s.GetTargets() {
			part += " " + strings.TrimPrefix(target.GetSite(), "sites/")
		}
		if s.GetEnd() != nil {
			part += " " + s.GetEnd().GetCause().String()
		}
		parts = append(parts, strings.TrimSpace(part))
	}
	return strings.Join(parts, "; ")
}

func TestATableIsTheDayAhead(t *testing.T) {
	rejecting := twoSites()
	rejecting.Lines[0].Treatments = &routingv1.Treatments{
		Unknown: routingv1.Treatment_TREATMENT_REJECT, Entitled: routingv1.Treatment_TREATMENT_REJECT,
	}
	guarded := twoSites()
	guarded.Lines[0].Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_REJECT}
	announcing := twoSites()
	announcing.Lines[0].Treatments = &routingv1.Treatments{Unknown: routingv1.Treatment_TREATMENT_ANNOUNCE}
	drained := twoSites()
	drained.Drains = []*routingv1.Drain{viewtest.Drain("works", "sites/bengaluru", 10, 11)}
	short := twoSites()
	short.Sites[0].Timeline = viewtest.Timeline(0, viewtest.Span{-9, -2})
	short.Sites[1].Timeline = viewtest.Timeline(1, viewtest.Span{9, 17})
	nothing := twoSites()
	nothing.Sites = nil
	for name, c := range map[string]struct {
		world viewtest.World
		from  float64
		want  string
	}{
		"two sites": {
			twoSites(), 4, "4-9 bengaluru; 9-12.5 dublin bengaluru; 12.5-17 dublin; 17-27.5; 27.5-28 bengaluru",
		},
		"who is refused is refused all day": {rejecting, 4, "4-28 END_CAUSE_REFUSED"},
		"who may be entitled is not refused": {
			guarded, 4, "4-9 bengaluru; 9-12.5 dublin bengaluru; 12.5-17 dublin; 17-27.5; 27.5-28 bengaluru",
		},
		"what cannot be said is left out": {
			announcing, 4, "4-9 bengaluru; 9-12.5 dublin bengaluru; 12.5-17 dublin; 17-27.5; 27.5-28 bengaluru",
		},
		"a drain ahead": {
			drained, 4, "4-9 bengaluru; 9-10 dublin bengaluru; 10-11 dublin; 11-12.5 dublin bengaluru; 12.5-17 dublin; " +
				"17-27.5; 27.5-28 bengaluru",
		},
		"no further than hours are known":         {short, 4, "4-9; 9-17 dublin; 17-24"},
		"where nothing is known, the last resort": {nothing, 4, "4-28"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tableOf(viewOf(c.world, nil), viewtest.At(c.from))
			if c.want != text(got) {
				t.Errorf("got  %s\nwant %s", text(got), c.want)
			}
			if got.Proto.GetLine() != "lines/gold" || got.Proto.GetDialledNumber() != "+61255500100" {
				t.Errorf("the table of %s, %s", got.Proto.GetLine(), got.Proto.GetDialledNumber())
			}
		})
	}
}

func TestWhatIsKnownOfThisMinuteCountsForSomeMinutes(t *testing.T) {
	gone := map[string]*routingv1.LiveRecord{"presence/dublin/site": {
		Agents: proto.Int32(0), ExpireUnixS: viewtest.At(11).Unix(),
	}}
	v := viewOf(twoSites(), gone)
	got := tableOf(v, viewtest.At(10))
	want := "10-10.08 bengaluru dublin; 10.08-12.5 dublin bengaluru; 12.5-17 dublin; 17-27.5; 27.5-33 bengaluru; " +
		"33-34 dublin bengaluru"
	if text(got) != want {
		t.Errorf("got  %s\nwant %s", text(got), want)
	}
	if got.RecheckUnixS > viewtest.At(10).Unix()+300 || got.RenewUnixS < viewtest.At(20).Unix() {
		t.Errorf("looked at again at %d, told anew at %d", got.RecheckUnixS, got.RenewUnixS)
	}
	// It is still so two minutes later: then the gateway has to be told. An hour later nobody says so any more.
	if later := tableOf(v, viewtest.At(10).Add(2*time.Minute)); table.Same(got, later, viewtest.At(10).Add(2*time.Minute)) {
		t.Error("it still is so, and the gateway is not told")
	}
	if later := tableOf(v, viewtest.At(11.5)); !table.Same(got, later, viewtest.At(11.5)) {
		t.Errorf("got %s, and before %s", text(later), text(got))
	}
	// Calls that fit change nothing.
	calls := map[string]*routingv1.LiveRecord{"gateways/sbc-1@r-1": {ActiveCalls: map[string]int32{"dublin": 3}}}
	if busy := tableOf(viewOf(twoSites(), calls), viewtest.At(10)); !table.Same(busy, tableOf(viewOf(twoSites(), nil), viewtest.At(10)), viewtest.At(10)) {
		t.Errorf("got %s", text(busy))
	}
}

// Whatever else changes within these minutes.
func TestThisMinuteCountsThroughAChange(t *testing.T) {
	w := twoSites()
	w.Sites = append(w.Sites, viewtest.Site("cork", viewtest.Span{10.05, 17}))
	w.Lines[0].Sites = append(w.Lines[0].Sites, &routingv1.LineSite{Site: "sites/cork", Tier: 5})
	v := viewOf(w, map[string]*routingv1.LiveRecord{"presence/dublin/site": {
		Agents: proto.Int32(0), ExpireUnixS: viewtest.At(11).Unix(),
	}})
	want := "10-10.05 bengaluru dublin; 10.05-10.08 bengaluru cork dublin; 10.08-12.5 dublin bengaluru cork"
	if got := text(tableOf(v, viewtest.At(10))); !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSameLooksAtTheTimeThatBothCover(t *testing.T) {
	v := viewOf(twoSites(), nil)
	four := tableOf(v, viewtest.At(4))
	if !table.Same(four, tableOf(v, viewtest.At(13)), viewtest.At(13)) {
		t.Error("nothing changed but the time")
	}
	if table.Same(four, tableOf(v, viewtest.At(40)), viewtest.At(40)) {
		t.Error("no time is common")
	}
	drained := twoSites()
	drained.Drains = []*routingv1.Drain{viewtest.Drain("works", "sites/dublin", 15, 16)}
	other := tableOf(viewOf(drained, nil), viewtest.At(4))
	if table.Same(four, other, viewtest.At(4)) {
		t.Error("a drain ahead is a change")
	}
	if !table.Same(four, other, viewtest.At(16)) {
		t.Error("a drain that is over is none")
	}
	renumbered := twoSites()
	renumbered.Lines[0].Number = viewtest.Number(number + 1)
	if table.Same(four, tableOf(viewOf(renumbered, nil), viewtest.At(4)), viewtest.At(4)) {
		t.Error("another number is a change")
	}
	rotated := twoSites()
	rotated.Lines[0].FormerNumbers = []*routingv1.FormerNumber{
		{Number: viewtest.Number(number + 1), EndTime: timestamppb.New(viewtest.At(100))},
	}
	after := tableOf(viewOf(rotated, nil), viewtest.At(4))
	if n := after.Proto.GetFormerNumbers(); len(n) != 1 || table.Same(four, after, viewtest.At(4)) {
		t.Errorf("a number that goes on working is a change: %d of them", len(n))
	}
}

func TestGatewaysShareTiesWithoutARoutingProcess(t *testing.T) {
	w := twoSites()
	w.Sites[1].Timeline = w.Sites[0].GetTimeline()
	v := viewOf(w, nil)
	first := map[string]int{}
	for i := range 200 {
		got := table.Of(v, v, "gold", table.Gateway{ID: fmt.Sprintf("sbc-%d", i)}, viewtest.At(4))
		first[got.Proto.GetSpans()[0].GetTargets()[0].GetSite()]++
	}
	if first["sites/bengaluru"] < 60 || first["sites/dublin"] < 60 {
		t.Errorf("who is rung first: %v", first)
	}
}

func drawWorld(t *rapid.T) viewtest.World {
	l := viewtest.Line("gold", number)
	l.Strategy = rapid.SampledFrom([]routingv1.Strategy{1, 2, 3}).Draw(t, "strategy")
	l.Treatments = &routingv1.Treatments{Unknown: rapid.SampledFrom([]routingv1.Treatment{
		routingv1.Treatment_TREATMENT_FORWARD, routingv1.Treatment_TREATMENT_FORWARD, routingv1.Treatment_TREATMENT_REJECT,
		routingv1.Treatment_TREATMENT_IDENTIFY, routingv1.Treatment_TREATMENT_MESSAGE,
	}).Draw(t, "treatment")}
	viewtest.MinRemaining(l, time.Duration(rapid.SampledFrom([]int{0, 30, 60}).Draw(t, "min_remaining"))*time.Minute)
	w := viewtest.World{Lines: []*routingv1.Line{l}}
	for i := range rapid.IntRange(0, 4).Draw(t, "sites") {
		id := fmt.Sprintf("s%d", i)
		var spans []viewtest.Span
		at := -4.0
		for range rapid.IntRange(0, 40).Draw(t, "spans") {
			from := at + float64(rapid.IntRange(1, 12).Draw(t, "closed"))/4
			at = from + float64(rapid.IntRange(1, 12).Draw(t, "open"))/4
			spans = append(spans, viewtest.Span{from, at})
		}
		w.Sites = append(w.Sites, viewtest.Site(id, spans...))
		l.Sites = append(l.Sites, &routingv1.LineSite{Site: "sites/" + id})
		if rapid.Bool().Draw(t, "drained") {
			from := float64(rapid.IntRange(0, 100).Draw(t, "drain from")) / 4
			w.Drains = append(w.Drains, viewtest.Drain("d"+id, "sites/"+id, from, from+float64(rapid.IntRange(1, 20).Draw(t, "drain for"))/4))
		}
	}
	return w
}

// TestATableSaysWhatACallWouldHaveBeenTold: at every instant, for as long as the table goes.
func TestATableSaysWhatACallWouldHaveBeenTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := viewOf(drawWorld(t), nil)
		from := viewtest.At(float64(rapid.IntRange(-30, 100).Draw(t, "from")) / 4)
		g := table.Gateway{ID: "sbc-1", Capabilities: rapid.SampledFrom([][]routingv1.Capability{
			nil, {routingv1.Capability_CAPABILITY_FORWARD, routingv1.Capability_CAPABILITY_PROMPT, routingv1.Capability_CAPABILITY_GATHER_DIGITS},
			{routingv1.Capability_CAPABILITY_PROMPT},
		}).Draw(t, "capabilities")}
		got := table.Of(v, v, "gold", g, from)
		spans := got.Proto.GetSpans()
		if len(spans) == 0 || len(spans) > 64 || spans[0].GetStartTime().GetSeconds() != from.Unix() ||
			got.ToUnixS > from.Unix()+86400 || spans[len(spans)-1].GetEndTime().GetSeconds() != got.ToUnixS ||
			got.RenewUnixS <= from.Unix() || got.RenewUnixS > got.ToUnixS || got.RecheckUnixS > got.RenewUnixS {
			t.Fatalf("from %d: %+v", from.Unix(), got)
		}
		forwards := decide.CapabilitiesOf([]routingv1.Capability{routingv1.Capability_CAPABILITY_FORWARD})
		for i, s := range spans {
			start, end := s.GetStartTime().GetSeconds(), s.GetEndTime().GetSeconds()
			if start >= end || i > 0 && start != spans[i-1].GetEndTime().GetSeconds() {
				t.Fatalf("a hole: %v", spans)
			}
			if n := len(s.GetTargets()); (n == 0) == (s.GetEnd() == nil) || n > 0 && !s.GetTargets()[n-1].GetLastResort() {
				t.Fatalf("neither a ladder nor an end: %v", s)
			}
			for _, at := range []int64{start, (start + end) / 2, end - 1} {
				var d decide.Decision
				call := decide.Call{ID: "sbc-1", LineID: "gold", Gateway: forwards, Anyone: true}
				decide.Decide(&d, v, call, time.Unix(at, 0), 0)
				if d.End != 0 { // no line of these refuses entitled callers
					t.Fatalf("at %d whoever calls is told %v", at, d.End)
				}
				if d.End != s.GetEnd().GetCause() || d.End == 0 && !slices.Equal(addresses(d.Targets()), addresses(s.GetTargets())) {
					t.Fatalf("at %d a call is told %v %v, the table says %v", at, d.End, d.Targets(), s)
				}
			}
		}
		later := from.Add(time.Duration(rapid.IntRange(0, 12*3600).Draw(t, "later")) * time.Second)
		if next := table.Of(v, v, "gold", g, later); later.Unix() < got.ToUnixS && !table.Same(got, next, later) {
			t.Fatalf("nothing changed, and it is not the same: %v, %v", got.Proto, next.Proto)
		}
	})
}

func addresses(targets []*routingv1.RouteTarget) []string {
	var all []string
	for _, t := range targets {
		all = append(all, t.GetTargetId())
	}
	return all
}

func BenchmarkATable(b *testing.B) {
	v := viewOf(twoSites(), nil)
	for b.Loop() {
		table.Of(v, v, "gold", table.Gateway{ID: "sbc-1"}, viewtest.At(4))
	}
}
