// Package answer makes the answers to questions about open time from timelines: who is open at an instant, and how a
// line is covered over a range. It is pure.
package answer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/internal/timeline"
	"github.com/daysidehq/dayside/services/schedule/internal/proof"
	"github.com/daysidehq/dayside/services/schedule/internal/rotas"
)

// Site is what is known of a published site.
type Site struct {
	// Name is sites/ID, TimeZone an IANA name.
	Name, DisplayName, TimeZone string
	// Products and Languages are what it can do; all, where there are none.
	Products, Languages []string
	// Timeline says when it is open; never nil.
	Timeline *timeline.Timeline
}

// Line is what is known of a published line.
type Line struct {
	// Name is lines/ID.
	Name string
	// Sites are in the line's order.
	Sites []Site
	// Rotas say who is on duty while no site is open, in the line's order.
	Rotas []*roster.Roster
	// Promise is when the line is meant to be served; nil for always.
	Promise *timeline.Timeline
}

// Proof is the line as coverage is proved from it.
func (l Line) Proof() proof.Line {
	out := proof.Line{Name: l.Name, Promise: l.Promise}
	for _, s := range l.Sites {
		out.Sites = append(out.Sites, proof.Site{Name: s.Name, Timeline: s.Timeline})
	}
	for _, r := range l.Rotas {
		out.Rotas = append(out.Rotas, rotas.Duty{Roster: r})
	}
	return out
}

// known refuses a range of which not every timeline and roster knows all. The promise is asked last: it is compiled for the
// range that is asked for, and would be named as all that is known.
func (l Line) known(field string, fromUnixS, toUnixS int64) error {
	compiled := l.Proof()
	compiled.Promise = nil
	from, to := compiled.Known()
	for _, r := range l.Rotas {
		rosterFrom, rosterTo := r.Horizon()
		from, to = max(from, rosterFrom), min(to, rosterTo)
	}
	if err := within(field, fromUnixS, toUnixS, from, to); err != nil {
		return err
	}
	from, to = l.Proof().Known()
	return within(field, fromUnixS, toUnixS, from, to)
}

// maxAnswerBytes bounds the answer about coverage: a gRPC peer takes 4 MiB where it is not told otherwise.
const maxAnswerBytes = 3 << 20

// What a field of an answer costs at most, bytes; names come on top.
const (
	intervalBytes = 32
	mentionBytes  = 3
)

// OpenSites is the state of each site at an instant. An instant that a timeline does not know is an INVALID_FIELD fault
// on "at": outside its horizon a site is neither open nor closed.
func OpenSites(sites []Site, atUnixS int64) (*schedulev1.QueryOpenSitesResponse, error) {
	if err := known(sites, "at", atUnixS, atUnixS+1); err != nil {
		return nil, err
	}
	out := &schedulev1.QueryOpenSitesResponse{
		At: stamp(atUnixS), Sites: make([]*schedulev1.SiteState, 0, len(sites)), TzdataRelease: releases(sites),
	}
	var next int64
	for _, s := range sites {
		at := s.Timeline.At(atUnixS)
		state := &schedulev1.SiteState{
			Site: s.Name, DisplayName: s.DisplayName, TimeZone: s.TimeZone, Open: at.Open, Rule: s.Timeline.Rule(at),
		}
		if _, end := s.Timeline.Horizon(); at.UntilUnixS < end {
			state.NextChange = stamp(at.UntilUnixS)
			if next == 0 || at.UntilUnixS < next {
				next, out.NextChange = at.UntilUnixS, stamp(at.UntilUnixS)
			}
		}
		out.Sites = append(out.Sites, state)
	}
	return out, nil
}

