package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// rang is a call that comes back, with "target:DISPOSITION" for each attempt.
func rang(round int32, tried ...string) *routingv1.ContinuationState {
	s := &routingv1.ContinuationState{Line: "gold", Round: round}
	for _, text := range tried {
		id, how, _ := strings.Cut(text, ":")
		s.Tried = append(s.Tried, &routingv1.TriedTarget{
			TargetId: id, Disposition: routingv1.Disposition(routingv1.Disposition_value["DISPOSITION_"+how]),
		})
	}
	return s
}

func carrier(more ...routingv1.Capability) decide.Capabilities {
	return decide.CapabilitiesOf(append(more, routingv1.Capability_CAPABILITY_FORWARD))
}

// Who was tried is not rung again; once everybody was, those who did not answer are, once.
func TestWhatACallHasTried(t *testing.T) {
	for what, c := range map[string]struct {
		state   *routingv1.ContinuationState
		want    string
		reasons string
		verdict string
	}{
		"nothing": {nil, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "LADDER_SITES"},
		"a busy target is not redialled": {
			rang(0, "dublin.1:BUSY"), "cork.1 pune.1 dublin.2" + people, "dublin:NEXT:3 cork:FIRST:1 pune:NEXT:2", "LADDER_SITES",
		},
		"nor is whoever did not answer": {
			rang(0, "dublin.1:NO_ANSWER", "cork.1:UNREACHABLE", "dublin.2:DECLINED"), "pune.1" + people,
			"dublin:TRIED:0 cork:TRIED:0 pune:FIRST:1", "LADDER_SITES",
		},
		"a personal voicemail goes on to the next person": {
			rang(0, "dublin.1:BUSY", "dublin.2:BUSY", "cork.1:BUSY", "pune.1:BUSY", "person.anna.1:NOT_ACCEPTED"),
			"person.anna.2 person.bob.1 last-resort", "dublin:TRIED:0 cork:TRIED:0 pune:TRIED:0", "LADDER_ON_DUTY",
		},
		"all but the last resort": {
			rang(0, "dublin.1:BUSY", "dublin.2:BUSY", "cork.1:BUSY", "pune.1:BUSY", "person.anna.1:BUSY", "person.anna.2:BUSY",
				"person.bob.1:NO_ANSWER"), "last-resort", "dublin:TRIED:0 cork:TRIED:0 pune:TRIED:0", "LADDER_LAST_RESORT_ONLY",
		},
		"the last resort too: once more those who may answer yet": {
			rang(1, "dublin.1:BUSY", "dublin.2:NO_ANSWER", "cork.1:DECLINED", "pune.1:UNREACHABLE", "person.anna.1:NOT_ACCEPTED",
				"person.anna.2:DECLINED", "person.bob.1:BUSY", "last-resort:NO_ANSWER"),
			"pune.1 dublin.2 person.anna.1 last-resort", "dublin:NEXT:2 cork:TRIED:0 pune:FIRST:1", "LADDER_SECOND_ROUND",
		},
		"a gateway that counts no rounds": {
			rang(0, "dublin.1:BUSY", "dublin.2:BUSY", "cork.1:DECLINED", "pune.1:UNREACHABLE", "person.anna.1:DECLINED",
				"person.anna.2:DECLINED", "person.bob.1:BUSY", "last-resort:NO_ANSWER"),
			"pune.1 last-resort", "dublin:TRIED:0 cork:TRIED:0 pune:FIRST:1", "LADDER_SECOND_ROUND",
		},
		"within the second round": {
			rang(1, "dublin.1:BUSY", "dublin.2:NO_ANSWER", "cork.1:DECLINED", "pune.1:UNREACHABLE", "person.anna.1:BUSY",
				"person.anna.2:DECLINED", "person.bob.1:BUSY", "last-resort:NO_ANSWER", "dublin.2:NO_ANSWER"),
			"pune.1 last-resort", "dublin:TRIED:0 cork:TRIED:0 pune:FIRST:1", "LADDER_SECOND_ROUND",
		},
		"a last resort that was busy is not redialled either": {
			rang(1, "dublin.1:BUSY", "dublin.2:NO_ANSWER", "cork.1:DECLINED", "pune.1:BUSY", "person.anna.1:BUSY",
				"person.anna.2:DECLINED", "person.bob.1:BUSY", "last-resort:BUSY"), "dublin.2",
			"dublin:FIRST:1 cork:TRIED:0 pune:TRIED:0", "LADDER_SECOND_ROUND",
		},
		"all were busy": {
			rang(1, "dublin.1:BUSY", "dublin.2:BUSY", "cork.1:DECLINED", "pune.1:BUSY", "person.anna.1:BUSY", "person.anna.2:DECLINED",
				"person.bob.1:BUSY", "last-resort:BUSY"), "", "dublin:TRIED:0 cork:TRIED:0 pune:TRIED:0", "LADDER_EXHAUSTED",
		},
		"twice to the end": {
			rang(2, "last-resort:NO_ANSWER", "last-resort:NO_ANSWER"), "", "dublin:TRIED:0 cork:TRIED:0 pune:TRIED:0",
			"LADDER_EXHAUSTED",
		},
		"a target that nobody has any more": {
			rang(0, "oslo.1:BUSY"), allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3", "LADDER_SITES",
		},
	} {
		t.Run(what, func(t *testing.T) {
			cl := call()
			cl.Gateway, cl.State = carrier(), c.state
			d := run(threeSites().View(), cl, viewtest.At(1))
			if ladder(d) != c.want || reasons(d) != c.reasons {
				t.Errorf("%s: %s, want\n%s: %s", ladder(d), reasons(d), c.want, c.reasons)
			}
			if !strings.Contains(verdicts(d), c.verdict) {
				t.Errorf("%s, want %s", verdicts(d), c.verdict)
			}
		})
	}
}

