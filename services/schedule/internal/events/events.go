// Package events is what somebody should know of ahead of time: lines that will be uncovered, handoffs that nobody
// accepted, people on duty whom nothing reaches or who are away, and turns that nobody has where a line needed somebody.
// Find tells what is so at an instant; Settle tells by what writes that becomes a list that duty can page from.
//
// It is pure, and so any number of processes may do it at once: the same thing always has the same ID, made of its kind,
// whom it is about and when it begins. It alerts nobody.
package events

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/roster"
	"github.com/daysidehq/dayside/services/schedule/internal/custody"
)

const (
	// gapAheadS is how long ahead an uncovered gap of a line is told of.
	gapAheadS = 14 * dayS
	// dutyAheadS is how long ahead it is told that a turn has nobody, or somebody whom nothing reaches.
	dutyAheadS = dayS
	// awayAheadS is how long ahead it is told that somebody put on duty by name is away.
	awayAheadS = 14 * dayS
	// maxGapsOfLine bounds the events of one line; the first one's sentence counts the others.
	maxGapsOfLine = 3
	// MaxActive bounds the events that are so at one time: the most urgent are kept.
	MaxActive = 500

	dayS = 86400
)

// LookBackS and LookAheadS are the range, around the instant, over which a World must know the gaps of lines: back far
// enough to know when most gaps under way began, ahead far enough to know when those told of end.
const (
	LookBackS  = 2 * dayS
	LookAheadS = gapAheadS + 7*dayS
)

// Kinds, for brevity.
const (
	uncovered    = schedulev1.ScheduleEvent_KIND_UNCOVERED_AHEAD
	notAccepted  = schedulev1.ScheduleEvent_KIND_HANDOFF_NOT_ACCEPTED
	notReachable = schedulev1.ScheduleEvent_KIND_NOT_REACHABLE
	emptyTurn    = schedulev1.ScheduleEvent_KIND_EMPTY_TURN
	awayOnDuty   = schedulev1.ScheduleEvent_KIND_AWAY_ON_DUTY
)

// World is what events are found in.
type World struct {
	Lines []Line
	// Rotas have their custody records with them.
	Rotas []custody.In
}

// Line is a line's uncovered time.
type Line struct {
	// Name is lines/ID; Rotas are rotas/ID.
	Name  string
	Rotas []string
	// Gaps are its uncovered gaps over the looked-at range, ascending. Those that meet its start may have begun earlier,
	// those that meet its end may last longer.
	Gaps               []Gap
	FromUnixS, ToUnixS int64
}

// Gap is [FromUnixS, ToUnixS), Unix seconds.
type Gap struct{ FromUnixS, ToUnixS int64 }

// Find is what is so at an instant, the most urgent first, at most MaxActive. create_time and end_time are for Settle.
func Find(w World, now time.Time) []*schedulev1.ScheduleEvent {
	f := finder{now: now, nowS: now.Unix(), byID: map[string]*schedulev1.ScheduleEvent{}}
	for _, l := range w.Lines {
		f.uncovered(l)
	}
	for _, r := range w.Rotas {
		f.handoff(r)
		f.reachable(r)
		f.away(r)
		f.empty(r, w.Lines)
	}
	found := make([]*schedulev1.ScheduleEvent, 0, len(f.byID))
	for _, e := range f.byID {
		found = append(found, e)
	}
	Sort(found)
	return found[:min(len(found), MaxActive)]
}

// Sort puts the most urgent first: by the time they are about, those whose beginning is not known before all.
func Sort(list []*schedulev1.ScheduleEvent) {
	slices.SortFunc(list, func(a, b *schedulev1.ScheduleEvent) int {
		return cmp.Or(cmp.Compare(a.GetInterval().GetStartTime().GetSeconds(), b.GetInterval().GetStartTime().GetSeconds()),
			strings.Compare(a.GetId(), b.GetId()))
	})
}

// NextLook is the next instant at which something may become so, or cease to be so, by the passing of time alone. What is
// told of days or hours ahead may be seen later than that by whoever looks every minute, and is left out.
func NextLook(w World, now time.Time) (time.Time, bool) {
	nowS, next := now.Unix(), int64(0)
	consider := func(unixS int64) {
		if unixS > nowS && (next == 0 || unixS < next) {
			next = unixS
		}
	}
	for _, r := range w.Rotas {
		state := custody.State(r, now)
		consider(state.GetAcceptBy().GetSeconds())
		consider(state.GetNextHandoff().GetSeconds())
	}
	for _, l := range w.Lines {
		for _, g := range l.Gaps {
			consider(g.ToUnixS)
		}
	}
	return time.Unix(next, 0), next != 0
}

// finder gathers what is so at one instant.
type finder struct {
	now  time.Time
	nowS int64
	byID map[string]*schedulev1.ScheduleEvent
}

// about is what an event is about.
type about struct {
	kind            schedulev1.ScheduleEvent_Kind
	subject, person string
	// fromS and toS are [from, to), Unix seconds; 0 where it is not known.
	fromS, toS int64
}

// add notes an event; of one that was noted already, the first sentence stays.
func (f *finder) add(a about, sentence string) {
	e := &schedulev1.ScheduleEvent{
		Id: a.id(), Kind: a.kind, Subject: a.subject, Person: a.person, Sentence: sentence, Interval: &interval.Interval{},
	}
	if a.fromS != 0 {
		e.Interval.StartTime = &timestamppb.Timestamp{Seconds: a.fromS}
	}
	if a.toS != 0 {
		e.Interval.EndTime = &timestamppb.Timestamp{Seconds: a.toS}
	}
	if f.byID[e.Id] == nil {
		f.byID[e.Id] = e
	}
}

// id is the same for the same thing: "handoff-not-accepted.apac.bob.20261123T090000Z". Names have no dots.
func (a about) id() string {
	kind := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(a.kind.String(), "KIND_")), "_", "-")
	parts := []string{kind, bare(a.subject)}
	if a.person != "" {
		parts = append(parts, bare(a.person))
	}
	if a.fromS == 0 {
		return strings.Join(append(parts, "before"), ".")
	}
	return strings.Join(append(parts, time.Unix(a.fromS, 0).UTC().Format("20060102T150405Z")), ".")
}

// bare is the last part of a name.
func bare(name string) string {
	_, id, _ := strings.Cut(name, "/")
	return id
}

// begins is the start of a turn; 0 where it may have begun before the roster.
func begins(r *roster.Roster, t roster.Turn) int64 {
	if from, _ := r.Horizon(); t.FromUnixS == from {
		return 0
	}
	return t.FromUnixS
}

// ends is the end of a turn; 0 where it may end after the roster.
func ends(r *roster.Roster, t roster.Turn) int64 {
	if _, to := r.Horizon(); t.ToUnixS == to {
		return 0
	}
	return t.ToUnixS
}
