package rotas

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
	"github.com/daysidehq/dayside/services/internal/fault"
	"github.com/daysidehq/dayside/services/internal/hours"
	"github.com/daysidehq/dayside/services/internal/rota"
	"github.com/daysidehq/dayside/services/internal/wallclock"
)

const (
	// MaxSwapAheadDays is how far ahead a turn may be that is swapped.
	MaxSwapAheadDays = 400
	// SwapMarginDays is how far around the turns of a swap a rota is compiled, so that they are whole: no turn is longer.
	SwapMarginDays = 400
	// SwapRetentionDays is how long a swap is kept once its last turn is over.
	SwapRetentionDays = 30
	// overrideRetentionDays is how long overrides are kept that are over, when a swap adds to them.
	overrideRetentionDays = 60
)

// Ask is a swap with its turns as they stand: of a turn that is given by an instant, the whole of it. The rota is compiled
// around them. Errors are INVALID_FIELD faults on the request's fields.
func Ask(c Compiled, r *schedulev1.AskSwapRequest, nowUnixS int64) (*schedulev1.Swap, error) {
	var broken fault.Violations
	if r.GetAsked() == r.GetAskedBy() {
		broken.Add("asked", r.GetAsked(), "must be somebody else than asked_by")
	}
	s := &schedulev1.Swap{
		AskedBy: r.GetAskedBy(), Asked: r.GetAsked(), State: schedulev1.Swap_STATE_ASKED, Note: r.GetNote(),
		CreateTime: &timestamppb.Timestamp{Seconds: nowUnixS},
	}
	s.Given = c.whole(&broken, "given", r.GetGiven(), r.GetAskedBy(), nowUnixS)
	if r.GetTaken() != nil {
		s.Taken = c.whole(&broken, "taken", r.GetTaken(), r.GetAsked(), nowUnixS)
	}
	if err := broken.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// AskRange is what to compile to judge a request, from its instants: whole turns around them.
func AskRange(r *schedulev1.AskSwapRequest, nowUnixS int64) (fromUnixS, toUnixS int64, err error) {
	fromUnixS, toUnixS = nowUnixS, nowUnixS+1
	var broken fault.Violations
	last := nowUnixS + MaxSwapAheadDays*hours.DayS
	for _, turn := range []struct {
		field string
		m     *interval.Interval
	}{{"given", r.GetGiven()}, {"taken", r.GetTaken()}} {
		if turn.m == nil {
			continue
		}
		at := readInstant(&broken, turn.field+".start_time", turn.m.GetStartTime())
		end := at
		if turn.m.GetEndTime() != nil {
			end = readInstant(&broken, turn.field+".end_time", turn.m.GetEndTime())
			if end <= at {
				broken.Add(turn.field+".end_time", utc(end), "must be after start_time, "+utc(at))
			}
		}
		if at < nowUnixS {
			broken.Add(turn.field+".start_time", utc(at), "must not be in the past")
		}
		if max(at, end) > last {
			broken.Add(turn.field, utc(max(at, end)), fmt.Sprintf("must be within %d days", MaxSwapAheadDays))
		}
		toUnixS = max(toUnixS, min(max(at, end), last))
	}
	return fromUnixS - SwapMarginDays*hours.DayS, toUnixS + SwapMarginDays*hours.DayS, broken.Err()
}

// whole is the turn meant by m: [start, end), or all of the turn that holds the start.
func (c Compiled) whole(broken *fault.Violations, field string, m *interval.Interval, person string, nowUnixS int64,
) *interval.Interval {
	start := m.GetStartTime().GetSeconds()
	if holder := c.Roster.At(start).Person; nameOf(holder) != person {
		broken.Add(field+".start_time", utc(start), "must be within a turn of "+person+"; then "+onDuty(holder))
		return nil
	}
	from, to := start, m.GetEndTime().GetSeconds()
	if m.GetEndTime() == nil {
		turn := c.Roster.At(start)
		from, to = turn.FromUnixS, turn.ToUnixS
		if from <= nowUnixS {
			broken.Add(field+".start_time", utc(start), fmt.Sprintf("must be within a turn that has not begun; this one began at "+
				"%s. Give an end_time (at most %s) as well to swap what is left of it", utc(from), utc(to)))
			return nil
		}
	} else if at, other := c.heldBy(person, from, to); !other {
		broken.Add(field+".end_time", utc(to), fmt.Sprintf("must be within what %s has on end; from %s %s", person, utc(at),
			onDuty(c.Roster.At(at).Person)))
		return nil
	}
	return intervalOf(from, to)
}

// heldBy says whether somebody holds all of [fromUnixS, toUnixS), or the first instant at which they do not.
func (c Compiled) heldBy(person string, fromUnixS, toUnixS int64) (atUnixS int64, held bool) {
	for at := fromUnixS; at < toUnixS; {
		t := c.Roster.At(at)
		if t.Reason == rota.Unknown || nameOf(t.Person) != person {
			return at, false
		}
		at = t.ToUnixS
	}
	return 0, true
}

func onDuty(id string) string {
	if id == "" {
		return "nobody is on duty"
	}
	return nameOf(id) + " is on duty"
}

// First is when the first turn of a swap begins, Last when the last one ends, Unix seconds.
func First(s *schedulev1.Swap) int64 {
	first := s.GetGiven().GetStartTime().GetSeconds()
	if s.GetTaken() != nil {
		first = min(first, s.GetTaken().GetStartTime().GetSeconds())
	}
	return first
}

// Last is when the last turn of a swap ends, Unix seconds.
func Last(s *schedulev1.Swap) int64 {
	return max(s.GetGiven().GetEndTime().GetSeconds(), s.GetTaken().GetEndTime().GetSeconds())
}

// Judged is a swap at an instant: one that nobody answered before its first turn began is expired.
func Judged(s *schedulev1.Swap, nowUnixS int64) *schedulev1.Swap {
	if s.GetState() != schedulev1.Swap_STATE_ASKED || nowUnixS < First(s) {
		return s
	}
	s, _ = proto.Clone(s).(*schedulev1.Swap)
	s.State = schedulev1.Swap_STATE_EXPIRED
	return s
}

// Kept says whether a swap is still kept at an instant.
func Kept(s *schedulev1.Swap, nowUnixS int64) bool {
	return nowUnixS < Last(s)+SwapRetentionDays*hours.DayS
}

// AnswerSwap is the swap after an answer. WRONG_STATE where it is not open any more; INVALID_FIELD where it is not for
// that person to say.
func AnswerSwap(s *schedulev1.Swap, r *schedulev1.AnswerSwapRequest, nowUnixS int64) (*schedulev1.Swap, error) {
	s = Judged(s, nowUnixS)
	by := s.GetAsked()
	var state schedulev1.Swap_State
	switch r.GetAnswer() {
	case schedulev1.AnswerSwapRequest_ANSWER_ACCEPT:
		state = schedulev1.Swap_STATE_ACCEPTED
	case schedulev1.AnswerSwapRequest_ANSWER_DECLINE:
		state = schedulev1.Swap_STATE_DECLINED
	case schedulev1.AnswerSwapRequest_ANSWER_WITHDRAW:
		by, state = s.GetAskedBy(), schedulev1.Swap_STATE_WITHDRAWN
	default:
		return nil, fault.Invalid(fault.Violation{Field: "answer", Value: r.GetAnswer().String(), Rule: "must be an answer"})
	}
	if r.GetPerson() != by {
		return nil, fault.Invalid(fault.Violation{
			Field: "person", Value: r.GetPerson(), Rule: "must be " + by + " for this answer",
		})
	}
	if s.GetState() != schedulev1.Swap_STATE_ASKED {
		return nil, fault.WrongState(s.GetName(), s.GetName()+" is "+stateText(s.GetState())+", not open any more")
	}
	out, _ := proto.Clone(s).(*schedulev1.Swap)
	out.State, out.AnswerTime = state, &timestamppb.Timestamp{Seconds: nowUnixS}
	return out, nil
}

func stateText(s schedulev1.Swap_State) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "STATE_"))
}

