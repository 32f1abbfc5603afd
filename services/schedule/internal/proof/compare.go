package proof

import (
	"cmp"
	"encoding/binary"
	"slices"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/timeline"
)

// maxListed bounds each list of an impact; further ones are counted.
const maxListed = 200

// Compare is what changes on a line within [fromUnixS, toUnixS), as far as both states know it: nil where nothing does.
// The zero Line stands for one that does not exist: where it is before, the line is created and all its gaps are told,
// planned ones too; where it is after, the line is deleted, and nobody misses its coverage: only handovers vanish.
func Compare(before, after Line, fromUnixS, toUnixS int64) *schedulev1.LineImpact {
	for _, l := range []Line{before, after} {
		from, to := l.Known()
		fromUnixS, toUnixS = max(fromUnixS, from), min(toUnixS, to)
	}
	if fromUnixS >= toUnixS || before.Name == "" && after.Name == "" {
		return nil
	}
	names := union(after.Sites, before.Sites)
	was := Prove(before.over(names), fromUnixS, toUnixS)
	is := Prove(after.over(names), fromUnixS, toUnixS)
	if before.Name == "" || after.Name == "" {
		was.Gaps = nil // nothing was missing
	}
	if after.Name == "" {
		is.Gaps = nil
	}
	out := &schedulev1.LineImpact{Line: after.Name, Created: before.Name == ""}
	if after.Name == "" {
		out.Line = before.Name
	}
	changes := shifts(was, is)
	few, moreHandovers := firstOf(changes)
	for _, s := range few {
		out.Handovers = append(out.Handovers, s.proto(names))
	}
	out.MoreHandovers = moreHandovers
	var more [3]int32
	out.GapsCreated, more[0] = listed(Created(was, is))
	out.GapsClosed, more[1] = listed(Closed(was, is))
	out.GapsPlanned, more[2] = listed(NewlyPlanned(was, is))
	out.MoreGaps = more[0] + more[1] + more[2]
	if !out.Created && len(changes)+len(out.GapsCreated)+len(out.GapsClosed)+len(out.GapsPlanned) == 0 {
		return nil
	}
	return out
}

// union is the names of sites, each once, in the order in which they are first met.
func union(lists ...[]Site) []string {
	var names []string
	seen := map[string]bool{}
	for _, list := range lists {
		for _, s := range list {
			if !seen[s.Name] {
				seen[s.Name] = true
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// over is the line with all the named sites, of which those that it does not have are never open.
func (l Line) over(names []string) Line {
	has := make(map[string]*timeline.Timeline, len(l.Sites))
	for _, s := range l.Sites {
		has[s.Name] = s.Timeline
	}
	l.Sites = make([]Site, len(names))
	for i, name := range names {
		l.Sites[i] = Site{Name: name, Timeline: has[name]}
	}
	return l
}

// handover is a change of the set of open sites: indexes of names, ascending.
type handover struct {
	atUnixS  int64
	from, to []int
}

// key is the same for handovers between the same sites.
func (h handover) key() string {
	b := make([]byte, 0, 3*(len(h.from)+len(h.to))+1)
	for _, i := range h.from {
		b = binary.AppendUvarint(b, uint64(i)+1) //nolint:gosec // an index
	}
	b = append(b, 0)
	for _, i := range h.to {
		b = binary.AppendUvarint(b, uint64(i)+1) //nolint:gosec // an index
	}
	return string(b)
}

func (c Coverage) handovers() []handover {
	list := make([]handover, 0, len(c.Periods))
	for i := 1; i < len(c.Periods); i++ {
		p := c.Periods[i]
		list = append(list, handover{p.FromUnixS, c.Periods[i-1].Open, p.Open})
	}
	return list
}

// shift is a handover that was, one that is, or both.
type shift struct{ before, after *handover }

func (s shift) either() *handover {
	if s.after == nil || s.before != nil && s.before.atUnixS < s.after.atUnixS {
		return s.before
	}
	return s.after
}

// shifts are the handovers that move, appear or vanish, ascending by the first of their times.
func shifts(was, is Coverage) []shift {
	before, after := different(was.handovers(), is.handovers())
	befores, afters := byKey(before), byKey(after)
	list := make([]shift, 0, max(len(before), len(after)))
	add := func(before, after []*handover) {
		for _, m := range pair(instants(before), instants(after)) {
			var s shift
			if m.before >= 0 {
				s.before = before[m.before]
			}
			if m.after >= 0 {
				s.after = after[m.after]
			}
			list = append(list, s)
		}
	}
	for key, some := range befores {
		add(some, afters[key])
	}
	for key, some := range afters {
		if befores[key] == nil {
			add(nil, some)
		}
	}
	slices.SortFunc(list, func(a, b shift) int {
		if d := cmp.Compare(a.either().atUnixS, b.either().atUnixS); d != 0 {
			return d
		}
		// What vanishes stands before what comes in its place; then any order will do that is always the same.
		switch {
		case a.before != nil && b.before == nil:
			return -1
		case a.before == nil && b.before != nil:
			return 1
		}
		return cmp.Compare(a.either().key(), b.either().key())
	})
	return list
}

func (s shift) proto(names []string) *schedulev1.HandoverChange {
	out := &schedulev1.HandoverChange{FromSites: pick(names, s.either().from), ToSites: pick(names, s.either().to)}
	if s.before != nil {
		out.Before = stamp(s.before.atUnixS)
	}
	if s.after != nil {
		out.After = stamp(s.after.atUnixS)
	}
	return out
}

// different leaves out what both have at the same instant.
func different(before, after []handover) (onlyBefore, onlyAfter []handover) {
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		b, a := before[i], after[j]
		switch {
		case b.atUnixS == a.atUnixS && slices.Equal(b.from, a.from) && slices.Equal(b.to, a.to):
			i, j = i+1, j+1
		case b.atUnixS <= a.atUnixS:
			onlyBefore = append(onlyBefore, b)
			i++
		default:
			onlyAfter = append(onlyAfter, a)
			j++
		}
	}
	return append(onlyBefore, before[i:]...), append(onlyAfter, after[j:]...)
}

func byKey(list []handover) map[string][]*handover {
	groups := map[string][]*handover{}
	for i := range list {
		key := list[i].key()
		groups[key] = append(groups[key], &list[i])
	}
	return groups
}

func instants(list []*handover) []span {
	at := make([]span, len(list))
	for i, h := range list {
		at[i] = span{h.atUnixS, h.atUnixS}
	}
	return at
}

func pick(names []string, indexes []int) []string {
	var some []string
	for _, i := range indexes {
		some = append(some, names[i])
	}
	return some
}

// firstOf is as many as are listed, and how many more there are.
func firstOf[T any](list []T) ([]T, int32) {
	n := min(len(list), maxListed)
	return list[:n:n], int32(len(list) - n) //nolint:gosec // a range has some thousands
}

func listed(gaps []Gap) ([]*schedulev1.CoverageGap, int32) {
	few, more := firstOf(gaps)
	var list []*schedulev1.CoverageGap
	for _, g := range few {
		list = append(list, g.Proto())
	}
	return list, more
}

// Proto is the gap as answers have it.
func (g Gap) Proto() *schedulev1.CoverageGap {
	return &schedulev1.CoverageGap{Interval: between(g.FromUnixS, g.ToUnixS), Kind: g.Kind, OnDuty: g.OnDuty}
}

func stamp(unixS int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: unixS} }

func between(fromUnixS, toUnixS int64) *interval.Interval {
	return &interval.Interval{StartTime: stamp(fromUnixS), EndTime: stamp(toUnixS)}
}
