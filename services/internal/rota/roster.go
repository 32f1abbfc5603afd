package rota

import (
	"fmt"
	"iter"
	"slices"
	"sort"
)

// Reason is why somebody holds, or nobody does. Of two reasons why nobody does, the later one is the weightier.
type Reason uint8

const (
	// Unknown is outside what was compiled.
	Unknown Reason = iota
	// NotRunning is before the layer's first turn, or after its end.
	NotRunning
	// OutsideHours is outside the layer's restrictions.
	OutsideHours
	// EmptyTurn is the turn of an empty slot.
	EmptyTurn
	// AllAway is a turn of somebody who is away, like everybody who could stand in.
	AllAway
	// Removed is a turn taken away by an override.
	Removed
	// OwnTurn is a turn held by whose turn it is. From here on, somebody holds.
	OwnTurn
	// Cover is a turn held for somebody who is away.
	Cover
	// Replaced is a turn given to somebody by an override.
	Replaced
	// Added is somebody put in by an override.
	Added
)

// Held says whether somebody holds for this reason.
func (r Reason) Held() bool { return r >= OwnTurn }

// Turn is a stretch of time over which somebody holds, or nobody does.
type Turn struct {
	// FromUnixS and ToUnixS are [from, to), Unix seconds.
	FromUnixS, ToUnixS int64
	// Person holds; empty in a gap.
	Person string
	// Instead is who would hold: the one who is away, replaced or removed; may be empty.
	Instead string
	// Layer is the index of the layer that the turn, or the weightiest reason for the gap, came from.
	Layer int
	// Via is the index of the absence (Cover, AllAway) or override (Replaced, Added, Removed) behind the reason; negative
	// where there is none.
	Via    int
	Reason Reason
}

// Roster is a compiled rota: who holds when. Turns and Gaps each ascend, and together are all of [FromUnixS, ToUnixS),
// without overlap. It is not to be changed, and then safe for concurrent use.
type Roster struct {
	FromUnixS, ToUnixS int64
	Turns, Gaps        []Turn
	// TZDataRelease is the release of the zone rules used, such as "2025c"; ZoneFingerprint identifies how the zone behaves
	// from some days before the range to some days after it.
	TZDataRelease   string
	ZoneFingerprint uint64
}

// At is the turn, or the gap, at an instant, Unix seconds; of reason Unknown outside what was compiled. It allocates
// nothing.
func (r *Roster) At(unixS int64) Turn {
	for _, list := range [2][]Turn{r.Turns, r.Gaps} {
		i := sort.Search(len(list), func(i int) bool { return list[i].ToUnixS > unixS })
		if i < len(list) && list[i].FromUnixS <= unixS {
			return list[i]
		}
	}
	return Turn{Via: nobody}
}

// Handoff is an instant at which the holder changes.
type Handoff struct {
	AtUnixS int64
	// From and To are people; empty for nobody.
	From, To string
}

// Handoffs yields the changes of holder after the roster's start, ascending. A person who goes on holding for another
// reason hands nothing over.
func (r *Roster) Handoffs() iter.Seq[Handoff] {
	return func(yield func(Handoff) bool) {
		holder, untilS := "", r.FromUnixS
		for _, t := range r.Turns {
			if holder != "" && t.FromUnixS > untilS {
				if !yield(Handoff{untilS, holder, ""}) {
					return
				}
				holder = ""
			}
			if t.Person != holder && t.FromUnixS > r.FromUnixS && !yield(Handoff{t.FromUnixS, holder, t.Person}) {
				return
			}
			holder, untilS = t.Person, t.ToUnixS
		}
		if holder != "" && untilS < r.ToUnixS {
			yield(Handoff{untilS, holder, ""})
		}
	}
}

// Clashes are the parts of turns whose holders are away: by R5 and R7 such as an override gave them. They ascend where
// the turns do.
func Clashes(turns []Turn, absences []Absence) []Turn {
	var list []Turn
	for _, t := range turns {
		if t.Reason != Replaced && t.Reason != Added {
			continue
		}
		var parts []stretch
		for i, a := range absences {
			if a.Person == t.Person && a.FromUnixS < t.ToUnixS && t.FromUnixS < a.ToUnixS {
				parts = append(parts, stretch{max(a.FromUnixS, t.FromUnixS), min(a.ToUnixS, t.ToUnixS), int32(i)})
			}
		}
		for _, p := range disjoint(parts) {
			part := t
			part.FromUnixS, part.ToUnixS = p.fromS, p.toS
			list = append(list, part)
		}
	}
	return slices.Clip(list)
}

// Why says in a sentence why a turn compiled from this rota is held as it is, or a gap by nobody.
func (r Rota) Why(t Turn) string {
	switch t.Reason {
	case NotRunning:
		return r.layer(t) + " has not begun, or is over"
	case OutsideHours:
		return r.layer(t) + " is outside its restrictions"
	case EmptyTurn:
		return r.layer(t) + " has an empty turn"
	case AllAway:
		return fmt.Sprintf("%s: %s is away (%s), and so is everybody who could stand in", r.layer(t), t.Instead, r.absence(t))
	case OwnTurn:
		return fmt.Sprintf("%s: %s's turn", r.layer(t), t.Person)
	case Cover:
		return fmt.Sprintf("%s: %s stands in for %s, who is away (%s)", r.layer(t), t.Person, t.Instead, r.absence(t))
	case Removed:
		return fmt.Sprintf("%s removes %s", r.override(t), t.Instead)
	case Replaced:
		return fmt.Sprintf("%s puts %s in for %s", r.override(t), t.Person, t.Instead)
	case Added:
		if t.Instead == "" {
			return fmt.Sprintf("%s puts %s in, where nobody was", r.override(t), t.Person)
		}
		return fmt.Sprintf("%s puts %s in, where %s was", r.override(t), t.Person, t.Instead)
	default:
		return "not compiled"
	}
}

func (r Rota) layer(t Turn) string {
	return entry("layers", t.Layer, len(r.Layers), func(i int) string { return r.Layers[i].Name })
}

// absence is its name; where it has none, which one it is.
func (r Rota) absence(t Turn) string {
	if t.Via >= 0 && t.Via < len(r.Absences) && r.Absences[t.Via].Name != "" {
		return r.Absences[t.Via].Name
	}
	return entry("absences", t.Via, len(r.Absences), func(i int) string { return r.Absences[i].Name })
}

func (r Rota) override(t Turn) string {
	return entry("overrides", t.Via, len(r.Overrides), func(i int) string { return r.Overrides[i].Name })
}

// entry is `layers[0] "primary"`; without the name where there is none, or no such entry.
func entry(field string, i, n int, name func(i int) string) string {
	text := fmt.Sprintf("%s[%d]", field, i)
	if i >= 0 && i < n && name(i) != "" {
		text += fmt.Sprintf(" %q", name(i))
	}
	return text
}