// Exchange is the rota with an accepted swap in force, as overrides, and without overrides that are long over. The rota is
// compiled around the turns of the swap. WRONG_STATE where they are not held any more by whom the swap says.
func Exchange(c Compiled, m *schedulev1.Rota, s *schedulev1.Swap, nowUnixS int64) (*schedulev1.Rota, error) {
	out, _ := proto.Clone(m).(*schedulev1.Rota)
	undone := map[*schedulev1.RotaOverride]bool{}
	var added []*schedulev1.RotaOverride
	for _, turn := range []struct {
		m      *interval.Interval
		of, by string
	}{{s.GetGiven(), s.GetAskedBy(), s.GetAsked()}, {s.GetTaken(), s.GetAsked(), s.GetAskedBy()}} {
		if turn.m == nil {
			continue
		}
		from, to := turn.m.GetStartTime().GetSeconds(), turn.m.GetEndTime().GetSeconds()
		if at, held := c.heldBy(turn.of, from, to); !held {
			return nil, fault.WrongState(s.GetName(), fmt.Sprintf("%s does not have the turn any more: from %s %s", turn.of, utc(at),
				onDuty(c.Roster.At(at).Person)))
		}
		for at := from; at < to; {
			t := c.Roster.At(at)
			piece := &schedulev1.RotaOverride{
				Kind: schedulev1.RotaOverride_KIND_REPLACE, Of: turn.of, By: turn.by, Interval: intervalOf(at, min(t.ToUnixS, to)),
				DisplayName: "swap", Origin: s.GetName(),
			}
			if before := out.GetOverrides(); t.Reason == rota.Replaced && undoes(piece, before[t.Via]) {
				undone[before[t.Via]] = true // giving back what was swapped before takes the swap back
			} else {
				added = append(added, piece)
			}
			at = min(t.ToUnixS, to)
		}
	}
	out.Overrides = slices.DeleteFunc(out.GetOverrides(), func(o *schedulev1.RotaOverride) bool {
		return undone[o] || o.GetInterval().GetEndTime().GetSeconds() < nowUnixS-overrideRetentionDays*hours.DayS
	})
	out.Overrides = append(out.Overrides, added...)
	return out, nil
}

