package view

import (
	"maps"
	"math"
	"slices"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// AppendFacts adds what holds at an instant of the line's sites in their order, then of its people in order of ID: what
// WithLive makes the same of. Sites and people of whom nothing is known are left out.
func (l *LineLive) AppendFacts(facts []*routingv1.LiveFact, unixS int64) []*routingv1.LiveFact {
	for place, s := range l.sites {
		if s == nil {
			continue
		}
		live := s.at(unixS)
		if live == (SiteLive{}) {
			continue
		}
		f := &routingv1.LiveFact{
			Place: int32(place), ActiveCalls: live.ActiveCalls, Unreachable: uint32(live.Unreachable), UntilUnixS: until(s, unixS),
		}
		if live.AgentsKnown {
			f.AgentsPlusOne = live.Agents + 1
		}
		facts = append(facts, f)
	}
	if len(l.people) == 0 {
		return facts
	}
	for _, id := range slices.Sorted(maps.Keys(l.people)) {
		s := l.people[id]
		if gone := s.at(unixS).Unreachable; gone != 0 {
			facts = append(facts, &routingv1.LiveFact{Person: id, Unreachable: uint32(gone), UntilUnixS: until(s, unixS)})
		}
	}
	return facts
}

func until(s *spells, unixS int64) int64 {
	if at := s.changes(unixS); at != math.MaxInt64 {
		return at
	}
	return 0
}

// WithLive is the view with that known of one of its lines, and nothing of this minute else. Places that the line does not
// have are passed over.
func (v *View) WithLive(lineID string, facts []*routingv1.LiveFact) *View {
	l := v.lines.byID[lineID]
	if l == nil {
		return v
	}
	live := &LineLive{sites: make([]*spells, len(l.Sites)), people: map[string]*spells{}}
	for _, f := range facts {
		s := &spells{}
		known := SiteLive{
			ActiveCalls: bounded(f.GetActiveCalls()), Unreachable: Targets(f.GetUnreachable()),
			Agents: bounded(f.GetAgentsPlusOne() - 1), AgentsKnown: f.GetAgentsPlusOne() > 0,
		}
		ends := f.GetUntilUnixS()
		if ends == 0 {
			ends = math.MaxInt64
		}
		s.add(known, ends)
		switch place := int(f.GetPlace()); {
		case f.GetPerson() != "":
			live.people[f.GetPerson()] = s
		case place >= 0 && place < len(live.sites):
			live.sites[place] = s
		}
	}
	next, line := *v, *l
	line.Live = live
	next.lines = newIndex(maps.Clone(v.lines.byID))
	next.lines.byID[lineID] = &line
	next.lines.byNumber[line.number] = &line
	return &next
}
