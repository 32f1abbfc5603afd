// Package table writes down where a line forwards now and over the hours ahead, for a gateway that goes on answering when
// nobody can be asked. It asks decide at every instant at which the answer may change; so a table says what RouteCall would
// have said, of a caller nobody knows. But for one thing: where a line refuses unknown callers and not entitled ones, the
// table forwards them, since a gateway that is alone cannot tell them apart, and nobody is stranded by a failure of ours.
//
// It is pure. What is known of this minute (who carries how many calls, who cannot be reached) counts for some minutes
// only: nobody knows it of tonight.
package table

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/daysidehq/dayside/api/dayside/routing/v1"
	"github.com/daysidehq/dayside/services/routing/internal/decide"
	"github.com/daysidehq/dayside/services/routing/internal/view"
)

const (
	// Ahead is how far a table reaches at most.
	Ahead = 24 * time.Hour
	// maxSpans is the proto's own limit.
	maxSpans = 64
	// maxDecisions bounds what one table costs: many instants at which an answer may change do not change it.
	maxDecisions = 1024
	// liveHoldS is how long what is known of this minute counts, seconds.
	liveHoldS = 300
)

// Gateway is whom a table is for.
type Gateway struct {
	// ID breaks ties as a call's ID does: gateways without a routing process share the sites among them.
	ID string
	// Capabilities as it says them. What a table cannot hold, prompts and recordings, counts for nothing.
	Capabilities []routingv1.Capability
}

// Table is where one line forwards, at one view.
type Table struct {
	// Proto is the table as the API has it. It shares its targets with the view: send it, never change it.
	Proto *routingv1.RouteTable
	// FromUnixS and ToUnixS are what it covers, [from, to).
	FromUnixS, ToUnixS int64
	// RecheckUnixS is when another table may be due though the view is the same; RenewUnixS, not before, when the table is
	// to be told anew, changed or not, since it runs out.
	RecheckUnixS, RenewUnixS int64
}

// capabilities are those that a table can hold the steps of; it is never empty.
func (g Gateway) capabilities() decide.Capabilities {
	var list []routingv1.Capability
	rings := false
	for _, c := range g.Capabilities {
		switch c { //nolint:exhaustive // the others are not steps of a table
		case routingv1.Capability_CAPABILITY_REDIRECT, routingv1.Capability_CAPABILITY_FORWARD:
			rings = true
			list = append(list, c)
		case routingv1.Capability_CAPABILITY_GATHER_DIGITS:
			list = append(list, c)
		}
	}
	if !rings {
		list = append(list, routingv1.Capability_CAPABILITY_REDIRECT)
	}
	return decide.CapabilitiesOf(list)
}

// Of is the table of a line of v from an instant on. ahead is v without what is known of this minute.
func Of(v, ahead *view.View, lineID string, g Gateway, from time.Time) Table {
	line := v.LineByID(lineID)
	call := decide.Call{ID: g.ID, LineID: lineID, Gateway: g.capabilities(), Anyone: true}
	start := from.Unix()
	t := Table{
		Proto: &routingv1.RouteTable{
			Line: line.Name, DialledNumber: line.Dialled().String(), FormerNumbers: line.FormerNumbers(),
		},
		FromUnixS: start, ToUnixS: start,
	}
	end := known(line, start)
	m := maker{call: call}
	at := start
	for held := min(end, start+liveHoldS); line.Live != nil && at < held && m.room(); {
		at = m.decide(v, at, held)
	}
	for at < end && m.room() {
		at = m.decide(ahead, at, end)
	}
	if len(m.spans) > maxSpans { // the one too many begins where the table ends
		at = m.spans[maxSpans].GetStartTime().GetSeconds()
		m.spans = m.spans[:maxSpans]
	}
	t.Proto.Spans, t.ToUnixS = m.spans, at
	t.RenewUnixS = start + max((at-start)/2, 1)
	t.RecheckUnixS = t.RenewUnixS
	if line.Live != nil {
		t.RecheckUnixS = min(t.RecheckUnixS, start+liveHoldS/2)
	}
	return t
}