// undoes says whether an override gives back exactly what another one took.
func undoes(o, other *schedulev1.RotaOverride) bool {
	return other.GetKind() == schedulev1.RotaOverride_KIND_REPLACE &&
		o.GetOf() == other.GetBy() && o.GetBy() == other.GetOf() && proto.Equal(o.GetInterval(), other.GetInterval())
}

// KeepAgreed adds to a rota that comes from files what people agreed on meanwhile and is not over: overrides of the stored
// rota that have an origin, unless they stand in the files too. One that concerns somebody who has left the rota goes.
func KeepAgreed(next, stored *schedulev1.Rota, nowUnixS int64) {
	members := map[string]bool{"": true}
	for _, l := range next.GetLayers() {
		for _, name := range l.GetMembers() {
			members[name] = true
		}
		for _, c := range l.GetChanges() {
			for _, name := range c.GetMembers() {
				members[name] = true
			}
		}
	}
	for _, o := range next.GetOverrides() {
		members[o.GetBy()] = true
	}
	for _, o := range stored.GetOverrides() {
		over := o.GetInterval().GetEndTime().GetSeconds() <= nowUnixS
		same := func(other *schedulev1.RotaOverride) bool { return proto.Equal(o, other) }
		given := slices.ContainsFunc(next.GetOverrides(), same)
		if o.GetOrigin() != "" && !over && !given && members[o.GetOf()] && members[o.GetBy()] {
			next.Overrides = append(next.Overrides, o)
		}
	}
}

// KeepNoted adds to a person who comes from files the absences that were noted meanwhile and are not over: those of the
// stored person that have an origin, unless they stand in the files too.
func KeepNoted(next, stored *schedulev1.Person, nowUnixS int64) {
	for _, a := range stored.GetAbsences() {
		same := func(other *schedulev1.Absence) bool { return proto.Equal(a, other) }
		if a.GetOrigin() != "" && !overBy(a, nowUnixS) && !slices.ContainsFunc(next.GetAbsences(), same) {
			next.Absences = append(next.Absences, a)
		}
	}
}

// overBy says that an absence has ended, in whichever zone it is meant.
func overBy(a *schedulev1.Absence, nowUnixS int64) bool {
	if a.GetInterval() != nil {
		return a.GetInterval().GetEndTime().GetSeconds() <= nowUnixS
	}
	last := a.GetLastDate()
	if last == nil {
		last = a.GetFirstDate()
	}
	const aheadDays = 2 // west of Greenwich, a date ends up to twelve hours after that of UTC does
	end := hours.WallTime{Date: wallclock.Date(last).AddDays(aheadDays)}
	return end.WallS() <= nowUnixS
}