// Coverage is when which sites of a line are open over [fromUnixS, toUnixS), and what its gaps are. A range that a
// timeline or a roster does not know whole is an INVALID_FIELD fault on "interval"; an answer too large for its reader is
// LIMIT_EXCEEDED. With gapsOnly it has neither periods nor open intervals, and holds a year of a thousand sites.
func Coverage(l Line, fromUnixS, toUnixS int64, gapsOnly bool) (*schedulev1.QueryCoverageResponse, error) {
	if err := l.known("interval", fromUnixS, toUnixS); err != nil {
		return nil, err
	}
	c := proof.Prove(l.Proof(), fromUnixS, toUnixS)
	out := &schedulev1.QueryCoverageResponse{
		Interval: between(fromUnixS, toUnixS), TzdataRelease: releases(l.Sites), CoveredTime: seconds(c.CoveredS),
		OverlapTime: seconds(c.OverlapS), Handovers: int32(c.Handovers), //nolint:gosec // bounded by the budget
	}
	left := budget(maxAnswerBytes)
	for _, p := range c.Periods {
		if p.Gap() {
			out.Gaps = append(out.Gaps, between(p.FromUnixS, p.ToUnixS))
			left.spend(intervalBytes)
		}
		if !gapsOnly {
			out.Periods = append(out.Periods, l.period(p, &left))
		}
		if left.spent() {
			return nil, tooLarge(fromUnixS, p.ToUnixS)
		}
	}
	for _, g := range c.Gaps {
		left.spend(intervalBytes + mentionBytes)
		for _, person := range g.OnDuty {
			left.spend(mentionBytes + len(person))
		}
		if left.spent() {
			return nil, tooLarge(fromUnixS, g.ToUnixS)
		}
		out.JudgedGaps = append(out.JudgedGaps, g.Proto())
	}
	for _, s := range l.Sites {
		out.Sites = append(out.Sites, openTime(s, fromUnixS, toUnixS, gapsOnly, &left))
		if left.spent() {
			return nil, tooLarge(fromUnixS, toUnixS)
		}
	}
	return out, nil
}

func (l Line) period(p timeline.Period, b *budget) *schedulev1.CoveragePeriod {
	period := &schedulev1.CoveragePeriod{Interval: between(p.FromUnixS, p.ToUnixS)}
	b.spend(intervalBytes)
	for _, i := range p.Open {
		period.Sites = append(period.Sites, l.Sites[i].Name)
		b.spend(mentionBytes + len(l.Sites[i].Name))
	}
	return period
}

func openTime(s Site, fromUnixS, toUnixS int64, sumOnly bool, b *budget) *schedulev1.SiteOpenTime {
	open := &schedulev1.SiteOpenTime{Site: s.Name}
	var openS int64
	for iv := range s.Timeline.Within(fromUnixS, toUnixS) {
		openS += iv.CloseUnixS - iv.OpenUnixS
		if !sumOnly {
			open.OpenIntervals = append(open.OpenIntervals, between(iv.OpenUnixS, iv.CloseUnixS))
			b.spend(intervalBytes)
		}
	}
	open.OpenTime = seconds(openS)
	return open
}

// budget is the bytes that an answer may still take.
type budget int

func (b *budget) spend(n int) { *b -= budget(n) }

func (b *budget) spent() bool { return *b < 0 }

func tooLarge(fromUnixS, reachedUnixS int64) error {
	return fault.LimitExceeded(fmt.Sprintf("the coverage of so many sites over that range is more than %d MiB; ask for less "+
		"than %d days at a time, or for the gaps only", maxAnswerBytes>>20, max((reachedUnixS-fromUnixS)/86400, 1)))
}

// known refuses a range of which not every timeline knows all.
func known(sites []Site, field string, fromUnixS, toUnixS int64) error {
	if len(sites) == 0 {
		return nil
	}
	from, to := timeline.Known(timelines(sites))
	return within(field, fromUnixS, toUnixS, from, to)
}

// within refuses a range that is not known whole, with the end of it that is not.
func within(field string, fromUnixS, toUnixS, knownFromUnixS, knownToUnixS int64) error {
	switch {
	case fromUnixS < knownFromUnixS || fromUnixS > knownToUnixS:
		return beyond(field, fromUnixS, knownFromUnixS, knownToUnixS)
	case toUnixS > knownToUnixS:
		return beyond(field, toUnixS, knownFromUnixS, knownToUnixS)
	}
	return nil
}

func beyond(field string, atUnixS, fromUnixS, toUnixS int64) error {
	return fault.Invalid(fault.Violation{
		Field: field, Value: text(atUnixS),
		Rule: fmt.Sprintf("must lie within what hours are compiled for, %s to %s", text(fromUnixS), text(toUnixS)),
	})
}

func timelines(sites []Site) []*timeline.Timeline {
	ts := make([]*timeline.Timeline, len(sites))
	for i, s := range sites {
		ts[i] = s.Timeline
	}
	return ts
}

// releases names the zone rules used: one release, but for the moments in which another one is being adopted.
func releases(sites []Site) string {
	var all []string
	for _, s := range sites {
		if r := s.Timeline.TZDataRelease(); !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

func stamp(unixS int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: unixS} }

func seconds(s int64) *durationpb.Duration { return &durationpb.Duration{Seconds: s} }

func between(fromUnixS, toUnixS int64) *interval.Interval {
	return &interval.Interval{StartTime: stamp(fromUnixS), EndTime: stamp(toUnixS)}
}

func text(unixS int64) string { return time.Unix(unixS, 0).UTC().Format(time.RFC3339) }
