package decide

import (
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/routing/internal/rendezvous"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

// followSunKey orders the open sites of a line that follows the sun; lower comes first. From the highest bit down:
//
//	1  less than min_remaining left: such a site comes behind all others, or the setting would say nothing that the
//	   time left does not say
//	7  the site's tier on the line
//	1  outsourced: in-house before overflow
//	16 business time left, most first; at most 43,200 s
//	39 the site's weight for this call, which settles ties
func followSunKey(at *view.LineSite, s timeline.State, minRemainingS uint32, callHash uint64) uint64 {
	key := uint64(at.Tier) << 17
	if s.RemainingS < minRemainingS {
		key |= 1 << 24
	}
	if at.Outsourced {
		key |= 1 << 16
	}
	key |= uint64(timeline.RemainingMaxS - s.RemainingS)
	return key<<39 | rendezvous.Weight(callHash, at.Hash)>>25
}

// followSunChanges notes when the order of the open sites changes though none of them opens or closes. Time left passes
// alike for all, so there are two such instants: one of several that are tied at the cap leaves it; one falls short of
// min_remaining, which is the only one where calls are shared by capacity.
func followSunChanges(d *Decision) {
	if d.ranking.offered < 2 {
		return
	}
	var capped groups
	for i := range d.states {
		if s := &d.states[i]; s.eligible && s.RemainingS == timeline.RemainingMaxS && d.followsSun() {
			capped.add(&d.Line.Sites[i])
		}
	}
	for i := range d.states {
		s, at := &d.states[i], &d.Line.Sites[i]
		if !s.eligible {
			continue
		}
		leavesCap := d.nowS
		if s.RemainingS == timeline.RemainingMaxS {
			if !capped.several(at) && d.Line.MinRemainingS == 0 {
				continue
			}
			leavesCap = leavesCapAt(at.Timeline, s.State)
			if capped.several(at) && leavesCap < s.UntilUnixS {
				d.changesAt(leavesCap)
			}
			leavesCap-- // at which it was last full
		}
		if s.RemainingS < d.Line.MinRemainingS || d.Line.MinRemainingS == 0 {
			continue
		}
		if short := leavesCap + int64(s.RemainingS-d.Line.MinRemainingS) + 1; short < s.UntilUnixS {
			d.changesAt(short)
		}
	}
}

// leavesCapAt is the first instant at which an open site that has the most business time that counts has less. It is not
// before the site closes where it keeps it until then.
func leavesCapAt(t *timeline.Timeline, s timeline.State) int64 {
	atClose := t.At(s.UntilUnixS - 1).RemainingS // one second, and what is open behind the break
	return s.UntilUnixS + int64(atClose) - timeline.RemainingMaxS
}

// groups counts sites by what comes before time left in their key: none, one, or several.
type groups struct{ one, two [4]uint64 }

func (g *groups) index(at *view.LineSite) (word, bit uint) {
	i := uint(at.Tier) << 1
	if at.Outsourced {
		i |= 1
	}
	return i >> 6, i & 63
}

func (g *groups) add(at *view.LineSite) {
	w, b := g.index(at)
	g.two[w] |= g.one[w] & (1 << b)
	g.one[w] |= 1 << b
}

func (g *groups) several(at *view.LineSite) bool {
	w, b := g.index(at)
	return g.two[w]&(1<<b) != 0
}
