package events

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	// Tolerance is by how much the clocks of processes may differ without one of them ending what another one began: what is
	// about to be so is not ended, and what ended is not begun again before.
	Tolerance = 10 * time.Second
	// keptS is for how long an event is kept after it ended.
	keptS = 30 * dayS
	// MaxStored bounds all events: beyond it, those that ended first are forgotten.
	MaxStored = 1000
	// maxChanges bounds one round; the next one goes on.
	maxChanges = 100
)

// Step is what becomes of an event.
type Step int

// Steps.
const (
	Begin  Step = iota + 1 // it is new, or so again
	Move                   // its interval is another one
	End                    // it is no longer so
	Forget                 // it ended long ago
)

// Change is one event to be written.
type Change struct {
	Step Step
	// Event is what shall stand, or, to be forgotten, what stood.
	Event *schedulev1.ScheduleEvent
}

// Settle is what makes a stored list say what is so: found is what is so at the instant, soon what is so Tolerance later.
// Stored events are not changed. Sentences are of the instant at which an event began or moved: they are not kept current.
func Settle(found, soon, stored []*schedulev1.ScheduleEvent, now time.Time) []Change {
	known := map[string]*schedulev1.ScheduleEvent{}
	for _, e := range stored {
		known[e.GetId()] = e
	}
	found, soon = Adopt(found, stored), Adopt(soon, stored)
	so := map[string]bool{}
	for _, e := range slices.Concat(found, soon) {
		so[e.GetId()] = true
	}
	changes := begun(found, known, now)
	for _, e := range stored {
		if e.GetEndTime() == nil && !so[e.GetId()] {
			ended := proto.CloneOf(e)
			ended.EndTime = timestamppb.New(now)
			changes = append(changes, Change{End, ended})
		}
	}
	changes = append(changes, forgotten(stored, so, now)...)
	return changes[:min(len(changes), maxChanges)]
}

// begun are the changes of what is so.
func begun(found []*schedulev1.ScheduleEvent, known map[string]*schedulev1.ScheduleEvent, now time.Time) []Change {
	var changes []Change
	for _, e := range found {
		was := known[e.GetId()]
		switch {
		case was == nil, was.GetEndTime() != nil && !now.Before(was.GetEndTime().AsTime().Add(Tolerance)):
			e = proto.CloneOf(e)
			e.CreateTime = timestamppb.New(now)
			changes = append(changes, Change{Begin, e})
		case was.GetEndTime() == nil && !proto.Equal(was.GetInterval(), e.GetInterval()):
			e = proto.CloneOf(e)
			e.CreateTime = was.GetCreateTime()
			changes = append(changes, Change{Move, e})
		}
	}
	return changes
}

// forgotten are the events that ended long ago, and those that are too many.
func forgotten(stored []*schedulev1.ScheduleEvent, so map[string]bool, now time.Time) []Change {
	var ended []*schedulev1.ScheduleEvent
	for _, e := range stored {
		if e.GetEndTime() != nil && !so[e.GetId()] {
			ended = append(ended, e)
		}
	}
	slices.SortFunc(ended, func(a, b *schedulev1.ScheduleEvent) int {
		return cmp.Or(a.GetEndTime().AsTime().Compare(b.GetEndTime().AsTime()), strings.Compare(a.GetId(), b.GetId()))
	})
	var changes []Change
	// Half of the room is for what is so.
	tooMany := max(len(ended)-(MaxStored-MaxActive), 0)
	for i, e := range ended {
		if i < tooMany || now.Unix()-e.GetEndTime().GetSeconds() > keptS {
			changes = append(changes, Change{Forget, e})
		}
	}
	return changes
}

// Adopt gives events whose beginning has passed out of what is known the ID and the start of the stored event that they go
// on with.
func Adopt(found, stored []*schedulev1.ScheduleEvent) []*schedulev1.ScheduleEvent {
	taken := map[string]bool{}
	for _, e := range found {
		taken[e.GetId()] = true
	}
	out := slices.Clone(found)
	for i, e := range out {
		if e.GetInterval().GetStartTime() != nil {
			continue
		}
		var was *schedulev1.ScheduleEvent
		for _, s := range stored {
			if !taken[s.GetId()] && goesOn(s, e) && (was == nil || starts(s) < starts(was)) {
				was = s
			}
		}
		if was != nil {
			e = proto.CloneOf(e)
			e.Id, e.Interval.StartTime = was.GetId(), was.GetInterval().GetStartTime()
			out[i], taken[e.Id] = e, true
		}
	}
	return out
}

// goesOn says whether an event whose beginning is not known goes on with a stored one, which began before it ends.
func goesOn(stored, e *schedulev1.ScheduleEvent) bool {
	end := e.GetInterval().GetEndTime()
	return stored.GetEndTime() == nil && stored.GetInterval().GetStartTime() != nil &&
		stored.GetKind() == e.GetKind() && stored.GetSubject() == e.GetSubject() && stored.GetPerson() == e.GetPerson() &&
		(end == nil || starts(stored) < end.GetSeconds())
}

func starts(e *schedulev1.ScheduleEvent) int64 { return e.GetInterval().GetStartTime().GetSeconds() }
