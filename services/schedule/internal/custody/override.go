package custody

import (
	"google.golang.org/genproto/googleapis/type/interval"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/daysidehq/dayside/api/dayside/schedule/v1"
)

const (
	// maxOverrides is how many a rota may have, as its proto says; staleOverrideS is how long ago one must have ended to make
	// room for another.
	maxOverrides   = 1000
	staleOverrideS = 30 * 86400
	// maxNoteRunes is the length of an override's name.
	maxNoteRunes = 100
)

// Taking is somebody taking the phone, as an override of the rota.
type Taking struct {
	// By takes it, Of has it, empty for nobody: people/ID.
	By, Of string
	// FromUnixS and ToUnixS are [from, to), Unix seconds.
	FromUnixS, ToUnixS int64
	// Note says why, for people.
	Note string
	// Origin is what the override says of where it comes from, so that files which do not know of it leave it alone.
	Origin string
}

// Overrides are those of a rota once the phone is taken. Of swaps and earlier takings, those that lie wholly within the time
// decide nothing any more, and are left out; what files say stays. Where there is no room, what ended over 30 days ago goes.
func (k Taking) Overrides(list []*schedulev1.RotaOverride) []*schedulev1.RotaOverride {
	full := len(list) >= maxOverrides
	var kept []*schedulev1.RotaOverride
	kind := schedulev1.RotaOverride_KIND_ADD
	for _, o := range list {
		from, to := o.GetInterval().GetStartTime().GetSeconds(), o.GetInterval().GetEndTime().GetSeconds()
		within := from >= k.FromUnixS && to <= k.ToUnixS
		if (within && o.GetOrigin() != "") || (full && to <= k.FromUnixS-staleOverrideS) {
			continue
		}
		kept = append(kept, o)
		around := from <= k.FromUnixS && k.ToUnixS <= to && !within
		if from < k.ToUnixS && k.FromUnixS < to && !around && k.Of != "" {
			// They overlap, and neither corrects a part of the other: to add somebody throughout would contradict it, while to
			// replace who is on duty, who has all of the time, does not.
			kind = schedulev1.RotaOverride_KIND_REPLACE
		}
	}
	taken := &schedulev1.RotaOverride{
		Kind: kind, By: k.By, DisplayName: k.name(), Origin: k.Origin,
		Interval: &interval.Interval{
			StartTime: &timestamppb.Timestamp{Seconds: k.FromUnixS}, EndTime: &timestamppb.Timestamp{Seconds: k.ToUnixS},
		},
	}
	if kind == schedulev1.RotaOverride_KIND_REPLACE {
		taken.Of = k.Of
	}
	return append(kept, taken)
}

// name is why somebody is on duty, for people who read the rota.
func (k Taking) name() string {
	text := "taken by " + bare(k.By)
	if k.Note != "" {
		text += ": " + k.Note
	}
	if runes := []rune(text); len(runes) > maxNoteRunes {
		text = string(runes[:maxNoteRunes-1]) + "…"
	}
	return text
}
