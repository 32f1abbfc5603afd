package proof

import (
	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

// The three comparisons below are over the range that both coverages have.

// Created is time that is an uncovered gap after, and was none before: merged, ascending.
func Created(before, after Coverage) []Gap {
	return asGaps(minus(spans(after.of(Uncovered)), spans(before.of(Uncovered))).within(common(before, after)), Uncovered)
}

// Closed is time that was an uncovered gap before, and is none after, ascending. Kind and OnDuty are what the time is now:
// KIND_UNSPECIFIED where a site is open.
func Closed(before, after Coverage) []Gap {
	closed := minus(spans(before.of(Uncovered)), spans(after.of(Uncovered))).within(common(before, after))
	return merge(asGaps(minus(closed, spans(after.Gaps)), schedulev1.CoverageGap_KIND_UNSPECIFIED), overlap(after.Gaps, closed))
}

// NewlyPlanned is time that had a site open before, and that has none but somebody on duty after, ascending.
func NewlyPlanned(before, after Coverage) []Gap {
	from, to := common(before, after)
	return overlap(after.of(Planned), minus(spanList{{from, to}}, spans(before.Gaps)))
}

// of are the gaps of a kind.
func (c Coverage) of(kind schedulev1.CoverageGap_Kind) []Gap {
	var some []Gap
	for _, g := range c.Gaps {
		if g.Kind == kind {
			some = append(some, g)
		}
	}
	return some
}

func common(a, b Coverage) (fromUnixS, toUnixS int64) {
	return max(a.FromUnixS, b.FromUnixS), min(a.ToUnixS, b.ToUnixS)
}

// span is [fromS, toS), Unix seconds.
type span struct{ fromS, toS int64 }

// spanList ascends; its spans are not empty and do not overlap.
type spanList []span

func spans(gaps []Gap) spanList {
	list := make(spanList, 0, len(gaps))
	for _, g := range gaps {
		if n := len(list); n > 0 && list[n-1].toS == g.FromUnixS {
			list[n-1].toS = g.ToUnixS
		} else {
			list = append(list, span{g.FromUnixS, g.ToUnixS})
		}
	}
	return list
}

func (l spanList) within(fromS, toS int64) spanList {
	var in spanList
	for _, s := range l {
		if s.fromS, s.toS = max(s.fromS, fromS), min(s.toS, toS); s.fromS < s.toS {
			in = append(in, s)
		}
	}
	return in
}

// minus is the time of a that is not in b.
func minus(a, b spanList) spanList {
	var rest spanList
	for _, s := range a {
		for len(b) > 0 && b[0].toS <= s.fromS {
			b = b[1:]
		}
		for i := 0; i < len(b) && b[i].fromS < s.toS && s.fromS < s.toS; i++ {
			if b[i].fromS > s.fromS {
				rest = append(rest, span{s.fromS, b[i].fromS})
			}
			s.fromS = b[i].toS
		}
		if s.fromS < s.toS {
			rest = append(rest, s)
		}
	}
	return rest
}

// overlap is the parts of gaps that lie in some spans.
func overlap(gaps []Gap, in spanList) []Gap {
	var parts []Gap
	for _, g := range gaps {
		for len(in) > 0 && in[0].toS <= g.FromUnixS {
			in = in[1:]
		}
		for i := 0; i < len(in) && in[i].fromS < g.ToUnixS; i++ {
			part := g
			part.FromUnixS, part.ToUnixS = max(g.FromUnixS, in[i].fromS), min(g.ToUnixS, in[i].toS)
			parts = append(parts, part)
		}
	}
	return parts
}

func asGaps(list spanList, kind schedulev1.CoverageGap_Kind) []Gap {
	gaps := make([]Gap, len(list))
	for i, s := range list {
		gaps[i] = Gap{FromUnixS: s.fromS, ToUnixS: s.toS, Kind: kind}
	}
	return gaps
}

// merge is two ascending lists as one.
func merge(a, b []Gap) []Gap {
	all := make([]Gap, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].FromUnixS < b[0].FromUnixS {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
