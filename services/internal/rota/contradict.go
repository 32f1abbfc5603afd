package rota

import (
	"fmt"
	"strconv"
)

// peopleOf are all who can come to hold: members, and those whom overrides put in.
func peopleOf(r Rota) map[string]bool {
	known := map[string]bool{}
	for _, l := range r.Layers {
		for _, crew := range l.Crews {
			for _, person := range crew.Slots {
				known[person] = true
			}
		}
	}
	for _, o := range r.Overrides {
		known[o.By] = true
	}
	return known
}

func (v *validator) overrides(list []Override, known map[string]bool) {
	if !v.few("overrides", len(list), maxOverrides) {
		return
	}
	for i, o := range list {
		field := fmt.Sprintf("overrides[%d]", i)
		v.name(field+".name", o.Name)
		v.span(field, o.FromUnixS, o.ToUnixS)
		v.change(field, o)
		if o.Of != "" && !known[o.Of] {
			v.add(field+".of", visible(o.Of), "must be a person of the rota: nobody else can hold a turn")
		}
		for k, before := range list[:i] {
			if len(v.broken) >= maxViolations {
				return
			}
			if contradict(before, o) {
				v.add(field, utc(o.FromUnixS)+" to "+utc(o.ToUnixS), fmt.Sprintf("must not contradict overrides[%d] (%s to %s): "+
					"they overlap and decide differently of the same holder. Change the one or the other; "+
					"a later one may correct a part of an earlier one", k, utc(before.FromUnixS), utc(before.ToUnixS)))
			}
		}
	}
}

// change checks whom an override concerns.
func (v *validator) change(field string, o Override) {
	needsOf, needsBy := o.Kind == Replace, o.Kind != Remove
	switch {
	case o.Kind < Replace || o.Kind > Add:
		v.add(field+".kind", strconv.Itoa(int(o.Kind)), "must be REPLACE, REMOVE or ADD")
		return
	case needsOf && o.Of == o.By:
		v.add(field+".by", visible(o.By), "must be somebody else than "+field+".of")
		return
	case o.Kind == Add && o.Of != "":
		v.add(field+".of", visible(o.Of), "must be empty: ADD puts somebody in, whoever holds")
	case o.Kind == Remove && o.By != "":
		v.add(field+".by", visible(o.By), "must be empty: REMOVE puts nobody in")
	}
	if needsOf || o.Of != "" {
		v.person(field+".of", o.Of)
	}
	if needsBy {
		v.person(field+".by", o.By)
	}
}

// contradict says whether two overrides, of which b applies later, decide differently of the same holder at the same
// time without one being plainly a correction of the other. What b does to a proper part of a's time is a correction;
// so is passing on what a gave, but not back to whom a took it from: that is a's undoing, or, if it was meant as an
// exchange, none, since the second takes back all that the first gave.
func contradict(a, b Override) bool {
	overlap := a.FromUnixS < b.ToUnixS && b.FromUnixS < a.ToUnixS
	part := a.FromUnixS <= b.FromUnixS && b.ToUnixS <= a.ToUnixS && b.ToUnixS-b.FromUnixS < a.ToUnixS-a.FromUnixS
	if !overlap || part {
		return false
	}
	if b.Of != "" && b.Of == a.By {
		return b.By != "" && b.By == a.Of
	}
	same := a.Of == b.Of || a.Of == "" || b.Of == ""
	return same && a.By != b.By
}