// known is until when something is known of the line's hours, at most a day ahead.
func known(line *view.Line, from int64) int64 {
	end := from + int64(Ahead/time.Second)
	horizon := int64(0)
	for i := range line.Sites {
		if line.Sites[i].Timeline != nil {
			_, to := line.Sites[i].Timeline.Horizon()
			horizon = max(horizon, to)
		}
	}
	if horizon > from {
		return min(end, horizon)
	}
	return end // nothing is: then as well for a day
}

// maker makes spans, one decision after the other.
type maker struct {
	call      decide.Call
	d         decide.Decision
	spans     []*routingv1.RouteSpan
	decisions int
}

func (m *maker) room() bool { return len(m.spans) <= maxSpans && m.decisions < maxDecisions }

// decide adds what is decided at an instant, for as long as it holds, at most until end; it answers with until when.
func (m *maker) decide(v *view.View, at, end int64) (until int64) {
	m.decisions++
	decide.Decide(&m.d, v, m.call, time.Unix(at, 0), 0)
	until = min(max(m.d.ValidUntilUnixS, at+1), end)
	if n := len(m.spans); n > 0 && m.same(m.spans[n-1]) {
		m.spans[n-1].EndTime = &timestamppb.Timestamp{Seconds: until}
		return until
	}
	s := &routingv1.RouteSpan{
		StartTime: &timestamppb.Timestamp{Seconds: at}, EndTime: &timestamppb.Timestamp{Seconds: until},
	}
	if m.d.End != routingv1.EndCause_END_CAUSE_UNSPECIFIED {
		s.End = &routingv1.End{Cause: m.d.End, Text: "This line does not take this call"}
	} else {
		s.Targets = slices.Clone(m.d.Targets())
	}
	m.spans = append(m.spans, s)
	return until
}

// same says whether the decision is that of a span. Of one view, the same target is the same message.
func (m *maker) same(s *routingv1.RouteSpan) bool {
	if m.d.End != routingv1.EndCause_END_CAUSE_UNSPECIFIED || s.GetEnd() != nil {
		return m.d.End == s.GetEnd().GetCause()
	}
	return slices.Equal(m.d.Targets(), s.GetTargets())
}

// Same says whether two tables say the same of the time that both cover from an instant on. It is false where there is no
// such time.
func Same(a, b Table, from time.Time) bool {
	at := max(from.Unix(), a.FromUnixS, b.FromUnixS)
	end := min(a.ToUnixS, b.ToUnixS)
	if at >= end || a.Proto.GetLine() != b.Proto.GetLine() || a.Proto.GetDialledNumber() != b.Proto.GetDialledNumber() ||
		!slices.EqualFunc(a.Proto.GetFormerNumbers(), b.Proto.GetFormerNumbers(), sameNumber) {
		return false
	}
	for at < end {
		x, y := a.at(at), b.at(at)
		if !alike(x, y) {
			return false
		}
		at = min(x.GetEndTime().GetSeconds(), y.GetEndTime().GetSeconds())
	}
	return true
}

func sameNumber(a, b *routingv1.FormerNumber) bool { return proto.Equal(a, b) }

// at is the span of an instant that the table covers.
func (t Table) at(unixS int64) *routingv1.RouteSpan {
	i, _ := slices.BinarySearchFunc(t.Proto.GetSpans(), unixS, func(s *routingv1.RouteSpan, unixS int64) int {
		if s.GetEndTime().GetSeconds() <= unixS {
			return -1
		}
		return 1
	})
	return t.Proto.GetSpans()[i]
}

func alike(a, b *routingv1.RouteSpan) bool {
	return proto.Equal(a.GetEnd(), b.GetEnd()) &&
		slices.EqualFunc(a.GetTargets(), b.GetTargets(), func(x, y *routingv1.RouteTarget) bool {
			return x == y || proto.Equal(x, y)
		})
}
