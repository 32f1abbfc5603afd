package decide_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/viewtest"
)

// weighted is a line of open sites, with a tier and a weight each; a negative weight is none.
func weighted(t *testing.T, sites ...[2]int32) viewtest.World {
	t.Helper()
	w := viewtest.World{Lines: []*routingv1.Line{viewtest.Line("gold", lineNumber)}}
	w.Lines[0].Strategy = routingv1.Strategy_STRATEGY_WEIGHTED
	for i, s := range sites {
		addSite(t, &w, fmt.Sprintf("%c:%d:5", 'a'+i, s[0]))
		if s[1] >= 0 {
			w.Lines[0].Sites[i].Weight = proto.Int32(s[1])
		}
	}
	return w
}

// sharedCalls are enough for the bounds below; their ids never change, so neither do the shares.
const sharedCalls = 20_000

// orders are the sites of the ladder of each of the calls, in order.
func orders(w viewtest.World) []string {
	v := w.View()
	out := make([]string, sharedCalls)
	for i := range out {
		c := call()
		c.ID = fmt.Sprintf("call-%d@pbx.example", i)
		targets := run(v, c, viewtest.At(0)).Targets()
		for _, to := range targets[:len(targets)-1] {
			out[i] += to.GetSite()[len("sites/"):]
		}
	}
	return out
}

// shares are how many of the calls each site is called first by.
func shares(orders []string) map[string]int {
	n := map[string]int{}
	for _, o := range orders {
		n[o[:1]]++
	}
	return n
}

func TestWeightedSharesAreProportional(t *testing.T) {
	for name, sites := range map[string][][2]int32{
		"unset is 1":     {{0, -1}, {0, -1}, {0, 2}},
		"1 to 10":        {{0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 10}},
		"far apart":      {{0, 10}, {0, 1000}},
		"lowest tier":    {{1, 1000}, {0, 1}, {0, 3}},
		"one stands by":  {{0, 0}, {0, 1}, {0, 1}},
		"all stand by":   {{0, 0}, {0, 0}},
		"tier before it": {{0, 0}, {1, 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			got := shares(orders(weighted(t, sites...)))
			for i, want := range expectedShares(sites) {
				// Five standard deviations of a binomial distribution.
				bound := 5 * math.Sqrt(sharedCalls*want*(1-want))
				id := string(rune('a' + i))
				if diff := float64(got[id]) - sharedCalls*want; math.Abs(diff) > bound {
					t.Errorf("site %s is first for %d of %d calls, want %.0f ± %.0f", id, got[id], sharedCalls, sharedCalls*want, bound)
				}
			}
		})
	}
}

// expectedShares are the parts that the sites of the lowest tier get.
func expectedShares(sites [][2]int32) []float64 {
	first := slices.MinFunc(sites, func(a, b [2]int32) int { return int(a[0] - b[0]) })[0]
	out, sum := make([]float64, len(sites)), 0.0
	for _, standby := range []bool{false, true} {
		for i, s := range sites {
			if s[0] != first || (s[1] == 0) != standby {
				continue
			}
			out[i] = 1
			if s[1] > 0 {
				out[i] = float64(s[1])
			}
			sum += out[i]
		}
		if sum > 0 {
			break
		}
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// Behind the first site the others share by weight too, as in drawing without putting back.
func TestWeightedSharesOfWhoComesNext(t *testing.T) {
	next := map[string]int{}
	all := 0
	for _, o := range orders(weighted(t, [2]int32{0, 5}, [2]int32{0, 1}, [2]int32{0, 3})) {
		if o[:1] == "a" {
			next[o[1:2]]++
			all++
		}
	}
	if got := float64(next["c"]) / float64(all); math.Abs(got-0.75) > 0.02 {
		t.Errorf("behind site a, c is next for %.3f of the calls, want 0.75", got)
	}
}

func TestWeightedMovesOnlyTheCallsOfTheSiteThatCloses(t *testing.T) {
	w := weighted(t, [2]int32{0, 1}, [2]int32{0, 5}, [2]int32{0, 2}, [2]int32{0, 0}, [2]int32{1, 7})
	before := orders(w)
	for i, s := range w.Sites {
		closed := w
		closed.Sites = slices.Clone(w.Sites)
		closed.Sites[i] = viewtest.Site(s.GetId(), viewtest.Span{-1, -0.5})
		for n, after := range orders(closed) {
			var want string
			for _, id := range before[n] {
				if string(id) != s.GetId() {
					want += string(id)
				}
			}
			if after != want {
				t.Fatalf("call %d goes %s; without %s it goes %s", n, before[n], s.GetId(), after)
			}
		}
	}
}

func TestMoreWeightOnlyTakesCalls(t *testing.T) {
	sites := [][2]int32{{0, 1}, {0, 5}, {0, 2}}
	before := orders(weighted(t, sites...))
	sites[0][1] = 3
	taken := 0
	for n, after := range orders(weighted(t, sites...)) {
		if after[:1] != before[n][:1] {
			taken++
			if after[:1] != "a" {
				t.Fatalf("call %d went to %s first, and goes to %s now that a has more weight", n, before[n][:1], after[:1])
			}
		}
	}
	if taken == 0 {
		t.Error("more weight takes no call")
	}
}

func TestWeightedSaysWhy(t *testing.T) {
	w := weighted(t, [2]int32{0, 0}, [2]int32{0, 4}, [2]int32{1, -1})
	viewtest.MinRemaining(w.Lines[0], 12*3600e9) // says nothing to this strategy
	d := run(w.View(), call(), viewtest.At(0))
	want := []struct {
		reason routingv1.SiteReason
		weight uint16
	}{
		{routingv1.SiteReason_SITE_REASON_STANDBY, 0},
		{routingv1.SiteReason_SITE_REASON_FIRST, 4},
		{routingv1.SiteReason_SITE_REASON_NEXT, 1},
	}
	for i, s := range d.Sites() {
		if s.Reason != want[i].reason || s.At.Weight != want[i].weight {
			t.Errorf("site %s: %v at weight %d, want %v", s.At.Site.ID, s.Reason, s.At.Weight, want[i])
		}
	}
}

func TestWeightedAllocatesNothing(t *testing.T) {
	v := weighted(t, [2]int32{0, 1}, [2]int32{0, 5}, [2]int32{1, 0}).View()
	var d decide.Decision
	c := call()
	if n := testing.AllocsPerRun(100, func() { decide.Decide(&d, v, c, viewtest.At(0), decide.MaxSites) }); n > 0 {
		t.Errorf("%v allocations a decision", n)
	}
}
