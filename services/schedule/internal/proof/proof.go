// Package proof says how a line is covered over a range: when which sites are open, and of the time when none is,
// whether somebody is on duty, whether it is meant to be closed, or whether it is an uncovered gap. It compares two states
// of a line or of a site, and so says what a change does before it is made.
//
// It knows no zones, no files and no store: timelines and duties are given. What an answer of the API looks like is package
// answer's.
package proof

import (
	"math"
	"slices"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// What a gap is; see Gap.Kind.
const (
	Uncovered = schedulev1.CoverageGap_KIND_UNCOVERED
	Planned   = schedulev1.CoverageGap_KIND_PLANNED
	Intended  = schedulev1.CoverageGap_KIND_INTENDED
)

// Duty is what a gap needs to know of a rota.
type Duty interface {
	// At is who is on duty at an instant (people/ID, empty for nobody), and until when that does not change: later than
	// the instant, math.MaxInt64 where it never does.
	At(unixS int64) (person string, untilUnixS int64)
}

// Site is a site of a line.
type Site struct {
	// Name is sites/ID.
	Name string
	// Timeline says when it is open; nil counts as closed.
	Timeline *timeline.Timeline
}

// Line is what coverage depends on of a line. The zero Line is one that does not exist.
type Line struct {
	// Name is lines/ID.
	Name string
	// Sites are in the line's order.
	Sites []Site
	// Rotas serve it while no site is open, in its order.
	Rotas []Duty
	// Promise is when it is meant to be served: its service hours; nil for always.
	Promise *timeline.Timeline
}

// Known is the range over which all timelines of the line know: what is said of other times is not to be relied upon. It
// is everything for a line without a timeline, and empty (from >= to) where there is no such range.
func (l Line) Known() (fromUnixS, toUnixS int64) {
	fromUnixS, toUnixS = math.MinInt64, math.MaxInt64
	for _, t := range append(timelines(l.Sites), l.Promise) {
		if t != nil {
			from, to := t.Horizon()
			fromUnixS, toUnixS = max(fromUnixS, from), min(toUnixS, to)
		}
	}
	return fromUnixS, toUnixS
}

// Gap is time when no site is open.
type Gap struct {
	// [FromUnixS, ToUnixS), Unix seconds.
	FromUnixS, ToUnixS int64
	// Kind is Planned where somebody is on duty; else Intended outside the promise, and Uncovered within it.
	Kind schedulev1.CoverageGap_Kind
	// OnDuty are people/ID, one a rota that has somebody, in the line's order of rotas.
	OnDuty []string
}

// Coverage is how a line is covered over [FromUnixS, ToUnixS).
type Coverage struct {
	FromUnixS, ToUnixS int64
	// Periods follow one another without a hole; their Open are indexes of the line's sites, ascending.
	Periods []timeline.Period
	// Gaps are the time of the periods that have no site open, cut where their kind or the people on duty change.
	Gaps []Gap
	// CoveredS is the time with a site open, OverlapS that with more than one, seconds.
	CoveredS, OverlapS int64
	// UncoveredS, PlannedS and IntendedS are the gaps' time by kind, seconds. With CoveredS they are the whole range.
	UncoveredS, PlannedS, IntendedS int64
	// Handovers is how often the set of open sites changes within the range.
	Handovers int
}

// Prove works out the coverage of [fromUnixS, toUnixS). Outside what they know, sites count as closed and the promise as
// given: keep within Known to be told the truth.
func Prove(l Line, fromUnixS, toUnixS int64) Coverage {
	c := Coverage{FromUnixS: fromUnixS, ToUnixS: toUnixS}
	var open []int // of all periods, one after the other
	for p := range timeline.Cover(timelines(l.Sites), fromUnixS, toUnixS) {
		first := len(open)
		open = append(open, p.Open...)
		p.Open = open[first:len(open):len(open)]
		c.Periods = append(c.Periods, p)
		switch len(p.Open) {
		case 0:
			c.judge(l, p.FromUnixS, p.ToUnixS)
		case 1:
			c.CoveredS += p.ToUnixS - p.FromUnixS
		default:
			c.CoveredS += p.ToUnixS - p.FromUnixS
			c.OverlapS += p.ToUnixS - p.FromUnixS
		}
	}
	c.Handovers = max(len(c.Periods)-1, 0)
	return c
}

// judge adds the gaps of a stretch when no site is open.
func (c *Coverage) judge(l Line, fromUnixS, toUnixS int64) {
	for at := fromUnixS; at < toUnixS; {
		until := toUnixS
		var onDuty []string
		for _, r := range l.Rotas {
			person, change := r.At(at)
			if person != "" {
				onDuty = append(onDuty, person)
			}
			if change > at {
				until = min(until, change)
			}
		}
		promised, change := promise(l.Promise, at)
		until = min(until, change)
		gap := Gap{FromUnixS: at, ToUnixS: until, Kind: Intended, OnDuty: onDuty}
		switch {
		case len(onDuty) > 0:
			gap.Kind = Planned
			c.PlannedS += until - at
		case promised:
			gap.Kind = Uncovered
			c.UncoveredS += until - at
		default:
			c.IntendedS += until - at
		}
		c.Gaps = joined(c.Gaps, gap)
		at = until
	}
}

// promise says whether the line is meant to be served at an instant, and until when that is so.
func promise(t *timeline.Timeline, atUnixS int64) (given bool, untilUnixS int64) {
	if t == nil {
		return true, math.MaxInt64
	}
	if s := t.At(atUnixS); s.Known {
		return s.Open, s.UntilUnixS
	}
	if from, _ := t.Horizon(); atUnixS < from {
		return true, from
	}
	return true, math.MaxInt64
}

// joined appends a gap, or prolongs the last one where nothing changes between them.
func joined(gaps []Gap, g Gap) []Gap {
	if n := len(gaps); n > 0 {
		last := &gaps[n-1]
		if last.ToUnixS == g.FromUnixS && last.Kind == g.Kind && slices.Equal(last.OnDuty, g.OnDuty) {
			last.ToUnixS = g.ToUnixS
			return gaps
		}
	}
	return append(gaps, g)
}

func timelines(sites []Site) []*timeline.Timeline {
	ts := make([]*timeline.Timeline, len(sites), len(sites)+1)
	for i, s := range sites {
		ts[i] = s.Timeline
	}
	return ts
}
