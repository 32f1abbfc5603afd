package rota_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
)

// whole is all of a roster, turns and gaps, in order.
func whole(r *rota.Roster) []rota.Turn {
	all := slices.Concat(r.Turns, r.Gaps)
	slices.SortFunc(all, func(a, b rota.Turn) int { return cmp.Compare(a.FromUnixS, b.FromUnixS) })
	return all
}

// clipped is what of the turns lies in a range.
func clipped(list []rota.Turn, fromUnixS, toUnixS int64) []rota.Turn {
	var out []rota.Turn
	for _, t := range list {
		if t.FromUnixS, t.ToUnixS = max(t.FromUnixS, fromUnixS), min(t.ToUnixS, toUnixS); t.FromUnixS < t.ToUnixS {
			out = append(out, t)
		}
	}
	return out
}

func mustCompile(t *rapid.T, r rota.Rota, fromUnixS, toUnixS int64) *rota.Roster {
	roster, err := rota.Compile(r, fromUnixS, toUnixS)
	if err != nil {
		t.Fatal(err)
	}
	return roster
}

// TestTurnsAndGapsAreAllOfTheRange: no overlap, no hole, and no gap without a reason.
func TestTurnsAndGapsAreAllOfTheRange(t *testing.T) {
	b := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, b)
		roster := mustCompile(t, d.rota, d.from, d.to)
		at, before := d.from, rota.Turn{}
		for _, turn := range whole(roster) {
			if turn.FromUnixS != at || turn.ToUnixS <= turn.FromUnixS {
				t.Fatalf("%+v where the one before ends at %d", turn, at)
			}
			if turn.Reason == rota.Unknown || turn.Reason.Held() != (turn.Person != "") {
				t.Fatalf("%+v has no reason, or the wrong one", turn)
			}
			same := turn
			same.FromUnixS, same.ToUnixS = before.FromUnixS, before.ToUnixS
			if same == before {
				t.Fatalf("%+v goes on as %+v, and is not united with it", before, turn)
			}
			at, before = turn.ToUnixS, turn
		}
		if at != d.to {
			t.Fatalf("ends at %d, want %d", at, d.to)
		}
	})
}

// TestARangeWithinIsTheSame: what is extended every day never changes what was compiled the day before.
func TestARangeWithinIsTheSame(t *testing.T) {
	b := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, b)
		from := rapid.Int64Range(d.from, d.to-1).Draw(t, "within from")
		to := rapid.Int64Range(from+1, d.to).Draw(t, "within to")
		all, part := mustCompile(t, d.rota, d.from, d.to), mustCompile(t, d.rota, from, to)
		if want, got := clipped(whole(all), from, to), whole(part); !slices.Equal(got, want) {
			t.Fatalf("[%d, %d):\ngot  %+v\nwant %+v", from, to, got, want)
		}
	})
}

func TestSharesAddUpToTimeHeld(t *testing.T) {
	b := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, b)
		roster := mustCompile(t, d.rota, d.from, d.to)
		from := rapid.Int64Range(d.from-1000, d.to-1).Draw(t, "shares from")
		to := rapid.Int64Range(from+1, d.to+1000).Draw(t, "shares to")
		shares, err := rota.Shares(roster.Turns, d.rota.Zone, from, to)
		if err != nil {
			t.Fatal(err)
		}
		var held, got int64
		for _, turn := range clipped(roster.Turns, from, to) {
			held += turn.ToUnixS - turn.FromUnixS
		}
		for _, s := range shares {
			got += s.HeldS
			if s.HeldS <= 0 || s.NightS > s.HeldS || s.WeekendS > s.HeldS || (s.Nights == 0) != (s.NightS == 0) ||
				s.NightS > int64(s.Nights)*10*3600 { // two hours more than usual, where Troll's clock falls back
				t.Fatalf("%+v of [%d, %d)", s, from, to)
			}
		}
		if got != held {
			t.Fatalf("shares add up to %d s, %d s are held", got, held)
		}
	})
}

func TestAChangeOfMembersLeavesEarlierTurnsAlone(t *testing.T) {
	b := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, b)
		before := mustCompile(t, d.rota, d.from, d.to)
		i := rapid.IntRange(0, len(d.rota.Layers)-1).Draw(t, "layer")
		from := d.wallAround(t, d.from+(d.to-d.from)/2, 3, d.from)
		planned := slices.ContainsFunc(d.rota.Layers[i].Crews, func(c rota.Crew) bool { return c.From.WallS() >= from.WallS() })
		if from.WallS() <= d.rota.Layers[i].Start.WallS() || planned {
			t.Skip("a change of what has not begun")
		}
		layers := slices.Clone(d.rota.Layers)
		layers[i] = layers[i].WithMembers(from, drawCrew(t).Slots)
		changed := d.rota
		changed.Layers = layers
		after := mustCompile(t, changed, d.from, d.to)
		changeS := hours.NewWallClock(d.rota.Zone.Location, d.from, d.to).First(from.WallS())
		want, got := clipped(whole(before), d.from, changeS), clipped(whole(after), d.from, changeS)
		if !slices.Equal(got, want) {
			t.Fatalf("before %d:\ngot  %+v\nwant %+v", changeS, got, want)
		}
		again := layers[i].WithMembers(from, layers[i].Crews[len(layers[i].Crews)-1].Slots)
		if a, z := again.Crews[len(again.Crews)-1], layers[i].Crews[len(layers[i].Crews)-1]; a.First != z.First {
			t.Fatalf("the same change again begins with slot %d, not %d", a.First, z.First)
		}
	})
}

// TestHandoffsLeadFromHolderToHolder: walking from handoff to handoff says who holds at every instant.
func TestHandoffsLeadFromHolderToHolder(t *testing.T) {
	b := bundle(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, b)
		roster := mustCompile(t, d.rota, d.from, d.to)
		holder, sinceS := roster.At(d.from).Person, d.from
		check := func(untilS int64) {
			for _, turn := range clipped(whole(roster), sinceS, untilS) {
				if turn.Person != holder {
					t.Fatalf("%q holds from %d to %d, but %+v", holder, sinceS, untilS, turn)
				}
			}
		}
		for h := range roster.Handoffs() {
			if h.From != holder || h.To == holder || h.AtUnixS <= sinceS || h.AtUnixS >= d.to {
				t.Fatalf("%+v, where %q holds since %d", h, holder, sinceS)
			}
			check(h.AtUnixS)
			holder, sinceS = h.To, h.AtUnixS
		}
		check(d.to)
	})
}