// People are asked to press a key where the gateway can gather it, so that their voicemail is no answer, at the last resort
// too; sites are not, and neither is a mailbox.
func TestPeopleAcceptByAKeyWhereTheGatewayCanGatherIt(t *testing.T) {
	for kind, asked := range map[routingv1.LastResort_Kind]bool{
		routingv1.LastResort_KIND_PERSON: true, routingv1.LastResort_KIND_MAILBOX: false,
	} {
		w := threeSites()
		for _, l := range w.Lines {
			l.LastResort.Kind = kind
		}
		testAcceptKeys(t, w.View(), asked)
	}
}

func testAcceptKeys(t *testing.T, v *view.View, lastResortIsAsked bool) {
	t.Helper()
	for what, c := range map[string]struct {
		gateway decide.Capabilities
		want    string
	}{
		"redirects":                   {decide.CapabilitiesOf(nil), ""},
		"dials and gathers nothing":   {carrier(), ""},
		"dials and gathers":           {carrier(routingv1.Capability_CAPABILITY_GATHER_DIGITS), "1"},
		"gathers, but hands calls on": {decide.CapabilitiesOf([]routingv1.Capability{1, 4}), ""},
	} {
		cl := call()
		cl.Gateway = c.gateway
		for _, target := range run(v, cl, viewtest.At(1)).Targets() {
			want := ""
			if target.GetPerson() != "" || target.GetLastResort() && lastResortIsAsked {
				want = c.want
			}
			if target.GetAcceptKey() != want {
				t.Errorf("%s: %s asks for %q, want %q", what, target.GetTargetId(), target.GetAcceptKey(), want)
			}
		}
	}
}

