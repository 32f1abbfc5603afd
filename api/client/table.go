package client

import (
	"errors"
	"fmt"
	"maps"
	"sort"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
)

// Why a table has no answer.
var (
	// ErrNoTable: nobody could be asked, and routing has never told this gateway where lines forward.
	ErrNoTable = errors.New("nobody could be asked, and this gateway has no table of its own yet")
	// ErrUnknownNumber: nobody could be asked, and the table has no line with the number that was dialled. There may be one all
	// the same: the table is as old as the error says.
	ErrUnknownNumber = errors.New("nobody could be asked, and this gateway's table has no line with that number")
)

const (
	// maxTables bounds the lines of a table: what routing tells of at most.
	maxTables = 1000
	// maxFormerNumbers bounds those of a line; routing's have 8.
	maxFormerNumbers = 8
	// maxSpanTargets bounds the targets of a span; routing's have 17.
	maxSpanTargets = 64
)

// table is where lines forward, as routing last said. It is never changed: whoever learns something makes another one.
type table struct {
	byLine   map[string]*routingv1.RouteTable
	byNumber map[number]*routingv1.RouteTable
	// former are numbers that lines had, with the end of each.
	former map[number]formerly
	// heard is when what it says was last known to hold: when routing said so, less the age of routing's own view.
	heard    time.Time
	revision int64
}

// formerly is a line's number until an instant.
type formerly struct {
	table *routingv1.RouteTable
	until time.Time
}

// with is the table after what routing said; whole: it said all there is.
func (t *table) with(said []*routingv1.WatchRoutesResponse, whole bool, now time.Time) *table {
	next := &table{byLine: map[string]*routingv1.RouteTable{}}
	if t != nil && !whole {
		next.byLine, next.heard = maps.Clone(t.byLine), t.heard
	}
	for _, r := range said {
		for _, one := range r.GetTables() {
			if usable(one) && (next.byLine[one.GetLine()] != nil || len(next.byLine) < maxTables) {
				next.byLine[one.GetLine()] = one
			}
		}
		for _, line := range r.GetRemoved() {
			delete(next.byLine, line)
		}
		next.revision = r.GetViewRevision()
	}
	next.heard = now
	next.byNumber = make(map[number]*routingv1.RouteTable, len(next.byLine))
	for _, one := range next.byLine {
		n := parseNumber(one.GetDialledNumber())
		if other := next.byNumber[n]; other == nil || one.GetLine() < other.GetLine() { // as routing does
			next.byNumber[n] = one
		}
	}
	next.former = formers(next.byLine)
	return next
}

// formers are the numbers that lines had. Where two had one, whoever had it longer has it.
func formers(byLine map[string]*routingv1.RouteTable) map[number]formerly {
	all := map[number]formerly{}
	for _, one := range byLine {
		for _, f := range one.GetFormerNumbers()[:min(len(one.GetFormerNumbers()), maxFormerNumbers)] {
			n, until := parseNumber(f.GetNumber().GetE164Number()), f.GetEndTime().AsTime()
			if n != 0 && until.After(all[n].until) {
				all[n] = formerly{one, until}
			}
		}
	}
	return all
}

// find is the table of the line that a number leads to at an instant; nil where it leads to none.
func (t *table) find(dialled string, now time.Time) *routingv1.RouteTable {
	n := parseNumber(dialled)
	if one := t.byNumber[n]; one != nil {
		return one
	}
	if f := t.former[n]; now.Before(f.until) {
		return f.table
	}
	return nil
}

// yieldsTo says whether what a process said takes the table's place: it is later, or of another truth. One that is cut off
// from etcd may not know what this gateway was told since, such as a drain; it counts where what is known has ended.
func (t *table) yieldsTo(other *table, now time.Time) bool {
	return t == nil || other.revision >= t.revision || !other.heard.Before(t.heard) || t.heard.After(now) || t.ended(now)
}

// ended says whether the table of some line is over.
func (t *table) ended(now time.Time) bool {
	for _, one := range t.byLine {
		if spans := one.GetSpans(); !now.Before(spans[len(spans)-1].GetEndTime().AsTime()) {
			return true
		}
	}
	return false
}

// still is the table, heard of again.
func (t *table) still(heard time.Time, revision int64) *table {
	next := *t
	next.heard, next.revision = heard, revision
	return &next
}

// usable says whether a line's table can answer: it has a name, a number, and spans in order that each lead somewhere.
func usable(t *routingv1.RouteTable) bool {
	if t.GetLine() == "" || parseNumber(t.GetDialledNumber()) == 0 || len(t.GetSpans()) == 0 {
		return false
	}
	last := int64(0)
	for i, s := range t.GetSpans() {
		start, end := s.GetStartTime(), s.GetEndTime()
		if !start.IsValid() || !end.IsValid() || start.GetSeconds() >= end.GetSeconds() || i > 0 && start.GetSeconds() < last {
			return false
		}
		if n := len(s.GetTargets()); n > maxSpanTargets || (n == 0) == (s.GetEnd() == nil) {
			return false
		}
		last = end.GetSeconds()
	}
	return true
}

// has says whether the table knows a number at an instant.
func (t *table) has(dialled string, now time.Time) bool {
	return t != nil && t.find(dialled, now) != nil
}

// age is how long ago the table was known to hold.
func (t *table) age(now time.Time) time.Duration { return max(now.Sub(t.heard), 0) }

// span is the one of an instant; before the first one that, behind the last one the last.
func span(t *routingv1.RouteTable, now time.Time) *routingv1.RouteSpan {
	spans := t.GetSpans()
	i := sort.Search(len(spans), func(i int) bool { return spans[i].GetStartTime().AsTime().After(now) })
	return spans[max(i-1, 0)]
}

// route answers a call. The error is ErrNoTable or ErrUnknownNumber; it holds no number.
func (t *table) route(callID, dialled string, now time.Time) (*Route, error) {
	if t == nil {
		return nil, ErrNoTable
	}
	one := t.find(dialled, now)
	if one == nil {
		return nil, fmt.Errorf("%w: of %d lines, as of %s ago", ErrUnknownNumber, len(t.byLine), t.age(now).Round(time.Second))
	}
	s := span(one, now)
	stale := !now.Before(s.GetEndTime().AsTime())
	r := &routingv1.Route{
		CallId: callID, Line: one.GetLine(), StepNumber: 1,
		Explanation: &routingv1.Explanation{
			DecidedAt: timestamppb.New(now), ViewRevision: t.revision, ViewAge: durationpb.New(t.age(now)),
		},
	}
	if s.GetEnd() != nil {
		r.Step = &routingv1.Route_End{End: s.GetEnd()}
	} else {
		r.Step = &routingv1.Route_Forward{Forward: &routingv1.Forward{Targets: s.GetTargets()}}
	}
	if !stale {
		r.ValidUntil = s.GetEndTime()
	}
	return &Route{Route: r, Source: SourceTable, Age: t.age(now), Stale: stale}, nil
}