// Each target of threeSites rings for 20 s, people's for 25 s.
func TestRingBudget(t *testing.T) {
	for _, c := range []struct {
		budget  time.Duration
		want    string
		reasons string
	}{
		{0, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3"},
		{155 * time.Second, allThree, "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3"},
		{
			154 * time.Second, "dublin.1 cork.1 pune.1 dublin.2 person.anna.1 person.anna.2 last-resort",
			"dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3",
		},
		{79 * time.Second, "dublin.1 cork.1 pune.1 last-resort", "dublin:FIRST:1 cork:NEXT:2 pune:NEXT:3"},
		{59 * time.Second, "dublin.1 cork.1 last-resort", "dublin:FIRST:1 cork:NEXT:2 pune:BEYOND_RING_BUDGET:0"},
		{20 * time.Second, "dublin.1 last-resort", "dublin:FIRST:1 cork:BEYOND_RING_BUDGET:0 pune:BEYOND_RING_BUDGET:0"},
	} {
		t.Run(c.budget.String(), func(t *testing.T) {
			w := threeSites()
			if c.budget > 0 {
				w.Lines[0].RingBudget = durationpb.New(c.budget)
			}
			d := run(w.View(), call(), viewtest.At(1))
			if ladder(d) != c.want || reasons(d) != c.reasons {
				t.Errorf("%s: %s, want\n%s: %s", ladder(d), reasons(d), c.want, c.reasons)
			}
		})
	}
}

func TestSomebodyIsRungWhateverTheBudget(t *testing.T) {
	w := threeSites()
	w.Lines[0].RingBudget = durationpb.New(20 * time.Second)
	for i := range w.Sites {
		w.Sites[i].RingTimeoutS = 60
	}
	if got := ladder(run(w.View(), call(), viewtest.At(1))); got != "dublin.1 last-resort" {
		t.Errorf("a site: %s", got)
	}
	if got := ladder(run(w.View(), call(), viewtest.At(11))); got != "person.anna.1 last-resort" {
		t.Errorf("with all closed: %s", got)
	}
}

// A call that has rung has what is left of its budget, which runs out.
func TestTheBudgetOfACallThatComesBack(t *testing.T) {
	w := threeSites()
	w.Lines[0].RingBudget = durationpb.New(100 * time.Second)
	v, at := w.View(), viewtest.At(1)
	for _, c := range []struct {
		left time.Duration
		want string
		// until the ladder is another one, seconds; 0: not for this reason
		until int64
	}{
		{65 * time.Second, "cork.1 pune.1 dublin.2 last-resort", 6},
		{45 * time.Second, "cork.1 pune.1 last-resort", 6},
		{19 * time.Second, "last-resort", 0},
		{-time.Hour, "last-resort", 0},
	} {
		cl := call()
		cl.Gateway, cl.State = carrier(), rang(0, "dublin.1:NO_ANSWER")
		cl.State.RingUntilUnixMs = at.Add(c.left).UnixMilli()
		d := run(v, cl, at)
		if ladder(d) != c.want {
			t.Errorf("%v left: %s, want %s", c.left, ladder(d), c.want)
		}
		if got := d.ValidUntilUnixS - at.Unix(); c.until != 0 && got != c.until {
			t.Errorf("%v left: valid for %d s, want %d", c.left, got, c.until)
		}
	}
}

func TestASiteThatOpensSoonComesBehindTheOpenOnes(t *testing.T) {
	w := threeSites()
	w.Lines[0].OpeningSoon = durationpb.New(15 * time.Minute)
	w.Sites[1].Timeline = viewtest.Timeline(30, viewtest.Span{2, 9})
	w.Sites[2].Timeline = viewtest.Timeline(30, viewtest.Span{1.9, 9})
	v := w.View()
	for _, c := range []struct {
		hour    float64
		want    string
		reasons string
		verdict string
		until   float64
	}{
		{1.6, "dublin.1 dublin.2" + people, "dublin:FIRST:1 cork:CLOSED:0 pune:CLOSED:0", "LADDER_SITES", 1.65},
		{1.7, "dublin.1 dublin.2 pune.1" + people, "dublin:FIRST:1 cork:CLOSED:0 pune:OPENS_SOON:2", "LADDER_SITES", 1.75},
		{1.8, "dublin.1 dublin.2 pune.1 cork.1" + people, "dublin:FIRST:1 cork:OPENS_SOON:3 pune:OPENS_SOON:2", "LADDER_SITES", 1.9},
		{1.95, "dublin.1 pune.1 dublin.2 cork.1" + people, "dublin:FIRST:1 cork:OPENS_SOON:3 pune:NEXT:2", "LADDER_SITES", 2},
	} {
		d := run(v, call(), viewtest.At(c.hour))
		if ladder(d) != c.want || reasons(d) != c.reasons {
			t.Errorf("at %v h %s: %s, want\n%s: %s", c.hour, ladder(d), reasons(d), c.want, c.reasons)
		}
		if d.ValidUntilUnixS != viewtest.At(c.until).Unix() {
			t.Errorf("at %v h valid until %d, want %v h", c.hour, d.ValidUntilUnixS, c.until)
		}
	}
	w.Sites[0].Timeline = viewtest.Timeline(30)
	d := run(w.View(), call(), viewtest.At(1.8))
	if ladder(d) != "pune.1 cork.1"+people || !strings.Contains(verdicts(d), "SITES_NONE_OPEN") ||
		!strings.Contains(verdicts(d), "LADDER_OPENING_SOON") {
		t.Errorf("with none open: %s, %s", ladder(d), verdicts(d))
	}
	// At the end of what is known of it, nothing is known to open.
	if d := run(w.View(), call(), viewtest.At(30*24-0.1)); strings.Contains(reasons(d), "SOON") {
		t.Errorf("at the end of the horizon: %s", reasons(d))
	}
}

func TestLeastLoadedAndFairShare(t *testing.T) {
	w := threeSites()
	w.Lines[0].Rotas = nil
	w.Lines[0].Strategy = routingv1.Strategy_STRATEGY_LEAST_LOADED
	w.Sites[0].Capacity, w.Sites[1].Capacity, w.Sites[2].Capacity = 10, 4, 0 // nothing stated counts as 100
	for _, c := range []struct {
		calls map[string]int32
		want  string
	}{
		{map[string]int32{"dublin": 5, "cork": 1, "pune": 30}, "cork.1 pune.1 dublin.1 dublin.2"},
		{map[string]int32{"dublin": 2, "cork": 1, "pune": 19}, "pune.1 dublin.1 cork.1 dublin.2"},
		{map[string]int32{"dublin": 1, "cork": 3, "pune": 99}, "dublin.1 cork.1 pune.1 dublin.2"},
	} {
		w.Live = []viewtest.LiveOf{viewtest.Calls("sip-1", c.calls)}
		if got := ladder(run(w.View(), call(), viewtest.At(1))); got != c.want+" last-resort" {
			t.Errorf("%v: %s, want %s", c.calls, got, c.want)
		}
	}
	w.Live, w.Sites[2].Capacity = nil, 6
	for strategy, share := range map[routingv1.Strategy][3]int{
		routingv1.Strategy_STRATEGY_LEAST_LOADED: {1000, 1000, 1000}, // idle, all of them
		routingv1.Strategy_STRATEGY_FAIR_SHARE:   {1500, 600, 900},   // by capacity: 10, 4 and 6
	} {
		w.Lines[0].Strategy = strategy
		v, first := w.View(), map[string]int{}
		for i := range 3000 {
			cl := call()
			cl.ID = fmt.Sprintf("call-%d", i)
			first[run(v, cl, viewtest.At(1)).FirstSite().ID]++
		}
		for i, id := range []string{"dublin", "cork", "pune"} {
			if got := first[id]; got < share[i]-100 || got > share[i]+100 {
				t.Errorf("%v: %s is first for %d of 3,000 calls, want about %d", strategy, id, got, share[i])
			}
		}
	}
}

// FAIR_SHARE puts tiers, the house and min_remaining before shares.
func TestFairShareSharesAmongThoseAlike(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*viewtest.World)
		want   string
	}{
		"a lower tier before": {func(w *viewtest.World) {
			w.Lines[0].Sites[0].Tier, w.Lines[0].Sites[1].Tier = 2, 1
		}, "pune.1 cork.1 dublin.1 dublin.2"},
		"in-house before": {func(w *viewtest.World) {
			w.Sites[1].Outsourced, w.Sites[0].Outsourced, w.Lines[0].Sites[0].Tier = true, true, 1
		}, "pune.1 cork.1 dublin.1 dublin.2"},
		"closing soon behind": {func(w *viewtest.World) {
			viewtest.MinRemaining(w.Lines[0], time.Hour)
			w.Sites[2].Timeline = viewtest.Timeline(30, viewtest.Span{0, 1.5})
			w.Lines[0].Sites[0].Tier = 1
		}, "cork.1 dublin.1 pune.1 dublin.2"},
	} {
		w := threeSites()
		w.Lines[0].Rotas, w.Lines[0].Strategy = nil, routingv1.Strategy_STRATEGY_FAIR_SHARE
		c.change(&w)
		if got := ladder(run(w.View(), call(), viewtest.At(1))); got != c.want+" last-resort" {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

func TestALineIsClosedByOneDrain(t *testing.T) {
	w := threeSites()
	w.Drains = append(w.Drains, viewtest.Closure("flood", "gold", 0, 4))
	d := run(w.View(), call(), viewtest.At(1))
	if ladder(d) != strings.TrimSpace(people) || reasons(d) != "dublin:DRAINED:0 cork:DRAINED:0 pune:DRAINED:0" ||
		!strings.Contains(verdicts(d), "SITES_DRAINED") || d.ValidUntilUnixS != viewtest.At(4).Unix() {
		t.Errorf("%s %s %s until %d", ladder(d), reasons(d), verdicts(d), d.ValidUntilUnixS)
	}
	for _, s := range d.Sites() {
		if s.Drain == nil || s.Drain.Name != "drains/flood" {
			t.Errorf("%s is drained by %v", s.At.Site.ID, s.Drain)
		}
	}
}

// Whatever becomes of its attempts, a call that comes back rings nobody who was busy or declined, nobody twice in a round,
// an open site first whenever there is one that it may ring, and comes to an end, with the last resort rung.
func TestACallThatComesBackEnds(t *testing.T) {
	ends := []routingv1.Disposition{
		routingv1.Disposition_DISPOSITION_BUSY, routingv1.Disposition_DISPOSITION_NO_ANSWER,
		routingv1.Disposition_DISPOSITION_DECLINED, routingv1.Disposition_DISPOSITION_UNREACHABLE,
		routingv1.Disposition_DISPOSITION_NOT_ACCEPTED,
	}
	rapid.Check(t, func(t *rapid.T) {
		w, cl, at := drawWorld(t), call(), drawTime(t)
		v := w.View()
		cl.Gateway = carrier()
		cl.State = &routingv1.ContinuationState{Line: "gold"}
		if v.LineByID("gold").Treatment(run(v, cl, at).Class) == routingv1.Treatment_TREATMENT_REJECT {
			return
		}
		for steps := 0; ; steps++ {
			d := run(v, cl, at)
			if len(d.Targets()) == 0 {
				break
			}
			if steps > 32 {
				t.Fatalf("after %d steps: %s, tried %v", steps, ladder(d), cl.State.GetTried())
			}
			checkRungs(t, v, cl.State, d, at)
			tries := rapid.IntRange(1, len(d.Targets())).Draw(t, "attempts")
			for _, target := range d.Targets()[:tries] {
				cl.State.Tried = append(cl.State.Tried, &routingv1.TriedTarget{
					TargetId: target.GetTargetId(), Disposition: rapid.SampledFrom(ends).Draw(t, "how"),
				})
				if target.GetLastResort() {
					cl.State.Round++
				}
			}
			at = at.Add(time.Duration(20*tries) * time.Second)
		}
		last := func(tried *routingv1.TriedTarget) bool { return tried.GetTargetId() == view.LastResortID }
		if tried := cl.State.GetTried(); !slices.ContainsFunc(tried, last) || len(tried) > 32 {
			t.Fatalf("it ended with %v", tried)
		}
	})
}

func checkRungs(t *rapid.T, v *view.View, state *routingv1.ContinuationState, d *decide.Decision, at time.Time) {
	times := map[string]int32{}
	for _, tried := range state.GetTried() {
		times[tried.GetTargetId()]++
		how := tried.GetDisposition()
		if how == routingv1.Disposition_DISPOSITION_BUSY || how == routingv1.Disposition_DISPOSITION_DECLINED {
			times[tried.GetTargetId()] = 99
		}
	}
	targets := d.Targets()
	for i, target := range targets {
		if times[target.GetTargetId()] > state.GetRound() {
			t.Fatalf("%s is rung in round %d, tried %v", target.GetTargetId(), state.GetRound(), state.GetTried())
		}
		if target.GetLastResort() && i < len(targets)-1 {
			t.Fatalf("the last resort is not last: %s", ladder(d))
		}
	}
	if d.Line.RingBudgetS > 0 && len(state.GetTried()) > 0 || len(state.GetTried()) > 16 {
		return // there may be no time left, or no room
	}
	for _, site := range expected(v, call(), at) {
		for i, target := range v.Site(strings.TrimPrefix(site, "sites/")).Targets {
			var drained view.Targets
			if d.Line.Drains != nil {
				place := slices.IndexFunc(d.Line.Sites, func(s view.LineSite) bool { return s.Site.Name == site })
				drained, _ = d.Line.Drains.Site(place, at.Unix())
			}
			first := strings.TrimPrefix(targets[0].GetSite(), "sites/")
			open := first != "" && v.Site(first).Timeline.At(at.Unix()).Open
			if times[target.GetTargetId()] <= state.GetRound() && !drained.Has(i) && !open {
				t.Fatalf("%s is open and may be rung, and the ladder is %s", target.GetTargetId(), ladder(d))
			}
		}
	}
}
